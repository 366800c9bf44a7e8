//! What goes wrong at a host of another dialect: before the first word the next route is tried, after it the stream ends with
//! an error, and nothing that the host says of it is heard.

use std::time::Duration;

use phi_record::entry::{Ended, Incident, Status};
use phi_simulate::{Ends, Fault, Shape, UsageLie};
use phi_words::Quality;
use serde_json::{Value, json};

use super::{Heard, KINDS, TEXT, ask, streamed, up};
use crate::ask::SECRET;

/// Each way to fail before the first word, and how its attempt ends where the answer is whole, and where it is streamed.
fn before() -> Vec<(Fault, Ended, Ended)> {
    let alike = |fault, ended| (fault, ended, ended);
    let status = |code, ended| alike(Fault::status(code), ended);
    vec![
        status(401, Ended::Account),
        status(402, Ended::Account),
        status(403, Ended::Account),
        status(404, Ended::Row),
        status(408, Ended::Timeout),
        alike(Fault::status(429).retry_after("7"), Ended::RateLimited),
        status(500, Ended::HostError),
        alike(Fault::status(502).shape(Shape::Html), Ended::HostError),
        alike(Fault::status(503).shape(Shape::Empty), Ended::HostError),
        status(504, Ended::HostError),
        status(529, Ended::HostError),
        alike(Fault::Redirect { code: 307, to: "https://a.alps.example/v1/messages".to_owned() }, Ended::Redirect),
        alike(Fault::Reset { after: None }, Ended::Broken),
        alike(Fault::Cut { after: None }, Ended::Broken),
        alike(Fault::Cut { after: Some(0) }, Ended::Truncated),
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
async fn p10_each_fault_before_the_first_word_is_followed_by_a_host_of_another_dialect() {
    let stand = up().await;
    for kind in KINDS {
        for (fault, whole, stream) in before() {
            for (more, ended) in [(json!({}), whole), (streamed(), stream)] {
                stand.afresh();
                // Of too many attempts none is left.
                stand.clock.advance(Duration::from_secs(10));
                stand.host(kind.host).says(kind.plain());
                stand.host(kind.host).always(Some(fault.clone()));
                let reply = stand.ask(ask(&format!("{}-first", kind.host), more)).await;
                assert_eq!(reply.status, 200, "{kind:?} {fault:?}: {}", reply.text());
                assert_eq!(Heard::of(&reply).content, TEXT, "{kind:?} {fault:?}");
                let closed = stand.closed(reply.id()).await;
                let attempts: Vec<_> = closed.attempts.iter().map(|attempt| attempt.ended).collect();
                assert_eq!(attempts, [ended, Ended::Ok], "{kind:?} {fault:?}");
                assert_eq!((closed.status, reply.header("x-phi-attempts")), (Status::Answered, Some("2")));
                assert_eq!(stand.reached(), ["alps-a", kind.host], "{kind:?} {fault:?}: nobody else may see it");
            }
        }
    }
    assert!(!stand.ledger_text().await.contains(SECRET));
}

#[tokio::test]
async fn p10_a_month_s_money_that_is_spent_is_no_rate() {
    let stand = up().await;
    for (host, word) in [("claude", "enforced_spend_limit_reached"), ("gpt", "insufficient_quota")] {
        stand.afresh();
        stand.host(host).always(Some(Fault::status(429).error(word, "no more")));
        let reply = stand.ask(ask(&format!("{host}-first"), json!({}))).await;
        let closed = stand.closed(reply.id()).await;
        let attempts: Vec<_> = closed.attempts.iter().map(|attempt| attempt.ended).collect();
        assert_eq!((reply.status, attempts), (200, vec![Ended::Account, Ended::Ok]), "{host}");
    }
}

#[tokio::test]
async fn p10_google_says_in_its_body_when_to_come_again() {
    let stand = up().await;
    for (delay, wait) in [("34", "34"), ("0.5", "1"), ("86400", "3600")] {
        stand.afresh();
        stand.host("gemini").always(Some(Fault::status(429).retry_after(delay)));
        for attempts in ["1", "0"] {
            let reply = stand.ask(ask("gemini/c", json!({}))).await;
            assert_eq!(reply.refusal(), (503, "upstream_unavailable".to_owned()), "{delay}");
            assert_eq!((reply.header("retry-after"), reply.header("x-phi-attempts")), (Some(wait), Some(attempts)));
        }
    }
}

#[tokio::test]
async fn p11_a_stream_that_is_cut_ends_with_an_error_and_no_terminal_event() {
    let stand = up().await;
    let after = Some(5);
    for kind in KINDS {
        for fault in [
            Fault::Cut { after },
            Fault::Reset { after },
            Fault::Malformed { after: 5 },
            Fault::ErrorFrame { after: 5 },
            Fault::NoDone,
            Fault::WrongLength { by: -200 },
        ] {
            stand.afresh();
            stand.host(kind.host).says(kind.plain());
            stand.host(kind.host).next([fault.clone()]);
            let reply = stand.ask(ask(&format!("{}-first", kind.host), streamed())).await;
            let (said, mut events) = (reply.text(), reply.events());
            let last: Value = serde_json::from_str(&events.pop().unwrap()).unwrap();
            assert_eq!(last["error"]["code"], "upstream_truncated", "{kind:?} {fault:?}: {said}");
            assert!(!said.contains("[DONE]") && !said.contains("patient"), "{kind:?} {fault:?}: {said}");
            let delivered = crate::ask::streamed(&events);
            assert!(TEXT.starts_with(&delivered) && !delivered.is_empty(), "{kind:?} {fault:?}: {said}");
            assert_eq!(stand.reached(), [kind.host], "{fault:?}: no second host after the first word");
            let closed = stand.closed(reply.id()).await;
            assert_eq!((closed.status, closed.code.unwrap().as_str()), (Status::Truncated, "upstream_truncated"));
            if closed.quality == Quality::Estimated {
                assert_eq!(closed.usage.output, delivered.chars().count().div_ceil(4) as u64, "{kind:?} {fault:?}");
            }
            let charged = closed.charge[0].micro_usd.micros();
            assert!(charged > 0 && said.contains(&format!(": x-phi-cost-micro={charged}\n")), "{fault:?}: {said}");
        }
    }
}

#[tokio::test]
async fn p12_strange_framings_make_no_difference() {
    let stand = up().await;
    let framing = |ends, bom| Fault::Framing { ends, bom };
    for kind in KINDS {
        stand.host(kind.host).says(kind.says());
        let expected = Heard::of(&stand.ask(ask(&kind.model(), streamed())).await);
        assert_eq!(expected.content, TEXT);
        for fault in [
            Fault::Keepalives,
            Fault::Drip,
            framing(Ends::Cr, false),
            framing(Ends::CrLf, true),
            framing(Ends::Lf, true),
            Fault::Slow { gap_ms: 1 },
        ] {
            stand.host(kind.host).next([fault.clone()]);
            let reply = stand.ask(ask(&kind.model(), streamed())).await;
            assert_eq!(reply.status, 200, "{kind:?} {fault:?}: {}", reply.text());
            assert_eq!(Heard::of(&reply), expected, "{kind:?} {fault:?}");
        }
    }
}

#[tokio::test]
async fn figures_that_cannot_be_are_not_believed() {
    let stand = up().await;
    for kind in KINDS {
        stand.host(kind.host).says(kind.plain());
        for lie in [UsageLie::Negative, UsageLie::Absurd, UsageLie::Text, UsageLie::Missing] {
            for more in [json!({}), streamed()] {
                stand.host(kind.host).next([Fault::Usage { lie }]);
                let reply = stand.ask(ask(&kind.model(), more)).await;
                let closed = stand.closed(reply.id()).await;
                assert_eq!((closed.quality, closed.status), (Quality::Estimated, Status::Answered), "{kind:?} {lie:?}");
                assert_eq!(closed.usage.output, TEXT.len().div_ceil(4) as u64, "{kind:?} {lie:?}");
                assert_eq!(Heard::of(&reply).content, TEXT);
            }
        }
        // Figures that come twice, or grow, are figures: the last ones count.
        for lie in [UsageLie::Twice, UsageLie::EveryFrame] {
            stand.host(kind.host).next([Fault::Usage { lie }]);
            let reply = stand.ask(ask(&kind.model(), streamed())).await;
            let closed = stand.closed(reply.id()).await;
            assert_eq!((closed.quality, closed.status), (Quality::Verified, Status::Answered), "{kind:?} {lie:?}");
            assert_eq!(Heard::of(&reply).content, TEXT);
        }
    }
}

#[tokio::test]
async fn what_every_host_would_refuse_ends_the_walk_in_our_words() {
    let stand = up().await;
    let (length, content) = ("context_length_exceeded", "content_filtered");
    for (host, said, code) in [
        ("claude", "prompt is too long: 200251 tokens > 200000 maximum", length),
        ("vertex-claude", "prompt is too long: 200251 tokens > 200000 maximum", length),
        ("claude", "Output blocked by content filtering policy", content),
        ("gemini", "The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).", length),
        ("minstrel", "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens", length),
        ("claude", "the patient is rude", "upstream_rejected"),
        ("gemini", "the patient is rude", "upstream_rejected"),
        ("minstrel", "the patient is rude", "upstream_rejected"),
    ] {
        for more in [json!({}), streamed()] {
            stand.afresh();
            let shape = if host == "minstrel" { Shape::Flat } else { Shape::Own };
            let mut fault = Fault::status(400).shape(shape);
            if let Fault::Status(status) = &mut fault {
                status.message = Some(said.to_owned());
            }
            stand.host(host).next([fault]);
            let reply = stand.ask(ask(&format!("{host}-first"), more)).await;
            assert_eq!(reply.refusal(), (400, code.to_owned()), "{host} {said}");
            assert!(!reply.text().contains("patient") && !reply.text().contains("policy"), "{}", reply.text());
            assert_eq!(stand.reached(), [host], "{said}");
            let closed = stand.closed(reply.id()).await;
            assert_eq!((closed.status, closed.attempts[0].ended), (Status::Failed, Ended::Rejected), "{host} {said}");
            assert!(closed.charge.is_empty());
        }
    }
}

#[tokio::test]
async fn an_answer_by_another_model_is_delivered_and_one_from_elsewhere_is_not() {
    let stand = up().await;
    for kind in KINDS {
        for more in [json!({}), streamed()] {
            stand.host(kind.host).says(kind.plain());
            stand.host(kind.host).next([Fault::Model { name: "another".to_owned() }]);
            let reply = stand.ask(ask(&kind.model(), more)).await;
            assert_eq!(Heard::of(&reply).content, TEXT, "{kind:?}");
            assert!(!reply.text().contains("another"), "{}", reply.text());
            let incidents = stand.closed(reply.id()).await.incidents;
            assert!(matches!(incidents[..], [Incident::Model { .. }]), "{kind:?}: {incidents:?}");
        }
    }
    for (host, fault) in [
        ("gemini", Fault::Region { name: "westeurope".to_owned() }),
        ("minstrel", Fault::Region { name: "westeurope".to_owned() }),
        ("vertex-claude", Fault::Geo { name: "us".to_owned(), early: true }),
        ("vertex-claude", Fault::Geo { name: "eu".to_owned(), early: true }),
    ] {
        for more in [json!({}), streamed()] {
            stand.afresh();
            stand.host(host).next([fault.clone()]);
            let reply = stand.ask(ask(&format!("{host}-first"), more)).await;
            assert_eq!(reply.refusal(), (502, "upstream_failed".to_owned()), "{host} {fault:?}");
            assert!(!reply.text().contains("simulated") && stand.reached() == [host], "{host}");
            let closed = stand.closed(reply.id()).await;
            assert_eq!(closed.attempts[0].ended, Ended::Mismatch, "{host} {fault:?}");
            assert!(matches!(closed.incidents[..], [Incident::Region { .. }]), "{:?}", closed.incidents);
        }
    }
}
