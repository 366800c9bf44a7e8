use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).expect("a time")
}

fn route(name: &str) -> RouteId {
    name.parse().expect("a route")
}

fn why(health: &Health, name: &str, credential: Option<CredentialId>, now: Timestamp) -> Option<Why> {
    health.fit(&route(name), credential, now).err().map(|unfit| unfit.why)
}

fn attempt(health: &Arc<Health>, name: &str, credential: Option<CredentialId>, sign: Sign, now: Timestamp) {
    health.begin(&route(name), credential, now).expect("a fit route").end(sign, now);
}

#[test]
fn the_first_probe_comes_after_a_second_and_the_trial_opens() {
    let health = Arc::new(Health::default());
    for _ in 0..3 {
        assert_eq!(why(&health, "a", None, at(0)), None);
        attempt(&health, "a", None, Sign::Fault, at(0));
    }
    assert_eq!(why(&health, "a", None, at(0)), Some(Why::Ejected));
    assert_eq!(why(&health, "b", None, at(0)), None);
    assert!(health.due(at(0)).is_empty());
    let due = health.due(at(2)).pop().expect("due");
    assert_eq!(why(&health, "a", None, at(2)), Some(Why::Ejected), "a probe decides, not the time");
    let probe = health.probe(&due, at(2)).expect("a probe");
    assert!(health.probe(&due, at(2)).is_none(), "one at a time");
    probe.end(Probed::Lives, at(2));
    let trial = health.begin(&route("a"), None, at(2)).expect("a trial");
    assert_eq!(why(&health, "a", None, at(2)), Some(Why::Trial));
    trial.end(Sign::Good, at(2));
    assert_eq!(why(&health, "a", None, at(2)), None);
    assert_eq!(health.unwell.load(Ordering::SeqCst), 0);
}
