use anyhow::bail;
use clap::Args;
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use phi_catalog::{Catalogue, Row, Says, Status};
use serde_json::json;

use crate::data::Data;
use crate::day::day;
use crate::say::Said;

/// A vendor's retirement of a route is warned of for so many days before.
const RETIRES_DAYS: i32 = 30;

/// A row whose source was read longer ago than so many days is warned of.
const READ_DAYS: i32 = 180;

/// What to check beyond what every start checks.
#[derive(Debug, Args)]
pub struct Check {
    /// Fail where a rate of exchange is older than 35 days; warn of rows that retire within 30 days, and of rows whose
    /// source was read more than 180 days ago.
    #[arg(long)]
    fresh: bool,
    /// The day that all this is judged by, in the place of today.
    #[arg(long, value_name = "DATE", requires = "fresh", value_parser = day)]
    on: Option<Date>,
}

impl Check {
    /// Checks what the files of a deployment come to; there need not be a deployment yet.
    ///
    /// # Errors
    /// Everything that is wrong with them; with `--fresh`, rates that are too old.
    pub(crate) fn run(&self, data: &Data) -> anyhow::Result<Said> {
        let catalogue = Catalogue::load(data.overrides().as_deref())?;
        let mut warnings = Vec::new();
        if self.fresh {
            let today = self.on.unwrap_or_else(|| Timestamp::now().to_zoned(TimeZone::UTC).date());
            warnings = warnings_of(&catalogue, today);
            let stale = stale(&catalogue, today);
            if !stale.is_empty() {
                let warned = warnings.iter().map(|line| format!("\n  warning: {line}"));
                let said: String = stale.iter().map(|line| format!("\n  {line}")).chain(warned).collect();
                bail!(
                    "the catalogue is not fresh{said}\n  hint: `phi catalog rates set CURRENCY USD --date DATE --source TEXT`"
                );
            }
        }
        Ok(Said::One(json!({
            "valid": true,
            "version": catalogue.version(),
            "regions": catalogue.regions().len(),
            "routes": catalogue.rows().len(),
            "warnings": warnings,
        })))
    }
}

/// Every rate that is too old, in words.
fn stale(catalogue: &Catalogue, today: Date) -> Vec<String> {
    let rates = catalogue.rates().iter().filter(|(_, rate)| rate.is_stale(today));
    let line = |(currency, rate): (_, &phi_catalog::Rate)| {
        format!("the rate of {currency} is of {}, {} days old", rate.date, rate.age_days(today))
    };
    rates.map(line).collect()
}

/// Every row that goes soon or was looked at long ago, in words. Retired rows are of no interest.
fn warnings_of(catalogue: &Catalogue, today: Date) -> Vec<String> {
    let rows = || catalogue.rows().iter().filter(|row| row.status != Status::Retired);
    let retiring = rows().filter_map(|row| retires(row, today));
    let old = rows().filter_map(|row| {
        let days = (today - row.date?).get_days();
        (days > READ_DAYS).then(|| format!("the source of `{}` was read {days} days ago", row.route))
    });
    retiring.chain(old).collect()
}

fn retires(row: &Row, today: Date) -> Option<String> {
    let retires = row.retires.filter(|retires| retires.says == Says::Vendor)?;
    let days = (retires.on - today).get_days();
    match days {
        ..=0 => Some(format!("`{}` was retired by its vendor on {}", row.route, retires.on)),
        1..=RETIRES_DAYS => Some(format!("`{}` is retired by its vendor on {}, in {days} days", row.route, retires.on)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn built_in() -> Catalogue {
        Catalogue::load(None).unwrap()
    }

    /// By the date that the file itself bears: a new rate without a new date, or one date that was forgotten, fails.
    #[test]
    fn the_built_in_rates_were_fresh_when_they_were_written() {
        let catalogue = built_in();
        let written = catalogue.rates().values().map(|rate| rate.date).max().unwrap();
        assert_eq!(stale(&catalogue, written), Vec::<String>::new());
        let later = written.checked_add(jiff::ToSpan::days(36)).unwrap();
        assert_eq!(stale(&catalogue, later).len(), catalogue.rates().len());
    }

    #[test]
    fn rows_that_go_or_were_read_long_ago_are_warned_of_to_the_day() {
        let text = |retires: &str, date: &str| {
            format!(
                "[route.openai-gone]\nhost = 'openai'\nmodel = 'gone'\nown = 'gone'\nmodality = 'chat'\nstatus = 'live'\n\
                 price = {{ currency = 'USD', input = '1', output = '1' }}\nsource = 'a test'\ndate = '{date}'\n{retires}"
            )
        };
        let warned = |retires: &str, date: &str, today: &str| {
            let files = vec![("gone.toml".to_owned(), text(retires, date))];
            let catalogue = Catalogue::over(&[files]).unwrap();
            let warnings = warnings_of(&catalogue, today.parse().unwrap());
            warnings.into_iter().find(|line| line.contains("`openai-gone`"))
        };
        let vendor = "retires = { on = '2026-12-31', says = 'vendor' }";
        assert_eq!(warned(vendor, "2026-11-01", "2026-11-30"), None);
        assert!(warned(vendor, "2026-11-01", "2026-12-01").is_some_and(|line| line.ends_with("in 30 days")));
        assert!(warned(vendor, "2026-11-01", "2026-12-31").is_some_and(|line| line.contains("was retired")));
        assert_eq!(warned(&vendor.replace("vendor", "third-party"), "2026-11-01", "2026-12-31"), None);
        assert_eq!(warned("", "2026-01-01", "2026-06-30"), None);
        assert!(warned("", "2026-01-01", "2026-07-01").is_some_and(|line| line.contains("181 days ago")));
    }
}
