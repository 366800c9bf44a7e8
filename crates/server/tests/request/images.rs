//! Images: made by a queue of jobs or at once, charged by the image, and never with PHI.

use phi_record::entry::Status;
use phi_simulate::{Ended, Fault, Says};
use phi_words::Quality;
use serde_json::{Value, json};

use crate::ask::{Ask, SECRET};
use crate::setup::{Setup, key_of, put_key};
use crate::stand::{SOON, Stand, wait_until};

async fn up() -> Stand {
    let stand = Setup { catalogue: include_str!("images.toml"), ..Setup::default() }.up().await;
    put_key(&stand.deployment, "fal", "fal", &key_of("fal")).await;
    put_key(&stand.deployment, "painter", "painter", &key_of("painter")).await;
    stand
}

fn draw(model: &str, more: Value) -> Ask {
    let body = crate::ask::with(json!({"model": model, "prompt": SECRET}), more);
    Ask::json("/v1/images/generations", &body).header("x-region", "WORLD")
}

#[tokio::test]
async fn a_job_is_handed_in_asked_about_and_fetched() {
    let stand = up().await;
    let reply = stand.ask(draw("krea-2", json!({"response_format": "b64_json", "n": 2, "size": "1024x1024"}))).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let data = reply.json()["data"].clone();
    assert_eq!(data.as_array().unwrap().len(), 2);
    assert!(data[0]["b64_json"].as_str().unwrap().starts_with("iVBOR"), "{data}");
    assert_eq!(reply.header("x-phi-routed"), Some("fal-krea-2-medium/WORLD/general"));
    assert_eq!((reply.header("x-phi-cost-micro"), reply.header("x-phi-attempts")), (Some("66000"), Some("1")));
    let closed = stand.closed(reply.id()).await;
    assert_eq!(
        (closed.usage.images, closed.quality, closed.charge[0].micro_usd.micros()),
        (2, Quality::Verified, 66_000)
    );
    let seen = stand.host("fal").seen();
    let lines: Vec<_> = seen.iter().map(|seen| seen.path().replace(|c: char| c.is_ascii_hexdigit(), "")).collect();
    assert_eq!(seen.len(), 8, "two jobs, each handed in, asked about twice, and fetched: {lines:?}");
    assert!(seen.iter().all(|seen| seen.header("authorization") == Some(format!("Key {}", key_of("fal")))));
    assert_eq!(seen[0].header("x-fal-store-io").as_deref(), Some("0"));
    assert_eq!(seen[0].json(), json!({"prompt": SECRET, "aspect_ratio": "1:1", "sync_mode": true}));
    assert!(seen[1..4].iter().all(|seen| seen.body.is_empty()), "nothing but the job itself carries a payload");
}

#[tokio::test]
async fn an_address_is_handed_on_and_another_format_is_spoken() {
    let stand = up().await;
    let reply = stand.ask(draw("fal/krea-2-medium", json!({}))).await;
    assert_eq!(reply.json()["data"], json!([{"url": "https://v3.fal.media/files/elephant/simulated_0.png"}]));
    let body = json!({"model": "painter/brush", "prompt": SECRET, "response_format": "b64_json"});
    let reply = stand.ask(Ask::json("/v1/images/generations", &body)).await;
    assert_eq!(reply.header("x-phi-routed"), Some("painter-brush/CH/general"), "{}", reply.text());
    assert!(reply.json()["data"][0]["b64_json"].is_string());
    assert_eq!(stand.closed(reply.id()).await.charge[0].micro_usd.micros(), 22_000);
}

#[tokio::test]
async fn phi_goes_to_nobody_and_no_other_region_is_tried() {
    let stand = up().await;
    assert_eq!(stand.ask(draw("auto", json!({})).phi()).await.refusal(), (403, "phi_blocked".to_owned()));
    let body = json!({"model": "krea-2", "prompt": SECRET});
    let refused = stand.ask(Ask::json("/v1/images/generations", &body)).await;
    assert_eq!(refused.refusal(), (422, "no_route".to_owned()));
    assert!(stand.refused(refused.id()).await.is_some());
    assert!(stand.reached().is_empty());
}

#[tokio::test]
async fn bad_input_is_refused_and_recorded() {
    let stand = up().await;
    for (body, code, param) in [
        (json!({"model": "krea-2"}), "invalid_request", "prompt"),
        (json!({"model": "krea-2", "prompt": " "}), "invalid_request", "prompt"),
        (json!({"model": "krea-2", "prompt": 1}), "invalid_request", "prompt"),
        (json!({"model": "krea-2", "prompt": "a", "n": 11}), "invalid_request", "n"),
        (json!({"model": "krea-2", "prompt": "a", "size": "0x0"}), "invalid_request", "size"),
        (json!({"model": "krea-2", "prompt": "a", "size": "1024x90"}), "unsupported_parameter", "size"),
        (json!({"model": "krea-2", "prompt": "a", "response_format": "png"}), "invalid_request", "response_format"),
        (
            json!({"model": "krea-2", "prompt": "a", "webhook_url": "https://evil.test"}),
            "unsupported_parameter",
            "webhook_url",
        ),
        (json!({"model": "krea-2", "prompt": "a", "stream": true}), "unsupported_parameter", "stream"),
    ] {
        let refused = stand.ask(Ask::json("/v1/images/generations", &body).header("x-region", "WORLD")).await;
        let error = refused.json()["error"].clone();
        assert_eq!((refused.status, &error["code"], &error["param"]), (400, &json!(code), &json!(param)), "{body}");
        assert!(stand.refused(refused.id()).await.is_some(), "{body}");
    }
    let form = Ask::new("POST", "/v1/images/generations", "--b--\r\n")
        .header("content-type", "multipart/form-data; boundary=b");
    assert_eq!(stand.ask(form).await.refusal(), (415, "unsupported_media_type".to_owned()));
    assert!(stand.reached().is_empty());
}

#[tokio::test]
async fn a_job_that_fails_at_any_step_is_refused_and_costs_nothing() {
    let stand = up().await;
    let host = stand.host("fal");
    for (fault, status, code) in [
        (Fault::status(500), 502, "upstream_failed"),
        (Fault::status(429), 503, "upstream_unavailable"),
        (Fault::status(422).error("content_policy_violation", "no"), 400, "content_filtered"),
        (Fault::Reset { after: None }, 502, "upstream_failed"),
        (Fault::Empty, 502, "upstream_failed"),
        (Fault::NotUtf8, 502, "upstream_failed"),
        (Fault::Redirect { code: 307, to: "https://evil.test/".into() }, 502, "upstream_failed"),
    ] {
        for step in 0..4 {
            stand.afresh();
            (0..step).for_each(|_| host.next_behaves());
            host.next([fault.clone()]);
            let refused = stand.ask(draw("krea-2", json!({}))).await;
            assert_eq!(refused.refusal(), (status, code.to_owned()), "{fault:?} at {step}");
            let closed = stand.closed(refused.id()).await;
            assert_eq!(
                (closed.status, closed.charge.first().map_or(0, |charge| charge.micro_usd.micros())),
                (Status::Failed, 0)
            );
            assert!(!refused.text().contains("4711"), "{}", refused.text());
        }
    }
}

#[tokio::test]
async fn a_caller_who_leaves_while_a_job_runs_is_recorded() {
    let stand = up().await;
    let host = stand.host("fal");
    host.says(Says { polls: usize::MAX, ..Says::default() });
    let asking = stand.begin(draw("krea-2", json!({})));
    let polled = host.wait_for(SOON, |seen| seen.len() >= 2);
    tokio::select! {
        _ = asking => panic!("it was answered"),
        seen = polled => assert!(seen.is_some()),
    }
    wait_until("the call is closed", async || stand.gateway.running() == 0).await;
    assert!(host.seen().iter().all(|seen| seen.ended != Ended::BrokenOff));
}
