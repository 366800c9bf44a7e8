use std::fmt::Write;

use anyhow::bail;
use clap::Args;
use jiff::tz::TimeZone;
use phi_catalog::{Host, Row};
use phi_record::By;
use phi_route::Dropped;
use phi_words::{HostName, MicroUsd, Modality, Region, Slug, Usage};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::asking::{Asked, Asking};
use super::found::{Found, found};
use crate::deployment::Deployment;
use crate::orders::Notes;
use crate::say::{Said, table};

/// Which hosts to ask, and for whom.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Hosts {
    /// The organization that asks: its keys, limits and rules hold, and it is charged.
    #[arg(long)]
    org: Slug,
    /// A host. May be given again; all of them where this is not said.
    #[arg(long = "host", value_name = "HOST")]
    hosts: Vec<HostName>,
    /// Do not ask before hosts are asked.
    #[arg(long)]
    pub(super) yes: bool,
}

/// What of a host is asked for one kind of work, and where; or why it cannot be.
struct Choice<'a> {
    host: &'a Host,
    modality: Modality,
    route: Result<(&'a Row, Region), Dropped>,
}

impl Hosts {
    pub(super) async fn run(self, deployment: &Deployment, by: By, notes: Notes) -> anyhow::Result<Said> {
        let asking = Asking::new(deployment, &self.org, notes).await?;
        let catalogue = deployment.catalogue();
        if let Some(unknown) = self.hosts.iter().find(|name| !catalogue.hosts().iter().any(|host| host.name == **name))
        {
            bail!("`{unknown}` is no host of the catalogue\n  hint: `phi catalog list` shows them");
        }
        let wanted = |host: &&Host| (self.hosts.is_empty() || self.hosts.contains(&host.name)) && asking.has_key(host);
        let hosts = catalogue.hosts().iter().map(AsRef::as_ref).filter(wanted);
        let rows: Vec<&Row> = catalogue.rows().iter().map(AsRef::as_ref).collect();
        let today = deployment.now().to_zoned(TimeZone::UTC).date();
        let usual = Usage { input: 32, output: 16, ..Usage::default() };
        let cost = |row: &Row| catalogue.list_cost(row, &usual).map_or(i64::MAX, MicroUsd::micros);
        let choices: Vec<Choice<'_>> = hosts
            .flat_map(|host| [(host, Modality::Chat), (host, Modality::Embeddings)])
            .filter_map(|(host, modality)| {
                let of_host = |row: &&Row| row.host.name == host.name && row.modality == modality;
                let mut live: Vec<&Row> = rows.iter().copied().filter(of_host).collect();
                live.retain(|row| row.is_live(today));
                live.sort_by_key(|row| (cost(row), row.route.clone()));
                choose(host, modality, &live, &asking)
            })
            .collect();
        let keyless = self.hosts.iter().find(|name| !choices.iter().any(|choice| choice.host.name == **name));
        if let Some(name) = keyless {
            bail!("`{name}` has no key here, or no route that can be asked\n  hint: `phi vault list` shows the keys");
        }
        asking.record(by, "doctor.hosts", choices.iter().filter(|choice| choice.route.is_ok()).count()).await?;
        let mut told = Vec::with_capacity(choices.len());
        for Choice { host, modality, route } in choices {
            told.push(match route {
                Ok((row, region)) => {
                    let asked = asking.ask(row, &region, &question(row)).await?;
                    (host, shown(row, &region, &asked), found(row, &asked))
                }
                // What keeps it from being asked is the operator's own word, unless it was to be asked by name.
                Err(why) => {
                    let found =
                        Found { to_mend: self.hosts.contains(&host.name), ..Found::new("not_asked", why.sentence()) };
                    (host, json!({ "host": host.name, "modality": modality }), vec![found])
                }
            });
        }
        Ok(Said::Looked {
            text: page(&asking, &told),
            to_mend: told.iter().any(|(.., found)| found.iter().any(|one| one.to_mend)),
            data: told.into_iter().map(|(_, row, found)| with(row, &found)).collect(),
        })
    }
}

/// The first of a host's routes that can be asked; nothing of a host that does nothing of the kind.
fn choose<'a>(host: &'a Host, modality: Modality, live: &[&'a Row], asking: &Asking<'_>) -> Option<Choice<'a>> {
    let mut why = None;
    for &row in live {
        match asking.region(row) {
            Ok(region) => return Some(Choice { host, modality, route: Ok((row, region)) }),
            Err(dropped) => why = why.or(Some(dropped)),
        }
    }
    why.map(|dropped| Choice { host, modality, route: Err(dropped) })
}

/// One short question. It names the route, so that no other is planned.
fn question(row: &Row) -> Value {
    match row.modality {
        Modality::Embeddings => json!({ "model": row.route, "input": "one word" }),
        Modality::Chat
        | Modality::Ocr
        | Modality::Transcription
        | Modality::Speech
        | Modality::Image
        | Modality::Video
        | Modality::Math => json!({
            "model": row.route,
            "messages": [{ "role": "user", "content": "Answer with the one word: yes" }],
            "max_tokens": 16,
        }),
    }
}

fn shown(row: &Row, region: &Region, asked: &Asked) -> Value {
    let closed = asked.closed.as_ref();
    json!({
        "host": row.host.name,
        "modality": row.modality,
        "route": row.route,
        "region": region,
        "request": asked.id,
        "first_byte_ms": closed.and_then(|closed| closed.first_byte_ms),
        "list_micro": closed.map(|closed| closed.list_cost.micros()),
    })
}

fn with(mut row: Value, found: &[Found]) -> Value {
    if let Value::Object(fields) = &mut row {
        fields.insert("found".to_owned(), json!(found));
    }
    row
}

fn page(asking: &Asking<'_>, told: &[(&Host, Value, Vec<Found>)]) -> String {
    let line = |(host, row, found): &(&Host, Value, Vec<Found>)| {
        json!({
            "host": host.name,
            "modality": row["modality"],
            "asked": row["route"],
            "region": row["region"],
            "first_byte_ms": row["first_byte_ms"],
            "micro_usd": row["list_micro"],
            "found": if found.is_empty() { json!("as the catalogue says") } else { codes(found) },
        })
    };
    let lines: Vec<Value> = told.iter().map(line).collect();
    let mut page = format!(
        "Hosts with a key that {} may use, asked one short question for each kind of work, without PHI.\n\n",
        asking.org().name
    );
    let _ = writeln!(page, "{}", table(&lines));
    for (host, row, found) in told.iter().filter(|(_, _, found)| !found.is_empty()) {
        let _ = writeln!(page, "\n{}", host.name);
        for Found { what, says, .. } in found {
            let _ = writeln!(page, "  {what}: {says}");
        }
        if let Some(id) = row["request"].as_str() {
            let _ = writeln!(page, "  its entry: phi ledger show {id}");
        }
    }
    page
}

/// The codes of what was found, in one cell.
pub(super) fn codes(found: &[Found]) -> Value {
    json!(found.iter().map(|one| one.what).collect::<Vec<_>>())
}
