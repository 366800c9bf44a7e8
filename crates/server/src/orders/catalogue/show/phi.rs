//! Whether PHI may take a route, and why not: told by the same facts that the law of `crates/route/src/residency.rs` asks.

use std::collections::BTreeSet;

use phi_catalog::{Agreement, Evidence, Extent, Kind, Offer, Row};
use phi_route::is_general_work;
use phi_words::{Country, Framework};

use super::View;

impl View<'_> {
    /// What the provider offers for this kind of work at any of the host's places.
    pub(super) fn offers<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a Offer> {
        let offers = self.catalogue.provider(&row.provider).map(|provider| provider.offers.as_slice());
        offers.unwrap_or_default().iter().filter(|offer| {
            offer.modalities.contains(&row.modality) && touches(&row.host.processes_in, &offer.countries)
        })
    }

    /// What stands with the provider for this kind of work at any of the host's places, for a key that there is.
    pub(super) fn agreements<'a>(&'a self, row: &'a Row) -> impl Iterator<Item = &'a Agreement> {
        self.standing.with_provider(&row.provider).iter().filter(|agreement| {
            let covers = match &agreement.kind {
                Kind::Provider { credential, .. } => {
                    credential.is_none_or(|id| self.keys(&row.host).any(|key| key.id == id))
                }
                Kind::Customer => false,
            };
            covers
                && self.counts(agreement)
                && agreement.modalities.contains(&row.modality)
                && touches(&row.host.processes_in, &agreement.countries)
        })
    }

    /// The frameworks under which offers and standing agreements cover every place of the host.
    pub(super) fn phi_under(&self, row: &Row) -> Vec<Framework> {
        if !self.phi_barred(row).is_empty() {
            return Vec::new();
        }
        let Some(places) = row.host.processes_in.countries() else { return Vec::new() };
        let covered = |framework: &Framework| {
            places.iter().all(|place| {
                self.offers(row).any(|o| o.countries.contains(place) && o.frameworks.contains(framework))
                    && self.agreements(row).any(|a| a.countries.contains(place) && a.frameworks.contains(framework))
                    && self.is_customer(row, *place, *framework)
            })
        };
        Framework::ALL.iter().copied().filter(covered).collect()
    }

    /// Whether the organization is covered as a customer, where that is needed and an organization is named.
    fn is_customer(&self, row: &Row, place: Country, framework: Framework) -> bool {
        let Some(org) = self.org.filter(|_| self.settings.hosted) else { return true };
        self.standing.with_customer(org).iter().any(|agreement| {
            agreement.stands(self.now)
                && agreement.countries.contains(&place)
                && agreement.frameworks.contains(&framework)
                && agreement.modalities.contains(&row.modality)
        })
    }

    /// Why PHI may not go here, in words: what stands in the way whatever is attested, or else what is lacking.
    pub(super) fn phi_lacks(&self, row: &Row) -> Vec<String> {
        let barred = self.phi_barred(row);
        if !barred.is_empty() || !self.phi_under(row).is_empty() {
            return barred;
        }
        let places = row.host.processes_in.countries().cloned().unwrap_or_default();
        let without = |covered: BTreeSet<Country>| {
            let without: Vec<String> = places.difference(&covered).map(ToString::to_string).collect();
            (!without.is_empty()).then(|| without.join(" "))
        };
        let offered = self.offers(row).flat_map(|offer| offer.countries.iter().copied()).collect();
        let attested = self.agreements(row).flat_map(|agreement| agreement.countries.iter().copied()).collect();
        match (without(offered), without(attested)) {
            (Some(places), _) => vec![format!("its provider offers no agreement for {} in {places}", row.modality)],
            (None, Some(places)) => {
                vec![format!("no agreement stands for {} in {places}: `phi agreement add`", row.modality)]
            }
            (None, None) => {
                let customer = if self.settings.hosted { " and the customer's agreements" } else { "" };
                vec![format!("no framework is covered by what is offered, what stands{customer} together")]
            }
        }
    }

    fn phi_barred(&self, row: &Row) -> Vec<String> {
        let regions = self.catalogue.regions().iter().filter(|region| !region.name.is_world());
        let in_world_alone =
            !row.host.premises && !regions.into_iter().any(|region| row.host.processes_in.is_within(&region.extent));
        let reasons = [
            (!self.settings.durable, "entries here do not survive a power cut"),
            (is_general_work(row.modality), "its kind of work is for general traffic alone"),
            (row.host.evidence == Evidence::Unverified, "its place is unverified"),
            (row.host.processes_in == Extent::Anywhere, "its host promises no place"),
            (in_world_alone, "no region but WORLD holds all its places"),
        ];
        reasons.into_iter().filter(|(is_so, _)| *is_so).map(|(_, reason)| reason.to_owned()).collect()
    }
}

fn touches(extent: &Extent, countries: &BTreeSet<Country>) -> bool {
    extent.countries().is_some_and(|places| !places.is_disjoint(countries))
}
