//! The walk along a plan, against hosts that misbehave, with a real ledger.

mod health;
mod world;

use std::time::Duration;

use phi_record::{Ended, Incident, Obstacle, Outcome, Reach, Status};
use phi_simulate::{Ended as Seen, Fault, Http, Says, Shape};
use phi_upstream::{Answer, Failure, Reply};
use phi_words::{Code, Quality, RequestId, Wait};
use world::{CANARY, World};

/// How soon a host must be let go when its caller leaves, and how long no machine needs.
const SOON: Duration = Duration::from_secs(1);
const LONG: Duration = Duration::from_secs(30);

/// Reads a reply to its end as the gateway does, and closes its entry.
async fn take(reply: Reply) -> Result<String, Code> {
    let Reply { mut entry, answer, .. } = reply;
    let (text, outcome) = match answer {
        Answer::Whole { body, .. } => (String::from_utf8_lossy(body.expose_bytes()).into_owned(), Ok(())),
        Answer::Stream(mut frames) => {
            let mut text = String::new();
            let ended = loop {
                match frames.next().await {
                    Ok(Some(frame)) => text.push_str(&String::from_utf8_lossy(frame.expose_bytes())),
                    Ok(None) => break Ok(()),
                    Err(refusal) => break Err(refusal.code),
                }
            };
            frames.measure(&mut entry.meter);
            frames.incident().into_iter().for_each(|incident| entry.incident(incident));
            (text, ended)
        }
        Answer::Flow(mut flow) => {
            let mut text = String::new();
            let ended = loop {
                match flow.next().await {
                    Ok(Some(piece)) => text.push_str(&String::from_utf8_lossy(piece.expose_bytes())),
                    Ok(None) => break Ok(()),
                    Err(refusal) => break Err(refusal.code),
                }
            };
            flow.measure(&mut entry.meter);
            flow.incident().into_iter().for_each(|incident| entry.incident(incident));
            (text, ended)
        }
    };
    match outcome {
        Ok(()) => drop(entry.close(Outcome::Answered).await),
        Err(code) => drop(entry.close(Outcome::Truncated(code)).await),
    }
    outcome.map(|()| text)
}

fn refused(result: Result<Reply, Failure>) -> Failure {
    let failure = result.expect_err("a refusal");
    let shown = format!("{failure:?}");
    assert!(!shown.contains(CANARY) && !shown.contains("leaked"), "{shown}");
    failure
}

#[tokio::test]
async fn the_first_route_that_answers_is_the_last_that_is_asked() {
    let world = World::new(3, &[]).await;
    let id = RequestId::new();
    let reply = world.ask(id, false).await.expect("a reply");
    assert_eq!((reply.route.as_str(), reply.tools), ("r0", Some(true)));
    assert!(take(reply).await.expect("an answer").contains("\"model\":\"p0/m\""));
    assert_eq!(world.seen(), [1, 0, 0]);
    let seen = world.hosts[0].seen().remove(0);
    assert_eq!(seen.path(), "/0/v1/chat/completions");
    assert_eq!(seen.header("authorization").as_deref(), Some("Bearer sk-h0"));
    assert_eq!(seen.json()["model"], "shared");
    let closed = world.closed(id).await;
    assert_eq!((closed.status, closed.quality), (Status::Answered, Quality::Verified));
    assert_eq!((closed.attempts[0].ended, closed.attempts[0].reach), (Ended::Ok, Reach::Answered));
    assert!(closed.usage.input > 0 && closed.list_cost.micros() > 0 && closed.charge[0].micro_usd > closed.list_cost);
}

#[tokio::test]
async fn a_host_that_fails_is_followed_by_the_next() {
    use Ended::{Account, Broken, HostError, Malformed, RateLimited, Redirect, Row, Timeout, Truncated};
    let row_fault = Fault::status(422).shape(Shape::Flat).error("model_not_found", "The model `x` does not exist");
    let table = [
        (false, Fault::status(401), Account),
        (false, Fault::status(402), Account),
        (false, Fault::status(403), Account),
        (false, Fault::status(404), Row),
        (false, Fault::status(408), Timeout),
        (false, Fault::status(412), Account),
        (false, row_fault, Row),
        (true, Fault::status(429).retry_after("7"), RateLimited),
        (true, Fault::status(500).shape(Shape::Html), HostError),
        (true, Fault::status(503).shape(Shape::Empty), HostError),
        (true, Fault::Redirect { code: 307, to: "https://h1.host.test/".to_owned() }, Redirect),
        (true, Fault::Reset { after: None }, Broken),
        (true, Fault::Stall { after: None }, Timeout),
        (true, Fault::Stall { after: Some(1) }, Timeout),
        (true, Fault::Cut { after: Some(1) }, Truncated),
        (true, Fault::ErrorFrame { after: 1 }, HostError),
        (true, Fault::Malformed { after: 1 }, Malformed),
        (true, Fault::NotUtf8, Malformed),
        (true, Fault::LongLine { bytes: 10 << 20 }, Malformed),
        (true, Fault::LongHead { bytes: 200_000 }, Malformed),
        (true, Fault::Encoded, Malformed),
        (false, Fault::WrongLength { by: 9 }, Truncated),
        (false, Fault::WrongLength { by: -9 }, Malformed),
        (false, Fault::Malformed { after: 0 }, Malformed),
        (false, Fault::Empty, Malformed),
    ];
    for http in [Http::One, Http::Two] {
        each_is_followed(http, &table).await;
    }
}

async fn each_is_followed(http: Http, table: &[(bool, Fault, Ended)]) {
    let world = World::by(http, 2, &[]).await;
    for (stream, fault, ended) in table.iter().cloned() {
        // By HTTP/2, what is not as long as it said is no HTTP.
        let is_mismeasured = http == Http::Two && matches!(fault, Fault::WrongLength { .. });
        let ended = if is_mismeasured { Ended::Malformed } else { ended };
        let case = format!("{http:?} {fault:?}");
        world.afresh();
        world.hosts[0].next([fault]);
        let id = RequestId::new();
        let reply = world.ask(id, stream).await.expect(&case);
        assert_eq!(reply.route.as_str(), "r1", "{case}");
        take(reply).await.expect(&case);
        let closed = world.closed(id).await;
        assert_eq!(closed.attempts.len(), 2, "{case}");
        assert_eq!(closed.attempts[0].ended, ended, "{case}");
        assert!(closed.attempts[0].reach >= Reach::Sent, "{case}");
        assert_eq!(closed.route.as_ref().map(|route| route.as_str()), Some("r1"), "{case}");
        assert_eq!(world.seen(), [1, 1], "{case}");
    }
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_or_shown_a_key_was_sent_nothing() {
    let world = World::new(3, &[1]).await;
    world.hosts[0].shut();
    while tokio::net::TcpStream::connect(world.hosts[0].address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    let id = RequestId::new();
    let reply = world.ask(id, false).await.expect("a reply");
    assert_eq!(reply.route.as_str(), "r2");
    take(reply).await.expect("an answer");
    let attempts = world.closed(id).await.attempts;
    let told: Vec<_> = attempts.iter().map(|attempt| (attempt.ended, attempt.reach, attempt.obstacle)).collect();
    let refused = (Ended::Connect, Reach::NotSent, Some(Obstacle::Refused));
    assert_eq!(told[..2], [refused, (Ended::NoKey, Reach::NotSent, None)]);
    assert_eq!(world.seen(), [0, 0, 1]);
}

#[tokio::test]
async fn a_request_that_is_refused_for_its_content_goes_no_further() {
    let sentence =
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.";
    let table = [
        (Fault::status(400), Code::UpstreamRejected),
        (Fault::status(422).shape(Shape::Flat), Code::UpstreamRejected),
        (Fault::status(400).shape(Shape::Html), Code::UpstreamRejected),
        (Fault::status(400).error("context_length_exceeded", sentence), Code::ContextLengthExceeded),
        (Fault::status(400).error("content_filter", CANARY), Code::ContentFiltered),
    ];
    let world = World::new(2, &[]).await;
    for (fault, code) in table {
        let case = format!("{fault:?}");
        world.hosts[0].next([fault]);
        let id = RequestId::new();
        let failure = refused(world.ask(id, false).await);
        assert_eq!(failure.refusal.code, code, "{case}");
        let receipt = failure.receipt.expect("a receipt");
        assert_eq!((receipt.attempts, receipt.cost.micros()), (1, 0), "{case}");
        let closed = world.closed(id).await;
        assert_eq!((closed.status, closed.code), (Status::Failed, Some(code)), "{case}");
        assert_eq!(world.seen()[1], 0, "{case}");
    }
}

#[tokio::test]
async fn when_no_route_is_left_the_caller_hears_why() {
    let world = World::new(2, &[]).await;
    let limited = |after: &str| Fault::status(429).retry_after(after);
    let table = [
        ([limited("30"), limited("7")], Code::UpstreamUnavailable, Some(7)),
        ([limited("30"), Fault::status(500)], Code::UpstreamFailed, None),
        ([Fault::status(500), Fault::Stall { after: None }], Code::UpstreamTimeout, None),
        ([Fault::status(500), Fault::Cut { after: Some(1) }], Code::UpstreamTruncated, None),
        ([Fault::Stall { after: None }, Fault::status(401)], Code::UpstreamFailed, None),
    ];
    for (faults, code, wait) in table {
        let case = format!("{faults:?}");
        world.afresh();
        for (host, fault) in world.hosts.iter().zip(faults) {
            host.next([fault]);
        }
        let failure = refused(world.ask(RequestId::new(), true).await);
        assert_eq!((failure.refusal.code, failure.refusal.wait.map(Wait::seconds)), (code, wait), "{case}");
        assert_eq!(failure.receipt.expect("a receipt").attempts, 2, "{case}");
    }
}

#[tokio::test]
async fn a_stream_that_breaks_after_its_first_word_is_not_begun_again() {
    let world = World::new(2, &[]).await;
    let faults = [
        Fault::Cut { after: Some(4) },
        Fault::Reset { after: Some(4) },
        Fault::Stall { after: Some(4) },
        Fault::ErrorFrame { after: 4 },
        Fault::Malformed { after: 4 },
        Fault::NoDone,
    ];
    for fault in faults {
        let case = format!("{fault:?}");
        world.afresh();
        world.hosts[0].says(Says { gap: Duration::from_millis(5), ..Says::default() });
        world.hosts[0].next([fault]);
        let id = RequestId::new();
        let reply = world.ask(id, true).await.expect(&case);
        assert_eq!(take(reply).await, Err(Code::UpstreamTruncated), "{case}");
        let closed = world.closed(id).await;
        assert_eq!((closed.status, closed.attempts[0].ended), (Status::Truncated, Ended::Truncated), "{case}");
        assert!(closed.usage.output > 0 && !closed.charge.is_empty(), "{case}: what was delivered is charged");
        assert_eq!(world.seen(), [1, 0], "{case}");
    }
}

#[tokio::test]
async fn a_caller_who_leaves_takes_the_host_along() {
    let world = World::new(2, &[]).await;
    // In the middle of the answer.
    world.hosts[0].next([Fault::Stall { after: Some(4) }]);
    let id = RequestId::new();
    let Reply { entry, answer, .. } = world.ask(id, true).await.expect("a reply");
    drop((entry, answer));
    let hung_up = world.hosts[0].wait_for(SOON, |seen| seen.iter().any(|one| one.ended == Seen::HungUp)).await;
    assert!(hung_up.is_some(), "{:?}", world.hosts[0].seen());
    assert_eq!(world.closed(id).await.status, Status::CallerLeft);
    // Before its first word.
    world.hosts[0].forget();
    world.hosts[0].next([Fault::Stall { after: None }]);
    let id = RequestId::new();
    tokio::select! {
        reply = world.ask(id, true) => panic!("a host that stalls has answered: {reply:?}"),
        seen = world.hosts[0].wait_for(LONG, |seen| seen.len() == 1) => assert!(seen.is_some()),
    }
    let hung_up = world.hosts[0].wait_for(SOON, |seen| seen.iter().any(|one| one.ended == Seen::HungUp)).await;
    assert!(hung_up.is_some(), "{:?}", world.hosts[0].seen());
    let closed = world.closed(id).await;
    assert_eq!((closed.status, closed.attempts[0].reach), (Status::CallerLeft, Reach::Sent));
    assert_eq!((closed.quality, closed.usage.output), (Quality::Estimated, 0));
    assert_eq!(world.seen()[1], 0, "nobody else is asked for who has left");
}

#[tokio::test]
async fn a_place_that_usage_tells_ends_the_answer_as_soon_as_it_is_told() {
    let world = World::new(2, &[]).await;
    let geo = |name: &str, early| Fault::Geo { name: name.to_owned(), early };
    // A whole answer, and a stream whose first frame tells: nothing reaches the caller, and nobody else is asked.
    for (stream, fault) in [(false, geo("us", false)), (false, geo("global", false)), (true, geo("us", true))] {
        world.afresh();
        let before = world.seen();
        world.hosts[0].next([fault]);
        let id = RequestId::new();
        assert_eq!(refused(world.ask(id, stream).await).refusal.code, Code::UpstreamFailed);
        let closed = world.closed(id).await;
        assert!(matches!(closed.incidents[..], [Incident::Region { .. }]), "{:?}", closed.incidents);
        assert_eq!(closed.attempts[0].ended, Ended::Mismatch);
        assert_eq!(world.seen(), [before[0] + 1, before[1]]);
    }
    // A stream that tells at its end, when content has left: it has no end.
    world.afresh();
    world.hosts[0].says(Says { gap: Duration::from_millis(5), ..Says::default() });
    world.hosts[0].next([geo("us", false)]);
    let id = RequestId::new();
    let reply = world.ask(id, true).await.expect("a reply");
    assert_eq!(take(reply).await, Err(Code::UpstreamFailed));
    let closed = world.closed(id).await;
    assert!(matches!(closed.incidents[..], [Incident::Region { .. }]), "{:?}", closed.incidents);
    assert_eq!(closed.status, Status::Truncated);
}

#[tokio::test]
async fn an_answer_from_elsewhere_ends_the_walk_and_one_of_another_model_does_not() {
    let world = World::new(2, &[]).await;
    for stream in [false, true] {
        world.afresh();
        world.hosts[0].next([Fault::Region { name: "West Europe".to_owned() }]);
        let id = RequestId::new();
        assert_eq!(refused(world.ask(id, stream).await).refusal.code, Code::UpstreamFailed);
        let closed = world.closed(id).await;
        assert!(matches!(closed.incidents[..], [Incident::Region { .. }]), "{:?}", closed.incidents);
        assert_eq!(closed.attempts[0].ended, Ended::Mismatch);
        assert_eq!(world.seen(), [1, 0]);
    }
    world.afresh();
    world.hosts[0].next([Fault::Region { name: "Switzerland North".to_owned() }]);
    take(world.ask(RequestId::new(), false).await.expect("a reply")).await.expect("an answer");
    for stream in [false, true] {
        world.hosts[0].next([Fault::Model { name: "another".to_owned() }]);
        let id = RequestId::new();
        let text = take(world.ask(id, stream).await.expect("a reply")).await.expect("an answer");
        assert!(text.contains("p0/m") && !text.contains("another"), "{text}");
        assert!(matches!(world.closed(id).await.incidents[..], [Incident::Model { .. }]));
    }
}
