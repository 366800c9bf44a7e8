use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use phi_catalog::{Address, Catalogue, Row};
use phi_dialect::Carry;
use phi_police::Permit;
use phi_vault::Sealed;
use phi_words::{Class, CredentialId, Refusal};

use crate::moment::{Kept, Moment, Way, Wish, with_wish};
use crate::refuse::{self, Furthest};
use crate::scene::Link;
use crate::{Dropped, Health, Scene};

/// Proof that a request may go out, and where to: routes that lie in its region and that the permit allows, in order;
/// with PHI, routes that stand under agreements and nothing else. Only [`plan`] makes it:
///
/// ```compile_fail
/// fn forge(permit: phi_police::Permit, scene: std::sync::Arc<phi_route::Scene>, routes: Vec<phi_route::Planned>) -> phi_route::Plan {
///     phi_route::Plan { permit, scene, snapshot: 0, routes }
/// }
/// ```
/// ```
/// fn make(
///     permit: phi_police::Permit, scene: &std::sync::Arc<phi_route::Scene>, health: &phi_route::Health,
///     now: jiff::Timestamp,
/// ) -> Result<phi_route::Plan, phi_words::Refusal> {
///     phi_route::plan(permit, scene, health, 0, now)
/// }
/// ```
#[derive(Debug)]
pub struct Plan {
    permit: Permit,
    scene: Arc<Scene>,
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
        self.scene.catalogue()
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
///     phi_route::Planned { ..planned.clone() }
/// }
/// ```
/// ```
/// fn first(plan: &phi_route::Plan) -> Option<phi_route::Planned> {
///     plan.routes().first().cloned()
/// }
/// ```
#[derive(Clone)]
pub struct Planned {
    row: Arc<Row>,
    link: Arc<Link>,
    carry: Arc<Carry>,
}

impl Planned {
    /// The row of the catalogue.
    pub fn row(&self) -> &Arc<Row> {
        &self.row
    }

    /// The credential whose key the host is to be shown; `None` where it wants none.
    pub fn credential(&self) -> Option<&Arc<Sealed>> {
        self.link.credential.as_ref()
    }

    /// The id of that credential.
    pub fn key(&self) -> Option<CredentialId> {
        self.link.key()
    }

    /// Where it is.
    pub fn address(&self) -> &Address {
        &self.link.address
    }

    /// What it can carry.
    pub fn carry(&self) -> &Carry {
        &self.carry
    }

    /// Whether law and permit still allow it: to be asked before each attempt, of the scene that is in force then. An
    /// agreement may have lapsed since it was planned, a credential may have been revoked, a host moved.
    pub fn is_upheld(&self, permit: &Permit, scene: &Scene, now: Timestamp) -> bool {
        with_wish(permit, |wish| self.stands(&Moment::new(scene, None, now), wish))
    }

    pub(crate) fn stands(&self, moment: &Moment<'_>, wish: &Wish<'_>) -> bool {
        moment.upholds(&self.row, &self.link, wish)
    }

    /// What a kept way leads to; with PHI, nothing but an eligible one leads anywhere.
    fn along(kept: &Kept<'_>, class: Class) -> Option<Self> {
        let (resident, link) = match (class, kept.way) {
            (Class::Phi | Class::General, Way::Eligible(eligible)) => (eligible.resident(), eligible.link()),
            (Class::General, Way::Open(resident, link)) => (resident, link),
            (Class::Phi, Way::Open(..)) => return None,
        };
        Some(Self { row: Arc::clone(resident.row()), link: Arc::clone(link), carry: Arc::clone(kept.carry) })
    }
}

impl fmt::Debug for Planned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Planned({})", self.row.route)
    }
}

/// Plans a request that is permitted: who may answer it, in which order.
///
/// # Errors
/// In this order: `model_not_found` where the name means nothing; `no_route` where nobody serves it in the region;
/// `unsupported_parameter` where nobody can carry it; `phi_blocked` where nobody stands under an agreement;
/// `policy_denied` where the rules allow none of those; `upstream_unavailable` where all of those rest.
pub fn plan(
    permit: Permit,
    scene: &Arc<Scene>,
    health: &Health,
    snapshot: u64,
    now: Timestamp,
) -> Result<Plan, Refusal> {
    let moment = Moment::new(scene, Some(health), now);
    let routes = with_wish(&permit, |wish| routes(&moment, wish))?;
    Ok(Plan { permit, scene: Arc::clone(scene), snapshot, routes })
}

/// The routes of a plan; never none of them.
pub(crate) fn routes(moment: &Moment<'_>, wish: &Wish<'_>) -> Result<Vec<Planned>, Refusal> {
    let kept = decide(moment, wish, &mut |_, _, _| {})?;
    Ok(kept.iter().filter_map(|kept| Planned::along(kept, wish.class)).collect())
}

/// What is kept, in order and never nothing; `dropped` hears of all else.
pub(crate) fn decide<'a>(
    moment: &Moment<'a>,
    wish: &Wish<'_>,
    dropped: &mut dyn FnMut(&'a Arc<Row>, usize, &Dropped),
) -> Result<Vec<Kept<'a>>, Refusal> {
    let mut furthest = Furthest::default();
    let kept = moment.sift(wish, &mut |row, rank, why| {
        furthest.hear(moment, wish, row, rank, &why);
        dropped(row, rank, &why);
    });
    let kept = kept.ok_or_else(refuse::unknown)?;
    match refuse::work(wish) {
        Some(refusal) => Err(refusal),
        None if kept.is_empty() => Err(furthest.refusal(wish)),
        None => Ok(kept),
    }
}
