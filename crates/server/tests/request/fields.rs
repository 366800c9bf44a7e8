//! What of a caller's body and headers reaches a host: what is known, rebuilt, and nothing else.

use std::time::Duration;

use serde_json::{Value, json};

use crate::ask::{Ask, SECRET, chat, with};
use crate::setup::key_of;
use crate::stand::Stand;

const CHAT: &str = "/v1/chat/completions";
const PEOPLE: [&str; 4] = ["user", "safety_identifier", "prompt_cache_key", "metadata"];

/// A body that says nearly all that a body can say.
fn full(model: &str) -> Value {
    json!({
        "metadata": {"ward": "kowalski-3"},
        "model": model,
        "user": "kowalski",
        "messages": [
            {"role": "system", "content": "be brief", "name": null},
            {"role": "user", "content": [{"type": "text", "text": SECRET}]},
        ],
        "max_tokens": 5,
        "temperature": 0,
        "stop": ["END"],
        "stream": false,
        "store": false,
        "service_tier": "auto",
        "response_format": {"type": "json_object"},
        "n": 1,
        "seed": -7,
        "safety_identifier": "kowalski",
        "prompt_cache_key": "kowalski-session",
        "audio": null,
        "plugins": null,
    })
}

/// The full body as it was written by hand, with a number that JSON libraries write in another way.
fn written(model: &str) -> String {
    full(model).to_string().replace("\"temperature\":0", "\"temperature\":0.70e-0")
}

#[tokio::test]
async fn a_host_is_sent_the_rebuilt_body_and_our_headers_alone() {
    let stand = Stand::up().await;
    let reply = stand.ask(Ask::text(CHAT, written("alps/m"))).await;
    assert_eq!((reply.status, reply.header("x-phi-left-out")), (200, None), "{reply:?}");
    let seen = stand.host("alps-a").seen().pop().unwrap();
    assert_eq!(seen.path(), "/v1/chat/completions");
    for (name, value) in [
        ("host", "a.alps.example"),
        ("content-type", "application/json"),
        ("accept", "application/json"),
        ("accept-encoding", "identity"),
        ("user-agent", "phi-gateway"),
        ("authorization", &format!("Bearer {}", key_of("alps"))),
        ("content-length", &seen.body.len().to_string()),
    ] {
        assert_eq!(seen.headers(name), [value], "{name}");
    }
    assert_eq!(seen.header_names().len(), 7, "{:?}", seen.header_names());
    let mut body = seen.json();
    let people: Vec<Value> = PEOPLE.iter().map(|name| body[name].take()).collect();
    let expected = json!({
        "model": "alpine-m",
        "messages": [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": SECRET}]},
        ],
        "max_tokens": 5,
        "temperature": 0.7,
        "stop": ["END"],
        "response_format": {"type": "json_object"},
        "n": 1,
        "seed": -7,
        "metadata": null, "user": null, "safety_identifier": null, "prompt_cache_key": null,
    });
    assert_eq!(body, expected);
    let text = String::from_utf8(seen.body.to_vec()).unwrap();
    assert!(text.contains("\"temperature\":0.70e-0"), "a number is kept as it was written: {text}");
    assert!(people.iter().all(|person| !person.is_null()), "{people:?}");
    assert!(!text.contains("kowalski") && !text.contains("alps/m"), "{text}");
    let head = String::from_utf8(seen.head.to_vec()).unwrap();
    assert!(!head.contains(&stand.token), "a host saw the caller's token");
}

#[tokio::test]
async fn a_host_is_told_in_its_own_words() {
    let stand = Stand::up().await;
    let reply = stand.ask(Ask::text(CHAT, written("infomaniak/gemma-4-31b"))).await;
    assert_eq!((reply.status, reply.header("x-phi-left-out")), (200, Some("n, prompt_cache_key")), "{reply:?}");
    assert_eq!(reply.json()["model"], "infomaniak/gemma-4-31b");
    let seen = stand.host("infomaniak").seen().pop().unwrap();
    assert_eq!(seen.path(), "/2/ai/12345/openai/v1/chat/completions");
    assert_eq!(seen.headers("host"), ["api.infomaniak.com"]);
    let body = seen.json();
    assert_eq!((&body["model"], &body["max_completion_tokens"]), (&json!("google/gemma-4-31B-it"), &json!(5)));
    assert_eq!(body["response_format"]["type"], "json_schema", "it refuses `json_object`");
    assert!(body.get("n").is_none() && body.get("max_tokens").is_none(), "{body}");
    assert_eq!(stand.closed(reply.id()).await.left_out, ["n", "prompt_cache_key"]);

    let reply = stand.ask(Ask::text(CHAT, written("chalet/m").replace("json_object", "text"))).await;
    assert_eq!((reply.status, reply.header("x-phi-left-out")), (200, Some("user")), "{reply:?}");
    let seen = stand.host("chalet").seen().pop().unwrap();
    assert_eq!(seen.headers("x-api-key"), [key_of("chalet")]);
    assert!(seen.headers("authorization").is_empty() && seen.json().get("user").is_none(), "{seen:?}");

    let stream = with(chat("alps/m"), json!({"stream": true, "stream_options": null}));
    assert_eq!(stand.ask(Ask::json(CHAT, &stream)).await.status, 200);
    let seen = stand.host("alps-a").seen().pop().unwrap();
    assert_eq!(seen.headers("accept"), ["text/event-stream"]);
    let body = seen.json();
    assert_eq!((&body["stream"], &body["stream_options"]), (&json!(true), &json!({"include_usage": true})));
}

#[tokio::test]
async fn people_become_pseudonyms_of_each_organization_at_each_provider() {
    let stand = Stand::up().await;
    stand.phi("org create ward --region CH --class general").await;
    stand.phi("agent create nurse --org ward").await;
    let other = crate::stand::text(&stand.phi("token create --org ward --agent nurse").await["token"]);
    let body = |model: &str, user: &str| with(chat(model), json!({"user": user, "safety_identifier": user}));
    let ask = async |model: &str, host: &str, user: &str, token: &str| {
        let reply = stand.ask(Ask::json(CHAT, &body(model, user)).token(token)).await;
        assert_eq!(reply.status, 200, "{reply:?}");
        let seen = stand.host(host).seen().pop().unwrap().json();
        crate::stand::text(&seen["safety_identifier"])
    };
    let first = ask("alps/m", "alps-a", "kowalski", &stand.token).await;
    assert_eq!(first, ask("alps/m", "alps-a", "kowalski", &stand.token).await, "a pseudonym stays");
    let others = [
        ask("alps/m", "alps-a", "meier", &stand.token).await,
        ask("alps/m", "alps-a", "kowalski", &other).await,
        ask("chalet/m", "chalet", "kowalski", &stand.token).await,
    ];
    for pseudonym in others.iter().chain([&first]) {
        assert!(pseudonym.len() == 32 && pseudonym.bytes().all(|b| b.is_ascii_hexdigit()), "{pseudonym}");
    }
    assert!(!others.contains(&first) && others[0] != others[1] && others[1] != others[2]);
}

#[tokio::test]
async fn with_phi_nothing_names_a_person_or_a_session() {
    let stand = Stand::up().await;
    let reply = stand.ask(Ask::text(CHAT, written("alps/m")).phi()).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let mut left_out: Vec<&str> = reply.header("x-phi-left-out").unwrap().split(", ").collect();
    left_out.sort_unstable();
    assert_eq!(left_out, ["metadata", "prompt_cache_key", "safety_identifier", "user"]);
    let seen = stand.host("alps-a").seen().pop().unwrap().json();
    assert!(PEOPLE.iter().all(|name| seen.get(name).is_none()), "{seen}");
    assert_eq!(stand.closed(reply.id()).await.left_out.len(), 4);
}

#[tokio::test]
async fn nothing_that_steers_a_host_reaches_it() {
    let stand = Stand::up().await;
    let call = json!([{"type": "web_search"}]);
    let remote = json!([{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]}]);
    let file = json!([{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}]);
    for more in [
        json!({"provider": {"order": ["x"]}}),
        json!({"models": ["other"]}),
        json!({"fallbacks": ["other"]}),
        json!({"route": "fallback"}),
        json!({"plugins": [{"id": "web"}]}),
        json!({"extra_body": {"region": "us"}}),
        json!({"inference_geo": "us"}),
        json!({"previous_response_id": "resp_1"}),
        json!({"service_tier": "priority"}),
        json!({"store": true}),
        json!({"background": true}),
        json!({"container": "auto"}),
        json!({"mcp_servers": []}),
        json!({"guardrails": false}),
        json!({"safety_model": "none"}),
        json!({"web_search_options": {}}),
        json!({"Provider": {}}),
        json!({"extra-body": {}}),
        json!({"tools": call}),
        json!({"messages": remote}),
        json!({"messages": file}),
    ] {
        for (model, phi) in [("alps/m", "true"), ("alps/m", "false"), ("chalet/open", "false")] {
            let ask = Ask::json(CHAT, &with(chat(model), more.clone())).header("x-phi", phi);
            assert_eq!(stand.ask(ask).await.refusal(), (400, "unsupported_parameter".to_owned()), "{model} {more}");
            stand.clock.advance(Duration::from_secs(1));
        }
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn an_open_body_carries_what_nobody_knows_byte_for_byte() {
    let stand = Stand::up().await;
    let body = format!(
        r#"{{"model":"chalet/open","top_k": 40.0,"messages":[{{"role":"user","content":"{SECRET}","prefix": true}}],"guided":{{"a" : [1e5]}}}}"#
    );
    let reply = stand.ask(Ask::text(CHAT, body.clone())).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let seen = String::from_utf8(stand.host("chalet").seen().pop().unwrap().body.to_vec()).unwrap();
    for part in [r#""top_k":40.0"#, r#""prefix":true"#, r#""guided":{"a" : [1e5]}"#, r#""model":"chalet-open""#] {
        assert!(seen.contains(part), "{part}: {seen}");
    }
    // Not with PHI, and at no host whose body is not open.
    for ask in [Ask::text(CHAT, body.clone()).phi(), Ask::text(CHAT, body.replace("chalet/open", "chalet/m"))] {
        assert_eq!(stand.ask(ask).await.refusal(), (400, "unsupported_parameter".to_owned()));
    }
    assert_eq!(stand.host("chalet").seen().len(), 1);
}

#[tokio::test]
async fn a_route_that_cannot_carry_a_field_drops_out_of_the_plan() {
    let stand = Stand::up().await;
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    // By its own id the model is at three hosts, and one of them knows no tools.
    let reply = stand.ask(Ask::json(CHAT, &with(chat("alpine-m"), json!({"tools": tools})))).await;
    assert_eq!(stand.opened(reply.id()).await.routes.len(), 2, "{reply:?}");
    let reply = stand.ask(Ask::chat("alpine-m")).await;
    assert_eq!(stand.opened(reply.id()).await.routes.len(), 3);
    let image = json!([{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]}]);
    let seeing = |model: &str| Ask::json(CHAT, &with(chat(model), json!({"messages": image})));
    assert_eq!(stand.ask(seeing("alps/m")).await.refusal(), (400, "unsupported_parameter".to_owned()));
    assert_eq!(stand.ask(seeing("infomaniak/gemma-4-31b")).await.status, 200);
    assert_eq!(stand.host("infomaniak").seen().pop().unwrap().json()["messages"], image);
}
