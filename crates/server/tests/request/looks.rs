//! What can be looked up: it tells what the same caller could ask for, and nothing else.

use serde_json::{Value, json};

use crate::ask::Ask;
use crate::setup::{Setup, attest};
use crate::stand::{Stand, text};

async fn models(stand: &Stand, ask: Ask) -> Vec<String> {
    let reply = stand.ask(ask).await;
    assert_eq!((reply.status, &reply.json()["object"]), (200, &json!("list")), "{reply:?}");
    reply.json()["data"].as_array().unwrap().iter().map(|model| text(&model["id"])).collect()
}

#[tokio::test]
async fn models_are_listed_where_they_would_answer() {
    let stand = Setup::default().up().await;
    let list = || Ask::get("/v1/models");
    let general = models(&stand, list()).await;
    let phi = models(&stand, list().phi()).await;
    for (model, is_general, is_phi) in [
        ("alps/m", true, true),
        ("alps/e", true, true),
        ("infomaniak/gemma-4-31b", true, true),
        ("chalet/m", true, false),
        ("local/m", true, false),
        ("chalet/unpriced", false, false),
        ("scaleway/gemma-4-26b", false, false),
        ("infomaniak/whisper", false, false),
    ] {
        assert_eq!(general.contains(&model.to_owned()), is_general, "{model}: {general:?}");
        assert_eq!(phi.contains(&model.to_owned()), is_phi, "{model} with PHI: {phi:?}");
    }
    assert_eq!(models(&stand, list().phi().header("x-region", "WORLD")).await, Vec::<String>::new());
    let abroad = models(&stand, list().header("x-region", "EU")).await;
    assert!(!abroad.is_empty() && abroad.iter().all(|model| model.starts_with("scaleway/")), "{abroad:?}");
    attest(&stand.deployment, "chalet", "CH", "2026-12-01").await;
    assert!(models(&stand, list().phi()).await.contains(&"chalet/m".to_owned()), "from the next request on");
    let test = stand.token_of("tester", "", "--test").await;
    assert_eq!(models(&stand, list().token(&test)).await, ["local/m"]);
    // Each chat that is listed answers.
    let listed = stand.ask(list()).await.json();
    let chats = listed["data"].as_array().unwrap().iter().filter(|model| model["modality"] == "chat");
    for model in chats.map(|model| text(&model["id"])) {
        assert_eq!(stand.ask(Ask::chat(&model)).await.status, 200, "{model}");
    }
}

#[tokio::test]
async fn one_model_tells_what_it_can_be_given() {
    let stand = Stand::up().await;
    let shown = stand.ask(Ask::get("/v1/models/infomaniak/gemma-4-31b")).await.json();
    assert_eq!((&shown["id"], &shown["supports_tools"]), (&json!("infomaniak/gemma-4-31b"), &json!(true)));
    assert_eq!((&shown["region"], &shown["owned_by"]), (&json!("CH"), &json!("infomaniak")));
    let has = |kind: &str, name: &str| shown["parameters"][kind].as_array().unwrap().contains(&json!(name));
    assert!(has("native", "temperature") && has("translated", "max_tokens") && has("left_out", "prompt_cache_key"));
    assert!(!has("native", "provider") && !has("translated", "provider"), "{shown}");
    for (path, status) in [
        ("/v1/models/alps/m", 200),
        ("/v1/models/nobody/m", 404),
        ("/v1/models/scaleway/gemma-4-26b", 404),
        ("/v1/models/chalet/unpriced", 404),
    ] {
        assert_eq!(stand.ask(Ask::get(path)).await.status, status, "{path}");
    }
    let phi = stand.ask(Ask::get("/v1/models/chalet/m").phi()).await;
    assert_eq!(phi.refusal(), (404, "model_not_found".to_owned()));
}

#[tokio::test]
async fn ping_tells_the_key_and_its_defaults() {
    let stand = Stand::up().await;
    let token = stand.token_of("narrow", "", "--regions CH,EU --region EU --floor phi").await;
    let shown: Value = stand.ask(Ask::get("/v1/ping").token(&token)).await.json();
    for (name, value) in [
        ("object", json!("ping")),
        ("organization", json!("clinic")),
        ("agent", json!("narrow")),
        ("region", json!("EU")),
        ("class", json!("phi")),
        ("class_floor", json!("phi")),
        ("regions", json!(["CH", "EU"])),
        ("billing_active", json!(false)),
    ] {
        assert_eq!(shown[name], value, "{name}: {shown}");
    }
    assert!(!shown.to_string().contains(&token));
    assert_eq!(stand.reached(), Vec::<&str>::new());
}
