use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use phi_catalog::{Micros, Rate};
use phi_record::{Act, By};
use phi_words::Currency;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::catalogue::describe;
use crate::data::OVERRIDES;
use crate::day::day;
use crate::deployment::Deployment;
use crate::orders::catalogue::Orders;
use crate::say::Said;

/// The rates of exchange: all of them, unless one is to be set.
#[derive(Debug, Args)]
pub struct Rates {
    #[command(subcommand)]
    set: Option<Change>,
}

#[derive(Debug, Subcommand)]
enum Change {
    /// Set what one unit of a currency is worth in US dollars.
    #[command(
        after_help = "example: phi catalog rates set CHF 1.12 --date 2026-11-20 --source 'https://data.snb.ch, monthly mean'"
    )]
    Set(Set),
}

/// A new rate.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Set {
    /// The currency: `EUR`, `CHF` or `GBP`.
    currency: Currency,
    /// What one unit of it is worth in US dollars, such as `1.12`.
    usd: String,
    /// Of which day the rate is.
    #[arg(long, value_parser = day)]
    date: Date,
    /// Where it is from.
    #[arg(long)]
    source: String,
    /// Take a rate that differs by more than half from the one in force, or is of an earlier day.
    #[arg(long)]
    yes: bool,
}

impl From<Rates> for Orders {
    fn from(rates: Rates) -> Self {
        match rates.set {
            None => Self::Rates,
            Some(Change::Set(set)) => Self::SetRate(set),
        }
    }
}

/// The file of `catalog.d` that is written here, and its first line: what a hand has written is not overwritten.
const FILE: &str = "rates.toml";
const HEAD: &str = "# Written by `phi catalog rates set`: what one unit of a currency is worth in US dollars.\n";

pub(super) fn list(deployment: &Deployment) -> Said {
    let catalogue = deployment.catalogue();
    let today = today(deployment);
    Said::Rows(catalogue.rates().iter().map(|(currency, rate)| shown(*currency, rate, today)).collect())
}

impl Set {
    pub(super) async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        let today = today(deployment);
        let rate = self.rate(today)?;
        let currency = self.currency;
        deployment
            .rewrite(FILE, |in_force, files| {
                let before = in_force.rates().get(&currency);
                if !self.yes {
                    near(currency, &rate, before)?;
                }
                let act = Act::new(by, "catalog.rates.set")
                    .about("currency", currency)
                    .about("usd", rate.usd)
                    .about("before", before.map_or_else(|| "none".to_owned(), |before| before.usd.to_string()))
                    .about("date", rate.date)
                    .about("source", &rate.source);
                Ok((act, file(currency, &rate, files)?))
            })
            .await?;
        let catalogue = deployment.catalogue();
        let rate = catalogue.rates().get(&currency).context("the rate is not in force")?;
        let mut one = shown(currency, rate, today);
        if let Value::Object(fields) = &mut one {
            fields.insert("catalogue".into(), json!(catalogue.version()));
        }
        Ok(Said::One(one))
    }

    /// What was typed, as a rate that may be one.
    fn rate(&self, today: Date) -> anyhow::Result<Rate> {
        if self.currency == Currency::Usd {
            bail!("a dollar is worth a dollar\n  hint: rates are of the other currencies");
        }
        let Ok(usd) = Micros::try_from(self.usd.clone()) else {
            bail!("`{}` is no amount\n  hint: write up to 9 digits, a point and up to 6 more, such as 1.12", self.usd);
        };
        if usd.micros() == 0 {
            bail!("a rate of zero would make everything free\n  hint: say what one unit is worth in US dollars");
        }
        if self.date > today {
            bail!("`{}` is yet to come\n  hint: --date is the day of which the rate is; today is {today}", self.date);
        }
        let source = self.source.trim();
        if source.is_empty() || source.len() > 300 || source.chars().any(char::is_control) {
            bail!(
                "--source is to be 1 to 300 characters in one line\n  hint: write the address where the rate is found"
            );
        }
        Ok(Rate { usd, source: source.to_owned(), date: self.date })
    }
}

/// Whether a rate may well be what was meant.
fn near(currency: Currency, rate: &Rate, before: Option<&Rate>) -> anyhow::Result<()> {
    let Some(before) = before else { return Ok(()) };
    let (old, new) = (u128::from(before.usd.micros()), u128::from(rate.usd.micros()));
    if new * 2 > old * 3 || new * 2 < old {
        bail!(
            "{} is more than half away from {}, the rate of {currency} in force\n  hint: add --yes if it is right",
            rate.usd,
            before.usd
        );
    }
    if rate.date < before.date {
        bail!(
            "the rate of {currency} in force is of {}, later than {}\n  hint: add --yes to go back to an older one",
            before.date,
            rate.date
        );
    }
    Ok(())
}

/// The text of the file with one rate set; the others in it stay.
fn file(currency: Currency, rate: &Rate, files: &[(String, String)]) -> anyhow::Result<String> {
    let mut rates = toml::Table::new();
    for (name, text) in files {
        let table: toml::Table = text.parse().with_context(|| format!("`{name}` is not TOML"))?;
        let sets = table.get("rate").and_then(toml::Value::as_table);
        if *name != format!("{OVERRIDES}/{FILE}") {
            if sets.is_some_and(|rates| rates.contains_key(currency.as_str())) {
                bail!("`{name}` sets the rate of {currency} already\n  hint: change it there, or take it out of there");
            }
        } else if !text.starts_with(HEAD) {
            bail!("`{name}` was written by hand\n  hint: set the rate there, or give the file another name");
        } else {
            rates.extend(sets.cloned().unwrap_or_default());
        }
    }
    let written = [("usd", rate.usd.to_string()), ("source", rate.source.clone()), ("date", rate.date.to_string())];
    let entry = written.into_iter().map(|(name, text)| (name.to_owned(), toml::Value::String(text))).collect();
    rates.insert(currency.as_str().to_owned(), toml::Value::Table(entry));
    let whole = toml::Table::from_iter([("rate".to_owned(), toml::Value::Table(rates))]);
    Ok(format!("{HEAD}\n{}", toml::to_string(&whole)?))
}

fn today(deployment: &Deployment) -> Date {
    deployment.now().to_zoned(TimeZone::UTC).date()
}

fn shown(currency: Currency, rate: &Rate, today: Date) -> Value {
    let mut one = json!({ "currency": currency });
    if let (Value::Object(fields), Value::Object(more)) = (&mut one, describe::rate(rate)) {
        fields.extend(more);
        fields.insert("days_old".into(), json!(rate.age_days(today)));
        fields.insert("fresh".into(), json!(!rate.is_stale(today)));
    }
    one
}
