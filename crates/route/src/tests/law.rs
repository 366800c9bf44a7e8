//! The planner against the oracle, over a hundred thousand requests; and against the oracle with one eye shut, which
//! has to be noticed: so each thing that the planner looks at is one that these worlds can tell it by.

mod mutants;
mod reach;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use phi_catalog::Catalogue;
use phi_dialect::Misfit;
use phi_words::{Capability, Class, Code};

use self::mutants::{Blind, MUTANTS};
use self::reach::Reach;
use super::oracle::{Way, expected};
use super::world::{Asked, CAPABILITIES, Dice, REGIONS, TIERS, WORKS, World};
use crate::moment::{Moment, Wish};
use crate::plan::routes;
use crate::{Planned, Scene};

/// A hundred thousand requests; a million with the feature `million`.
const WORLDS: u64 = if cfg!(feature = "million") { 4_000 } else { 400 };
const REQUESTS: u64 = 250;

#[test]
fn the_planner_does_what_the_contract_says() {
    let reach = Mutex::new(Reach::default());
    in_threads(WORLDS, &|seed| {
        let mut here = Reach::default();
        run(seed, REQUESTS, None, &mut |world, asked, expected, got| {
            assert_eq!(got, expected, "world {seed}: {asked:?}");
            here.note(world, asked, &expected);
            true
        });
        reach.lock().unwrap().add(here);
    });
    reach.into_inner().unwrap().is_enough(WORLDS * REQUESTS);
}

/// Does something for each number below `all`, on as many threads as there are cores.
pub(super) fn in_threads(all: u64, act: &(dyn Fn(u64) + Sync)) {
    let next = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(seed) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|seed| *seed < all) {
                    act(seed);
                }
            });
        }
    });
}

#[test]
fn a_planner_that_forgets_anything_is_caught() {
    let missed = Mutex::new(Vec::new());
    in_threads(MUTANTS.len() as u64, &|at| {
        let (what, blind) = MUTANTS[usize::try_from(at).unwrap()];
        let caught = (0..WORLDS).any(|seed| {
            let mut caught = false;
            run(seed, 16, Some(blind), &mut |_, _, expected, got| {
                caught |= got != expected;
                !caught
            });
            caught
        });
        if !caught {
            missed.lock().unwrap().push(what);
        }
    });
    let missed = missed.into_inner().unwrap();
    assert!(missed.is_empty(), "a planner that forgets these is not caught: {missed:?}");
}

/// What came of one request: the planned routes in order, each with its key, or the code.
pub(super) type Outcome = Result<Vec<Way>, Code>;

/// Draws a world and requests to it; the planner sees what `blind` leaves, the oracle everything. Requests to which
/// `blind` is not blind are passed over. Ends early once `judge` has seen enough.
fn run(
    seed: u64,
    requests: u64,
    blind: Option<Blind>,
    judge: &mut dyn FnMut(&World, &Asked, Outcome, Outcome) -> bool,
) {
    let mut dice = Dice(seed);
    let world = World::draw(&mut dice);
    // A blind world is often the one before, and reading a catalogue is what takes time.
    let mut met: Option<(World, Stage)> = None;
    for _ in 0..requests {
        let asked = Asked::draw(&mut dice, &world);
        let (mut blind_world, mut blind_asked) = (world.clone(), asked.clone());
        if let Some(blind) = blind {
            blind(&mut blind_world, &mut blind_asked);
            if (&blind_world, &blind_asked) == (&world, &asked) {
                continue;
            }
        }
        let stage = match met.take() {
            Some(before) if before.0 == blind_world => &mut met.insert(before).1,
            Some(_) | None => &mut met.insert((blind_world.clone(), Stage::of(&blind_world))).1,
        };
        let got = planned(&Moment::new(stage.scene(&blind_asked), None, now()), &blind_asked, &blind_world);
        let got = got.map(|planned| planned.iter().map(|planned| way(&world, planned)).collect());
        if !judge(&world, &asked, expected(&world, &asked), got) {
            return;
        }
    }
}

pub(super) fn now() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// A world as the planner meets it, under each of the settings that a request may bring along.
pub(super) struct Stage {
    world: World,
    catalogue: Arc<Catalogue>,
    scenes: HashMap<(bool, bool, usize), Scene>,
}

impl Stage {
    pub(super) fn of(world: &World) -> Self {
        Self { world: world.clone(), catalogue: world.catalogue(), scenes: HashMap::new() }
    }

    pub(super) fn scene(&mut self, asked: &Asked) -> &Scene {
        let world = &self.world;
        let make = || Scene::new(Arc::clone(&self.catalogue), world.standing(now()), world.settings(asked));
        self.scenes.entry((asked.hosted, asked.durable, asked.evidence)).or_insert_with(make)
    }
}

pub(super) fn planned(moment: &Moment<'_>, asked: &Asked, world: &World) -> Result<Vec<Planned>, Code> {
    with_wish(asked, world, |wish| routes(moment, wish).map_err(|refusal| refusal.code))
}

pub(super) fn with_wish<T>(asked: &Asked, world: &World, act: impl FnOnce(&Wish<'_>) -> T) -> T {
    let needs: Vec<Capability> = CAPABILITIES
        .iter()
        .enumerate()
        .filter(|(bit, _)| asked.needs >> bit & 1 == 1)
        .map(|(_, name)| name.parse().unwrap())
        .collect();
    let wish = Wish {
        modality: WORKS[asked.work].parse().unwrap(),
        model: &asked.name.parse().unwrap(),
        region: &REGIONS[asked.region].parse().unwrap(),
        class: if asked.phi { Class::Phi } else { Class::General },
        tier: asked.tier.map(|tier| TIERS[tier].parse().unwrap()),
        org: world.orgs[asked.org],
        frameworks: &asked.frameworks(),
        test: asked.test,
        input: asked.input,
        output: asked.output,
        fits: &|carry| {
            let lacking = needs.iter().find(|needed| !carry.capabilities.contains(needed));
            let other_length = asked.dimension.is_some_and(|dimension| carry.dimension != Some(dimension));
            let misfit = lacking.map(|needed| needed.as_str()).or(other_length.then_some("dimensions"));
            misfit.map_or(Ok(()), |field| Err(Misfit { field: field.into() }))
        },
        allows: &|facts| asked.denied >> number(facts.route.as_str()) & 1 == 0,
    };
    act(&wish)
}

/// A planned route in the world's own figures.
pub(super) fn way(world: &World, planned: &Planned) -> Way {
    let key = planned.key().map(|id| world.keys.iter().position(|key| key.id == id).unwrap());
    (number(planned.row().route.as_str()), key)
}

pub(super) fn number(route: &str) -> usize {
    route.trim_start_matches('r').parse().unwrap()
}
