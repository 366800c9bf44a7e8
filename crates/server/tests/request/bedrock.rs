//! Amazon Bedrock: requests that are signed one by one, and streams in frames of its own.

use phi_record::By;
use phi_server::orders::Order;
use phi_simulate::{AWS_KEY, Fault, Says, Shape, Tool, UsageLie};
use serde_json::{Value, json};

use crate::ask::{Ask, chat, streamed, with};
use crate::setup::{Setup, put_key};
use crate::stand::Stand;

const TEXT: &str = "every word of this answer is simulated";
const PATH: &str = "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0";

/// What `aws configure export-credentials` writes.
pub(crate) fn key_file(secret: &str) -> String {
    let file =
        json!({"Version": 1, "AccessKeyId": AWS_KEY.0, "SecretAccessKey": secret, "SessionToken": "session//2048=="});
    serde_json::to_string_pretty(&file).unwrap()
}

async fn up(secret: &str) -> Stand {
    let stand = Setup { catalogue: include_str!("bedrock.toml"), ..Setup::default() }.up().await;
    let put = put_key(&stand.deployment, "rock", "aws", &key_file(secret)).await;
    put_key(&stand.deployment, "rock-b", "plain", "sk-plain").await;
    assert_eq!((&put["kind"], &put["params"]), (&json!("aws-access-key-pair"), &json!({})));
    stand
}

fn tools() -> Value {
    json!({"tools": [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]})
}

fn ask(more: Value) -> Ask {
    Ask::json("/v1/chat/completions", &with(chat("rock/r"), more))
}

#[tokio::test]
async fn a_host_that_checks_signatures_answers_whole_and_in_frames() {
    let stand = up(AWS_KEY.1).await;
    let whole = stand.ask(ask(json!({}))).await;
    assert_eq!((whole.status, whole.content().as_str()), (200, TEXT), "{}", whole.text());
    assert_eq!(whole.header("x-phi-routed"), Some("rock-r/CH/general"));
    let stream = stand.ask(ask(json!({"stream": true, "stream_options": {"include_usage": true}}))).await;
    assert_eq!((stream.status, streamed(&stream.events()).as_str()), (200, TEXT), "{}", stream.text());
    let last: Value = serde_json::from_str(&stream.events()[stream.events().len() - 2]).unwrap();
    assert_eq!(last["usage"]["completion_tokens"], 7, "{last}");
    assert_eq!(stand.reached(), ["rock"]);
    let seen = stand.host("rock").seen();
    let paths: Vec<_> = seen.iter().map(phi_simulate::Seen::path).collect();
    assert_eq!(paths, [format!("{PATH}/converse"), format!("{PATH}/converse-stream")]);
    assert_eq!(seen[1].header("accept").as_deref(), Some("application/vnd.amazon.eventstream"));
    for seen in seen {
        assert_eq!(seen.header("x-amz-security-token").as_deref(), Some("session//2048=="));
        assert_eq!(seen.header("x-amz-date").as_deref(), Some("20261121T120000Z"));
        let mut names = seen.header_names();
        names.sort();
        let due = [
            "accept",
            "accept-encoding",
            "authorization",
            "content-length",
            "content-type",
            "host",
            "user-agent",
            "x-amz-content-sha256",
            "x-amz-date",
            "x-amz-security-token",
        ];
        assert_eq!(names, due);
        assert!(!String::from_utf8_lossy(&seen.head).contains(AWS_KEY.1), "the secret is not shown");
    }
}

#[tokio::test]
async fn functions_are_called_and_their_results_come_back() {
    let stand = up(AWS_KEY.1).await;
    let tool = |arguments: &str| Tool { name: "weather".to_owned(), arguments: arguments.to_owned() };
    let calls = vec![tool(r#"{"city":"Zürich"}"#), tool("{}")];
    stand.host("rock").says(Says { tools: calls, thought: Some("let me see".to_owned()), ..Says::default() });
    let whole = stand.ask(ask(tools())).await.json();
    let message = &whole["choices"][0]["message"];
    let calls = message["tool_calls"].as_array().unwrap();
    let told: Vec<_> = calls
        .iter()
        .map(|call| (call["id"].as_str().unwrap(), call["function"]["arguments"].as_str().unwrap()))
        .collect();
    assert_eq!(told, [("tooluse_simulated_0", r#"{"city":"Zürich"}"#), ("tooluse_simulated_1", "{}")]);
    assert_eq!(whole["choices"][0]["finish_reason"], "tool_calls");
    let stream = stand.ask(ask(with(tools(), json!({"stream": true})))).await.text();
    assert!(stream.contains("tooluse_simulated_1") && stream.contains(r#""finish_reason":"tool_calls""#), "{stream}");
    let result = |number: usize| json!({"role": "tool", "tool_call_id": calls[number]["id"], "content": "sun"});
    let messages = json!([{"role": "user", "content": "?"}, message, result(1), result(0)]);
    let last = stand.ask(ask(with(tools(), json!({"messages": messages})))).await;
    assert_eq!((last.status, last.content().as_str()), (200, TEXT), "{}", last.text());
    let sent = stand.host("rock").seen().last().unwrap().json();
    let results = json!([
        {"toolResult": {"toolUseId": "tooluse_simulated_1", "content": [{"text": "sun"}]}},
        {"toolResult": {"toolUseId": "tooluse_simulated_0", "content": [{"text": "sun"}]}},
    ]);
    assert_eq!(sent["messages"][2]["content"], results, "{sent}");
}

#[tokio::test]
async fn an_exception_in_mid_stream_is_no_success() {
    let stand = up(AWS_KEY.1).await;
    stand.host("rock").next([Fault::ErrorFrame { after: 4 }]);
    let reply = stand.ask(ask(json!({"stream": true}))).await;
    assert!(reply.text().contains("every word of ") || reply.text().contains("every "), "{}", reply.text());
    assert!(reply.text().contains("upstream_truncated") && !reply.text().contains("[DONE]"), "{}", reply.text());
    for fault in
        [Fault::ErrorFrame { after: 1 }, Fault::ErrorFrame { after: 0 }, Fault::Cut { after: Some(1) }, Fault::NoDone]
    {
        stand.afresh();
        stand.host("rock").next([fault.clone()]);
        let reply = stand.ask(ask(json!({"stream": true}))).await;
        if fault == Fault::NoDone {
            assert!(reply.text().contains("upstream_truncated"), "{}", reply.text());
        } else {
            assert_eq!(reply.header("x-phi-routed"), Some("rock-b-r/CH/general"), "{fault:?}");
        }
    }
}

#[tokio::test]
async fn a_wrong_signature_and_a_host_without_room_lead_to_the_next_route() {
    let stand = up("anotherSecretThatSignsOtherwise").await;
    let reply = stand.ask(ask(json!({}))).await;
    assert_eq!((reply.status, reply.header("x-phi-routed")), (200, Some("rock-b-r/CH/general")), "{}", reply.text());
    assert_eq!(stand.host("rock").seen().len(), 1);
    let stand = up(AWS_KEY.1).await;
    for status in [429, 424, 408, 500, 503, 404] {
        stand.afresh();
        stand.host("rock").next([Fault::status(status).shape(Shape::Own)]);
        let reply = stand.ask(ask(json!({}))).await;
        assert_eq!((reply.status, reply.header("x-phi-routed")), (200, Some("rock-b-r/CH/general")), "{status}");
        assert_eq!(stand.host("rock").seen().len(), 1, "{status}");
    }
    stand.afresh();
    stand.host("rock").next([Fault::status(400).shape(Shape::Own)]);
    assert_eq!(stand.ask(ask(json!({}))).await.refusal(), (400, "upstream_rejected".to_owned()));
}

#[tokio::test]
async fn figures_that_are_not_sound_are_estimated() {
    let stand = up(AWS_KEY.1).await;
    for lie in [UsageLie::Negative, UsageLie::Absurd, UsageLie::Text, UsageLie::Missing] {
        stand.host("rock").next([Fault::Usage { lie }]);
        let reply = stand.ask(ask(json!({}))).await;
        assert_eq!((reply.status, reply.header("x-phi-usage")), (200, Some("estimated")), "{lie:?}");
    }
}

#[tokio::test]
async fn a_key_of_another_kind_does_not_open_it() {
    let stand = up(AWS_KEY.1).await;
    for (opens, key, hint) in [
        ("bedrock", "sk-plain".to_owned(), "an access key of AWS"),
        ("alps", key_file(AWS_KEY.1), "a key on one line"),
        ("rock", r#"{"AccessKeyId":"AKIAIOSFODNN7EXAMPLE"}"#.to_owned(), "SecretAccessKey"),
    ] {
        let put = json!({"Vault": {"Put": {"opens": opens, "name": "other", "params": [], "key": key}}});
        let order: Order = serde_json::from_value(put).unwrap();
        let error = order.run(&stand.deployment, By::Operator(0)).await.expect_err(hint);
        assert!(error.to_string().contains(hint) && !error.to_string().contains(AWS_KEY.1), "{error}");
    }
}
