//! `POST /messages` and what belongs to it: callers who speak as Anthropic's SDKs do, before hosts that do not.

use phi_record::entry::Status;
use phi_simulate::{Ended, Fault, Says, Tool, UsageLie};
use phi_words::Quality;
use serde_json::{Value, json};

use crate::ask::{Ask, Reply, SECRET, with};
use crate::stand::{SOON, Stand, text};

const MESSAGES: &str = "/v1/messages";
const COUNT: &str = "/v1/messages/count_tokens";
const TEXT: &str = "every word of this answer is simulated";

fn body(model: &str) -> Value {
    json!({"model": model, "max_tokens": 100, "messages": [{"role": "user", "content": SECRET}]})
}

fn ask(model: &str) -> Ask {
    Ask::json(MESSAGES, &body(model)).header("anthropic-version", "2023-06-01")
}

fn stream(model: &str) -> Ask {
    Ask::json(MESSAGES, &with(body(model), json!({"stream": true}))).header("anthropic-version", "2023-06-01")
}

/// 1,000 tokens in, 400 of them from the host's cache, and 100 out.
fn priced() -> Says {
    let usage = json!({"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
                       "prompt_tokens_details": {"cached_tokens": 400}});
    Says { usage: Some(usage), ..Says::default() }
}

/// The events of a stream, each under the name that its data has too.
fn events(text: &str) -> Vec<Value> {
    let named = text.split("\n\n").filter_map(|event| event.strip_prefix("event: ")?.split_once("\ndata: "));
    let read = named.map(|(name, data)| {
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!(data["type"], name, "{text}");
        data
    });
    read.collect()
}

fn kinds(events: &[Value]) -> Vec<&str> {
    let mut kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    kinds.dedup();
    kinds
}

fn streamed(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["delta"]["text"].as_str()).collect()
}

/// Anthropic's error, with our code.
fn refused(reply: &Reply) -> (u16, String, String) {
    let body = reply.json();
    assert_eq!((&body["type"], text(&body["request_id"])), (&json!("error"), reply.id().to_string()));
    assert_eq!(reply.header("request-id"), reply.header("x-request-id"));
    (reply.status, text(&body["error"]["type"]), text(&body["error"]["code"]))
}

fn sent(stand: &Stand, host: &str) -> Value {
    serde_json::from_slice(&stand.host(host).seen()[0].body).unwrap()
}

#[tokio::test]
async fn a_host_of_openais_answers_as_anthropic_would() {
    let stand = Stand::up().await;
    stand.host("alps-a").says(priced());
    let asked = with(body("alps/m"), json!({"system": "Be brief.", "metadata": {"user_id": "user_4711"}}));
    let ask = Ask::json("/v1/messages?beta=true", &asked).bare().header("x-api-key", &stand.token);
    let reply = stand.ask(ask.header("anthropic-version", "2023-06-01")).await;
    let message = reply.json();
    let id = text(&message["id"]);
    assert_eq!(
        message,
        json!({"id": id, "type": "message", "role": "assistant", "model": "alps/m",
            "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn", "stop_sequence": null,
            "usage": {"input_tokens": 600, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 400,
                      "output_tokens": 100}})
    );
    assert_eq!(reply.header("request-id"), Some(reply.id().to_string().as_str()));
    let sent = sent(&stand, "alps-a");
    assert_eq!(sent["messages"][0], json!({"role": "system", "content": "Be brief."}));
    assert_eq!((&sent["max_tokens"], &sent["model"]), (&json!(100), &json!("alpine-m")));
    assert!(text(&sent["user"]).len() == 32 && !sent.to_string().contains("4711_") && sent.get("metadata").is_none());
    let closed = stand.closed(reply.id()).await;
    assert_eq!((closed.status, closed.quality, closed.usage.cache_read), (Status::Answered, Quality::Verified, 400));
}

#[tokio::test]
async fn a_stream_has_the_events_that_the_sdks_read() {
    let stand = Stand::up().await;
    stand.host("alps-a").says(priced());
    let reply = stand.ask(stream("alps/m")).await;
    let (text, events) = (reply.text(), events(&reply.text()));
    let order = [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ];
    assert_eq!(kinds(&events), order, "{text}");
    assert_eq!(streamed(&events), TEXT);
    let begun = &events[0]["message"];
    assert!(begun["usage"]["input_tokens"].as_u64().unwrap() > 10 && begun["model"] == "alps/m", "{text}");
    let last = &events[events.len() - 2];
    assert_eq!((&last["delta"]["stop_reason"], &last["usage"]["input_tokens"]), (&json!("end_turn"), &json!(600)));
    assert_eq!(last["usage"]["output_tokens"], 100);
    let charged = stand.closed(reply.id()).await.charge[0].micro_usd.micros();
    assert!(
        text.ends_with(&format!("data: {{\"type\":\"message_stop\"}}\n\n: x-phi-cost-micro={charged}\n\n")),
        "{text}"
    );
    assert!(!text.contains("[DONE]") && !text.contains("alpine"), "{text}");
}

#[tokio::test]
async fn tools_are_called_and_their_results_go_back() {
    let stand = Stand::up().await;
    let tool = Tool { name: "weather".to_owned(), arguments: r#"{"city":"Bern"}"#.to_owned() };
    stand.host("alps-a").says(Says { tools: vec![tool], ..Says::default() });
    let tools = json!([{"name": "weather", "description": "Tells it.", "cache_control": {"type": "ephemeral"},
        "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}}}]);
    let asked = with(body("alps/m"), json!({"tools": tools, "tool_choice": {"type": "any"}}));
    let reply = stand.ask(Ask::json(MESSAGES, &asked)).await;
    let message = reply.json();
    let call = &message["content"][0];
    assert_eq!(
        (&message["stop_reason"], &call["type"], &call["name"]),
        (&json!("tool_use"), &json!("tool_use"), &json!("weather"))
    );
    assert_eq!(call["input"], json!({"city": "Bern"}));
    assert_eq!(reply.header("x-phi-left-out"), Some("cache_control"));
    assert_eq!(sent(&stand, "alps-a")["tool_choice"], "required");

    let streaming = stand.ask(Ask::json(MESSAGES, &with(asked, json!({"stream": true})))).await;
    let events = events(&streaming.text());
    let start = events.iter().find(|event| event["type"] == "content_block_start").unwrap();
    assert_eq!((&start["content_block"]["type"], &start["content_block"]["input"]), (&json!("tool_use"), &json!({})));
    let arguments: String = events.iter().filter_map(|event| event["delta"]["partial_json"].as_str()).collect();
    assert_eq!(serde_json::from_str::<Value>(&arguments).unwrap(), json!({"city": "Bern"}));
    assert_eq!(events[events.len() - 2]["delta"]["stop_reason"], "tool_use");

    stand.afresh();
    let mut again = with(body("alps/m"), json!({"tools": tools}));
    let said = again["messages"].as_array_mut().unwrap();
    said.push(json!({"role": "assistant", "content": message["content"]}));
    let result =
        json!({"type": "tool_result", "tool_use_id": call["id"], "content": [{"type": "text", "text": "sunny"}]});
    said.push(json!({"role": "user", "content": [result]}));
    let reply = stand.ask(Ask::json(MESSAGES, &again)).await;
    assert_eq!(reply.json()["content"][0]["text"], TEXT);
    let sent = sent(&stand, "alps-a");
    assert_eq!(sent["messages"][2], json!({"role": "tool", "tool_call_id": call["id"], "content": "sunny"}));
}

/// P22: headers of Anthropic's are read, and go to nobody.
#[tokio::test]
async fn what_anthropic_tries_out_is_asked_of_nobody() {
    let stand = Stand::up().await;
    let betas = "claude-code-20250219, interleaved-thinking-2025-05-14,context-1m-2025-08-07";
    let thinking = with(body("alps/m"), json!({"thinking": {"type": "adaptive"}}));
    let ask = Ask::json(MESSAGES, &thinking).header("anthropic-beta", betas).header("anthropic-version", "2023-06-01");
    let reply = stand.ask(ask).await;
    assert_eq!(reply.header("x-phi-left-out"), Some("anthropic-beta, thinking"), "{reply:?}");
    let seen = &stand.host("alps-a").seen()[0];
    assert!(seen.header("anthropic-beta").is_none() && seen.header("anthropic-version").is_none());
    stand.afresh();
    for (name, value) in [
        ("anthropic-version", "2024-01-01"),
        ("anthropic-version", ""),
        ("anthropic-beta", "a,,b"),
        ("anthropic-beta", "a b"),
        ("anthropic-beta", "gr\u{fc}n"),
    ] {
        let reply = stand.ask(Ask::json(MESSAGES, &body("alps/m")).header(name, value)).await;
        let expected = (400, "invalid_request_error".to_owned(), "invalid_header".to_owned());
        assert_eq!(refused(&reply), expected, "{name}: {value}");
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_refusal_has_anthropics_form() {
    let stand = Stand::up().await;
    let (bad, absent) = ("invalid_request_error", "not_found_error");
    let query = Ask::json("/v1/messages?beta=false", &body("alps/m"));
    let typed = Ask::new("POST", MESSAGES, "{}").header("content-type", "text/plain");
    for (ask, status, kind, code) in [
        (ask("alps/m").token("phi_live_nobody"), 401, "authentication_error", "invalid_api_key"),
        (ask("alps/none"), 404, absent, "model_not_found"),
        (ask("chalet/m").phi(), 403, "permission_error", "phi_blocked"),
        (ask("alps/m").header("x-region", "MARS"), 400, bad, "invalid_header"),
        (ask("alps/m").header("x-region", "EU"), 422, bad, "no_route"),
        (Ask::text(MESSAGES, "{"), 400, bad, "invalid_json"),
        (Ask::json(MESSAGES, &with(body("alps/m"), json!({"top_k": 4}))), 400, bad, "unsupported_parameter"),
        (Ask::json(MESSAGES, &with(body("alps/m"), json!({"seed": 4}))), 400, bad, "unsupported_parameter"),
        (Ask::json(MESSAGES, &json!({"model": "alps/m", "max_tokens": 1})), 400, bad, "invalid_request"),
        (query, 400, bad, "invalid_request"),
        (typed, 415, bad, "unsupported_media_type"),
        (Ask::get(MESSAGES), 405, bad, "method_not_allowed"),
        (Ask::get("/v1/messages/batches"), 404, absent, "not_found"),
    ] {
        let reply = stand.ask(ask).await;
        assert_eq!(refused(&reply), (status, kind.to_owned(), code.to_owned()), "{}", reply.text());
        assert!(!reply.text().contains(SECRET));
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
    let said = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.";
    stand.host("alps-a").next([Fault::status(400).error("context_length_exceeded", said)]);
    let reply = stand.ask(ask("alps-a-m")).await;
    assert_eq!(refused(&reply), (400, bad.to_owned(), "context_length_exceeded".to_owned()));
    assert_eq!(reply.json()["error"]["message"], "prompt is too long: 9000 tokens > 8192 maximum");
}

/// P10, P11: a stream that is cut ends with an error and nothing that looks like an end.
#[tokio::test]
async fn a_stream_that_is_cut_ends_with_an_error_event() {
    let stand = Stand::up().await;
    for fault in
        [Fault::Cut { after: Some(4) }, Fault::Malformed { after: 4 }, Fault::ErrorFrame { after: 4 }, Fault::NoDone]
    {
        stand.afresh();
        stand.host("alps-a").next([fault.clone()]);
        let reply = stand.ask(stream("alps/m")).await;
        let (text, events) = (reply.text(), events(&reply.text()));
        let last = events.last().unwrap();
        assert_eq!(
            (&last["type"], &last["error"]["code"]),
            (&json!("error"), &json!("upstream_truncated")),
            "{fault:?}: {text}"
        );
        assert_eq!(last["request_id"], json!(reply.id().to_string()));
        assert!(!text.contains("message_stop") && !text.contains("message_delta"), "{fault:?}: {text}");
        assert!(TEXT.starts_with(&streamed(&events)) && !streamed(&events).is_empty(), "{fault:?}: {text}");
        let closed = stand.closed(reply.id()).await;
        assert_eq!(closed.status, Status::Truncated, "{fault:?}");
        assert!(text.contains(&format!(": x-phi-cost-micro={}\n", closed.charge[0].micro_usd.micros())), "{text}");
        assert_eq!(stand.reached(), ["alps-a"], "{fault:?}: no second host after the first word");
    }
}

/// P10: before the first word another host may answer, and the caller hears of one message alone.
#[tokio::test]
async fn a_host_that_fails_before_its_first_word_is_not_heard() {
    let stand = Stand::up().await;
    stand.host("alps-a").next([Fault::Cut { after: Some(1) }]);
    let reply = stand.ask(stream("alps/m")).await;
    let events = events(&reply.text());
    assert_eq!(streamed(&events), TEXT);
    assert_eq!(events.iter().filter(|event| event["type"] == "message_start").count(), 1);
    assert_eq!(stand.reached(), ["alps-a", "alps-b"]);
}

/// P9: who leaves is followed at once.
#[tokio::test]
async fn a_caller_who_leaves_is_followed() {
    let stand = Stand::up().await;
    stand.host("alps-a").next([Fault::Stall { after: Some(3) }]);
    let mut coming = stand.begin(stream("alps/m")).await;
    let id = coming.id();
    coming.until("word ").await;
    drop(coming);
    let gone = stand.host("alps-a").wait_for(SOON, |seen| seen.iter().any(|seen| seen.ended == Ended::HungUp)).await;
    assert!(gone.is_some(), "the host still works");
    let closed = stand.closed(id).await;
    assert_eq!((closed.status, closed.quality), (Status::CallerLeft, Quality::Estimated));
    assert_eq!(closed.usage.output, "every word ".len().div_ceil(4) as u64);
}

/// P5, P12: what frames a stream, and figures that are said twice, make no difference.
#[tokio::test]
async fn strange_framings_make_no_difference() {
    let stand = Stand::up().await;
    let expected = events(&stand.ask(stream("alps/m")).await.text());
    for fault in [Fault::Keepalives, Fault::Drip, Fault::Usage { lie: UsageLie::Twice }] {
        stand.host("alps-a").next([fault.clone()]);
        assert_eq!(events(&stand.ask(stream("alps/m")).await.text()), expected, "{fault:?}");
    }
}

#[tokio::test]
async fn an_input_is_counted_without_a_host() {
    let stand = Stand::up().await;
    let asked = json!({"model": "alps/m", "system": "Be brief.", "messages": [{"role": "user", "content": SECRET}]});
    for path in [COUNT, "/api/v1/messages/count_tokens?beta=true"] {
        let reply = stand.ask(Ask::json(path, &asked).phi()).await;
        let tokens = asked.to_string().len().div_ceil(4);
        assert_eq!((reply.status, reply.json()), (200, json!({"input_tokens": tokens})), "{path}");
        assert_eq!(reply.header("x-phi-usage"), Some("estimated"));
    }
    for (asked, status, kind, code) in [
        (with(asked.clone(), json!({"model": "alps/none"})), 404, "not_found_error", "model_not_found"),
        (with(asked.clone(), json!({"model": "alps/e"})), 404, "not_found_error", "model_not_found"),
        (with(asked.clone(), json!({"messages": []})), 400, "invalid_request_error", "invalid_request"),
    ] {
        let reply = stand.ask(Ask::json(COUNT, &asked)).await;
        assert_eq!(refused(&reply), (status, kind.to_owned(), code.to_owned()), "{}", reply.text());
    }
    let blocked = stand.ask(Ask::json(COUNT, &with(asked, json!({"model": "chalet/m"}))).phi()).await;
    assert_eq!(blocked.status, 404, "as it is not listed");
    assert_eq!(stand.reached(), Vec::<&str>::new());
    assert!(!stand.ledger_text().await.contains("fever"));
}

#[tokio::test]
async fn models_are_listed_in_anthropics_form_to_those_who_name_its_version() {
    let stand = Stand::up().await;
    let get = |path: &str| Ask::get(path).header("anthropic-version", "2023-06-01");
    let ours = stand.ask(Ask::get("/v1/models")).await.json();
    let ours: Vec<_> = ours["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|model| model["modalities"].as_array().unwrap().contains(&json!("chat")))
        .map(|model| text(&model["id"]))
        .collect();
    let listed = stand.ask(get("/v1/models?limit=1000&beta=true")).await.json();
    let ids: Vec<_> = listed["data"].as_array().unwrap().iter().map(|model| text(&model["id"])).collect();
    assert_eq!(ids, ours);
    assert_eq!((&listed["has_more"], text(&listed["last_id"])), (&json!(false), ours.last().unwrap().clone()));
    let first = stand.ask(get("/v1/models?limit=2")).await.json();
    assert_eq!((first["data"].as_array().unwrap().len(), &first["has_more"]), (2, &json!(true)));
    let next = format!("/v1/models?limit=1&after_id={}", ours[1].replace('/', "%2F"));
    assert_eq!(stand.ask(get(&next)).await.json()["first_id"], json!(ours[2]));
    let model = stand.ask(get("/v1/models/alps%2Fm?beta=true")).await.json();
    assert_eq!(
        (&model["type"], &model["id"], &model["display_name"]),
        (&json!("model"), &json!("alps/m"), &json!("alps/m"))
    );
    assert!(model["created_at"].as_str().unwrap().ends_with('Z') && model.get("object").is_none(), "{model}");
    let absent = stand.ask(get("/v1/models/alps%2Fe")).await;
    assert_eq!(refused(&absent), (404, "not_found_error".to_owned(), "model_not_found".to_owned()));
    let query = stand.ask(Ask::get("/v1/models?limit=2")).await;
    assert_eq!(query.refusal(), (400, "invalid_request".to_owned()), "in OpenAI's form there are no pages");
}

#[tokio::test]
async fn with_phi_no_user_is_named_and_no_other_host_is_asked() {
    let stand = Stand::up().await;
    let asked = with(body("alps/m"), json!({"metadata": {"user_id": "user_4711"}}));
    let reply = stand.ask(Ask::json(MESSAGES, &asked).phi()).await;
    assert_eq!(reply.header("x-phi-left-out"), Some("metadata.user_id"), "{reply:?}");
    assert!(sent(&stand, "alps-a").get("user").is_none());
    let explained = Ask::json("/v1/route/explain", &json!({"endpoint": "/messages", "request": asked})).phi();
    let explained = stand.ask(explained).await.json();
    let first = &explained["candidates"][0];
    assert_eq!((&first["route"], &first["place"]), (&json!("alps-a-m"), &json!(1)), "{explained}");
}
