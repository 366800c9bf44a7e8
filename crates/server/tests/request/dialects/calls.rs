//! Calls of functions: side by side, whole and as a stream, and what goes back with their results.

use phi_simulate::Says;
use serde_json::{Value, json};

use super::{Heard, KINDS, Kind, TEXT, ask, streamed, tools, up};
use crate::ask::{SECRET, with};

const IDS: [[&str; 2]; 5] = [
    ["call_simulated", "call_simulated_1"],
    ["simulate0", "simulate1"],
    ["toolu_simulated_0", "toolu_simulated_1"],
    ["toolu_simulated_0", "toolu_simulated_1"],
    ["fc_0", "fc_1"],
];
const SEAL: &str = "c2ltdWxhdGVk";

fn schema() -> Value {
    json!({"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}, "required": ["city"]})
}

/// Two functions, of which the first has a schema.
fn functions() -> Value {
    json!([
        {"type": "function", "function": {"name": "weather", "description": "The weather.", "parameters": schema()}},
        {"type": "function", "function": {"name": "now"}},
    ])
}

fn called(kind: &Kind, [first, second]: [&str; 2]) -> Vec<Value> {
    let call = |id: &str, name: &str, arguments: &str| json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}});
    let mut calls = vec![call(first, "weather", r#"{"city":"Zürich","days":2}"#), call(second, "now", "{}")];
    if kind.host == "gemini" {
        calls[0]["extra_content"] = json!({"google": {"thought_signature": SEAL}});
    }
    calls
}

#[tokio::test]
async fn p14_calls_keep_ids_order_and_arguments_and_go_back_with_their_results() {
    let stand = up().await;
    for (kind, ids) in KINDS.iter().zip(IDS) {
        stand.host(kind.host).says(Says { tools: tools(), ..kind.says() });
        let asked = json!({"tools": functions(), "messages": [
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": SECRET}]});
        let whole = Heard::of(&stand.ask(ask(&kind.model(), asked.clone())).await);
        let stream = Heard::of(&stand.ask(ask(&kind.model(), with(asked.clone(), streamed()))).await);
        assert_eq!(whole, stream, "{kind:?}");
        assert_eq!((whole.content.as_str(), whole.finish.as_str()), ("", "tool_calls"), "{kind:?}");
        assert_eq!(whole.calls, called(kind, ids), "{kind:?}");

        // What the SDK has heard goes back as it is, with a result for each call.
        let mut messages = asked["messages"].as_array().unwrap().clone();
        messages.push(json!({"role": "assistant", "content": null, "tool_calls": whole.calls}));
        for (call, result) in whole.calls.iter().zip(["sunny", "noon"]) {
            messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": result}));
        }
        let next = json!({"tools": functions(), "messages": messages});
        for more in [json!({}), streamed()] {
            let reply = stand.ask(ask(&kind.model(), with(next.clone(), more))).await;
            let heard = Heard::of(&reply);
            assert_eq!((heard.content.as_str(), heard.finish.as_str()), (TEXT, "stop"), "{kind:?}");
            assert_eq!(reply.header("x-phi-left-out"), None, "{kind:?}");
            let mut body = stand.host(kind.host).seen().pop().unwrap().json();
            for (name, expected) in turn(kind, ids) {
                assert_eq!(body[name].take(), expected, "{kind:?} {name}");
            }
        }
    }
}

/// What the host is sent of the second turn.
fn turn(kind: &Kind, [first, second]: [&str; 2]) -> Vec<(&'static str, Value)> {
    let arguments = json!({"city": "Zürich", "days": 2});
    match kind.host {
        "gpt" | "minstrel" => {
            let mut answer = json!({"role": "assistant", "content": null, "tool_calls": called(kind, [first, second])});
            let mut tools = functions();
            if kind.host == "minstrel" {
                answer.as_object_mut().unwrap().remove("content");
                // It does not know functions without.
                tools[1]["function"]["parameters"] = json!({"type": "object", "properties": {}});
            }
            let messages = json!([
                {"role": "system", "content": "Be brief."}, {"role": "user", "content": SECRET}, answer,
                {"role": "tool", "tool_call_id": first, "content": "sunny"},
                {"role": "tool", "tool_call_id": second, "content": "noon"},
            ]);
            vec![("messages", messages), ("tools", tools)]
        }
        "gemini" => {
            let contents = json!([
                {"role": "user", "parts": [{"text": SECRET}]},
                {"role": "model", "parts": [
                    {"functionCall": {"id": first, "name": "weather", "args": arguments}, "thoughtSignature": SEAL},
                    {"functionCall": {"id": second, "name": "now", "args": {}}},
                ]},
                {"role": "user", "parts": [
                    {"functionResponse": {"id": first, "name": "weather", "response": {"output": "sunny"}}},
                    {"functionResponse": {"id": second, "name": "now", "response": {"output": "noon"}}},
                ]},
            ]);
            let tools = json!([{"functionDeclarations": [
                {"name": "weather", "description": "The weather.", "parametersJsonSchema": schema()}, {"name": "now"}]}]);
            let system = json!({"parts": [{"text": "Be brief."}]});
            vec![("contents", contents), ("tools", tools), ("systemInstruction", system)]
        }
        _ => {
            let result = |id: &str, text: &str| json!({"type": "tool_result", "tool_use_id": id, "content": [{"type": "text", "text": text}]});
            let messages = json!([
                {"role": "user", "content": [{"type": "text", "text": SECRET}]},
                {"role": "assistant", "content": [
                    {"type": "tool_use", "id": first, "name": "weather", "input": arguments},
                    {"type": "tool_use", "id": second, "name": "now", "input": {}},
                ]},
                {"role": "user", "content": [result(first, "sunny"), result(second, "noon")]},
            ]);
            let tools = json!([
                {"name": "weather", "description": "The weather.", "input_schema": schema()},
                {"name": "now", "input_schema": {"type": "object"}},
            ]);
            vec![("messages", messages), ("tools", tools), ("system", json!([{"type": "text", "text": "Be brief."}]))]
        }
    }
}
