use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use phi_catalog::Row;
use phi_dialect::Misfit;
use phi_words::{Capability, Class, Framework, Modality, ModelName, OrgId, Refusal, Region};

use crate::moment::{Moment, Order, Wish};
use crate::plan::decide;
use crate::{Dropped, Health, Scene};

/// A kind of request: not one of them, but what any of that kind would meet.
#[derive(Debug, Clone, Copy)]
pub struct Cell<'a> {
    /// The kind of work.
    pub modality: Modality,
    /// The model that is named, such as `auto`.
    pub model: &'a ModelName,
    /// What a model has to be able to do beyond it.
    pub needs: Option<Capability>,
    /// Where.
    pub region: &'a Region,
    /// With PHI or without.
    pub class: Class,
    /// For whom.
    pub org: OrgId,
    /// The bodies of law that they work under.
    pub frameworks: &'a BTreeSet<Framework>,
}

/// Who would answer such requests.
#[derive(Debug)]
pub struct Surveyed<'a> {
    /// The routes, in the order in which they would be tried.
    pub routes: Vec<&'a Arc<Row>>,
    /// Those that are no routes for it, the ones that come nearest first.
    pub others: Vec<(&'a Arc<Row>, Dropped)>,
    /// What a caller would be told, if there is no route.
    pub refusal: Option<Refusal>,
}

/// Looks who would answer a kind of request, by the very steps of a plan.
pub fn survey<'a>(cell: &Cell<'_>, scene: &'a Scene, health: Option<&'a Health>, now: Timestamp) -> Surveyed<'a> {
    let moment = Moment::new(scene, health, now);
    let wish = Wish {
        modality: cell.modality,
        model: cell.model,
        region: cell.region,
        class: cell.class,
        tier: None,
        org: cell.org,
        frameworks: cell.frameworks,
        test: false,
        input: 0,
        output: None,
        fits: &|carry| match cell.needs {
            Some(needed) if !carry.capabilities.contains(&needed) => Err(Misfit { field: needed.as_str().into() }),
            Some(_) | None => Ok(()),
        },
        allows: &|_| true,
    };
    let mut others: Vec<(Order<'a>, &'a Arc<Row>, Dropped)> = Vec::new();
    let decided = decide(&moment, &wish, &mut |row, rank, dropped| {
        others.push((moment.order(row, rank, &wish), row, dropped.clone()));
    });
    others.sort_by(|a, b| (b.2.depth(), &a.0).cmp(&(a.2.depth(), &b.0)));
    let others = others.into_iter().map(|(_, row, dropped)| (row, dropped)).collect();
    match decided {
        Ok(kept) => Surveyed { routes: kept.iter().map(|kept| kept.row()).collect(), others, refusal: None },
        Err(refusal) => Surveyed { routes: Vec::new(), others, refusal: Some(refusal) },
    }
}
