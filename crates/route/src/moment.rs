//! One request at one moment: what becomes of each route that its model's name may mean.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use phi_catalog::{AUTO, Row};
use phi_dialect::{Carry, Misfit, Question};
use phi_police::{Facts, Permit};
use phi_words::{Class, Framework, MicroUsd, Modality, ModelName, OrgId, Region, RouteId, SpaceName, Tier, Usage};

use crate::health::{self, Unfit};
use crate::residency::{Case, Eligible, Lack, Resident};
use crate::scene::{Link, Scene, Spot};
use crate::{Dropped, Health};

/// How many routes a plan holds at most.
pub(crate) const LONGEST: usize = 16;

/// Output tokens of a request that does not limit them, for an estimate of its cost.
const USUAL_OUTPUT: u64 = 1_024;

/// What is known of a request that is to be routed.
pub(crate) struct Wish<'a> {
    pub(crate) modality: Modality,
    pub(crate) model: &'a ModelName,
    pub(crate) region: &'a Region,
    pub(crate) class: Class,
    pub(crate) tier: Option<Tier>,
    pub(crate) org: OrgId,
    pub(crate) frameworks: &'a BTreeSet<Framework>,
    pub(crate) test: bool,
    pub(crate) input: u64,
    pub(crate) output: Option<u64>,
    pub(crate) fits: &'a dyn Fn(&Carry) -> Result<(), Misfit>,
    pub(crate) allows: &'a dyn Fn(&Facts<'_>) -> bool,
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

/// What a request meets: the scene, the health of routes, and the time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment<'a> {
    scene: &'a Scene,
    health: Option<&'a Health>,
    now: Timestamp,
    today: Date,
}

/// A route that law and permit allow, with what it takes to reach it.
#[derive(Debug)]
pub(crate) struct Kept<'a> {
    pub(crate) way: Way<'a>,
    pub(crate) carry: &'a Arc<Carry>,
    pub(crate) order: Order<'a>,
}

/// How a kept route is reached, and by which proof.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Way<'a> {
    /// For general traffic.
    Open(Resident<'a>, &'a Arc<Link>),
    /// For PHI as well.
    Eligible(Eligible<'a>),
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

impl<'a> Moment<'a> {
    /// Without `health`, every route counts as fit.
    pub(crate) fn new(scene: &'a Scene, health: Option<&'a Health>, now: Timestamp) -> Self {
        Self { scene, health, now, today: now.to_zoned(TimeZone::UTC).date() }
    }

    /// The routes of the plan, in order; `None` where the name means nothing. `dropped` hears of every other route that
    /// the name may mean, with its place in an alias's order.
    pub(crate) fn sift(
        &self,
        wish: &Wish<'_>,
        dropped: &mut dyn FnMut(&'a Arc<Row>, usize, Dropped),
    ) -> Option<Vec<Kept<'a>>> {
        let region = self.region(wish);
        let mut kept = Vec::new();
        let named = self.named(wish, &mut |(row, spot), rank| match self.fate((row, spot), region, wish) {
            Ok(way) => kept.push(Kept { way, carry: &spot.carry, order: self.order_in(region, row, rank, wish) }),
            Err(why) => dropped(row, rank, why),
        });
        named.then_some(())?;
        kept.sort_unstable_by(|a, b| a.order.cmp(&b.order));
        // Vectors of two spaces cannot be compared, so the first route decides for all, whether it is fit or not: what a
        // request means must not depend on who is fit today.
        let space: Option<SpaceName> = kept.first().and_then(|first| first.row().space.clone());
        let mut places = 0;
        kept.retain(|kept| {
            let why = if kept.row().space != space {
                Dropped::OtherSpace
            } else if let Err(unfit) = self.fit(kept, wish.org) {
                Dropped::Unfit(unfit)
            } else if places == LONGEST {
                Dropped::TooMany
            } else {
                places += 1;
                return true;
            };
            dropped(kept.row(), kept.order.alias, why);
            false
        });
        Some(kept)
    }

    fn fit(&self, kept: &Kept<'_>, org: OrgId) -> Result<(), Unfit> {
        let way = health::Way { org, credential: kept.link().key() };
        self.health.map_or(Ok(()), |health| health.fit(&kept.row().route, way, self.now))
    }

    /// The routes that the name may mean, each with its place in an alias's order; `false` where it means nothing. `auto`
    /// means every route, or for embeddings the model that the deployment has chosen.
    fn named(&self, wish: &Wish<'_>, each: &mut dyn FnMut((&'a Arc<Row>, &'a Spot), usize)) -> bool {
        let catalogue = self.scene.catalogue();
        let auto = wish.model.as_str() == AUTO;
        if auto && wish.modality != Modality::Embeddings {
            self.scene.all().for_each(|known| each(known, 0));
            return true;
        }
        let model = if auto { &self.scene.settings().embeddings } else { wish.model };
        let Some(named) = catalogue.resolve(model) else { return auto };
        named.choices(wish.region, &mut |row, rank| {
            if let Some(known) = self.scene.one(&row.route) {
                each(known, rank);
            }
        });
        true
    }

    /// What becomes of a route: the checks, in the order in which a caller is told of them.
    pub(crate) fn fate(
        &self,
        (row, spot): (&'a Arc<Row>, &'a Spot),
        region: Option<usize>,
        wish: &Wish<'_>,
    ) -> Result<Way<'a>, Dropped> {
        self.fate_by((row, spot), spot.links(wish.org), region, wish)
    }

    /// The same, where no other ways to the host than these are taken.
    fn fate_by(
        &self,
        (row, spot): (&'a Arc<Row>, &'a Spot),
        links: impl Iterator<Item = &'a Arc<Link>>,
        region: Option<usize>,
        wish: &Wish<'_>,
    ) -> Result<Way<'a>, Dropped> {
        let resident = self.serves((row, spot), region, wish)?;
        let mut links = links.peekable();
        links.peek().ok_or(Dropped::NoCredential)?;
        demand(row.is_priced(), || Dropped::NoPrice)?;
        (wish.fits)(&spot.carry).map_err(Dropped::Misfit)?;
        let way = self.way(resident, links, wish).map_err(Dropped::NotEligible)?;
        self.allowed(row, wish)?;
        Ok(way)
    }

    /// Whether law and permit still let a request take this way to a route.
    pub(crate) fn upholds(&self, row: &Row, link: &Link, wish: &Wish<'_>) -> bool {
        let region = self.region(wish);
        let Some((known, spot)) = self.scene.one(&row.route) else { return false };
        // Another model, host or space under the same id is another route.
        let is_same = (&known.host, &known.own, &known.space) == (&row.host, &row.own, &row.space);
        let same_way = spot.links(wish.org).filter(|known| known.as_ref() == link);
        is_same && self.fate_by((known, spot), same_way, region, wish).is_ok()
    }

    /// Where a route stands for a kept or dropped one among the others.
    pub(crate) fn order(&self, row: &'a Row, rank: usize, wish: &Wish<'_>) -> Order<'a> {
        self.order_in(self.region(wish), row, rank, wish)
    }

    fn order_in(&self, region: Option<usize>, row: &'a Row, rank: usize, wish: &Wish<'_>) -> Order<'a> {
        let territory = region.and_then(|at| self.scene.catalogue().regions().get(at));
        Order {
            alias: rank,
            doubtful: row.is_doubtful(self.today),
            resident: territory.map_or(usize::MAX, |territory| territory.rank(&row.provider)),
            other_tier: wish.model.as_str() == AUTO && wish.tier.is_some_and(|tier| tier != row.tier),
            cost: self.cost(row, wish),
            route: &row.route,
        }
    }

    /// The place of the asked region among the catalogue's.
    pub(crate) fn region(&self, wish: &Wish<'_>) -> Option<usize> {
        self.scene.catalogue().regions().iter().position(|territory| territory.name == *wish.region)
    }

    /// What the request is estimated to use at a route.
    pub(crate) fn usage(&self, row: &Row, wish: &Wish<'_>) -> Usage {
        let output = if row.modality == Modality::Embeddings { 0 } else { wish.output.unwrap_or(USUAL_OUTPUT) };
        Usage { input: wish.input, output, ..Usage::default() }
    }

    /// What it would cost there by the list, in micro-USD; without a price more than anything.
    fn cost(&self, row: &Row, wish: &Wish<'_>) -> i64 {
        self.scene.catalogue().list_cost(row, &self.usage(row, wish)).map_or(i64::MAX, MicroUsd::micros)
    }

    /// Whether a route does this work, now and in this region, for anybody.
    fn serves(
        &self,
        (row, spot): (&'a Arc<Row>, &'a Spot),
        region: Option<usize>,
        wish: &Wish<'_>,
    ) -> Result<Resident<'a>, Dropped> {
        let chosen_for_all = wish.model.as_str() == AUTO && wish.modality != Modality::Embeddings;
        demand(row.modality == wish.modality, || Dropped::OtherWork)?;
        let resident = region.and_then(|at| spot.residence.in_region(at)).ok_or(Dropped::OutsideRegion)?;
        demand(!self.scene.leaves_out(&row.host), || Dropped::LeftOut)?;
        demand(row.is_live(self.today), || Dropped::NotLive)?;
        demand(!(chosen_for_all && row.pin_only), || Dropped::PinOnly)?;
        demand(row.host.evidence <= self.scene.settings().evidence, || Dropped::WeakEvidence)?;
        Ok(resident)
    }

    /// General traffic takes the first way, PHI the first that is covered.
    fn way(
        &self,
        resident: Resident<'a>,
        links: impl Iterator<Item = &'a Arc<Link>>,
        wish: &Wish<'_>,
    ) -> Result<Way<'a>, Lack> {
        let settings = self.scene.settings();
        let case = Case {
            org: wish.org,
            frameworks: wish.frameworks,
            test: wish.test,
            region: wish.region,
            hosted: settings.hosted,
            durable: settings.durable,
            now: self.now,
            catalogue: self.scene.catalogue(),
            standing: self.scene.standing(),
        };
        let mut lack = Lack::Agreement;
        for link in links {
            match wish.class {
                Class::General => return Ok(Way::Open(resident, link)),
                Class::Phi => match Eligible::of(resident, link, &case) {
                    Ok(eligible) => return Ok(Way::Eligible(eligible)),
                    Err(why) => lack = why,
                },
            }
        }
        Err(lack)
    }

    fn allowed(&self, row: &Row, wish: &Wish<'_>) -> Result<(), Dropped> {
        let facts = Facts {
            route: &row.route,
            provider: &row.provider,
            host: &row.host.name,
            model: &row.model,
            free: row.host.free,
        };
        // A test key reaches free hosts alone, whatever the rules say.
        demand((row.host.free || !wish.test) && (wish.allows)(&facts), || Dropped::Denied)
    }
}

fn demand(holds: bool, otherwise: impl FnOnce() -> Dropped) -> Result<(), Dropped> {
    if holds { Ok(()) } else { Err(otherwise()) }
}

impl<'a> Kept<'a> {
    pub(crate) fn row(&self) -> &'a Arc<Row> {
        match self.way {
            Way::Open(resident, _) => resident.row(),
            Way::Eligible(eligible) => eligible.resident().row(),
        }
    }

    pub(crate) fn link(&self) -> &'a Arc<Link> {
        match self.way {
            Way::Open(_, link) => link,
            Way::Eligible(eligible) => eligible.link(),
        }
    }
}

impl std::fmt::Debug for Wish<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Wish({} in {}, {})", self.modality, self.region, self.class)
    }
}
