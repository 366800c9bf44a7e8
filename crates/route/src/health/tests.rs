use std::collections::BTreeMap;

use jiff::SignedDuration;
use proptest::prelude::*;

use super::pulse::rest;
use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).expect("a time")
}

fn route(name: &str) -> RouteId {
    name.parse().expect("a route")
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The way of an organization with a key of its own, or of one that needs none.
fn way(credential: Option<CredentialId>) -> Way {
    let org = credential.map_or("01890000-0000-7000-8000-000000000000".to_owned(), |credential| credential.to_string());
    Way { org: org.parse().expect("an id"), credential }
}

/// The way of another organization with the same key.
fn other(credential: Option<CredentialId>) -> Way {
    Way { org: OrgId::new(), credential }
}

fn why(health: &Health, name: &str, credential: Option<CredentialId>, now: Timestamp) -> Option<Why> {
    health.fit(&route(name), way(credential), now).err().map(|unfit| unfit.why)
}

fn attempt(health: &Arc<Health>, name: &str, credential: Option<CredentialId>, sign: Sign, now: Timestamp) {
    health.begin(&route(name), way(credential), now).expect("a fit route").end(sign, now);
}

/// Probes everything that is due, and says how much that was.
fn probe(health: &Arc<Health>, probed: Probed, now: Timestamp) -> usize {
    let due = health.due(now);
    let probes = due.iter().filter_map(|due| health.probe(due, now));
    probes.map(|probe| probe.end(probed, now)).count()
}

#[test]
fn each_sign_ejects_after_as_many_as_the_contract_says_and_for_those_that_it_says() {
    let (ours, theirs) = (Some(CredentialId::new()), Some(CredentialId::new()));
    let ejected = (Some(Why::Ejected), Some(Why::Ejected));
    let account = (Some(Why::Account), None);
    type Line = (Sign, u32, (Option<Why>, Option<Why>));
    let table: &[Line] = &[
        (Sign::Fault, 3, (Some(Why::Ejected), None)),
        (Sign::Unreachable, 1, ejected),
        (Sign::Row, 1, (Some(Why::Ejected), None)),
        (Sign::Forbidden, 3, account),
        (Sign::Account, 1, account),
        (Sign::RateLimited(None), 1, (Some(Why::RateLimited), None)),
        (Sign::RateLimited(Some(secs(9))), 1, (Some(Why::RateLimited), None)),
        (Sign::Elsewhere, 1, (Some(Why::Withdrawn), Some(Why::Withdrawn))),
        (Sign::Good, 99, (None, None)),
        (Sign::Nothing, 99, (None, None)),
    ];
    for (sign, after, expected) in table {
        let health = Arc::new(Health::default());
        for _ in 0..*after {
            assert_eq!((why(&health, "a", ours, at(0)), why(&health, "a", theirs, at(0))), (None, None), "{sign:?}");
            attempt(&health, "a", ours, *sign, at(0));
        }
        assert_eq!((why(&health, "a", ours, at(0)), why(&health, "a", theirs, at(0))), *expected, "{sign:?}");
        assert_eq!(why(&health, "b", ours, at(0)), None, "{sign:?}");
    }
}

#[test]
fn what_one_organization_asks_takes_a_route_from_nobody_else() {
    let key = Some(CredentialId::new());
    for (sign, expected) in [(Sign::Fault, Why::Ejected), (Sign::Forbidden, Why::Account)] {
        for own_address in [false, true] {
            let health = Arc::new(Health::default());
            let (hostile, honest) = (other(key), other(key));
            let why = |way: Way, now| health.fit(&route("a"), way, now).err().map(|unfit| unfit.why);
            let fails = |way: Way, now| {
                let trial = health.begin(&route("a"), way, now).expect("fit");
                let trial = if own_address { trial.at_own_address() } else { trial };
                trial.end(sign, now);
            };
            let mut now = at(0);
            (0..3).for_each(|_| fails(hostile, now));
            for rest in [1, 2, 4, 8, 16, 32, 48, 48] {
                assert_eq!((why(hostile, now), why(honest, now)), (Some(expected), None), "{sign:?}");
                assert!(health.next_due(now).is_some_and(|left| left >= secs(rest)), "{sign:?} {rest}");
                // What it asks fails again and again; what others ask is answered, with a fault now and then.
                health.begin(&route("a"), honest, now).expect("fit").end(Sign::Good, now);
                fails(honest, now);
                health.begin(&route("a"), honest, now).expect("fit").end(Sign::Good, now);
                now = now.saturating_add(secs(70)).expect("a time");
                assert_eq!(probe(&health, Probed::Lives, now), 1, "the host lives");
                fails(hostile, now);
            }
        }
    }
}

#[test]
fn what_requests_of_two_organizations_show_holds_for_all() {
    let (key, newcomer) = (Some(CredentialId::new()), other(None));
    for order in [[0, 0, 1], [0, 1, 0], [0, 1, 1], [0, 0, 0]] {
        let health = Arc::new(Health::default());
        let ways = [other(key), other(None)];
        for at_once in order {
            health.begin(&route("a"), ways[at_once], at(0)).expect("fit").end(Sign::Fault, at(0));
        }
        let (all, own) = (health.fit(&route("a"), newcomer, at(0)), health.fit(&route("a"), ways[0], at(0)));
        assert_eq!((all.is_err(), own.is_err()), (order != [0, 0, 0], true), "{order:?}");
        if order == [0, 0, 0] {
            health.begin(&route("a"), newcomer, at(0)).expect("fit").end(Sign::Fault, at(0));
            assert!(health.fit(&route("a"), ways[1], at(0)).is_err(), "one fault of another is enough then");
        }
        // On trial two have to fail as well.
        assert_eq!(probe(&health, Probed::Lives, at(2)), 1);
        health.begin(&route("a"), ways[1], at(2)).expect("a trial").end(Sign::Fault, at(2));
        assert!(health.fit(&route("a"), ways[1], at(2)).is_err());
        health.begin(&route("a"), newcomer, at(2)).expect("a trial").end(Sign::Fault, at(2));
        assert!(health.fit(&route("a"), other(None), at(2)).is_err());
        assert!(health.next_due(at(2)).is_some_and(|left| left >= secs(2)), "twice as long");
    }
}

#[test]
fn what_a_probe_shows_holds_for_all() {
    let health = Arc::new(Health::default());
    let first = other(None);
    for _ in 0..3 {
        health.begin(&route("a"), first, at(0)).expect("fit").end(Sign::Fault, at(0));
    }
    assert_eq!(why(&health, "a", None, at(1)), None);
    assert_eq!(probe(&health, Probed::Fault, at(2)), 1);
    assert_eq!(why(&health, "a", None, at(2)), Some(Why::Ejected));
    assert!(health.next_due(at(2)).is_some_and(|left| left >= secs(2)), "twice as long");
    assert_eq!(probe(&health, Probed::Lives, at(5)), 1);
    attempt(&health, "a", None, Sign::Good, at(5));
    assert_eq!(health.fit(&route("a"), first, at(5)), Ok(()));
    assert_eq!(health.unwell.load(Ordering::SeqCst), 0);
}

#[test]
fn what_was_said_to_a_key_that_is_gone_is_forgotten() {
    let health = Arc::new(Health::default());
    let (gone, stays) = (Some(CredentialId::new()), Some(CredentialId::new()));
    for key in [gone, stays] {
        attempt(&health, "a", key, Sign::RateLimited(Some(secs(600))), at(0));
        attempt(&health, "b", key, Sign::Account, at(0));
    }
    health.forget(|at, key| *at == route("a") && key == stays);
    assert_eq!((why(&health, "a", gone, at(1)), why(&health, "a", stays, at(1))), (None, Some(Why::RateLimited)));
    assert_eq!(health.ejected(), [route("a")]);
    health.forget(|_, _| false);
    assert_eq!(health.unwell.load(Ordering::SeqCst), 0);
}

#[test]
fn what_fails_at_an_address_that_a_credential_brings_is_nobody_elses_matter() {
    let (ours, theirs) = (Some(CredentialId::new()), Some(CredentialId::new()));
    for (sign, after) in [(Sign::Fault, 3), (Sign::Unreachable, 1), (Sign::Row, 1)] {
        let health = Arc::new(Health::default());
        for _ in 0..after {
            let trial = health.begin(&route("a"), way(ours), at(0)).expect("fit");
            trial.at_own_address().end(sign, at(0));
        }
        assert_eq!(why(&health, "a", ours, at(0)), Some(Why::Ejected), "{sign:?}");
        assert_eq!(why(&health, "a", theirs, at(0)), None, "{sign:?}");
        assert_eq!(probe(&health, Probed::Fault, at(2)), 1, "by that credential");
        assert_eq!(why(&health, "a", theirs, at(2)), None, "{sign:?}");
        assert_eq!(probe(&health, Probed::Lives, at(5)), 1);
        health.begin(&route("a"), way(ours), at(5)).expect("a trial").at_own_address().end(Sign::Good, at(5));
        assert_eq!(health.unwell.load(Ordering::SeqCst), 0, "{sign:?}");
    }
}

#[test]
fn what_was_ejected_is_probed_then_tried_by_one_and_then_open() {
    let health = Arc::new(Health::default());
    attempt(&health, "a", None, Sign::Unreachable, at(0));
    assert_eq!(probe(&health, Probed::Lives, at(0)), 0, "not before its time");
    assert_eq!(why(&health, "a", None, at(2)), Some(Why::Ejected), "a probe decides, not the time");
    let due = health.due(at(2)).pop().expect("due");
    let first = health.probe(&due, at(2)).expect("a probe");
    assert!(health.probe(&due, at(2)).is_none(), "one at a time");
    drop(first);
    assert_eq!(probe(&health, Probed::Lives, at(2)), 1, "a probe that was dropped is made again");
    let trial = health.begin(&route("a"), way(None), at(2)).expect("a trial");
    assert_eq!(why(&health, "a", None, at(2)), Some(Why::Trial));
    drop(trial);
    assert_eq!(why(&health, "a", None, at(2)), None, "who leaves gives the place back");
    attempt(&health, "a", None, Sign::Good, at(2));
    assert_eq!(why(&health, "a", None, at(2)), None);
    assert_eq!(health.unwell.load(Ordering::SeqCst), 0);
    assert!(health.ejected().is_empty());
}

#[test]
fn each_relapse_rests_longer_and_a_success_forgets_them_all() {
    let health = Arc::new(Health::default());
    let (mut now, mut rests) = (at(0), Vec::new());
    attempt(&health, "a", None, Sign::Unreachable, now);
    for round in 0..8 {
        let left = health.next_due(now).expect("a rest");
        rests.push(left);
        now = now.saturating_add(left).expect("a time");
        if round % 2 == 0 {
            assert_eq!(probe(&health, Probed::Fault, now), 1);
        } else {
            assert_eq!(probe(&health, Probed::Lives, now), 1);
            attempt(&health, "a", None, Sign::Fault, now);
        }
    }
    for (round, (left, least)) in rests.iter().zip([1, 2, 4, 8, 16, 32, 48, 48]).enumerate() {
        assert!((secs(least)..=secs(least) * 5 / 4).contains(left), "round {round}: {left:?}");
    }
    now = at(10_000);
    probe(&health, Probed::Lives, now);
    attempt(&health, "a", None, Sign::Good, now);
    attempt(&health, "a", None, Sign::Unreachable, now);
    assert!(health.next_due(now).is_some_and(|left| left < secs(2)));
}

#[test]
fn an_answer_that_begins_ends_the_trial_and_its_cut_ejects_again() {
    let health = Arc::new(Health::default());
    attempt(&health, "a", None, Sign::Unreachable, at(0));
    probe(&health, Probed::Lives, at(2));
    let mut long = health.begin(&route("a"), way(None), at(2)).expect("a trial");
    long.answers();
    assert_eq!(why(&health, "a", None, at(2)), None, "nobody waits for the end of a long answer");
    long.end(Sign::Fault, at(3));
    assert_eq!(why(&health, "a", None, at(3)), Some(Why::Ejected));
    assert!(health.next_due(at(3)).is_some_and(|left| left >= secs(2)), "twice as long");
}

#[test]
fn what_began_before_an_ejection_neither_lengthens_nor_ends_it() {
    let health = Arc::new(Health::default());
    let mut flying: Vec<_> = (0..20).map(|_| health.begin(&route("a"), way(None), at(0)).expect("fit")).collect();
    let good = flying.pop().expect("one");
    flying.into_iter().for_each(|trial| trial.end(Sign::Fault, at(0)));
    let left = health.next_due(at(0)).expect("a rest");
    assert!(left <= secs(2), "{left:?}");
    good.end(Sign::Good, at(0));
    assert_eq!(why(&health, "a", None, at(0)), Some(Why::Ejected));
}

#[test]
fn a_host_that_asks_for_a_rest_gets_it_and_needs_no_probe() {
    let (health, key) = (Arc::new(Health::default()), Some(CredentialId::new()));
    let late = health.begin(&route("a"), way(key), at(0)).expect("fit");
    attempt(&health, "a", key, Sign::RateLimited(Some(secs(5))), at(0));
    late.end(Sign::RateLimited(Some(secs(9))), at(1));
    let unfit = health.fit(&route("a"), way(key), at(6)).expect_err("the later answer asked for more");
    assert_eq!(unfit, Unfit { why: Why::RateLimited, wait: Some(secs(4)) });
    assert!(health.due(at(60)).is_empty());
    assert_eq!(why(&health, "a", key, at(10)), None);
    let trial = health.begin(&route("a"), way(key), at(10)).expect("a trial");
    assert_eq!(why(&health, "a", key, at(10)), Some(Why::Trial));
    trial.end(Sign::RateLimited(None), at(10));
    assert!(health.begin(&route("a"), way(key), at(11)).is_err(), "without a word, twice as long as before");
    let forever = Sign::RateLimited(Some(Duration::MAX));
    attempt(&health, "b", key, forever, at(0));
    assert_eq!(why(&health, "b", key, at(3_601)), None, "an hour at most");
}

#[test]
fn a_probe_says_what_is_wrong_with_whom() {
    let (ours, theirs) = (Some(CredentialId::new()), Some(CredentialId::new()));
    let table: &[(Probed, Option<Why>, Option<Why>)] = &[
        (Probed::Lives, None, None),
        (Probed::Gone, None, None),
        (Probed::Refused, Some(Why::Account), None),
        (Probed::RateLimited(Some(secs(30))), Some(Why::RateLimited), None),
        (Probed::Fault, Some(Why::Ejected), Some(Why::Ejected)),
    ];
    for (probed, with_ours, with_theirs) in table {
        let health = Arc::new(Health::default());
        attempt(&health, "a", ours, Sign::Unreachable, at(0));
        assert_eq!(probe(&health, *probed, at(2)), 1);
        let found = (why(&health, "a", ours, at(2)), why(&health, "a", theirs, at(2)));
        assert_eq!(found, (*with_ours, *with_theirs), "{probed:?}");
    }
}

#[test]
fn an_exhausted_account_is_probed_and_tried_again() {
    let (health, key) = (Arc::new(Health::default()), Some(CredentialId::new()));
    attempt(&health, "a", key, Sign::Account, at(0));
    assert_eq!(probe(&health, Probed::Refused, at(2)), 1);
    assert_eq!(why(&health, "a", key, at(3)), Some(Why::Account));
    assert_eq!(probe(&health, Probed::Lives, at(5)), 1);
    attempt(&health, "a", key, Sign::Good, at(5));
    assert_eq!(health.unwell.load(Ordering::SeqCst), 0);
}

#[test]
fn a_probe_never_breaks_the_rest_that_a_host_asked_for() {
    let (health, key) = (Arc::new(Health::default()), Some(CredentialId::new()));
    let other = health.begin(&route("a"), way(key), at(0)).expect("fit");
    attempt(&health, "a", key, Sign::RateLimited(Some(secs(600))), at(0));
    other.end(Sign::Unreachable, at(0));
    assert_eq!(probe(&health, Probed::Lives, at(2)), 0);
    assert_eq!(why(&health, "a", key, at(2)), Some(Why::RateLimited));
    assert_eq!(why(&health, "a", None, at(2)), None, "somebody else's attempt decides");
}

#[test]
fn a_route_takes_no_more_waiting_requests_than_it_may() {
    let health = Arc::new(Health::new(2));
    let first = health.begin(&route("a"), way(None), at(0)).expect("fit");
    let mut second = health.begin(&route("a"), way(None), at(0)).expect("fit");
    assert_eq!(
        health.begin(&route("a"), way(None), at(0)).map(drop),
        Err(Unfit { why: Why::Busy, wait: Some(secs(1)) })
    );
    assert_eq!(why(&health, "b", None, at(0)), None);
    second.answers();
    assert_eq!(why(&health, "a", None, at(0)), None, "who is being answered waits no more");
    let third = health.begin(&route("a"), way(None), at(0)).expect("fit");
    assert_eq!(why(&health, "a", None, at(0)), Some(Why::Busy));
    drop((first, second, third));
    assert_eq!(health.unwell.load(Ordering::SeqCst), 0);
}

#[test]
fn one_organization_leaves_room_to_wait_for_others() {
    let health = Arc::new(Health::new(10));
    let (greedy, others) = (other(None), [other(None), other(None)]);
    let begin = |way| health.begin(&route("a"), way, at(0));
    let mut waiting: Vec<_> = (0..20).filter_map(|_| begin(greedy).ok()).collect();
    assert_eq!(waiting.len(), 8);
    let busy = Unfit { why: Why::Busy, wait: Some(secs(1)) };
    assert_eq!(health.fit(&route("a"), greedy, at(0)), Err(busy));
    waiting.extend(others.map(|way| begin(way).expect("room for who comes")));
    assert_eq!(begin(other(None)).map(drop), Err(busy), "ten wait");
    waiting.truncate(4);
    assert!(begin(greedy).is_ok());
    drop(waiting);
    assert_eq!(health.unwell.load(Ordering::SeqCst), 0);
}

#[test]
fn a_withdrawn_route_waits_for_an_operator() {
    let health = Arc::new(Health::default());
    attempt(&health, "a", None, Sign::Elsewhere, at(0));
    assert_eq!(health.withdrawn(), [route("a")]);
    assert_eq!(health.fit(&route("a"), way(None), at(1_000_000)), Err(Unfit { why: Why::Withdrawn, wait: None }));
    assert!(health.due(at(1_000_000)).is_empty());
    assert!(health.accept(&route("a")));
    attempt(&health, "a", None, Sign::Unreachable, at(0));
    assert!(!health.accept(&route("a")), "it is ejected, and not withdrawn");
    assert_eq!(why(&health, "a", None, at(0)), None);
    assert_eq!(health.unwell.load(Ordering::SeqCst), 0);
}

#[test]
fn a_clock_that_was_set_back_ends_a_rest() {
    let (health, key) = (Arc::new(Health::default()), Some(CredentialId::new()));
    attempt(&health, "a", key, Sign::RateLimited(Some(secs(600))), at(0));
    attempt(&health, "b", None, Sign::Unreachable, at(0));
    let a_little = at(0).saturating_sub(SignedDuration::from_millis(300)).expect("a time");
    let unfit = health.fit(&route("a"), way(key), a_little).expect_err("requests that read the clock in another order");
    assert_eq!(unfit.wait, Some(secs(600)), "no longer than was meant");
    assert_eq!(why(&health, "a", key, at(-3_600)), None);
    assert_eq!(health.next_due(at(-3_600)), Some(Duration::ZERO));
}

#[test]
fn there_is_news_of_what_is_ejected_or_withdrawn_alone() {
    let heard = |news: &watch::Receiver<()>| news.has_changed().expect("a sender");
    let health = Arc::new(Health::default());
    let news = health.news();
    attempt(&health, "a", None, Sign::Good, at(0));
    drop(health.begin(&route("a"), way(None), at(0)));
    assert!(!heard(&news));
    attempt(&health, "a", None, Sign::Unreachable, at(0));
    assert!(heard(&news));
    let news = health.news();
    health.withdraw(&route("b"));
    assert!(heard(&news));
}

#[derive(Debug, Clone)]
enum Step {
    Begin(usize),
    Answers(usize),
    End(usize, Sign),
    Drop(usize),
    Probe(Probed),
    /// Seconds.
    Pass(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let asked = prop::option::of((1_u64..100).prop_map(secs));
    let sign = prop_oneof![
        Just(Sign::Good),
        Just(Sign::Fault),
        Just(Sign::Unreachable),
        Just(Sign::Row),
        Just(Sign::Account),
        Just(Sign::Forbidden),
        asked.clone().prop_map(Sign::RateLimited),
        Just(Sign::Nothing),
    ];
    let probed = prop_oneof![
        Just(Probed::Lives),
        Just(Probed::Fault),
        Just(Probed::Refused),
        asked.prop_map(Probed::RateLimited)
    ];
    let step = prop_oneof![
        4 => (0_usize..4).prop_map(Step::Begin),
        1 => (0_usize..8).prop_map(Step::Answers),
        4 => (0_usize..8, sign).prop_map(|(which, sign)| Step::End(which, sign)),
        1 => (0_usize..8).prop_map(Step::Drop),
        2 => probed.prop_map(Step::Probe),
        3 => (0_u64..90).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Four organizations with three credentials at one route, in any order of events. A rest that a host asked for is never
    /// broken; whatever happened, the route is open for everybody after a bounded time of probes and attempts that go well.
    #[test]
    fn a_rest_is_kept_and_everything_heals(steps in steps()) {
        let health = Arc::new(Health::new(6));
        let keys = [None, Some(CredentialId::new()), Some(CredentialId::new())];
        let ways = [0, 1, 2, 2].map(|key| (key, other(keys[key])));
        let (mut now, mut trials) = (at(0), Vec::new());
        let mut asked: BTreeMap<usize, Timestamp> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Begin(at) => match health.begin(&route("a"), ways[at].1, now) {
                    Ok(trial) => {
                        let key = ways[at].0;
                        prop_assert!(asked.get(&key).is_none_or(|until| now >= *until), "a rest was broken");
                        trials.push((key, trial));
                    }
                    Err(unfit) => prop_assert!(unfit.wait.is_some_and(|wait| wait <= secs(3_600))),
                },
                Step::Answers(which) => if let Some((_, trial)) = trials.get_mut(which) { trial.answers() },
                Step::End(which, sign) if which < trials.len() => {
                    let (key, trial) = trials.remove(which);
                    if let Sign::RateLimited(Some(rest)) = sign {
                        let until = now.saturating_add(rest).expect("a time");
                        asked.entry(key).and_modify(|known| *known = until.max(*known)).or_insert(until);
                    }
                    trial.end(sign, now);
                }
                Step::Drop(which) if which < trials.len() => drop(trials.remove(which)),
                Step::End(..) | Step::Drop(_) => {}
                Step::Probe(probed) => {
                    for due in health.due(now) {
                        let key = keys.iter().position(|key| *key == due.credential).expect("a key");
                        let Some(probe) = health.probe(&due, now) else { continue };
                        prop_assert!(asked.get(&key).is_none_or(|until| now >= *until), "a probe broke a rest");
                        if let Probed::RateLimited(Some(rest)) = probed {
                            asked.insert(key, now.saturating_add(rest).expect("a time"));
                        }
                        probe.end(probed, now);
                    }
                }
                Step::Pass(seconds) => now = now.saturating_add(secs(seconds)).expect("a time"),
            }
        }
        drop(trials);
        for _ in 0..3 {
            now = now.saturating_add(secs(100)).expect("a time");
            probe(&health, Probed::Lives, now);
            for (_, way) in ways {
                if let Ok(trial) = health.begin(&route("a"), way, now) {
                    trial.end(Sign::Good, now);
                }
            }
        }
        prop_assert_eq!(health.unwell.load(Ordering::SeqCst), 0);
        prop_assert!(ways.iter().all(|(_, way)| health.fit(&route("a"), *way, now).is_ok()));
    }

    /// However often it fails, a route is probed within a minute; and nobody is let in before.
    #[test]
    fn a_rest_is_between_a_second_and_a_minute(rests in 0_u32..200, jitter in 0.0_f64..1.0) {
        prop_assert!((secs(1)..=secs(60)).contains(&rest(rests, jitter)));
    }

    /// Whatever the clock says after a rest has begun, nobody waits for longer than was asked; and nobody is let in
    /// between its beginning and its end.
    #[test]
    fn no_clock_makes_a_rest_longer(asked in 1_u64..3_600, then in -100_000_i64..100_000) {
        let health = Arc::new(Health::default());
        attempt(&health, "a", None, Sign::RateLimited(Some(secs(asked))), at(0));
        let lasts = (-1..i64::try_from(asked).expect("small")).contains(&then);
        match health.fit(&route("a"), way(None), at(then)) {
            Ok(()) => prop_assert!(!lasts),
            Err(unfit) => prop_assert!(lasts && unfit.wait.is_some_and(|wait| wait <= secs(asked))),
        }
    }

    /// Of all that begin at a route on trial, one gets through.
    #[test]
    fn a_trial_is_for_one(others in 1_usize..50) {
        let health = Arc::new(Health::default());
        attempt(&health, "a", None, Sign::Unreachable, at(0));
        probe(&health, Probed::Lives, at(2));
        let begun: Vec<_> = (0..others).filter_map(|_| health.begin(&route("a"), way(None), at(2)).ok()).collect();
        prop_assert_eq!(begun.len(), 1);
    }
}
