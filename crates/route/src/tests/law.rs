//! The planner against the oracle, over a hundred thousand requests; and against the oracle with one eye shut, which
//! has to be noticed: so each thing that the planner looks at is one that these worlds can tell it by.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use phi_catalog::Catalogue;
use phi_dialect::Misfit;
use phi_words::{Capability, Class, Code, Modality, Tier};

use super::oracle::expected;
use super::world::{Asked, CAPABILITIES, Dice, Name, REGIONS, World};
use crate::moment::{Moment, Wish};
use crate::plan::routes;
use crate::{Planned, Scene};

/// A hundred thousand requests; a million with the feature `million`.
const WORLDS: u64 = if cfg!(feature = "million") { 4_000 } else { 400 };
const REQUESTS: u64 = 250;

/// How far the worlds reach.
#[derive(Debug, Default)]
struct Reach {
    plans: u64,
    phi_plans: u64,
    long: u64,
    codes: BTreeMap<&'static str, u64>,
}

#[test]
fn the_planner_does_what_the_contract_says() {
    let reach = Mutex::new(Reach::default());
    in_threads(WORLDS, &|seed| {
        run(seed, REQUESTS, &|_, _| {}, &mut |asked, expected, got| {
            assert_eq!(got, expected, "world {seed}: {asked:?}");
            let mut reach = reach.lock().unwrap();
            match expected {
                Ok(routes) => {
                    reach.plans += 1;
                    reach.phi_plans += u64::from(asked.phi);
                    reach.long += u64::from(routes.len() == 16);
                }
                Err(code) => *reach.codes.entry(code.as_str()).or_default() += 1,
            }
            true
        });
    });
    let (all, Reach { plans, phi_plans, long, codes }) = (WORLDS * REQUESTS, reach.into_inner().unwrap());
    assert!(all >= 100_000);
    assert!(plans * 100 >= all * 30, "only {plans} of {all} got a plan");
    assert!(phi_plans * 100 >= all * 10, "only {phi_plans} of {all} got a plan for PHI");
    assert!(long >= 10, "only {long} plans were cut to their longest");
    for code in [Code::ModelNotFound, Code::NoRoute, Code::UnsupportedParameter, Code::PhiBlocked, Code::PolicyDenied] {
        let count = codes.get(code.as_str()).copied().unwrap_or_default();
        assert!(count >= 100, "{code} came {count} times: {codes:?}");
    }
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

/// What a planner that forgets one thing would see.
type Blind = (&'static str, fn(&mut World, &mut Asked));

const MUTANTS: &[Blind] = &[
    ("the region", |world, asked| {
        let inside = REGIONS[asked.region].1;
        world.rows.iter_mut().for_each(|row| {
            row.places = Some(row.places.map_or(inside, |p| if p & !inside == 0 { p } else { inside }))
        });
    }),
    ("PHI", |_, asked| asked.phi = false),
    ("that a host may be anywhere", |world, _| {
        world.rows.iter_mut().for_each(|row| row.places = Some(row.places.unwrap_or(1)))
    }),
    ("that the name is nonsense", |_, asked| {
        if matches!(asked.name, Name::Nonsense) {
            asked.name = Name::Auto
        }
    }),
    ("the status", |world, _| world.rows.iter_mut().for_each(|row| row.live = true)),
    ("the kind of work", |world, _| world.rows.iter_mut().for_each(|row| row.chat = true)),
    ("pins", |world, _| world.rows.iter_mut().for_each(|row| row.pin_only = false)),
    ("evidence", |world, _| world.rows.iter_mut().for_each(|row| row.unverified = false)),
    ("the setting of evidence", |_, asked| asked.strict = false),
    ("that a price is unknown", |world, _| {
        world.rows.iter_mut().filter(|row| !row.free).for_each(|row| row.price = row.price.or(Some((1, 1))));
    }),
    ("capabilities", |_, asked| asked.needs = 0),
    ("that WORLD promises nothing", |world, _| world.rows.iter_mut().for_each(|row| row.premises = true)),
    ("offers", |world, _| {
        for offer in &mut world.offers {
            (offer.countries, offer.frameworks, offer.work) = (0b11111, 0b111, 0b11);
        }
    }),
    ("revocation of agreements", |world, _| world.agreements.iter_mut().for_each(|a| a.revoked = false)),
    ("that agreements begin", |world, _| world.agreements.iter_mut().for_each(|a| a.from = -1)),
    ("that agreements end", |world, _| world.agreements.iter_mut().for_each(|a| a.until = 1)),
    ("countries of agreements", |world, _| world.agreements.iter_mut().for_each(|a| a.countries = 0b11111)),
    ("frameworks of agreements", |world, _| world.agreements.iter_mut().for_each(|a| a.frameworks = 0b111)),
    ("work of agreements", |world, _| world.agreements.iter_mut().for_each(|a| a.work = 0b11)),
    ("whose agreements they are", |world, _| {
        world.agreements.iter_mut().filter(|a| a.provider.is_some()).for_each(|a| a.org = None)
    }),
    ("which key agreements cover", |world, _| world.agreements.iter_mut().for_each(|a| a.key = None)),
    ("that a customer is served", |_, asked| asked.hosted = false),
    ("durability", |_, asked| asked.durable = true),
    ("test keys", |_, asked| asked.test = false),
    ("that an organization has no framework", |_, asked| {
        if asked.frameworks == 0 {
            asked.frameworks = 1
        }
    }),
    ("all frameworks but the first", |_, asked| asked.frameworks &= asked.frameworks.wrapping_neg()),
    ("revocation of keys", |world, _| world.keys.iter_mut().for_each(|key| key.revoked = false)),
    ("whose keys they are", |world, _| world.keys.iter_mut().for_each(|key| key.org = None)),
    ("rules", |_, asked| asked.denied = 0),
    ("tiers", |_, asked| asked.thinking = None),
    ("residents", |world, _| world.residents = [0; 5]),
    ("doubt", |world, _| world.rows.iter_mut().for_each(|row| row.doubtful = false)),
    ("the length of the answer", |_, asked| asked.output = Some(0)),
];

#[test]
fn a_planner_that_forgets_anything_is_caught() {
    for (what, blind) in MUTANTS {
        let mut caught = false;
        for seed in 0..WORLDS {
            run(seed, 4, blind, &mut |_, expected, got| {
                caught |= got != expected;
                !caught
            });
            if caught {
                break;
            }
        }
        assert!(caught, "a planner that forgets {what} is not caught");
    }
}

/// What came of one request: the planned rows in order, or the code.
type Outcome = Result<Vec<usize>, Code>;

/// Draws a world and requests to it; the planner sees what `blind` leaves, the oracle everything. Ends early once
/// `judge` has seen enough.
fn run(
    seed: u64,
    requests: u64,
    blind: &dyn Fn(&mut World, &mut Asked),
    judge: &mut dyn FnMut(&Asked, Outcome, Outcome) -> bool,
) {
    let mut dice = Dice(seed);
    let world = World::draw(&mut dice);
    // A blind world is often the one before, and reading a catalogue is what takes time.
    let mut met: Option<(World, Stage)> = None;
    for _ in 0..requests {
        let asked = Asked::draw(&mut dice, &world);
        let (mut blind_world, mut blind_asked) = (world.clone(), asked.clone());
        blind(&mut blind_world, &mut blind_asked);
        let stage = match met.take() {
            Some(before) if before.0 == blind_world => &mut met.insert(before).1,
            Some(_) | None => &mut met.insert((blind_world.clone(), Stage::of(&blind_world))).1,
        };
        let got = planned(&Moment::new(stage.scene(&blind_asked), None, now()), &blind_asked, &blind_world);
        let got = got.map(|planned| planned.iter().map(|planned| number(planned.row().route.as_str())).collect());
        if !judge(&asked, expected(&world, &asked), got) {
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
    scenes: HashMap<(bool, bool, bool), Scene>,
}

impl Stage {
    pub(super) fn of(world: &World) -> Self {
        Self { world: world.clone(), catalogue: world.catalogue(), scenes: HashMap::new() }
    }

    pub(super) fn scene(&mut self, asked: &Asked) -> &Scene {
        let make = || Scene::new(Arc::clone(&self.catalogue), self.world.standing(now()), asked.settings());
        self.scenes.entry((asked.hosted, asked.durable, asked.strict)).or_insert_with(make)
    }
}

pub(super) fn planned(moment: &Moment<'_>, asked: &Asked, world: &World) -> Result<Vec<Planned>, Code> {
    with_wish(asked, world, |wish| routes(moment, wish).map_err(|refusal| refusal.code))
}

pub(super) fn with_wish<T>(asked: &Asked, world: &World, act: impl FnOnce(&Wish<'_>) -> T) -> T {
    let model = match asked.name {
        Name::Auto => "auto".to_owned(),
        Name::Route(row) if row % 2 == 0 => format!("r{row:02}"),
        Name::Route(row) => format!("p{}/m{row}", world.rows[row].provider),
        Name::Nonsense => "nonsense".to_owned(),
    };
    let needs: Vec<Capability> = CAPABILITIES
        .iter()
        .enumerate()
        .filter(|(bit, _)| asked.needs >> bit & 1 == 1)
        .map(|(_, name)| name.parse().unwrap())
        .collect();
    let wish = Wish {
        modality: Modality::Chat,
        model: &model.parse().unwrap(),
        region: &REGIONS[asked.region].0.parse().unwrap(),
        class: if asked.phi { Class::Phi } else { Class::General },
        tier: asked.thinking.map(|thinking| if thinking { Tier::Thinking } else { Tier::Baseline }),
        org: world.orgs[asked.org],
        frameworks: &asked.frameworks(),
        test: asked.test,
        input: asked.input,
        output: asked.output,
        fits: &|carry| {
            let lacking = needs.iter().find(|needed| !carry.capabilities.contains(needed));
            lacking.map_or(Ok(()), |needed| Err(Misfit { field: needed.as_str().into() }))
        },
        allows: &|facts| asked.denied >> number(facts.route.as_str()) & 1 == 0,
    };
    act(&wish)
}

pub(super) fn number(route: &str) -> usize {
    route.trim_start_matches('r').parse().unwrap()
}
