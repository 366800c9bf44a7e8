//! THE LAW. A request never leaves its region, and PHI goes only to a host with a current agreement for that place and
//! kind of work. The two proofs here cannot be made in any other way, and a plan is made of nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use phi_catalog::{Agreement, Catalogue, Evidence, Kind, Row, Territory};
use phi_words::{Country, CredentialId, Framework, Modality, OrgId, Region};

use crate::Standing;
use crate::scene::Link;

/// Proof that all places where a route processes lie inside the region that was asked for:
///
/// ```compile_fail
/// fn forge<'a>(row: &'a std::sync::Arc<phi_catalog::Row>) -> phi_route::Resident<'a> {
///     phi_route::Resident { row }
/// }
/// ```
/// ```
/// fn hold<'a>(resident: phi_route::Resident<'a>) -> &'a std::sync::Arc<phi_catalog::Row> {
///     resident.row()
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Resident<'a> {
    row: &'a Arc<Row>,
}

impl<'a> Resident<'a> {
    /// Holds if the host's places lie inside the region; for work that is tied to its place, if the region is moreover
    /// one of those that have it.
    pub(crate) fn of(row: &'a Arc<Row>, territory: &Territory) -> Option<Self> {
        let inside = row.host.processes_in.is_within(&territory.extent);
        let tied = matches!(row.modality, Modality::Ocr | Modality::Transcription | Modality::Speech);
        let has_it = row.host.premises || ["CH", "EU", "US"].contains(&territory.name.as_str());
        (inside && (!tied || has_it)).then_some(Self { row })
    }

    /// The route.
    pub fn row(self) -> &'a Arc<Row> {
        self.row
    }
}

/// In which regions of a catalogue a route lies: worked out once, by the law itself, and asked for every request.
#[derive(Debug)]
pub(crate) struct Residence {
    row: Arc<Row>,
    /// For each region of the catalogue, in its order.
    inside: Vec<bool>,
}

impl Residence {
    pub(crate) fn of(row: &Arc<Row>, territories: &[Territory]) -> Self {
        let inside = territories.iter().map(|territory| Resident::of(row, territory).is_some()).collect();
        Self { row: Arc::clone(row), inside }
    }

    /// Proof that the route lies in the region at this place of the catalogue's order.
    pub(crate) fn in_region(&self, at: usize) -> Option<Resident<'_>> {
        let inside = self.inside.get(at).copied().unwrap_or(false);
        inside.then_some(Resident { row: &self.row })
    }
}

/// Proof that PHI may take a route, by this way to its host and no other:
///
/// ```compile_fail
/// fn forge<'a>(resident: phi_route::Resident<'a>, other: phi_route::Eligible<'a>) -> phi_route::Eligible<'a> {
///     phi_route::Eligible { resident, ..other }
/// }
/// ```
/// ```
/// fn hold<'a>(eligible: phi_route::Eligible<'a>) -> phi_route::Resident<'a> {
///     eligible.resident()
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Eligible<'a> {
    resident: Resident<'a>,
    link: &'a Arc<Link>,
}

/// Why PHI may not take a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// The key is a test key: it carries general traffic alone.
    TestKey,
    /// This kind of work is for general traffic alone.
    GeneralWork,
    /// Entries here do not survive a power cut.
    Durability,
    /// In `WORLD` PHI stays on the operator's premises.
    World,
    /// Nobody but the claim says where the host is.
    Evidence,
    /// The organization names no framework, so no agreement can cover it.
    Framework,
    /// The provider offers no agreement that covers the host's places, the work and the frameworks.
    Offer,
    /// The agreements that stand do not cover them, for this organization and credential.
    Agreement,
    /// The agreements with the customer that stand do not cover them.
    Customer,
}

/// What PHI is judged by, beside the route.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Case<'a> {
    pub(crate) org: OrgId,
    pub(crate) frameworks: &'a BTreeSet<Framework>,
    pub(crate) test: bool,
    pub(crate) region: &'a Region,
    pub(crate) hosted: bool,
    pub(crate) durable: bool,
    pub(crate) now: Timestamp,
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) standing: &'a Standing,
}

impl<'a> Eligible<'a> {
    /// Holds if nothing of [`Lack`] is the case.
    pub(crate) fn of(resident: Resident<'a>, link: &'a Arc<Link>, case: &Case<'_>) -> Result<Self, Lack> {
        let row = resident.row;
        let demand = |holds: bool, lack: Lack| if holds { Ok(()) } else { Err(lack) };
        demand(!case.test, Lack::TestKey)?;
        demand(!is_general_work(row.modality), Lack::GeneralWork)?;
        demand(case.durable, Lack::Durability)?;
        demand(!case.region.is_world() || row.host.premises, Lack::World)?;
        demand(row.host.evidence != Evidence::Unverified, Lack::Evidence)?;
        demand(!case.frameworks.is_empty(), Lack::Framework)?;
        // A host that promises no place cannot be covered for any.
        let places = row.host.processes_in.countries().filter(|places| !places.is_empty()).ok_or(Lack::Offer)?;
        let covers = |by: &dyn Fn(Country, Framework) -> bool| {
            places.iter().all(|country| case.frameworks.iter().all(|framework| by(*country, *framework)))
        };
        demand(covers(&|country, framework| is_offered(row, country, framework, case.catalogue)), Lack::Offer)?;
        let stands = |agreement: &Agreement, country, framework| {
            agreement.stands(case.now)
                && agreement.countries.contains(&country)
                && agreement.frameworks.contains(&framework)
                && agreement.modalities.contains(&row.modality)
        };
        let ours = |a: &Agreement| covers_key(a, link.key()) && a.org.is_none_or(|org| org == case.org);
        let with_provider = case.standing.with_provider(&row.provider);
        demand(covers(&|place, law| with_provider.iter().any(|a| ours(a) && stands(a, place, law))), Lack::Agreement)?;
        let with_customer = case.standing.with_customer(case.org);
        let covered = !case.hosted || covers(&|place, law| with_customer.iter().any(|a| stands(a, place, law)));
        demand(covered, Lack::Customer)?;
        Ok(Self { resident, link })
    }

    /// Proof that it lies in the region.
    pub fn resident(self) -> Resident<'a> {
        self.resident
    }

    /// The way that the proof holds for.
    pub(crate) fn link(self) -> &'a Arc<Link> {
        self.link
    }
}

/// Work that never carries PHI, wherever it is done.
pub fn is_general_work(modality: Modality) -> bool {
    match modality {
        Modality::Image | Modality::Video | Modality::Math => true,
        Modality::Chat | Modality::Embeddings | Modality::Ocr | Modality::Transcription | Modality::Speech => false,
    }
}

/// Whether the provider of a route offers an agreement for this kind of work, in this country, under this law.
pub(crate) fn is_offered(row: &Row, country: Country, framework: Framework, catalogue: &Catalogue) -> bool {
    catalogue.provider(&row.provider).is_some_and(|provider| provider.covers(country, row.modality, framework))
}

/// Whether an agreement with a provider covers the credential in use.
fn covers_key(agreement: &Agreement, key: Option<CredentialId>) -> bool {
    match &agreement.kind {
        Kind::Provider { credential, .. } => credential.is_none_or(|covered| Some(covered) == key),
        Kind::Customer => false,
    }
}
