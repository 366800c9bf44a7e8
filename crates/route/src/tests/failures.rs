//! The law under failure: whatever fails in whatever order, and whatever an operator takes back in mid-walk, nothing goes
//! where the oracle would not let it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use phi_words::Code;

use super::law::{Stage, in_threads, now, planned, way, with_wish};
use super::oracle::{LONGEST, Way, expected, lawful, may};
use super::world::{Asked, Dice, World};
use crate::Health;
use crate::health::{self, Sign};
use crate::moment::Moment;

const WORLDS: u64 = if cfg!(feature = "million") { 1_000 } else { 100 };
const REQUESTS: u64 = 50;

/// What hosts do to requests.
const SIGNS: [Sign; 8] = [
    Sign::Good,
    Sign::Fault,
    Sign::Unreachable,
    Sign::Row,
    Sign::Account,
    Sign::RateLimited(None),
    Sign::RateLimited(Some(Duration::from_secs(30))),
    Sign::Elsewhere,
];

#[test]
fn a_plan_is_what_is_lawful_and_fit_in_any_order_of_failures() {
    let (resting, shorter) = (AtomicU64::new(0), AtomicU64::new(0));
    in_threads(WORLDS, &|seed| {
        let mut dice = Dice(seed);
        let world = World::draw(&mut dice);
        let (mut stage, mut now) = (Stage::of(&world), now());
        let health = std::sync::Arc::new(Health::default());
        let by = |asked: &Asked, credential| health::Way { org: world.orgs[asked.org], credential };
        for _ in 0..REQUESTS {
            let asked = Asked::draw(&mut dice, &world);
            let moment = Moment::new(stage.scene(&asked), Some(&health), now);
            let got = planned(&moment, &asked, &world);
            let lawful = lawful(&world, &asked);
            match (&got, &lawful) {
                (Err(got), Err(expected)) => assert_eq!(got, expected, "world {seed}: {asked:?}"),
                (Err(got), Ok(_)) => {
                    assert_eq!(*got, Code::UpstreamUnavailable, "health turns a plan into nothing else");
                    resting.fetch_add(1, Ordering::Relaxed);
                }
                (Ok(plan), Ok(lawful)) => {
                    let fit = |(at, key): &&Way| {
                        let (route, key) = (format!("r{at:02}").parse().unwrap(), key.map(|key| world.keys[key].id));
                        health.fit(&route, by(&asked, key), now).is_ok()
                    };
                    let expected: Vec<Way> = lawful.iter().filter(fit).take(LONGEST).copied().collect();
                    let got: Vec<Way> = plan.iter().map(|planned| way(&world, planned)).collect();
                    assert_eq!(got, expected, "world {seed}: {asked:?}");
                    shorter.fetch_add(u64::from(plan.len() < lawful.len()), Ordering::Relaxed);
                }
                (Ok(_), Err(code)) => panic!("world {seed}: a plan where {code} was due: {asked:?}"),
            }
            for planned in got.unwrap_or_default() {
                let (route, way) = (&planned.row().route, by(&asked, planned.key()));
                assert_eq!(health.fit(route, way, now), Ok(()), "what is planned is fit");
                let Ok(trial) = health.begin(route, way, now) else { continue };
                let sign = SIGNS[dice.below(SIGNS.len())];
                trial.end(sign, now);
                if sign == Sign::Good {
                    break;
                }
            }
            now += Duration::from_millis(dice.below(20_000) as u64);
        }
    });
    assert!(resting.into_inner() >= 100, "too few requests found everybody resting");
    assert!(shorter.into_inner() >= 100, "too few plans were shortened by failures");
}

/// Everything that an operator may change while a request is on its way.
type Change = (&'static str, fn(&mut World, &mut Dice));

const CHANGES: &[Change] = &[
    ("an agreement is revoked", |world, dice| {
        let at = dice.below(world.agreements.len());
        world.agreements[at].revoked = true;
    }),
    ("all agreements lapse", |world, _| world.agreements.iter_mut().for_each(|agreement| agreement.until = -1)),
    ("agreements are with somebody else", |world, _| {
        world.agreements.iter_mut().for_each(|agreement| agreement.org = agreement.org.map(|org| 1 - org))
    }),
    ("a key is revoked", |world, dice| {
        let at = dice.below(world.keys.len());
        world.keys[at].revoked = true;
    }),
    ("keys are swapped for others", |world, _| {
        for key in &mut world.keys {
            key.id = phi_words::CredentialId::new();
        }
    }),
    ("a route is staged", |world, dice| {
        let at = dice.below(world.rows.len());
        world.rows[at].live = false;
    }),
    ("a route loses its price", |world, dice| {
        let at = dice.below(world.rows.len());
        world.rows[at].price = None;
    }),
    ("offers are narrower", |world, _| world.offers.iter_mut().for_each(|offer| offer.works = 0b10)),
    ("an operator draws regions anew", |world, dice| {
        (world.inside[1], world.inside[4], world.inside[6]) = (0b10, 0b1, 1 << dice.below(5));
    }),
    ("nothing", |_, _| {}),
];

#[test]
fn what_an_operator_takes_back_is_not_tried_any_more() {
    let (upheld, fallen) = (AtomicU64::new(0), AtomicU64::new(0));
    in_threads(WORLDS, &|seed| {
        let mut dice = Dice(seed ^ 0x5eed);
        let world = World::draw(&mut dice);
        let mut before = Stage::of(&world);
        for (what, change) in CHANGES {
            let mut later = world.clone();
            change(&mut later, &mut dice);
            let mut after = Stage::of(&later);
            for _ in 0..REQUESTS / 4 {
                let asked = Asked::draw(&mut dice, &world);
                let Ok(plan) = planned(&Moment::new(before.scene(&asked), None, now()), &asked, &world) else {
                    continue;
                };
                let moment = Moment::new(after.scene(&asked), None, now());
                for planned in plan {
                    let key = planned.key().map(|id| later.keys.iter().position(|key| key.id == id));
                    let at = way(&world, &planned).0;
                    let lawful = match key {
                        // A key that is not there any more.
                        Some(None) => false,
                        Some(Some(key)) => may(&later, &asked, at, Some(key)),
                        None => may(&later, &asked, at, None),
                    };
                    let still = with_wish(&asked, &later, |wish| planned.stands(&moment, wish));
                    assert_eq!(still, lawful, "world {seed}, {what}: {asked:?} by {planned:?}");
                    (if still { &upheld } else { &fallen }).fetch_add(1, Ordering::Relaxed);
                }
            }
        }
    });
    let (upheld, fallen) = (upheld.into_inner(), fallen.into_inner());
    assert!(upheld >= 1_000 && fallen >= 1_000, "{upheld} upheld, {fallen} fallen");
}

/// The oracle agrees with itself: a plan holds just what may be asked, by the key of the plan.
#[test]
fn a_row_of_the_plan_may_be_asked_with_its_key() {
    let mut dice = Dice(7);
    for _ in 0..50 {
        let world = World::draw(&mut dice);
        let asked = Asked::draw(&mut dice, &world);
        for (row, key) in expected(&world, &asked).unwrap_or_default() {
            assert!(may(&world, &asked, row, key));
        }
    }
}
