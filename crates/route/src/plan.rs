use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use phi_catalog::{Address, Catalogue, Row};
use phi_dialect::Carry;
use phi_police::Permit;
use phi_vault::Sealed;
use phi_words::{Class, Refusal};

use crate::residency::Resident;
use crate::weigh::{Link, Scene, Way, Wish, with_wish};
use crate::{Settings, Standing, refuse};

/// How many routes a plan holds at most.
pub(crate) const LONGEST: usize = 16;

/// Proof that a request may go out, and where to: routes that lie in its region and that the permit allows, in order;
/// with PHI, routes that stand under agreements and nothing else. Only [`plan`] makes it:
///
/// ```compile_fail
/// fn forge(permit: phi_police::Permit, catalogue: std::sync::Arc<phi_catalog::Catalogue>, routes: Vec<phi_route::Planned>) -> phi_route::Plan {
///     phi_route::Plan { permit, catalogue, snapshot: 0, routes }
/// }
/// ```
/// ```
/// fn make(
///     permit: phi_police::Permit, catalogue: &std::sync::Arc<phi_catalog::Catalogue>,
///     standing: &phi_route::Standing, settings: &phi_route::Settings, now: jiff::Timestamp,
/// ) -> Result<phi_route::Plan, phi_words::Refusal> {
///     phi_route::plan(permit, catalogue, standing, settings, 0, now)
/// }
/// ```
#[derive(Debug)]
pub struct Plan {
    permit: Permit,
    catalogue: Arc<Catalogue>,
    snapshot: u64,
    routes: Vec<Planned>,
}

impl Plan {
    /// What is permitted.
    pub fn permit(&self) -> &Permit {
        &self.permit
    }

    /// The catalogue that it was made from.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// The number of the snapshot that it was made from.
    pub fn snapshot(&self) -> u64 {
        self.snapshot
    }

    /// The routes, in the order in which they are to be tried: 1 to 16.
    pub fn routes(&self) -> &[Planned] {
        &self.routes
    }

    /// Takes the plan apart once it is carried out.
    pub fn into_parts(self) -> (Permit, Vec<Planned>) {
        (self.permit, self.routes)
    }
}

/// A route of a plan, with all that it takes to reach it. Cheap to clone; only a plan has one:
///
/// ```compile_fail
/// fn forge(planned: &phi_route::Planned) -> phi_route::Planned {
///     phi_route::Planned(planned.0.clone())
/// }
/// ```
/// ```
/// fn first(plan: &phi_route::Plan) -> Option<phi_route::Planned> {
///     plan.routes().first().cloned()
/// }
/// ```
#[derive(Clone)]
pub struct Planned(Arc<Reach>);

struct Reach {
    row: Arc<Row>,
    credential: Option<Arc<Sealed>>,
    address: Address,
    carry: Carry,
}

impl Planned {
    /// The row of the catalogue.
    pub fn row(&self) -> &Arc<Row> {
        &self.0.row
    }

    /// The credential whose key the host is to be shown; `None` where it wants none.
    pub fn credential(&self) -> Option<&Arc<Sealed>> {
        self.0.credential.as_ref()
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.0.address
    }

    /// What it can carry.
    pub fn carry(&self) -> &Carry {
        &self.0.carry
    }

    /// What one way of a class leads to; with PHI, nothing but an eligible one leads anywhere.
    fn along(way: Way<'_>, class: Class) -> Option<Self> {
        match (class, way) {
            (Class::Phi | Class::General, Way::Eligible(eligible, link)) => {
                Some(Self::to(eligible.resident(), eligible.credential(), link))
            }
            (Class::General, Way::Open(resident, credential, link)) => Some(Self::to(resident, credential, link)),
            (Class::Phi, Way::Open(..)) => None,
        }
    }

    fn to(resident: Resident<'_>, credential: Option<&Arc<Sealed>>, link: Link) -> Self {
        let Link { address, carry } = link;
        Self(Arc::new(Reach { row: Arc::clone(resident.row()), credential: credential.cloned(), address, carry }))
    }
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Planned({})", self.0.row.route)
    }
}

/// Plans a request that is permitted: who may answer it, in which order.
///
/// # Errors
/// In this order: `model_not_found` where the name means nothing; `no_route` where nobody serves it in the region;
/// `unsupported_parameter` where nobody can carry it; `phi_blocked` where nobody stands under an agreement;
/// `policy_denied` where the rules allow none of those.
pub fn plan(
    permit: Permit,
    catalogue: &Arc<Catalogue>,
    standing: &Standing,
    settings: &Settings,
    snapshot: u64,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let scene = Scene::new(catalogue, standing, settings, now);
    let routes = with_wish(&permit, |wish| routes(&scene, wish))?;
    Ok(Plan { permit, catalogue: Arc::clone(catalogue), snapshot, routes })
}

/// The routes of a plan; never none of them.
pub(crate) fn routes(scene: &Scene<'_>, wish: &Wish<'_>) -> Result<Vec<Planned>, Refusal> {
    let mut candidates = scene.weigh(wish).ok_or_else(refuse::unknown)?;
    if let Some(refusal) = refuse::work(wish) {
        return Err(refusal);
    }
    if candidates.iter().all(|candidate| candidate.fate.is_err()) {
        return Err(refuse::nobody(wish, &candidates));
    }
    let ways = candidates.drain(..).filter_map(|candidate| candidate.fate.ok());
    Ok(ways.filter_map(|way| Planned::along(way, wish.class)).collect())
}
