//! From entries as they are written to a catalogue that holds; every problem is noted, and one is enough to refuse.

mod hosts;
mod places;
mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use phi_words::{AliasName, Currency, HostName, ProviderName, Region};

use crate::file::{BUILT_IN, Entries};
use crate::name::Names;
use crate::written::WrittenHost;
use crate::{Host, Problems, Provider, Rate, Row, Status, Territory};

/// A catalogue's parts, each of them sound and all of them together.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) territories: Vec<Territory>,
    pub(crate) providers: BTreeMap<ProviderName, Provider>,
    pub(crate) rates: BTreeMap<Currency, Rate>,
    pub(crate) hosts: Vec<Arc<Host>>,
    pub(crate) rows: Vec<Arc<Row>>,
    pub(crate) names: Names,
}

/// The built-in files with an operator's layers laid over them. Routes that are staged get the status `staged`.
pub(crate) fn built_in_and(layers: &[Vec<(String, String)>], staged: Status) -> Result<Parts, Problems> {
    let mut entries = Entries::default();
    for (file, text) in BUILT_IN {
        entries.add(0, file, text);
    }
    for (at, layer) in layers.iter().enumerate() {
        for (file, text) in layer {
            entries.add(at + 1, file, text);
        }
    }
    parts(entries, staged)
}

/// Nothing but these files. Routes that are staged get the status `staged`.
pub(crate) fn only(files: &[(&str, &str)], staged: Status) -> Result<Parts, Problems> {
    let mut entries = Entries::default();
    for (file, text) in files {
        entries.add(0, file, text);
    }
    parts(entries, staged)
}

/// A host and what it says of the routes on it.
type Hosts = BTreeMap<HostName, (Arc<Host>, WrittenHost)>;

fn parts(mut entries: Entries, staged: Status) -> Result<Parts, Problems> {
    let providers = places::providers(&mut entries);
    let territories = places::territories(&mut entries, &providers);
    let rates = places::rates(&mut entries);
    let hosts = hosts::hosts(&mut entries, &providers);
    let rows = rows::rows(&mut entries, &hosts, &rates, staged);
    let aliases = rows::aliases(&mut entries, &territories, &rows);
    if !entries.problems.is_empty() {
        entries.problems.sort();
        return Err(Problems(entries.problems));
    }
    let names = Names::new(&providers, &rows, aliases, &rates);
    let hosts = hosts.into_values().map(|(host, _)| host).collect();
    Ok(Parts { territories: territories.into_values().collect(), providers, rates, hosts, rows, names })
}

type Territories = BTreeMap<Region, Territory>;
type Providers = BTreeMap<ProviderName, Provider>;
type Rates = BTreeMap<Currency, Rate>;
type Aliases = BTreeMap<AliasName, crate::written::WrittenAlias>;
