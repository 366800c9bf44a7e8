mod vectors;

use std::collections::BTreeMap;
use std::fmt::Write;

use anyhow::bail;
use clap::Args;
use jiff::tz::TimeZone;
use phi_catalog::Row;
use phi_record::By;
use phi_words::{Region, Slug, SpaceName};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::vectors::Vectors;
use super::asking::Asking;
use super::found::{Found, found};
use super::hosts::codes;
use crate::deployment::Deployment;
use crate::orders::Notes;
use crate::say::{Said, table};

/// Which spaces to compare, and for whom.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Spaces {
    /// The organization that asks: its keys, limits and rules hold, and it is charged.
    #[arg(long)]
    org: Slug,
    /// A space. May be given again; all that more than one host serves where this is not said.
    #[arg(long = "space", value_name = "SPACE")]
    spaces: Vec<SpaceName>,
    /// Do not ask before hosts are asked.
    #[arg(long)]
    pub(super) yes: bool,
}

/// What every host of a space is asked for: public sentences, of different things and languages.
const TEXTS: [&str; 4] = [
    "The quick brown fox jumps over the lazy dog.",
    "Water boils at a lower temperature on a high mountain.",
    "Der Zug nach Bern fährt um acht Uhr von Gleis drei.",
    "fn main() { println!(\"42\"); }",
];

impl Spaces {
    pub(super) async fn run(self, deployment: &Deployment, by: By, notes: Notes) -> anyhow::Result<Said> {
        let asking = Asking::new(deployment, &self.org, notes).await?;
        let catalogue = deployment.catalogue();
        let today = deployment.now().to_zoned(TimeZone::UTC).date();
        let mut spaces = BTreeMap::<&SpaceName, Vec<(&Row, Region)>>::new();
        for row in catalogue.rows().iter().filter(|row| row.is_live(today)) {
            let Some(space) = row.space.as_ref().filter(|space| self.spaces.is_empty() || self.spaces.contains(space))
            else {
                continue;
            };
            let routes = spaces.entry(space).or_default();
            routes.extend(asking.region(row).ok().map(|region| (row.as_ref(), region)));
        }
        if let Some(unknown) = self.spaces.iter().find(|space| !spaces.contains_key(space)) {
            bail!("no live route of the catalogue has vectors in the space `{unknown}`");
        }
        // Of one route alone there is nothing to compare.
        let (several, mut alone): (Vec<_>, Vec<_>) = spaces.into_iter().partition(|(_, routes)| routes.len() > 1);
        asking.record(by, "doctor.spaces", several.iter().map(|(_, routes)| routes.len()).sum()).await?;
        let mut told = Vec::new();
        for (space, mut routes) in several {
            routes.sort_by(|a, b| a.0.route.cmp(&b.0.route));
            let mut first = None;
            for (row, region) in routes {
                told.push(compared(&asking, space, row, &region, &mut first).await?);
            }
        }
        let mut text = page(&asking, &told);
        // What was not named and nobody may ask is not worth a line.
        alone.retain(|(_, routes)| !routes.is_empty() || !self.spaces.is_empty());
        for (space, routes) in alone {
            let who = routes.first().map_or("no route".to_owned(), |(row, _)| format!("{} alone", row.route));
            let _ = writeln!(text, "\nnothing to compare in {space}: {} may ask {who}", asking.org().name);
        }
        let to_mend = told.iter().any(|(_, found)| found.iter().any(|one| one.to_mend));
        Ok(Said::Looked { text, to_mend, data: told.into_iter().map(|(row, found)| with(row, &found)).collect() })
    }
}

/// Asks a route for the vectors, and compares them with those of the first that gave them.
async fn compared(
    asking: &Asking<'_>,
    space: &SpaceName,
    row: &Row,
    region: &Region,
    first: &mut Option<Vectors>,
) -> anyhow::Result<(Value, Vec<Found>)> {
    let asked = asking.ask(row, region, &json!({ "model": row.route, "input": TEXTS })).await?;
    let mut found = found(row, &asked);
    let vectors = match &asked.answered {
        Some(Ok(answer)) => Vectors::read(answer),
        Some(Err(_)) | None => None,
    };
    let is_first = first.is_none();
    let cosine = vectors.as_ref().and_then(|mine| first.as_ref().and_then(|first| first.cosine(mine)));
    if let (Some(mine), Some(first)) = (&vectors, first.as_ref()) {
        found.extend(first.differs(mine));
    }
    let told = json!({
        "space": space,
        "route": row.route,
        "host": row.host.name,
        "region": region,
        "request": asked.id,
        "is_first": is_first && vectors.is_some(),
        "dimension": vectors.as_ref().map(Vectors::dimension),
        "norm": vectors.as_ref().map(|vectors| rounded(vectors.norm())),
        "cosine": cosine.map(rounded),
    });
    if is_first {
        *first = vectors;
    }
    Ok((told, found))
}

/// Six digits are more than two machines agree on.
fn rounded(number: f64) -> f64 {
    (number * 1e6).round() / 1e6
}

fn with(mut row: Value, found: &[Found]) -> Value {
    if let Value::Object(fields) = &mut row {
        fields.insert("found".to_owned(), json!(found));
    }
    row
}

fn page(asking: &Asking<'_>, told: &[(Value, Vec<Found>)]) -> String {
    let line = |(row, found): &(Value, Vec<Found>)| {
        let is_first = row["is_first"] == Value::Bool(true);
        let says = match found.as_slice() {
            [] if is_first => json!("the first"),
            [] => json!("as the first"),
            found => codes(found),
        };
        json!({
            "space": row["space"], "asked": row["route"], "region": row["region"], "dimension": row["dimension"],
            "norm": row["norm"], "cosine": row["cosine"], "found": says,
        })
    };
    if told.is_empty() {
        return format!("No space has two routes that {} may ask, so nobody was asked.\n", asking.org().name);
    }
    let lines: Vec<Value> = told.iter().map(line).collect();
    let mut page = format!(
        "Vectors of {} public sentences, compared with those of the first route of their space, for {}.\n\n",
        TEXTS.len(),
        asking.org().name
    );
    let _ = writeln!(page, "{}", table(&lines));
    for (row, found) in told.iter().filter(|(_, found)| !found.is_empty()) {
        let _ = writeln!(page, "\n{}", row["route"].as_str().unwrap_or_default());
        for Found { what, says, .. } in found {
            let _ = writeln!(page, "  {what}: {says}");
        }
    }
    page
}
