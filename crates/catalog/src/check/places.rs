use std::collections::BTreeMap;

use phi_words::{Currency, ProviderName, Region};

use super::{Providers, Rates, Territories};
use crate::file::{Entries, Section};
use crate::price::Micros;
use crate::written::{WrittenProvider, WrittenRegion};
use crate::{Extent, Problem, Provider, Rate, Territory};

pub(super) fn providers(entries: &mut Entries) -> Providers {
    let mut providers = BTreeMap::new();
    for found in entries.take::<ProviderName, WrittenProvider>(Section::Provider) {
        for (at, offer) in found.value.offers.iter().enumerate() {
            let empty = [
                ("countries", offer.countries.is_empty()),
                ("modalities", offer.modalities.is_empty()),
                ("frameworks", offer.frameworks.is_empty()),
                ("source", offer.source.trim().is_empty()),
            ];
            let empty = empty.into_iter().filter(|(_, empty)| *empty);
            entries.problems.extend(empty.map(|(field, _)| {
                found.problem(&format!("offers[{at}].{field}"), "is empty", "an offer that covers nothing is none")
            }));
        }
        let WrittenProvider { title, offers } = found.value;
        providers.insert(found.name.clone(), Provider { name: found.name, title, offers });
    }
    providers
}

pub(super) fn territories(entries: &mut Entries, providers: &Providers) -> Territories {
    let mut territories = BTreeMap::new();
    for found in entries.take::<Region, WrittenRegion>(Section::Region) {
        let mut problems: Vec<Problem> = Vec::new();
        if found.name.is_world() != (found.value.countries == Extent::Anywhere) {
            problems.push(found.problem(
                "countries",
                "`WORLD`, and no other region, is `anywhere`",
                "list the countries, or leave `WORLD` as it is",
            ));
        }
        for resident in &found.value.residents {
            if !providers.contains_key(resident) && !entries.has(Section::Provider, resident.as_str()) {
                let hint = format!("add `[provider.{resident}]`, or leave it out");
                problems.push(found.problem("residents", format!("no provider is named `{resident}`"), hint));
            }
        }
        if territories.contains_key(&found.name) {
            problems.push(found.problem("", "names a region twice", "case does not matter: keep one of them"));
        }
        entries.problems.append(&mut problems);
        let WrittenRegion { countries, residents } = found.value;
        territories.insert(found.name.clone(), Territory { name: found.name, extent: countries, residents });
    }
    if !entries.has(Section::Region, Region::WORLD) {
        entries.problems.push(Problem {
            file: "catalog/regions.toml".into(),
            path: format!("region.{}", Region::WORLD),
            what: "is missing".into(),
            hint: "every catalogue has this region".into(),
        });
    }
    territories
}

pub(super) fn rates(entries: &mut Entries) -> Rates {
    let mut rates = BTreeMap::new();
    for found in entries.take::<Currency, Rate>(Section::Rate) {
        if found.value.usd.micros() == 0 {
            entries.problems.push(found.problem("usd", "is zero", "say what one unit is worth in US dollars"));
        }
        if found.name == Currency::Usd && found.value.usd != Micros::ONE {
            entries.problems.push(found.problem("usd", "a dollar is not worth a dollar", "leave the entry out"));
        }
        rates.insert(found.name, found.value);
    }
    rates
}
