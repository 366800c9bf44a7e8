use std::sync::Arc;

use jiff::Timestamp;
use phi_catalog::Row;
use phi_police::Permit;
use phi_words::{MicroUsd, Refusal};

use crate::moment::{Moment, Order, with_wish};
use crate::plan::decide;
use crate::{Dropped, Health, Scene};

/// What would become of a request: every route that its model's name may mean, and what the caller would be told.
#[derive(Debug)]
pub struct Weighed<'a> {
    /// The routes of the plan, in its order, and then all others, in the order in which they would have been tried.
    pub candidates: Vec<Candidate<'a>>,
    /// What the caller is told where there is no plan.
    pub refusal: Option<Refusal>,
}

/// A route that the asked name may mean, and its fate.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// The route.
    pub row: &'a Arc<Row>,
    /// What the request would cost here by the list, if that is known.
    pub estimate: Option<MicroUsd>,
    /// Why it is not in the plan; `None` if it is.
    pub dropped: Option<Dropped>,
}

/// Weighs a request without planning it: the very steps of [`plan`](crate::plan()), with the reason for each route that
/// is not in the plan. Without `health`, every route counts as fit.
pub fn weigh<'a>(permit: &Permit, scene: &'a Scene, health: Option<&'a Health>, now: Timestamp) -> Weighed<'a> {
    let moment = Moment::new(scene, health, now);
    with_wish(permit, |wish| {
        let mut others: Vec<(Order<'a>, Candidate<'a>)> = Vec::new();
        let decided = decide(&moment, wish, &mut |row, rank, dropped| {
            let estimate = moment.estimate(row, wish);
            others.push((moment.order(row, rank, wish), Candidate { row, estimate, dropped: Some(dropped.clone()) }));
        });
        others.sort_by(|a, b| a.0.cmp(&b.0));
        let (kept, refusal) = match decided {
            Ok(kept) => (kept, None),
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        let kept = kept.iter().map(|kept| Candidate {
            row: kept.row(),
            estimate: moment.estimate(kept.row(), wish),
            dropped: None,
        });
        Weighed { candidates: kept.chain(others.into_iter().map(|(_, other)| other)).collect(), refusal }
    })
}
