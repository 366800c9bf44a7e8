//! What goes wrong at a host that hears: before its first word the next one is tried, after it the events end with an error.

use std::time::Duration;

use phi_record::entry::{Ended, Incident, Status};
use phi_simulate::{Fault, Shape, UsageLie};
use phi_words::Quality;
use serde_json::Value;

use super::{HEARD, hear, text_of, up};
use crate::ask::SECRET;

/// Each way to fail before the first word, and how its attempt ends.
fn before() -> Vec<(Fault, Ended)> {
    vec![
        (Fault::status(401), Ended::Account),
        (Fault::status(403), Ended::Account),
        (Fault::status(404), Ended::Row),
        (Fault::status(408), Ended::Timeout),
        (Fault::status(429).retry_after("7"), Ended::RateLimited),
        (Fault::status(500), Ended::HostError),
        (Fault::status(502).shape(Shape::Html), Ended::HostError),
        (Fault::status(503).shape(Shape::Empty), Ended::HostError),
        (Fault::Redirect { code: 307, to: "https://b.alps.example/".to_owned() }, Ended::Redirect),
        (Fault::Reset { after: None }, Ended::Broken),
        (Fault::Cut { after: None }, Ended::Broken),
        (Fault::Cut { after: Some(0) }, Ended::Truncated),
        (Fault::Malformed { after: 0 }, Ended::Malformed),
        (Fault::ErrorFrame { after: 0 }, Ended::HostError),
        (Fault::Empty, Ended::Malformed),
        (Fault::NotUtf8, Ended::Malformed),
        (Fault::Encoded, Ended::Malformed),
        (Fault::LongHead { bytes: 300_000 }, Ended::Malformed),
        (Fault::LongLine { bytes: 1 << 20 }, Ended::Malformed),
    ]
}

#[tokio::test]
async fn each_fault_before_the_first_word_is_followed_by_the_next_host_of_the_region() {
    let stand = up().await;
    for (fault, ended) in before() {
        for (model, region, first, second) in
            [("ears/w", "CH", "alps-a", "alps-b"), ("whisper", "EU", "azure-eu", "scaleway")]
        {
            stand.afresh();
            // Of too many attempts none is left.
            stand.clock.advance(Duration::from_secs(10));
            stand.host(first).always(Some(fault.clone()));
            let reply = stand.ask(hear(model, &[("language", "de")]).header("x-region", region).phi()).await;
            assert_eq!(text_of(&reply), HEARD, "{fault:?}");
            let closed = stand.closed(reply.id()).await;
            let attempts: Vec<_> = closed.attempts.iter().map(|attempt| attempt.ended).collect();
            assert_eq!(attempts, [ended, Ended::Ok], "{fault:?} of {first}");
            assert_eq!((closed.status, closed.usage.audio_ms), (Status::Answered, 1_750), "one is paid: {fault:?}");
            assert_eq!(stand.reached(), [first, second], "{fault:?}");
        }
    }
    assert!(!stand.ledger_text().await.contains(SECRET));
}

#[tokio::test]
async fn what_nobody_hears_costs_nothing_and_says_nothing() {
    let stand = up().await;
    for (model, region, host) in
        [("whisper", "CH", "azure-ch"), ("minstrel/v", "CH", "minstrel"), ("infomaniak/whisper", "CH", "infomaniak")]
    {
        for (fault, _) in before() {
            stand.afresh();
            stand.clock.advance(Duration::from_secs(10));
            stand.host(host).always(Some(fault.clone()));
            let refused = stand.ask(hear(model, &[("language", "de")]).header("x-region", region)).await;
            assert!(refused.status >= 500, "{fault:?} of {host}: {}", refused.text());
            assert!(!refused.text().contains("4711") && !refused.text().contains("Keller"), "{}", refused.text());
            let closed = stand.closed(refused.id()).await;
            assert_eq!(
                (closed.status, closed.charge.len(), closed.usage.audio_ms),
                (Status::Failed, 0, 0),
                "{fault:?} of {host}"
            );
        }
        // The caller's own fault is told as such, and nobody else is asked.
        stand.afresh();
        stand.host(host).always(Some(Fault::status(400)));
        let refused = stand.ask(hear(model, &[("language", "de")]).header("x-region", region)).await;
        assert_eq!(refused.refusal(), (400, "upstream_rejected".to_owned()), "{host}");
        assert!(!refused.text().contains("4711"), "the host repeats it: {}", refused.text());
    }
}

#[tokio::test]
async fn a_batch_may_fail_at_any_step() {
    let stand = up().await;
    let host = stand.host("infomaniak");
    for fault in
        [Fault::status(500), Fault::Reset { after: None }, Fault::Empty, Fault::NotUtf8, Fault::ErrorFrame { after: 0 }]
    {
        for step in 1..4 {
            stand.afresh();
            stand.clock.advance(Duration::from_secs(10));
            (0..step).for_each(|_| host.next_behaves());
            host.next([fault.clone()]);
            let refused = stand.ask(hear("infomaniak/whisper", &[])).await;
            assert_eq!(refused.refusal(), (502, "upstream_failed".to_owned()), "{fault:?} at {step}");
            let closed = stand.closed(refused.id()).await;
            assert_eq!((closed.status, closed.charge.len()), (Status::Failed, 0));
        }
    }
}

#[tokio::test]
async fn events_that_are_cut_end_with_an_error_and_the_cost() {
    let stand = up().await;
    let after = Some(3);
    for fault in [
        Fault::Cut { after },
        Fault::Reset { after },
        Fault::NoDone,
        Fault::Malformed { after: 3 },
        Fault::ErrorFrame { after: 3 },
    ] {
        for (model, host) in [("ears/later", "alps-a"), ("minstrel/v", "minstrel")] {
            stand.afresh();
            stand.clock.advance(Duration::from_secs(10));
            stand.host(host).always(Some(fault.clone()));
            let reply = stand.ask(hear(model, &[("stream", "true")])).await;
            assert_eq!(reply.status, 200, "{fault:?}: {}", reply.text());
            let events: Vec<Value> = reply.events().iter().map(|event| serde_json::from_str(event).unwrap()).collect();
            let (last, said) = events.split_last().unwrap();
            assert_eq!(last["error"]["code"], "upstream_truncated", "{fault:?}: {}", reply.text());
            assert!(!said.is_empty() && said.iter().all(|event| event["type"] == "transcript.text.delta"), "{fault:?}");
            let closed = stand.closed(reply.id()).await;
            let ended = closed.attempts[0].ended;
            assert_eq!((closed.status, ended), (Status::Truncated, Ended::Truncated), "{fault:?} of {host}");
            assert_eq!((closed.usage.audio_ms, closed.quality), (2_000, Quality::Estimated));
            assert!(reply.text().ends_with(&format!(": x-phi-cost-micro={}\n\n", closed.charge[0].micro_usd.micros())));
        }
    }
}

#[tokio::test]
async fn figures_that_cannot_be_are_not_believed() {
    let stand = up().await;
    for lie in [UsageLie::Negative, UsageLie::Absurd, UsageLie::Text, UsageLie::Missing] {
        for (model, region, host) in
            [("ears/w", "CH", "alps-a"), ("minstrel/v", "CH", "minstrel"), ("whisper", "EU", "azure-eu")]
        {
            stand.afresh();
            stand.host(host).always(Some(Fault::Usage { lie }));
            let reply = stand.ask(hear(model, &[]).header("x-region", region)).await;
            assert_eq!(
                (text_of(&reply).as_str(), reply.header("x-phi-usage")),
                (Some(HEARD), Some("estimated")),
                "{lie:?} {host}"
            );
            assert_eq!(stand.closed(reply.id()).await.usage.audio_ms, 2_000, "{lie:?}");
        }
    }
    stand.afresh();
    stand.host("minstrel").always(Some(Fault::Model { name: "another".to_owned() }));
    let reply = stand.ask(hear("minstrel/v", &[])).await;
    let incidents = stand.closed(reply.id()).await.incidents;
    assert!(matches!(incidents[..], [Incident::Model { .. }]), "{incidents:?}");
    stand.afresh();
    stand.host("azure-eu").always(Some(Fault::Region { name: "eastus".to_owned() }));
    let reply = stand.ask(hear("azure-speech-to-text-westeurope", &[]).header("x-region", "EU")).await;
    assert_eq!(reply.refusal().0, 502, "an answer from elsewhere is none");
    let incidents = stand.closed(reply.id()).await.incidents;
    assert!(matches!(incidents[..], [Incident::Region { .. }]), "{incidents:?}");
}
