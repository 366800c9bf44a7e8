//! What would become of a request: told by the code that decides it, reaching nobody.

use std::time::Duration;

use phi_catalog::{Agreement, Kind};
use phi_simulate::Fault;
use serde_json::{Value, json};

use crate::ask::{Ask, SECRET, chat, with};
use crate::setup::attest;
use crate::stand::{SOON, Stand, text};

/// The explanation of a request that would be sent to this path.
async fn explained(stand: &Stand, endpoint: &str, request: Value, headers: &[(&str, &str)]) -> Value {
    let ask = Ask::json("/v1/route/explain", &json!({"endpoint": endpoint, "request": request}));
    let reply = stand.ask(headers.iter().fold(ask, |ask, (name, value)| ask.header(name, value))).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    reply.json()
}

/// The candidate of a route.
fn of<'a>(explained: &'a Value, route: &str) -> &'a Value {
    let candidates = explained["candidates"].as_array().unwrap();
    candidates.iter().find(|candidate| candidate["route"] == route).unwrap_or_else(|| panic!("no {route}"))
}

#[tokio::test]
async fn what_is_explained_is_what_happens() {
    let stand = Stand::up().await;
    let tools = json!({"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]});
    let bodies = [
        chat("auto"),
        chat("alps/m"),
        chat("alpine"),
        chat("chalet-m"),
        chat("chalet/unpriced"),
        chat("nobody-knows-it"),
        chat("glm-5.2"),
        with(chat("chalet/m"), tools),
        with(chat("auto"), json!({"max_tokens": 10, "temperature": 0.5})),
    ];
    for body in bodies {
        for region in ["CH", "EU", "US", "UK", "WORLD"] {
            for phi in ["true", "false"] {
                let headers = [("x-region", region), ("x-phi", phi)];
                let told = explained(&stand, "/chat/completions", body.clone(), &headers).await;
                assert!(stand.reached().is_empty(), "an explanation reaches nobody");
                let ask = headers
                    .iter()
                    .fold(Ask::json("/v1/chat/completions", &body), |ask, (name, value)| ask.header(name, value));
                let reply = stand.ask(ask).await;
                let about = format!("{} in {region}, PHI {phi}: {told}", body["model"]);
                match told["refusal"].is_null() {
                    true => {
                        let first = text(&told["candidates"][0]["route"]);
                        let class = if phi == "true" { "phi" } else { "general" };
                        let routed = format!("{first}/{region}/{class}");
                        assert_eq!(reply.header("x-phi-routed"), Some(routed.as_str()), "{about}");
                        assert_eq!(told["candidates"][0]["place"], 1, "{about}");
                    }
                    false => {
                        assert_eq!(told["refusal"]["status"], reply.status, "{about}");
                        assert_eq!(told["refusal"]["code"], reply.json()["error"]["code"], "{about}");
                        assert!(told["candidates"].as_array().unwrap().iter().all(|c| c["place"].is_null()), "{about}");
                    }
                }
                stand.afresh();
            }
        }
    }
}

#[tokio::test]
async fn each_candidate_has_its_reason_and_its_price() {
    let stand = Stand::up().await;
    let told = explained(&stand, "/chat/completions", with(chat("auto"), json!({"max_tokens": 100})), &[]).await;
    let general = |route: &str| of(&told, route)["reason"].clone();
    assert_eq!(general("alps-a-m"), Value::Null);
    assert_eq!(general("local-m"), "pin_only");
    assert_eq!(general("scaleway-gemma-4-26b"), "outside_region");
    let kept = of(&told, "alps-a-m");
    let (list, charge) = (kept["list_micro"].as_u64().unwrap(), kept["charge_micro"].as_u64().unwrap());
    assert!(list > 0 && charge == (list * 110).div_ceil(100), "{kept}");
    assert!(kept["hold_micro"].as_u64().unwrap() >= charge, "{kept}");
    let phi = explained(&stand, "/chat/completions", chat("auto"), &[("x-phi", "true")]).await;
    assert_eq!(of(&phi, "chalet-m")["reason"], "phi_no_agreement");
    assert!(of(&phi, "chalet-m")["says"].as_str().unwrap().contains("no standing agreement"));
    assert_eq!(of(&phi, "alps-a-m")["reason"], Value::Null);
    // A caller is not told how the operator's hosts are called.
    assert!(of(&phi, "alps-a-m").get("host").is_none());
    let embedding = json!({"model": "alps/e", "input": SECRET});
    let told = explained(&stand, "/embeddings", embedding, &[]).await;
    assert_eq!((&told["modality"], &told["candidates"][0]["place"]), (&json!("embeddings"), &json!(1)));
    assert!(!told.to_string().contains(SECRET));
}

#[tokio::test]
async fn a_route_that_rests_says_how_long() {
    let stand = Stand::up().await;
    stand.host("alps-a").next([Fault::status(429).retry_after("30")]);
    assert_eq!(stand.ask(Ask::chat("alps/m").phi()).await.status, 200);
    let told = explained(&stand, "/chat/completions", chat("alps/m"), &[("x-phi", "true")]).await;
    let resting = of(&told, "alps-a-m");
    assert_eq!((&resting["reason"], &resting["retry_after"]), (&json!("rate_limited"), &json!(30)));
    assert_eq!(told["candidates"][0]["route"], "alps-b-m");
    stand.clock.advance(Duration::from_secs(31));
    let told = explained(&stand, "/chat/completions", chat("alps/m"), &[("x-phi", "true")]).await;
    assert_eq!(told["candidates"][0]["route"], "alps-a-m");
}

#[tokio::test]
async fn an_explanation_has_the_checks_of_a_request() {
    let stand = Stand::up().await;
    let ask = |body: Value| Ask::json("/v1/route/explain", &body);
    let good = json!({"endpoint": "/chat/completions", "request": chat("auto")});
    for (ask, status, code) in [
        (ask(good.clone()).bare(), 401, "invalid_api_key"),
        (ask(good.clone()).header("x-region", "MOON"), 400, "invalid_header"),
        (ask(json!({"endpoint": "/models", "request": {}})), 400, "invalid_request"),
        (ask(json!({"endpoint": "/v1/chat/completions", "request": chat("auto")})), 400, "invalid_request"),
        (ask(json!({"endpoint": "/ocr", "request": {}})), 400, "invalid_request"),
        (ask(chat("auto")), 400, "invalid_request"),
        (ask(json!({"endpoint": "/chat/completions", "request": {"model": "auto"}})), 400, "invalid_request"),
        (Ask::text("/v1/route/explain", "{"), 400, "invalid_json"),
        (Ask::get("/v1/route/explain"), 405, "method_not_allowed"),
    ] {
        let reply = stand.ask(ask).await;
        assert_eq!((reply.status, &reply.json()["error"]["code"]), (status, &json!(code)), "{reply:?}");
    }
    let unknown = json!({"endpoint": "/chat/completions", "request": chat("patient-4711")});
    let told = stand.ask(ask(unknown)).await.json();
    assert_eq!((&told["refusal"]["code"], &told["model"]), (&json!("model_not_found"), &Value::Null));
    assert!(!told.to_string().contains("4711"), "a name that means nothing is the caller's own");
}

#[tokio::test]
async fn operators_ask_what_would_be() {
    let stand = Stand::up().await;
    let first = |told: &Value| told["candidates"][0]["route"].clone();
    let ask = "explain --org clinic --region CH --class phi --model";
    assert_eq!(first(&stand.page(&format!("{ask} alps/m")).await), "alps-a-m");
    let told = stand.page(&format!("{ask} alps/m --without alps-a")).await;
    assert_eq!((first(&told), &of(&told, "alps-a-m")["reason"]), (json!("alps-b-m"), &json!("left_out")));
    let later = stand.page(&format!("{ask} alps/m --as-of 2031-01-01")).await;
    assert_eq!(later["refusal"]["code"], "phi_blocked", "the agreement will have lapsed");
    let told = stand.page(&format!("{ask} chalet/m")).await;
    assert_eq!(told["refusal"]["code"], "phi_blocked");
    let told = stand.page(&format!("{ask} chalet/m --with chalet")).await;
    assert_eq!((&told["refusal"], first(&told)), (&Value::Null, json!("chalet-m")));
    assert_eq!(of(&told, "chalet-m")["processes_in"], json!(["CH"]));
    assert!(stand.reached().is_empty());
    attest(&stand.deployment, "chalet", "CH", "2026-12-01").await;
    assert_eq!(first(&stand.page(&format!("{ask} chalet/m")).await), "chalet-m");
}

#[tokio::test]
async fn the_doctor_shows_who_answers_and_what_is_missing() {
    let stand = Stand::up().await;
    let looked = stand.page("doctor routes --org clinic").await;
    let cell = |looked: &Value, region: &str, class: &str, work: &str| {
        let mut cells = looked.as_array().unwrap().iter();
        let cell = cells.find(|c| c["region"] == region && c["class"] == class && c["work"] == work);
        cell.unwrap_or_else(|| panic!("no cell")).clone()
    };
    let chat = cell(&looked, "CH", "phi", "chat");
    assert_eq!((&chat["routes"][0], &chat["missing"]), (&json!("infomaniak-gemma-4-31b"), &Value::Null));
    let us = cell(&looked, "US", "phi", "chat");
    assert_eq!((&us["code"], &us["missing"]["mend"]), (&json!("phi_blocked"), &Value::Null));
    let image = cell(&looked, "EU", "phi", "image");
    assert_eq!((&image["code"], &image["missing"]["reason"]), (&json!("phi_blocked"), &json!("phi_general_work")));
    let uk = cell(&looked, "UK", "general", "chat");
    assert_eq!(uk["missing"]["reason"], "no_credential");
    assert_eq!(uk["missing"]["mend"], "phi vault put google < service-account.json");
    let here = stand.page("doctor routes --org clinic --region ch").await;
    assert!(here.as_array().unwrap().iter().all(|cell| cell["region"] == "CH"));
    // What each cell says is what a caller meets.
    for region in ["CH", "EU", "US", "UK", "WORLD"] {
        for (class, phi) in [("general", "false"), ("phi", "true")] {
            let said = cell(&looked, region, class, "chat");
            let ask = Ask::chat("auto").header("x-region", region).header("x-phi", phi);
            let reply = stand.ask(ask).await;
            match said["code"].is_null() {
                true => {
                    let routed = format!("{}/{region}/{class}", text(&said["routes"][0]));
                    assert_eq!(reply.header("x-phi-routed"), Some(routed.as_str()));
                }
                false => assert_eq!(reply.json()["error"]["code"], said["code"], "{region} {class}"),
            }
        }
    }
}

#[tokio::test]
async fn what_is_taken_back_in_mid_walk_is_not_tried() {
    let stand = Stand::up().await;
    stand.host("alps-a").always(Some(Fault::Stall { after: None }));
    let agreements = stand.deployment.load().await.unwrap().agreements;
    let with_alps =
        |agreement: &&Agreement| matches!(&agreement.kind, Kind::Provider { name, .. } if name.as_str() == "alps");
    let id = agreements.iter().find(with_alps).unwrap().id;
    let asking = stand.ask(Ask::chat("alps/m").phi());
    let revoking = async {
        stand.host("alps-a").wait_for(SOON, |seen| !seen.is_empty()).await.expect("a request");
        stand.phi(&format!("agreement revoke {id}")).await;
        stand.host("alps-a").shut();
    };
    let (reply, ()) = tokio::join!(asking, revoking);
    assert_eq!((reply.status, reply.header("x-phi-attempts")), (502, Some("1")), "{reply:?}");
    assert_eq!(stand.reached(), ["alps-a"], "no host was reached after its agreement was revoked");
    assert_eq!(stand.ask(Ask::chat("alps/m").phi()).await.json()["error"]["code"], "phi_blocked");
}
