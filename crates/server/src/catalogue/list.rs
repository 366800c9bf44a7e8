use clap::Args;
use phi_catalog::{Catalogue, Row, Status};
use phi_words::{Modality, ProviderName, Region};
use serde_json::{Value, json};

use crate::catalogue::describe;
use crate::data::Data;
use crate::say::{Said, table};

/// Which routes to list; all of them where nothing is said.
#[derive(Debug, Args)]
pub struct List {
    /// Those whose host lies inside this region.
    #[arg(long)]
    region: Option<Region>,
    /// Those that do this kind of work.
    #[arg(long)]
    modality: Option<Modality>,
    /// Those that are written as `live`, `staged` or `retired`.
    #[arg(long, value_parser = status)]
    status: Option<Status>,
    /// Those of this provider.
    #[arg(long)]
    provider: Option<ProviderName>,
}

impl List {
    /// Lists the routes that the files of a deployment come to; there need not be a deployment yet.
    ///
    /// # Errors
    /// A catalogue that does not hold, or a region or provider that is not in it.
    pub(crate) fn run(&self, data: &Data) -> anyhow::Result<Said> {
        let catalogue = Catalogue::load(data.overrides().as_deref())?;
        let territory = match &self.region {
            None => None,
            Some(name) => Some(catalogue.region(name).ok_or_else(|| {
                let names = catalogue.region_names();
                anyhow::anyhow!("`{name}` is no region of the catalogue\n  hint: use one of {names}")
            })?),
        };
        if let Some(name) = self.provider.as_ref().filter(|name| catalogue.provider(name).is_none()) {
            let names = describe::provider_names(&catalogue);
            anyhow::bail!("`{name}` is no provider of the catalogue\n  hint: use one of {names}");
        }
        let asked_for = |row: &Row| {
            territory.is_none_or(|territory| row.host.processes_in.is_within(&territory.extent))
                && self.modality.is_none_or(|modality| row.modality == modality)
                && self.status.is_none_or(|status| row.status == status)
                && self.provider.as_ref().is_none_or(|provider| row.provider == *provider)
        };
        let rows = || catalogue.rows().iter().filter(|row| asked_for(row));
        let text = table(&rows().map(|row| brief(row)).collect::<Vec<_>>());
        Ok(Said::Page { text, data: rows().map(|row| shown(row)).collect() })
    }
}

/// So many countries are named.
const FEW: usize = 3;

fn status(text: &str) -> Result<Status, String> {
    match text {
        "live" => Ok(Status::Live),
        "staged" => Ok(Status::Staged),
        "retired" => Ok(Status::Retired),
        _ => Err("a status is `live`, `staged` or `retired`".to_owned()),
    }
}

/// What has room in a terminal. `--json` has the rest, and so has `phi catalog show`.
fn brief(row: &Row) -> Value {
    let places = match row.host.processes_in.countries() {
        Some(countries) if countries.len() > FEW => json!(format!("{} countries", countries.len())),
        Some(_) | None => describe::extent(&row.host.processes_in),
    };
    json!({
        "route": row.route,
        "modality": row.modality,
        "processes_in": places,
        "evidence": row.host.evidence,
        "status": row.status,
        "priced": row.is_priced(),
        "source_read": row.date,
    })
}

fn shown(row: &Row) -> Value {
    json!({
        "route": row.route,
        "model": row.model,
        "host": row.host.name,
        "modality": row.modality,
        "processes_in": describe::extent(&row.host.processes_in),
        "evidence": row.host.evidence,
        "status": row.status,
        "free": row.host.free,
        "priced": row.is_priced(),
        "source": row.source,
        "date": row.date,
    })
}
