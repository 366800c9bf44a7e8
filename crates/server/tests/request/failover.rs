//! What follows a host's failure: the next route of the plan, or an end in our own words.

use std::time::Duration;

use phi_record::entry::{Ended, Incident, Obstacle, Reach, Status};
use phi_simulate::{Ca, Fault, Host, Shape};
use phi_upstream::Deadlines;
use serde_json::json;

use crate::ask::{Ask, SECRET, streamed};
use crate::setup::Setup;
use crate::stand::Stand;

const TEXT: &str = "every word of this answer is simulated";

/// Faults before the first content, after which the next route is tried; how the attempt ends where the answer is
/// asked for whole, and where it is streamed.
fn faults() -> Vec<(Fault, Ended, Ended)> {
    let alike = |fault, ended| (fault, ended, ended);
    let status = |code, ended| alike(Fault::status(code), ended);
    vec![
        status(401, Ended::Account),
        status(402, Ended::Account),
        status(403, Ended::Account),
        status(412, Ended::Account),
        status(404, Ended::Row),
        status(408, Ended::Timeout),
        status(429, Ended::RateLimited),
        status(500, Ended::HostError),
        status(502, Ended::HostError),
        status(503, Ended::HostError),
        status(529, Ended::HostError),
        alike(Fault::status(400).error("model_not_found", "no such model"), Ended::Row),
        alike(Fault::status(500).shape(Shape::Html), Ended::HostError),
        alike(Fault::status(503).shape(Shape::Empty), Ended::HostError),
        alike(
            Fault::Redirect { code: 307, to: "https://api.scaleway.ai/v1/chat/completions".to_owned() },
            Ended::Redirect,
        ),
        alike(Fault::Reset { after: None }, Ended::Broken),
        alike(Fault::Cut { after: None }, Ended::Broken),
        (Fault::Cut { after: Some(0) }, Ended::Truncated, Ended::Truncated),
        (Fault::Cut { after: Some(1) }, Ended::Truncated, Ended::Truncated),
        alike(Fault::Malformed { after: 0 }, Ended::Malformed),
        alike(Fault::ErrorFrame { after: 0 }, Ended::HostError),
        (Fault::Empty, Ended::Malformed, Ended::Truncated),
        alike(Fault::NotUtf8, Ended::Malformed),
        alike(Fault::Encoded, Ended::Malformed),
        alike(Fault::LongHead { bytes: 300_000 }, Ended::Malformed),
        alike(Fault::LongLine { bytes: 10 << 20 }, Ended::Malformed),
    ]
}

#[tokio::test]
async fn each_fault_before_the_first_word_is_followed_by_the_next_route() {
    let stand = Stand::up().await;
    for (fault, whole, stream) in faults() {
        for (ask, ended) in [(Ask::chat("alps/m").phi(), whole), (Ask::stream("alps/m").phi(), stream)] {
            stand.afresh();
            stand.host("alps-a").always(Some(fault.clone()));
            let reply = stand.ask(ask).await;
            let is_stream = reply.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
            let text = if is_stream { streamed(&reply.events()) } else { reply.content() };
            assert_eq!((reply.status, text.as_str()), (200, TEXT), "{fault:?}");
            let told = (reply.header("x-phi-attempts"), reply.header("x-phi-routed"));
            assert_eq!(told, (Some("2"), Some("alps-b-m/CH/phi")), "{fault:?}");
            assert_eq!(stand.reached(), ["alps-a", "alps-b"], "{fault:?}: nobody else may see it");
            let closed = stand.closed(reply.id()).await;
            let attempts: Vec<_> =
                closed.attempts.iter().map(|attempt| (attempt.ended, attempt.route.as_str())).collect();
            assert_eq!(attempts, [(ended, "alps-a-m"), (Ended::Ok, "alps-b-m")], "{fault:?} {is_stream}");
            assert!(closed.attempts[0].reach >= Reach::Sent && closed.attempts[1].reach == Reach::Answered);
            assert_eq!((closed.status, closed.host.unwrap().as_str()), (Status::Answered, "alps-b"));
        }
    }
    // Lengths that are stated wrongly show in whole answers alone.
    for (by, ended) in [(10, Ended::Truncated), (-10, Ended::Malformed)] {
        stand.afresh();
        stand.host("alps-a").next([Fault::WrongLength { by }]);
        let reply = stand.ask(Ask::chat("alps/m")).await;
        assert_eq!(reply.content(), TEXT);
        assert_eq!(stand.closed(reply.id()).await.attempts[0].ended, ended, "{by}");
    }
    assert!(!stand.ledger_text().await.contains(SECRET));
}

#[tokio::test]
async fn a_host_that_is_shut_was_not_sent_anything() {
    let stand = Stand::up().await;
    stand.host("alps-a").shut();
    let address = stand.host("alps-a").address();
    crate::stand::wait_until("the port is closed", async || tokio::net::TcpStream::connect(address).await.is_err())
        .await;
    let reply = stand.ask(Ask::chat("alps/m").phi()).await;
    assert_eq!((reply.status, stand.reached()), (200, vec!["alps-b"]));
    let attempts = stand.closed(reply.id()).await.attempts;
    assert_eq!((attempts[0].ended, attempts[0].reach), (Ended::Connect, Reach::NotSent));
    stand.afresh();
    let alone = stand.ask(Ask::chat("alps-a-m")).await;
    assert_eq!(alone.refusal(), (502, "upstream_failed".to_owned()));
    assert_eq!(alone.header("x-should-retry"), None, "nobody had it, so it may be sent again");
    assert_eq!((alone.header("x-phi-cost-micro"), alone.header("x-phi-usage")), (Some("0"), Some("none")));
}

#[tokio::test]
async fn a_host_that_cannot_prove_who_it_is_is_sent_nothing() {
    // Another authority than the one that is trusted signed for it.
    let other = Ca::new().unwrap();
    let imposter = Host::start_tls(other.identity(&["a.alps.example"]).unwrap()).await.unwrap();
    let leads = vec![("a.alps.example", imposter.address())];
    let stand = Setup { leads, ..Setup::default() }.up().await;
    for ask in [Ask::chat("alps/m").phi(), Ask::stream("alps/m")] {
        stand.afresh();
        let reply = stand.ask(ask).await;
        assert_eq!((reply.status, reply.header("x-phi-attempts")), (200, Some("2")));
        let attempt = stand.closed(reply.id()).await.attempts.remove(0);
        assert_eq!((attempt.ended, attempt.reach), (Ended::Connect, Reach::NotSent));
        assert_eq!(attempt.obstacle, Some(Obstacle::Tls));
    }
    assert!(imposter.seen().is_empty(), "{:?}", imposter.seen());
}

#[tokio::test]
async fn a_host_that_says_nothing_is_given_up_in_time() {
    let (second, total) = (Duration::from_secs(1), Duration::from_secs(3));
    let deadlines = Deadlines { connect: second, first_byte: second, idle: second, total };
    let stand = Setup { deadlines, ..Setup::default() }.up().await;
    for ask in [Ask::stream("alps/m"), Ask::chat("alps/m")] {
        stand.afresh();
        stand.host("alps-a").next([Fault::Stall { after: None }]);
        let reply = stand.ask(ask).await;
        assert_eq!((reply.status, stand.reached()), (200, vec!["alps-a", "alps-b"]), "{reply:?}");
        let attempt = stand.closed(reply.id()).await.attempts.remove(0);
        assert_eq!((attempt.ended, attempt.reach), (Ended::Timeout, Reach::Sent));
    }
    stand.afresh();
    stand.host("alps-a").next([Fault::Stall { after: None }]);
    let alone = stand.ask(Ask::stream("alps-a-m")).await;
    assert_eq!(alone.refusal(), (504, "upstream_timeout".to_owned()));
    assert_eq!(alone.header("x-should-retry"), Some("false"), "the host had it");
    assert_eq!(alone.header("x-phi-cost-micro"), Some("0"));
}

#[tokio::test]
async fn a_refusal_that_every_host_would_repeat_ends_the_walk_in_our_words() {
    let stand = Stand::up().await;
    let long = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. \
                Please reduce the length of the messages.";
    let flat = Fault::status(400).shape(Shape::Flat).error(
        "x",
        "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (patient).",
    );
    let infomaniak =
        Fault::status(422).shape(Shape::Infomaniak).error("validation_failed", "the patient's messages are empty");
    for (fault, code, sentence) in [
        (
            Fault::status(400).error("context_length_exceeded", format!("{long} patient 4711")),
            "context_length_exceeded",
            long,
        ),
        (flat, "context_length_exceeded", "maximum context length is 4096 tokens"),
        (Fault::status(400).error("content_filter", "the patient is rude"), "content_filtered", "refused the content"),
        (Fault::status(400), "upstream_rejected", "refused this request"),
        (infomaniak, "upstream_rejected", "refused this request"),
        (Fault::status(409).shape(Shape::Html), "upstream_rejected", "refused this request"),
    ] {
        for ask in [Ask::chat("alps/m"), Ask::stream("alps/m")] {
            stand.afresh();
            stand.host("alps-a").next([fault.clone()]);
            let reply = stand.ask(ask).await;
            assert_eq!(reply.refusal(), (400, code.to_owned()), "{fault:?}");
            let text = reply.text();
            assert!(text.contains(sentence) && !text.contains("patient") && !text.contains("alpine"), "{text}");
            assert_eq!((reply.header("x-phi-attempts"), stand.reached()), (Some("1"), vec!["alps-a"]));
            assert_eq!((reply.header("x-should-retry"), reply.header("x-phi-cost-micro")), (Some("false"), Some("0")));
            let closed = stand.closed(reply.id()).await;
            assert_eq!((closed.status, closed.code.unwrap().as_str()), (Status::Failed, code));
            assert_eq!((closed.attempts[0].ended, closed.charge.len()), (Ended::Rejected, 0));
        }
    }
    assert!(!stand.ledger_text().await.contains("patient"));
}

#[tokio::test]
async fn when_every_host_failed_the_last_one_says_how() {
    let stand = Stand::up().await;
    let status = Fault::status;
    let cut = Fault::Cut { after: Some(0) };
    for (first, last, code, refusal, wait) in [
        (status(429).retry_after("30"), status(429).retry_after("7"), 503, "upstream_unavailable", Some("7")),
        (status(429).retry_after("8"), status(429).retry_after("900"), 503, "upstream_unavailable", Some("8")),
        // Who does not say when is asked again after a second.
        (status(429), status(429).retry_after("900"), 503, "upstream_unavailable", Some("1")),
        (status(429).retry_after("never"), status(429), 503, "upstream_unavailable", Some("1")),
        (status(429).retry_after("30"), status(500), 502, "upstream_failed", None),
        (status(500), status(429).retry_after("30"), 502, "upstream_failed", None),
        (status(500), cut, 502, "upstream_truncated", None),
        (status(500), status(408), 504, "upstream_timeout", None),
        (status(401), status(404), 502, "upstream_failed", None),
    ] {
        for ask in [Ask::chat("alps/m"), Ask::stream("alps/m")] {
            stand.afresh();
            stand.host("alps-a").next([first.clone()]);
            stand.host("alps-b").next([last.clone()]);
            let reply = stand.ask(ask).await;
            assert_eq!(reply.refusal(), (code, refusal.to_owned()), "{first:?} {last:?}");
            assert_eq!((reply.header("retry-after"), reply.header("x-phi-attempts")), (wait, Some("2")));
            assert!(!reply.text().contains("patient"), "{}", reply.text());
            let closed = stand.closed(reply.id()).await;
            assert_eq!((closed.status, closed.code.unwrap().as_str()), (Status::Failed, refusal));
            assert!(closed.charge.is_empty() && closed.usage.tokens() == 0);
        }
    }
}

#[tokio::test]
async fn an_answer_from_elsewhere_is_no_answer_and_no_other_host_is_tried() {
    let stand = Stand::up().await;
    for name in ["westeurope", "nowhere"] {
        for ask in [Ask::chat("alps/m").phi(), Ask::stream("alps/m").phi()] {
            stand.afresh();
            stand.host("alps-a").next([Fault::Region { name: name.to_owned() }]);
            let reply = stand.ask(ask).await;
            assert_eq!(reply.refusal(), (502, "upstream_failed".to_owned()));
            assert!(!reply.text().contains("simulated"), "an answer from elsewhere was delivered");
            assert_eq!(stand.reached(), ["alps-a"]);
            let closed = stand.closed(reply.id()).await;
            assert_eq!(closed.attempts[0].ended, Ended::Mismatch);
            assert!(matches!(closed.incidents[..], [Incident::Region { .. }]), "{:?}", closed.incidents);
        }
    }
    stand.afresh();
    stand.host("alps-a").next([Fault::Region { name: "switzerlandnorth".to_owned() }]);
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 200);
    stand.host("alps-a").next([Fault::Model { name: "another".to_owned() }]);
    let reply = stand.ask(Ask::chat("alps/m")).await;
    assert_eq!((reply.status, &reply.json()["model"]), (200, &json!("alps/m")), "it is delivered");
    let incidents = stand.closed(reply.id()).await.incidents;
    assert!(matches!(incidents[..], [Incident::Model { .. }]), "{incidents:?}");
}
