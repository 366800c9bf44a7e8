use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::civil::Date;
use phi_catalog::{Catalogue, Evidence, Row};
use phi_words::{Framework, Region};

use crate::residency::{Resident, is_general_work, is_offered};

/// What strangers are told of a route. It is known from the catalogue and the weakest evidence that the deployment takes,
/// and from nothing else: neither from its credentials nor from the agreements that stand.
#[derive(Debug)]
pub struct Published<'a> {
    /// The route.
    pub row: &'a Arc<Row>,
    /// The regions that it lies in.
    pub regions: Vec<&'a Region>,
    /// Those of them in which an agreement for PHI would let it serve there.
    pub phi_regions: Vec<&'a Region>,
    /// The bodies of law under which its provider offers such an agreement.
    pub frameworks: BTreeSet<Framework>,
}

/// Every live, priced route of a catalogue that strangers may be shown, its place known from no weaker evidence than this.
pub fn published(catalogue: &Catalogue, evidence: Evidence, today: Date) -> Vec<Published<'_>> {
    let shown = |row: &&Arc<Row>| row.public && row.is_live(today) && row.is_priced() && row.host.evidence <= evidence;
    catalogue.rows().iter().filter(shown).map(|row| of(row, catalogue)).collect()
}

fn of<'a>(row: &'a Arc<Row>, catalogue: &'a Catalogue) -> Published<'a> {
    let inside = catalogue.regions().iter().filter(|territory| Resident::of(row, territory).is_some());
    let regions: Vec<_> = inside.map(|territory| &territory.name).collect();
    let frameworks = frameworks_offered(row, catalogue);
    let phi = |region: &&Region| !frameworks.is_empty() && !region.is_world();
    let phi_regions = regions.iter().copied().filter(phi).collect();
    Published { row, regions, phi_regions, frameworks }
}

/// The bodies of law under which a provider offers an agreement for PHI at a route: for all places of its host, and this
/// kind of work.
pub fn frameworks_offered(row: &Row, catalogue: &Catalogue) -> BTreeSet<Framework> {
    let places = row.host.processes_in.countries().filter(|places| !places.is_empty());
    let known = row.host.evidence != Evidence::Unverified && !is_general_work(row.modality);
    let Some(places) = places.filter(|_| known) else { return BTreeSet::new() };
    let offered = |law: &Framework| places.iter().all(|place| is_offered(row, *place, *law, catalogue));
    Framework::ALL.iter().copied().filter(offered).collect()
}
