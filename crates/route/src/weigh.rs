//! Every route that a name may mean, each with its fate: kept, or dropped at the first step that it fails.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use phi_catalog::{Address, Catalogue, Choice, Row, Territory};
use phi_dialect::{Carry, Misfit, Question};
use phi_police::{Facts, Permit};
use phi_vault::Sealed;
use phi_words::{Class, MicroUsd, Modality, ModelName, OrgId, Region, RouteId, Tier, Usage};

use crate::carry::carry;
use crate::residency::{Case, Eligible, Lack, Resident};
use crate::{Settings, Standing};

/// The model that a caller names to have one chosen.
pub(crate) const AUTO: &str = "auto";

/// Output tokens of a request that does not limit them, for an estimate of its cost.
const USUAL_OUTPUT: u64 = 1_024;

/// A route that the asked name may mean, and its fate.
#[derive(Debug)]
pub struct Candidate<'a> {
    /// The route.
    pub row: &'a Arc<Row>,
    /// What the request would cost here by the list, if that is known.
    pub estimate: Option<MicroUsd>,
    pub(crate) order: Order<'a>,
    pub(crate) fate: Result<Way<'a>, Dropped>,
}

impl Candidate<'_> {
    /// Why it was dropped; `None` if it was kept.
    pub fn dropped(&self) -> Option<&Dropped> {
        self.fate.as_ref().err()
    }
}

/// Why a route is not in the plan, in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dropped {
    /// It does another kind of work.
    OtherWork,
    /// It is staged or retired.
    NotLive,
    /// It serves only those who name it.
    PinOnly,
    /// It processes outside the region, or promises no place.
    OutsideRegion,
    /// The evidence of its place is weaker than the deployment takes.
    WeakEvidence,
    /// There is no credential for it, or none that fills its address.
    NoCredential,
    /// Its price is not known.
    NoPrice,
    /// It cannot carry a field of the body.
    Misfit(Misfit),
    /// PHI may not take it.
    NotEligible(Lack),
    /// A rule forbids it.
    Denied,
    /// Its vectors lie in another space than those of the first.
    OtherSpace,
    /// There are enough before it.
    TooMany,
}

/// How a kept route is reached, and by which proof.
#[derive(Debug)]
pub(crate) enum Way<'a> {
    /// For general traffic.
    Open(Resident<'a>, Option<&'a Arc<Sealed>>, Link),
    /// For PHI as well.
    Eligible(Eligible<'a>, Link),
}

/// Where a route is, and what it can carry.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) address: Address,
    pub(crate) carry: Carry,
}

/// The order of the plan: an alias's own order, then what `auto` sorts by.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Order<'a> {
    alias: usize,
    doubtful: bool,
    resident: usize,
    other_tier: bool,
    cost: i64,
    route: &'a RouteId,
}

/// What is known of a request that is to be routed.
pub(crate) struct Wish<'a> {
    pub(crate) modality: Modality,
    pub(crate) model: &'a ModelName,
    pub(crate) region: &'a Region,
    pub(crate) class: Class,
    pub(crate) tier: Option<Tier>,
    pub(crate) org: OrgId,
    pub(crate) frameworks: &'a std::collections::BTreeSet<phi_words::Framework>,
    pub(crate) test: bool,
    pub(crate) input: u64,
    pub(crate) output: Option<u64>,
    pub(crate) fits: &'a dyn Fn(&Carry) -> Result<(), Misfit>,
    pub(crate) allows: &'a dyn Fn(&Facts<'_>) -> bool,
}

/// What a request meets: the snapshot and the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scene<'a> {
    pub(crate) catalogue: &'a Catalogue,
    pub(crate) standing: &'a Standing,
    pub(crate) settings: &'a Settings,
    pub(crate) now: Timestamp,
    today: Date,
}

/// Every route that the asked name may mean, the kept ones first and in the order of the plan, each dropped one with
/// the reason; `None` where the name means nothing. The plan of the same request is made of the kept ones.
pub fn weigh<'a>(
    permit: &Permit,
    catalogue: &'a Catalogue,
    standing: &'a Standing,
    settings: &'a Settings,
    now: Timestamp,
) -> Option<Vec<Candidate<'a>>> {
    let scene = Scene::new(catalogue, standing, settings, now);
    with_wish(permit, |wish| scene.weigh(wish))
}

/// What a permit says, as a wish.
pub(crate) fn with_wish<T>(permit: &Permit, act: impl FnOnce(&Wish<'_>) -> T) -> T {
    let (terms, question) = (permit.ask().terms(), permit.ask().question());
    let org = terms.caller().org();
    act(&Wish {
        modality: question.modality(),
        model: question.model(),
        region: terms.region(),
        class: terms.class(),
        tier: terms.tier(),
        org: org.id,
        frameworks: &org.frameworks,
        test: terms.caller().is_test(),
        input: question.estimated_input(),
        output: question.output_limit(),
        fits: &|carry| Question::fits(question, carry),
        allows: &|facts| permit.allows(facts),
    })
}

impl<'a> Scene<'a> {
    pub(crate) fn new(
        catalogue: &'a Catalogue,
        standing: &'a Standing,
        settings: &'a Settings,
        now: Timestamp,
    ) -> Self {
        Self { catalogue, standing, settings, now, today: now.to_zoned(TimeZone::UTC).date() }
    }

    pub(crate) fn weigh(&self, wish: &Wish<'_>) -> Option<Vec<Candidate<'a>>> {
        let choices = self.choices(wish)?;
        let territory = self.catalogue.region(wish.region);
        let mut candidates: Vec<_> = choices.iter().map(|choice| self.candidate(*choice, territory, wish)).collect();
        candidates.sort_by(|a, b| (a.fate.is_err(), &a.order).cmp(&(b.fate.is_err(), &b.order)));
        keep_one_space(&mut candidates);
        candidates.sort_by(|a, b| (a.fate.is_err(), &a.order).cmp(&(b.fate.is_err(), &b.order)));
        for late in candidates.iter_mut().skip(crate::plan::LONGEST).filter(|late| late.fate.is_ok()) {
            late.fate = Err(Dropped::TooMany);
        }
        Some(candidates)
    }

    /// The routes that the name may mean. `auto` means every route of this kind of work, or for embeddings the model
    /// that the deployment has chosen.
    fn choices(&self, wish: &Wish<'_>) -> Option<Vec<Choice<'a>>> {
        if wish.model.as_str() != AUTO {
            return Some(self.catalogue.resolve(wish.model)?.choices(wish.region));
        }
        if wish.modality == Modality::Embeddings {
            let named = self.catalogue.resolve(&self.settings.embeddings);
            return Some(named.map(|named| named.choices(wish.region)).unwrap_or_default());
        }
        Some(self.catalogue.rows().iter().map(|row| Choice { row, rank: 0 }).collect())
    }

    fn candidate(&self, choice: Choice<'a>, territory: Option<&Territory>, wish: &Wish<'_>) -> Candidate<'a> {
        let row = choice.row;
        let auto = wish.model.as_str() == AUTO;
        let usage = Usage { input: wish.input, output: self.output(row, wish), ..Usage::default() };
        let estimate = self.catalogue.cost(row, &usage, 0).ok().map(|cost| cost.list);
        let order = Order {
            alias: choice.rank,
            doubtful: row.is_doubtful(self.today),
            resident: territory.map_or(usize::MAX, |territory| territory.rank(&row.provider)),
            other_tier: auto && wish.tier.is_some_and(|tier| tier != row.tier),
            cost: estimate.map_or(i64::MAX, MicroUsd::micros),
            route: &row.route,
        };
        Candidate { row, estimate, order, fate: self.fate(row, territory, wish) }
    }

    /// The checks, in the order in which a caller is told of them.
    pub(crate) fn fate(
        &self,
        row: &'a Arc<Row>,
        territory: Option<&Territory>,
        wish: &Wish<'_>,
    ) -> Result<Way<'a>, Dropped> {
        let demand = |holds: bool, dropped: Dropped| if holds { Ok(()) } else { Err(dropped) };
        let chosen_for_all = wish.model.as_str() == AUTO && wish.modality != Modality::Embeddings;
        demand(row.modality == wish.modality, Dropped::OtherWork)?;
        demand(row.is_live(self.today), Dropped::NotLive)?;
        demand(!(chosen_for_all && row.pin_only), Dropped::PinOnly)?;
        let resident = territory.and_then(|territory| Resident::of(row, territory)).ok_or(Dropped::OutsideRegion)?;
        demand(row.host.evidence <= self.settings.evidence, Dropped::WeakEvidence)?;
        let reached: Vec<_> = self.reached(row, wish.org).collect();
        demand(!reached.is_empty(), Dropped::NoCredential)?;
        demand(row.is_priced(), Dropped::NoPrice)?;
        let carry = carry(row);
        (wish.fits)(&carry).map_err(Dropped::Misfit)?;
        let way = self.way(resident, reached, carry, wish).map_err(Dropped::NotEligible)?;
        let facts = Facts {
            route: &row.route,
            provider: &row.provider,
            host: &row.host.name,
            model: &row.model,
            free: row.host.free,
        };
        // A test key reaches free hosts alone, whatever the rules say.
        demand((row.host.free || !wish.test) && (wish.allows)(&facts), Dropped::Denied)?;
        Ok(way)
    }

    /// Every credential with which the host can be reached, with the address that it leads to.
    fn reached(&self, row: &'a Row, org: OrgId) -> impl Iterator<Item = (Option<&'a Arc<Sealed>>, Address)> {
        let host = &row.host;
        let bare = (!host.needs_credential()).then_some(None);
        let with = self.standing.credentials(org, host).filter(|_| host.needs_credential()).map(Some);
        bare.into_iter().chain(with).filter_map(|credential| {
            let params = credential.map(|credential| credential.params.clone()).unwrap_or_default();
            Some((credential, host.address.fill(&params).ok()?))
        })
    }

    /// General traffic takes the first credential, PHI the first that is covered.
    fn way(
        &self,
        resident: Resident<'a>,
        reached: Vec<(Option<&'a Arc<Sealed>>, Address)>,
        carry: Carry,
        wish: &Wish<'_>,
    ) -> Result<Way<'a>, Lack> {
        let case = Case {
            org: wish.org,
            frameworks: wish.frameworks,
            test: wish.test,
            region: wish.region,
            hosted: self.settings.hosted,
            durable: self.settings.durable,
            now: self.now,
            catalogue: self.catalogue,
            agreements: self.standing.agreements(),
        };
        let mut lack = Lack::Agreement;
        for (credential, address) in reached {
            match wish.class {
                Class::General => return Ok(Way::Open(resident, credential, Link { address, carry })),
                Class::Phi => match Eligible::of(resident, credential, &case) {
                    Ok(eligible) => return Ok(Way::Eligible(eligible, Link { address, carry })),
                    Err(why) => lack = why,
                },
            }
        }
        Err(lack)
    }

    fn output(&self, row: &Row, wish: &Wish<'_>) -> u64 {
        if row.modality == Modality::Embeddings { 0 } else { wish.output.unwrap_or(USUAL_OUTPUT) }
    }
}

/// Embeddings of two spaces cannot be compared, so the first route decides for all.
fn keep_one_space(candidates: &mut [Candidate<'_>]) {
    let Some(first) = candidates.first().filter(|first| first.fate.is_ok()) else { return };
    let space = first.row.space.clone();
    for other in candidates.iter_mut().filter(|other| other.fate.is_ok() && other.row.space != space) {
        other.fate = Err(Dropped::OtherSpace);
    }
}

impl std::fmt::Debug for Wish<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wish({} in {}, {})", self.modality, self.region, self.class)
    }
}
