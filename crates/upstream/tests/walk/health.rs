//! What hosts in trouble are asked, and how they come back.

use std::time::Duration;

use phi_record::{Ended, Status};
use phi_simulate::{Fault, Host};
use phi_upstream::{Restraint, Upstream};
use phi_words::{Code, RequestId, Wait};

use crate::world::World;
use crate::{LONG, refused, take};

const SECOND: Duration = Duration::from_secs(1);

/// The route that answers, to the end of its answer.
async fn answers(world: &World, stream: bool) -> String {
    let reply = world.ask(RequestId::new(), stream).await.expect("a reply");
    let route = reply.route.to_string();
    take(reply).await.expect("an answer");
    route
}

/// What the caller is told instead of an answer: the code, when to come again, and how many attempts were made.
async fn refusal(world: &World) -> (Code, Option<u64>, u32) {
    let failure = refused(world.ask(RequestId::new(), false).await);
    let attempts = failure.receipt.expect("a receipt").attempts;
    (failure.refusal.code, failure.refusal.wait.map(Wait::seconds), attempts)
}

/// How many attempts at a route ended so.
fn ended(upstream: &Upstream, route: &str, ended: Ended) -> u64 {
    let all = upstream.attempts();
    all.iter().find(|(id, end, _)| id.as_str() == route && *end == ended).map_or(0, |(.., count)| *count)
}

#[tokio::test]
async fn a_host_that_asks_for_a_rest_gets_all_of_it_and_then_one_request() {
    let world = World::new(2, &[]).await;
    world.hosts[0].next([Fault::status(429).retry_after("5")]);
    for _ in 0..10 {
        assert_eq!(answers(&world, false).await, "r1");
    }
    world.clock.advance(4 * SECOND);
    assert_eq!(answers(&world, true).await, "r1");
    assert_eq!(world.seen(), [1, 11]);
    world.clock.advance(SECOND);
    assert_eq!(answers(&world, false).await, "r0");
    assert_eq!(answers(&world, true).await, "r0");
    assert_eq!(ended(&world.upstream, "r0", Ended::RateLimited), 1);
    assert_eq!(ended(&world.upstream, "r0", Ended::Ok), 2);
}

#[tokio::test]
async fn hosts_that_fail_are_left_alone_and_come_back_by_themselves() {
    let world = World::new(3, &[]).await;
    let reset = Fault::Reset { after: None };
    for (host, fault) in world.hosts.iter().zip([Fault::status(500), reset, Fault::status(503)]) {
        host.always(Some(fault));
    }
    for _ in 0..3 {
        assert_eq!(refusal(&world).await, (Code::UpstreamFailed, None, 3));
    }
    for _ in 0..50 {
        assert_eq!(refusal(&world).await, (Code::UpstreamUnavailable, Some(3), 0));
    }
    assert_eq!(world.seen(), [3, 3, 3], "no storm");
    world.clock.advance(2 * SECOND);
    assert_eq!(world.probe().await, 3);
    assert_eq!(world.seen(), [4, 4, 4], "one probe each, and no request before it went well");
    assert_eq!(refusal(&world).await.0, Code::UpstreamUnavailable);
    world.hosts.iter().for_each(Host::behave);
    world.clock.advance(3 * SECOND);
    assert_eq!(world.probe().await, 3);
    for _ in 0..3 {
        assert_eq!(answers(&world, false).await, "r0");
    }
    assert!(world.seen()[0] == 8 && world.seen()[1..] == [5, 5], "{:?}", world.seen());
}

#[tokio::test]
async fn a_host_that_is_gone_costs_one_attempt() {
    let world = World::new(2, &[]).await;
    world.hosts[0].shut();
    for _ in 0..5 {
        assert_eq!(answers(&world, false).await, "r1");
    }
    assert_eq!(ended(&world.upstream, "r0", Ended::Connect), 1);
    world.clock.advance(2 * SECOND);
    assert_eq!(world.probe().await, 1);
    assert_eq!(world.probe().await, 0, "the next one comes later");
    world.hosts[0].open();
    let opened = async {
        while tokio::net::TcpStream::connect(world.hosts[0].address()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(LONG, opened).await.expect("an open port");
    world.clock.advance(3 * SECOND);
    assert_eq!(world.probe().await, 1);
    assert_eq!(answers(&world, false).await, "r0");
}

#[tokio::test]
async fn a_probe_carries_the_key_and_nothing_else() {
    let world = World::new(1, &[]).await;
    world.hosts[0].next([Fault::status(401)]);
    assert_eq!(refusal(&world).await, (Code::UpstreamFailed, None, 1));
    assert_eq!(refusal(&world).await, (Code::UpstreamUnavailable, Some(3), 0), "a wrong key is not shown again");
    world.hosts[0].forget();
    world.clock.advance(2 * SECOND);
    world.hosts[0].next([Fault::status(401)]);
    assert_eq!(world.probe().await, 1);
    assert_eq!(refusal(&world).await.0, Code::UpstreamUnavailable, "the host said no again");
    world.clock.advance(3 * SECOND);
    assert_eq!(world.probe().await, 1);
    let probe = world.hosts[0].seen().remove(0);
    assert!(probe.head.starts_with(b"GET /0/v1/models HTTP/1.1\r\n") && probe.body.is_empty(), "{probe:?}");
    assert_eq!(probe.header("authorization").as_deref(), Some("Bearer sk-h0"));
    assert_eq!((probe.header("content-type"), probe.header("content-length")), (None, None));
    assert_eq!(answers(&world, false).await, "r0");
}

#[tokio::test]
async fn who_is_on_trial_takes_one_request_and_who_leaves_gives_the_place_back() {
    let world = World::new(2, &[]).await;
    world.hosts[0].next([Fault::status(404)]);
    assert_eq!(answers(&world, false).await, "r1");
    world.clock.advance(2 * SECOND);
    assert_eq!(world.probe().await, 1);
    world.hosts[0].forget();
    world.hosts[0].next([Fault::Stall { after: None }]);
    let id = RequestId::new();
    let meanwhile = async {
        assert!(world.hosts[0].wait_for(LONG, |seen| seen.len() == 1).await.is_some());
        for _ in 0..3 {
            assert_eq!(answers(&world, true).await, "r1", "one at a time");
        }
    };
    tokio::select! {
        reply = world.ask(id, true) => panic!("a host that stalls has answered: {reply:?}"),
        () = meanwhile => {}
    }
    assert_eq!(world.closed(id).await.status, Status::CallerLeft);
    assert_eq!(world.seen()[0], 1);
    assert_eq!(answers(&world, true).await, "r0", "who left said nothing of the host");
    assert_eq!(ended(&world.upstream, "r0", Ended::CallerLeft), 1);
}

#[tokio::test]
async fn streams_that_are_cut_eject_and_those_that_end_well_count() {
    let world = World::new(2, &[]).await;
    let cut = || Fault::Cut { after: Some(4) };
    for faults in [vec![cut(), cut()], Vec::new(), vec![cut(), cut(), cut()]] {
        let good = faults.is_empty();
        for _ in 0..faults.len().max(1) {
            world.hosts[0].next(faults.first().cloned());
            let reply = world.ask(RequestId::new(), true).await.expect("a reply");
            assert_eq!(reply.route.as_str(), "r0");
            assert_eq!(take(reply).await.is_ok(), good);
        }
    }
    assert_eq!(answers(&world, true).await, "r1");
    assert_eq!(ended(&world.upstream, "r0", Ended::Truncated) + ended(&world.upstream, "r0", Ended::Broken), 5);
}

#[tokio::test]
async fn a_host_that_stalls_holds_no_more_than_its_share() {
    let world = World::within(2, &[], Restraint { waiting: 2, ..Restraint::default() }).await;
    world.hosts[0].always(Some(Fault::Stall { after: None }));
    let stalled = async { tokio::join!(world.ask(RequestId::new(), true), world.ask(RequestId::new(), true)) };
    let others = async {
        assert!(world.hosts[0].wait_for(LONG, |seen| seen.len() == 2).await.is_some());
        for _ in 0..3 {
            assert_eq!(answers(&world, false).await, "r1");
        }
        world.seen()
    };
    tokio::select! {
        biased;
        seen = others => assert_eq!(seen, [2, 3]),
        both = stalled => panic!("the others had to wait: {both:?}"),
    }
}

#[tokio::test]
async fn a_route_that_answered_from_elsewhere_waits_for_an_operator() {
    let world = World::new(2, &[]).await;
    world.hosts[0].next([Fault::Region { name: "West Europe".to_owned() }]);
    assert_eq!(refusal(&world).await, (Code::UpstreamFailed, None, 1));
    world.clock.advance(1_000_000 * SECOND);
    assert_eq!((world.probe().await, answers(&world, false).await.as_str()), (0, "r1"));
    let health = world.upstream.health();
    assert_eq!(health.withdrawn(), ["r0".parse().expect("a route")]);
    assert!(health.accept(&health.withdrawn()[0]));
    assert_eq!(answers(&world, false).await, "r0");
}

#[tokio::test]
async fn further_attempts_stay_within_their_budget() {
    let none = Restraint { retry_percent: 0, retry_reserve: 0, ..Restraint::default() };
    let world = World::within(2, &[], none).await;
    world.hosts[0].next([Fault::status(500), Fault::status(400)]);
    assert_eq!(refusal(&world).await, (Code::UpstreamUnavailable, Some(1), 1));
    assert_eq!(refusal(&world).await, (Code::UpstreamRejected, None, 1), "a final answer is told as it is");
    assert_eq!((world.seen(), world.upstream.retries_refused()), (vec![2, 0], 1));
    let world = World::within(2, &[], none).await;
    world.hosts[0].next([Fault::Reset { after: None }, Fault::Malformed { after: 0 }]);
    for _ in 0..2 {
        let told = (Code::UpstreamFailed, None, 1);
        assert_eq!(refusal(&world).await, told, "a host that may charge for it is not asked again at once");
    }

    let half = Restraint { retry_percent: 50, retry_reserve: 0, ..Restraint::default() };
    let world = World::within(2, &[], half).await;
    world.hosts[0].next([Fault::status(500)]);
    assert_eq!(refusal(&world).await.0, Code::UpstreamUnavailable);
    world.hosts[0].next([Fault::status(500)]);
    assert_eq!(answers(&world, false).await, "r1", "two first attempts have paid for a further one");
}

#[tokio::test]
async fn no_route_is_tried_twice_for_one_call() {
    let world = World::new(2, &[]).await;
    world.hosts.iter().for_each(|host| host.always(Some(Fault::status(500))));
    let failure = refused(world.ask_for("twice", RequestId::new(), false).await);
    assert_eq!(failure.receipt.expect("a receipt").attempts, 1);
    assert_eq!(world.seen(), [1, 0]);
}
