use std::collections::{BTreeMap, BTreeSet};
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use phi_catalog::Catalogue;
use phi_catalog::import::{Comparison, Format, Table, TableError};
use phi_words::ProviderName;
use serde_json::{Value, json};

use crate::catalogue::describe;
use crate::data::Data;
use crate::day::day;
use crate::say::{Said, table};

/// The largest table that is read; the largest that is published has a tenth of it.
const LONGEST: u64 = 32 << 20;

/// A table of models and prices to look at.
#[derive(Debug, Args)]
pub struct Import {
    /// The table: a file that was fetched before. Nothing is asked of the network.
    file: PathBuf,
    /// Whose it is: `litellm` (`model_prices_and_context_window.json`), `models-dev` (`api.json`) or `genai-prices`
    /// (`prices/data.json`). Seen from what is in it where this is not said.
    #[arg(long)]
    format: Option<Format>,
    /// The day on which it was fetched; today where this is not said.
    #[arg(long, value_name = "DATE", value_parser = day)]
    date: Option<Date>,
    /// Look at this provider alone. May be given again.
    #[arg(long = "provider", value_name = "PROVIDER")]
    providers: Vec<ProviderName>,
    /// Leave out an entry, by the table's name for it, because its prices cannot be right. May be given again.
    #[arg(long, value_name = "ENTRY")]
    without: Vec<String>,
    /// Write what is new as staged rows into this file, which must not exist yet.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Import {
    /// Compares a table with what the files of a deployment come to; there need not be a deployment yet. Nothing is put
    /// into service.
    ///
    /// # Errors
    /// A table that is not fit to be compared, or a file that cannot be written.
    pub(crate) fn run(&self, data: &Data) -> anyhow::Result<Said> {
        let catalogue = Catalogue::load(data.overrides().as_deref())?;
        if let Some(name) = self.providers.iter().find(|name| catalogue.provider(name).is_none()) {
            let names = describe::provider_names(&catalogue);
            bail!("`{name}` is no provider of the catalogue\n  hint: use one of {names}");
        }
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let text = text(&self.file)?;
        let format = self.format.map_or_else(|| Format::seen_in(&text), Ok);
        let format = format.map_err(|error| self.unfit(&error))?;
        let without = self.without.iter().cloned().collect();
        let read = Table::read(format, &text, today, &without).map_err(|error| self.unfit(&error))?;
        let only: BTreeSet<_> = self.providers.iter().cloned().collect();
        let compared = read.compare(&catalogue, today, &only);
        let written = match self.out.as_deref() {
            None => None,
            Some(out) => {
                let text = compared.file(format.source(), self.date.unwrap_or(today));
                write(data, out, &text)?.then_some(out)
            }
        };
        let told = told(format, &read, &compared, written);
        Ok(Said::Page { text: page(&told), data: told })
    }

    fn unfit(&self, error: &TableError) -> anyhow::Error {
        let hint = match error {
            TableError::NotJson { .. } | TableError::Twice(_) => {
                "fetch it again: a table that was cut or edited is not taken"
            }
            TableError::Shape(..) => "name what it is with --format; of models.dev it is `api.json` that is read",
            TableError::Unknown => "name what it is with --format: `litellm`, `models-dev` or `genai-prices`",
            TableError::Prices(_) => "look them up; leave such an entry out with --without ENTRY",
            TableError::NoEntry(_) => "name it as the table does",
        };
        anyhow::anyhow!("`{}` is not taken: {error}\n  hint: {hint}", self.file.display())
    }
}

fn text(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = std::fs::File::open(path).and_then(|file| file.take(LONGEST + 1).read_to_string(&mut text));
    let length = read.with_context(|| format!("`{}` cannot be read", path.display()))?;
    if u64::try_from(length).is_ok_and(|length| length <= LONGEST) {
        return Ok(text);
    }
    bail!("`{}` has more than {LONGEST} bytes\n  hint: no published table is so long", path.display())
}

/// Writes what is new beside the catalogue, never into it, and says whether there was anything to write.
fn write(data: &Data, out: &Path, text: &str) -> anyhow::Result<bool> {
    let folder = out.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let of = |path: &Path| std::fs::canonicalize(path).ok();
    if data.overrides().is_some_and(|overrides| of(&overrides).is_some() && of(&overrides) == of(folder)) {
        bail!(
            "`{}` lies in `catalog.d`, where it would be in force at once\n  hint: write it elsewhere, look at it, and move it there",
            out.display()
        );
    }
    if !text.lines().any(|line| line.starts_with('[') || line.starts_with("# price.")) {
        return Ok(false);
    }
    let mut files = data.overrides().map_or_else(|| Ok(Vec::new()), |folder| phi_catalog::files(&folder))?;
    files.push((out.display().to_string(), text.to_owned()));
    Catalogue::over(&[files]).context("what would be written does not fit the catalogue, so it was not written")?;
    let file = OpenOptions::new().write(true).create_new(true).open(out);
    let mut file = file.with_context(|| {
        format!("`{}` cannot be made; a file that is there already is not written over", out.display())
    })?;
    let write = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
    write.with_context(|| format!("`{}` cannot be written", out.display()))?;
    Ok(true)
}

/// Everything that was found, for programs.
fn told(format: Format, read: &Table, compared: &Comparison, written: Option<&Path>) -> Value {
    let differing: BTreeSet<_> = compared.differences.iter().map(|one| &one.route).collect();
    let differences = compared.differences.iter().map(|one| {
        json!({
            "route": one.route, "field": one.field, "ours": one.ours, "table": one.table,
            "far": one.far, "entry": one.key,
        })
    });
    let new = compared.candidates.iter().filter_map(|candidate| {
        let route = candidate.route().ok()?;
        Some(json!({ "route": route, "modality": candidate.modality, "entry": candidate.key }))
    });
    let mut not_staged: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for candidate in &compared.candidates {
        if let Err(why) = candidate.route() {
            not_staged.entry(why).or_default().push(&candidate.key);
        }
    }
    let mut not_understood: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for unread in read.unread().iter().chain(&compared.unread) {
        not_understood.entry(&unread.what).or_default().push(&unread.key);
    }
    let grouped = |groups: BTreeMap<&str, Vec<&str>>| {
        let group =
            |(why, entries): (&str, Vec<&str>)| json!({ "why": why, "count": entries.len(), "entries": entries });
        groups.into_iter().map(group).collect::<Vec<_>>()
    };
    json!({
        "format": format,
        "rows": compared.covered.len(),
        "alike": compared.covered.iter().filter(|route| !differing.contains(route)).count(),
        "differences": differences.collect::<Vec<_>>(),
        "new": new.collect::<Vec<_>>(),
        "not_staged": grouped(not_staged),
        "not_understood": grouped(not_understood),
        "prices_without_a_word": read.wordless(),
        "prices_not_compared": compared.unpriced,
        "rows_not_in_the_table": compared.uncovered.iter().map(|(name, rows)| (name.to_string(), *rows)).collect::<BTreeMap<_, _>>(),
        "other_companies": read.elsewhere(),
        "how_it_was_read": read.oddities(),
        "written": written,
    })
}

/// The same for people.
fn page(told: &Value) -> String {
    let list = |name: &str| told[name].as_array().cloned().unwrap_or_default();
    let lines =
        |name: &str| list(name).iter().filter_map(|line| Some(format!("  {}", line.as_str()?))).collect::<Vec<_>>();
    let groups = |name: &str| {
        let line = |group: &Value| {
            let entries = group["entries"].as_array().map(Vec::as_slice).unwrap_or_default();
            let entries = entries.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
            format!("  {} ({}):\n    {entries}", group["why"].as_str().unwrap_or_default(), group["count"])
        };
        list(name).iter().map(line).collect::<Vec<_>>()
    };
    let counts = |name: &str| {
        let counts = told[name].as_object().into_iter().flatten();
        let counts: Vec<String> = counts.map(|(name, count)| format!("{name} {count}")).collect();
        if counts.is_empty() { counts } else { vec![format!("  {}", counts.join(", "))] }
    };
    let rows = |name: &str| if list(name).is_empty() { Vec::new() } else { vec![table(&list(name))] };
    let parts = [
        ("differences, in the currency and unit of the row", rows("differences")),
        ("models that the catalogue does not have, as staged rows", rows("new")),
        ("models that the catalogue does not have, and why there is no row", groups("not_staged")),
        ("not understood", groups("not_understood")),
        ("prices for which ours have no word, and how often", counts("prices_without_a_word")),
        ("rows whose prices the table does not tell", lines("prices_not_compared")),
        ("rows that are not in the table, by provider", counts("rows_not_in_the_table")),
        ("entries of companies that the catalogue does not have", counts("other_companies")),
        ("how it was read", lines("how_it_was_read")),
    ];
    let parts = parts.into_iter().filter(|(_, lines)| !lines.is_empty());
    let parts = parts.map(|(title, lines)| format!("{title}\n{}", lines.join("\n")));
    let head = format!("{} rows are in the table, {} of them alike", told["rows"], told["alike"]);
    let foot = match told["written"].as_str() {
        Some(file) => format!("written to {file}; nothing of it is in force"),
        None => "nothing was written".to_owned(),
    };
    std::iter::once(head).chain(parts).chain([foot]).collect::<Vec<_>>().join("\n\n")
}
