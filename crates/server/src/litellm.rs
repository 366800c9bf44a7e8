//! What the settings of a LiteLLM proxy come to here: <https://docs.litellm.ai/docs/proxy/configs>. Where such a file does
//! not say what has to be known here, above all the place of a host, that is not guessed: it is not taken, and it is told
//! what the operator has to state. Agreements never come from there.

mod place;
mod reasons;
mod taken;
mod written;
mod yaml;

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
use phi_catalog::Catalogue;
use phi_vault::ServiceAccount;
use serde_json::{Value, json};

use crate::data::{Data, OVERRIDES};
use crate::litellm::taken::{Key, Taken};
use crate::litellm::written::{Given, Written};
use crate::litellm::yaml::{Node, YamlError};
use crate::orders::imports::{FILE, Take};
use crate::orders::secrets;
use crate::say::{Said, table};

/// The settings of a LiteLLM proxy.
#[derive(Debug, Args)]
pub struct Import {
    /// Its `config.yaml`.
    file: PathBuf,
    /// Do it: write what is taken of models and names into `catalog.d/litellm.toml`, and seal the keys that stand in the file
    /// itself into the vault. Without this it is only shown.
    #[arg(long)]
    apply: bool,
}

/// A file that was read, with what there is to be done.
pub(crate) struct Reading {
    taken: Taken,
    rows: Option<String>,
}

impl Import {
    /// Reads the file; the catalogue that comes of it holds.
    ///
    /// # Errors
    /// A file that is not read, or that comes to a catalogue that does not hold.
    pub(crate) fn read(&self, data: &Data) -> anyhow::Result<Reading> {
        let shown = self.file.display();
        let text = text(&self.file)?;
        let mut files = data.overrides().map_or_else(|| Ok(Vec::new()), |folder| phi_catalog::files(&folder))?;
        let catalogue = Catalogue::over(std::slice::from_ref(&files))?;
        let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
        let reading = match Reading::of(&text, &catalogue, today) {
            Ok(reading) => reading,
            Err(error) => {
                bail!("`{shown}` is not taken: {error}\n  hint: mend that line; nothing of the file was read")
            }
        };
        if let Some(rows) = &reading.rows {
            files.push((format!("{OVERRIDES}/{FILE} to be"), rows.clone()));
            Catalogue::over(&[files]).context("what would be written does not fit the catalogue")?;
        }
        Ok(reading)
    }

    /// Whether it is to be done, and not to be shown alone.
    pub(crate) fn applies(&self) -> bool {
        self.apply
    }
}

impl Reading {
    /// What a text comes to beside a catalogue.
    ///
    /// # Errors
    /// The line that cannot be read.
    fn of(text: &str, catalogue: &Catalogue, today: Date) -> Result<Self, YamlError> {
        let taken = Taken::of(Written::read(&Node::parse(text)?), catalogue, today);
        let rows = taken.file();
        Ok(Self { taken, rows })
    }

    /// What is done on `--apply`.
    pub(crate) fn order(&self) -> anyhow::Result<Take> {
        let mut keys = Vec::new();
        for key in self.taken.keys.iter().filter(|key| key.missing.is_empty()) {
            let Given::Literal(text) = &key.source else { continue };
            if key.is_account {
                // What is no account would be found only once the file is written.
                ServiceAccount::parse(text).with_context(|| format!("the account for `{}` is not taken", key.host))?;
            }
            let params = key.params.clone().into_iter().collect();
            keys.push(secrets::Put::of(&key.host, &key.name, params, secrets::Key::new(text)));
        }
        Ok(Take { rows: self.rows.clone(), keys })
    }

    /// Everything that was found and, if anything was done, that.
    pub(crate) fn told(&self, done: Option<&Said>) -> Said {
        let done = done.and_then(|said| if let Said::One(done) = said { Some(done) } else { None });
        let told = json!({
            "aliases": self.taken.aliases.iter().map(|(name, regions)| {
                let regions = regions.iter().map(|(region, models)| (region.to_string(), json!(models)));
                json!({ "alias": name, "models": regions.collect::<serde_json::Map<_, _>>() })
            }).collect::<Vec<_>>(),
            "staged": self.taken.rows.iter().map(|(route, new)| {
                json!({ "route": route, "host": new.host, "own": new.own, "modality": new.modality })
            }).collect::<Vec<_>>(),
            "keys": self.taken.keys.iter().map(key).collect::<Vec<_>>(),
            "not_taken": self.taken.left.iter().map(|left| {
                json!({ "what": left.what, "why": left.why, "state": left.state })
            }).collect::<Vec<_>>(),
            "applied": done.is_some(),
            "written": done.map(|done| &done["written"]),
            "sealed": done.map(|done| &done["sealed"]),
            "not_sealed": done.map(|done| &done["not_sealed"]),
        });
        Said::Page { text: page(&told), data: told }
    }
}

/// A key, without the key.
fn key(key: &Key) -> Value {
    let params = key.params.iter().map(|(name, value)| format!(" --set {name}={value}"));
    let missing = key.missing.iter().map(|name| format!(" --set {name}=VALUE"));
    let params: String = params.chain(missing).collect();
    let put = format!("phi vault put {} --name {}{params}", key.host, key.name);
    let file = if key.is_account { "service-account.json" } else { "key.txt" };
    let (from, run) = match &key.source {
        Given::Environment(name) => (format!("the variable `{name}`"), Some(format!("printenv {name} | {put}"))),
        Given::Literal(_) if key.missing.is_empty() => ("the file itself: sealed on --apply".to_owned(), None),
        Given::Literal(_) => {
            ("the file itself, which does not tell all of the address".to_owned(), Some(format!("{put} < {file}")))
        }
        Given::Nowhere => ("the file names none".to_owned(), Some(format!("{put} < {file}"))),
        Given::Unclear => {
            ("what the file has there is not taken for a key".to_owned(), Some(format!("{put} < {file}")))
        }
    };
    json!({ "host": key.host, "name": key.name, "params": key.params, "from": from, "run": run, "used_by": key.used_by })
}

fn text(path: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    // What is longer is refused where it is read.
    let read = std::fs::File::open(path).and_then(|file| file.take(2 << 20).read_to_string(&mut text));
    read.with_context(|| format!("`{}` cannot be read", path.display()))?;
    Ok(text)
}

/// The same for people.
fn page(told: &Value) -> String {
    let list = |name: &str| told[name].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let aliases = list("aliases").iter().flat_map(|alias| {
        let regions = alias["models"].as_object().cloned().unwrap_or_default();
        let line = |(region, models): (String, Value)| json!({ "alias": alias["alias"], "region": region, "models": models });
        regions.into_iter().map(line).collect::<Vec<_>>()
    }).collect::<Vec<_>>();
    let keys = list("keys")
        .iter()
        .map(|key| {
            let run = key["run"].as_str().map(|run| format!("\n    {run}")).unwrap_or_default();
            format!("  {} (`{}`): {}{run}", text(&key["host"]), text(&key["name"]), text(&key["from"]))
        })
        .collect::<Vec<_>>();
    let left = list("not_taken")
        .iter()
        .map(|left| {
            let state = left["state"].as_str().map(|state| format!("\n    state: {state}")).unwrap_or_default();
            format!("  {}: {}{state}", text(&left["what"]), text(&left["why"]))
        })
        .collect::<Vec<_>>();
    let not_sealed = list("not_sealed")
        .iter()
        .map(|key| format!("  {} (`{}`): {}", text(&key["host"]), text(&key["name"]), text(&key["why"])))
        .collect::<Vec<_>>();
    let sealed =
        list("sealed").iter().map(|key| format!("  {} {}", text(&key["provider"]), text(&key["name"]))).collect();
    let rows = |rows: Vec<Value>| if rows.is_empty() { Vec::new() } else { vec![table(&rows)] };
    let parts = [
        ("names", rows(aliases)),
        ("rows that the catalogue does not have: staged, they serve nobody", rows(list("staged"))),
        ("keys", keys),
        ("not taken", left),
        ("sealed into the vault", sealed),
        ("not sealed", not_sealed),
    ];
    let parts = parts.into_iter().filter(|(_, lines)| !lines.is_empty());
    let parts = parts.map(|(title, lines): (_, Vec<String>)| format!("{title}\n{}", lines.join("\n")));
    let foot = match (told["applied"].as_bool(), told["written"].as_str()) {
        (Some(true), Some(file)) => format!("written to {file}"),
        (Some(true), None) => "no file was written".to_owned(),
        (_, _) => "nothing was done: --apply does it".to_owned(),
    };
    parts.chain([foot]).collect::<Vec<_>>().join("\n\n")
}

/// Whatever such a file holds, it is refused by a line, or what is told of it can be printed and what would be written fits.
#[cfg(any(test, fuzzing))]
pub(crate) fn judge(text: &str, catalogue: &Catalogue, today: Date) {
    let reading = match Reading::of(text, catalogue, today) {
        Ok(reading) => reading,
        Err(error) => return assert!(error.to_string().starts_with("line ")),
    };
    if let Some(rows) = reading.rows.clone() {
        Catalogue::over(&[vec![("catalog.d/litellm.toml".to_owned(), rows)]]).expect("it fits the catalogue");
    }
    if let Said::Page { text, .. } = reading.told(None) {
        assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'), "{text:?}");
    }
}

#[cfg(test)]
mod tests;
