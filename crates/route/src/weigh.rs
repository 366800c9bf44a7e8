use std::sync::Arc;

use jiff::Timestamp;
use phi_catalog::{Cost, Row};
use phi_police::Permit;
use phi_words::{MicroUsd, Modality, Refusal, Usage};

use crate::moment::{Moment, Order, with_wish};
use crate::plan::decide;
use crate::{Dropped, Health, Scene};

/// What would become of a request: every route that its model's name may mean, and what the caller would be told.
#[derive(Debug)]
pub struct Weighed<'a> {
    /// The routes of the plan, in its order, and then all others, those that come nearest first.
    pub candidates: Vec<Candidate<'a>>,
    /// What the caller is told where there is no plan.
    pub refusal: Option<Refusal>,
}

/// A route that the asked name may mean, and its fate.
#[derive(Debug, Clone)]
pub struct Candidate<'a> {
    /// The route.
    pub row: &'a Arc<Row>,
    /// What the request is estimated to cost here, by the list and with the organization's margin, if that is known.
    pub cost: Option<Cost>,
    /// The most that it can be charged here; `None` where the price, or the longest answer, is not known.
    pub worst: Option<MicroUsd>,
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
            let order = moment.order(row, rank, wish);
            others.push((order, candidate(permit, scene, &moment.usage(row, wish), row, Some(dropped.clone()))));
        });
        let depth = |other: &Candidate<'_>| other.dropped.as_ref().map_or(0, Dropped::depth);
        others.sort_by(|a, b| (depth(&b.1), &a.0).cmp(&(depth(&a.1), &b.0)));
        let (kept, refusal) = match decided {
            Ok(kept) => (kept, None),
            Err(refusal) => (Vec::new(), Some(refusal)),
        };
        let kept = kept.iter().map(|kept| candidate(permit, scene, &moment.usage(kept.row(), wish), kept.row(), None));
        Weighed { candidates: kept.chain(others.into_iter().map(|(_, other)| other)).collect(), refusal }
    })
}

fn candidate<'a>(
    permit: &Permit,
    scene: &Scene,
    usage: &Usage,
    row: &'a Arc<Row>,
    dropped: Option<Dropped>,
) -> Candidate<'a> {
    let margin_bp = permit.ask().terms().caller().org().margin_bp;
    let cost = scene.catalogue().cost(row, usage, margin_bp).ok();
    let worst = worst(permit, row).and_then(|tokens| scene.catalogue().most(row, tokens, margin_bp).ok());
    Candidate { row, cost, worst, dropped }
}

/// The most tokens that a request can use at a route, in and out. A token is a byte at least, and an answer is no longer
/// than the request, the model or its context allow.
fn worst(permit: &Permit, row: &Row) -> Option<(u64, u64)> {
    let question = permit.ask().question();
    let input = question.body_len() as u64;
    let output = if row.modality == Modality::Embeddings {
        0
    } else {
        question.output_limit().or(row.max_output).or(row.context)?
    };
    Some((input, output))
}
