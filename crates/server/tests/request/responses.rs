//! `POST /responses`: callers who speak as OpenAI's newer SDKs do, with nothing stored, before hosts that know only chat.

use phi_record::entry::Status;
use phi_simulate::{Ended, Fault, Says, Tool};
use phi_words::Quality;
use serde_json::{Value, json};

use crate::ask::{Ask, SECRET, with};
use crate::stand::{SOON, Stand, text};

const RESPONSES: &str = "/v1/responses";
const TEXT: &str = "every word of this answer is simulated";

fn body(model: &str) -> Value {
    json!({"model": model, "input": SECRET})
}

fn stream(model: &str) -> Ask {
    Ask::json(RESPONSES, &with(body(model), json!({"stream": true})))
}

/// 1,000 tokens in, 400 of them from the host's cache, and 100 out.
fn priced() -> Says {
    let usage = json!({"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100,
                       "prompt_tokens_details": {"cached_tokens": 400}});
    Says { usage: Some(usage), ..Says::default() }
}

/// The events of a stream, each under the name that its data has too, and in the order of their numbers.
fn events(text: &str) -> Vec<Value> {
    let named = text.split("\n\n").filter_map(|event| event.strip_prefix("event: ")?.split_once("\ndata: "));
    let read = named.enumerate().map(|(at, (name, data))| {
        let data: Value = serde_json::from_str(data).unwrap();
        assert_eq!((&data["type"], &data["sequence_number"]), (&json!(name), &json!(at)), "{text}");
        data
    });
    read.collect()
}

fn sent(stand: &Stand, host: &str) -> Value {
    let seen = stand.host(host).seen();
    serde_json::from_slice(&seen[seen.len() - 1].body).unwrap()
}

/// The next turn of a client that refers to what was said by its id, as Vercel's AI SDK does by default.
fn next(output: &Value) -> Value {
    let said = output.as_array().unwrap().iter().map(|item| match item["type"].as_str() {
        Some("function_call") => json!({"type": "function_call", "call_id": item["call_id"], "name": item["name"],
                                        "arguments": item["arguments"]}),
        _ => json!({"type": "item_reference", "id": item["id"]}),
    });
    let mut input = vec![json!({"role": "user", "content": SECRET})];
    input.extend(said);
    input.push(json!({"role": "user", "content": "go on"}));
    json!({"model": "alps/m", "input": input})
}

#[tokio::test]
async fn a_host_of_chat_answers_as_a_response() {
    let stand = Stand::up().await;
    stand.host("alps-a").says(priced());
    let more =
        json!({"instructions": "Be brief.", "metadata": {"ward": "7"}, "user": "user_4711", "max_output_tokens": 100});
    let reply = stand.ask(Ask::json(RESPONSES, &with(body("alps/m"), more))).await;
    let response = reply.json();
    assert_eq!((&response["object"], &response["status"]), (&json!("response"), &json!("completed")), "{response}");
    assert_eq!((&response["model"], &response["metadata"]), (&json!("alps/m"), &json!({"ward": "7"})));
    assert_eq!((&response["instructions"], &response["store"]), (&json!("Be brief."), &json!(false)));
    let message = &response["output"][0];
    assert_eq!((&message["type"], &message["role"]), (&json!("message"), &json!("assistant")));
    assert_eq!(message["content"], json!([{"type": "output_text", "text": TEXT, "annotations": [], "logprobs": []}]));
    assert_eq!(
        response["usage"],
        json!({"input_tokens": 1000, "input_tokens_details": {"cached_tokens": 400, "cache_write_tokens": 0},
               "output_tokens": 100, "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 1100})
    );
    assert_eq!(reply.header("x-phi-left-out"), Some("metadata"));
    let sent = sent(&stand, "alps-a");
    assert_eq!(sent["messages"][0], json!({"role": "system", "content": "Be brief."}));
    assert!(text(&sent["user"]).len() == 32 && !sent.to_string().contains("user_4711"), "{sent}");
    let closed = stand.closed(reply.id()).await;
    assert_eq!((closed.status, closed.quality, closed.usage.cache_read), (Status::Answered, Quality::Verified, 400));
}

#[tokio::test]
async fn a_stream_is_whole_with_its_usage_in_the_last_event() {
    let stand = Stand::up().await;
    stand.host("alps-a").says(priced());
    let reply = stand.ask(stream("alps/m")).await;
    let (told, events) = (reply.text(), events(&reply.text()));
    let streamed: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
    assert_eq!(streamed, TEXT);
    let last = &events[events.len() - 1];
    assert_eq!((&last["type"], &last["response"]["model"]), (&json!("response.completed"), &json!("alps/m")), "{told}");
    assert_eq!(last["response"]["output"][0]["content"][0]["text"], TEXT);
    let closed = stand.closed(reply.id()).await;
    let charged = closed.charge[0].micro_usd.micros();
    let usage = &last["response"]["usage"];
    assert_eq!((&usage["input_tokens"], &usage["cost_micro"]), (&json!(1000), &json!(charged)));
    assert!(told.ends_with(&format!("\n\n: x-phi-cost-micro={charged}\n\n")) && !told.contains("[DONE]"), "{told}");
    assert!(!told.contains("alpine"), "{told}");
}

#[tokio::test]
async fn what_was_said_is_referred_to_with_nothing_stored() {
    let stand = Stand::up().await;
    let tool = Tool { name: "weather".to_owned(), arguments: r#"{"city":"Bern"}"#.to_owned() };
    for tools in [vec![], vec![tool]] {
        for streams in [false, true] {
            stand.host("alps-a").says(Says { tools: tools.clone(), ..Says::default() });
            let defined = json!([{"type": "function", "name": "weather", "parameters": {"type": "object"}}]);
            let asked = with(body("alps/m"), json!({"stream": streams, "tools": defined}));
            let reply = stand.ask(Ask::json(RESPONSES, &asked)).await;
            let output = match streams {
                true => events(&reply.text()).pop().unwrap()["response"]["output"].clone(),
                false => reply.json()["output"].clone(),
            };
            let again = stand.ask(Ask::json(RESPONSES, &next(&output))).await;
            assert_eq!(again.status, 200, "{}", again.text());
            let said = &sent(&stand, "alps-a")["messages"][1];
            if tools.is_empty() {
                assert_eq!(*said, json!({"role": "assistant", "content": TEXT}));
            } else {
                assert_eq!(
                    said["tool_calls"][0]["function"],
                    json!({"name": "weather", "arguments": r#"{"city":"Bern"}"#})
                );
            }
            let ids: Vec<_> = output.as_array().unwrap().iter().map(|item| text(&item["id"])).collect();
            let ledger = stand.ledger_text().await;
            assert!(ids.iter().all(|id| !ledger.contains(id.as_str())), "no id is written down");
        }
    }
}

#[tokio::test]
async fn a_reference_that_means_nothing_is_refused_by_its_place() {
    let stand = Stand::up().await;
    let output = stand.ask(Ask::json(RESPONSES, &body("alps/m"))).await.json()["output"].clone();
    let id = text(&output[0]["id"]);
    let forged = format!("{}{}", &id[..id.len() - 1], if id.ends_with('A') { "B" } else { "A" });
    for id in ["msg_68b0", &forged, &id.replace("msg_", "rs_"), &id[..40]] {
        let mut asked = next(&output);
        asked["input"][1]["id"] = json!(id);
        let reply = stand.ask(Ask::json(RESPONSES, &asked)).await;
        let error = &reply.json()["error"];
        assert_eq!((reply.status, text(&error["code"])), (400, "invalid_request".to_owned()), "{error}");
        assert_eq!(error["param"], "input[1].id");
        assert!(!error.to_string().contains(id), "{error}");
    }
    stand.phi("org create other --region CH --class general --framework GDPR").await;
    stand.phi("agent create elsewhere --org other").await;
    let theirs = text(&stand.phi("token create --org other --agent elsewhere").await["token"]);
    assert_eq!(stand.ask(Ask::json(RESPONSES, &next(&output))).await.status, 200);
    let reply = stand.ask(Ask::json(RESPONSES, &next(&output)).token(&theirs)).await;
    assert_eq!((reply.status, text(&reply.json()["error"]["param"])), (400, "input[1].id".to_owned()), "of another");
    let stored = stand.ask(Ask::json(RESPONSES, &with(body("alps/m"), json!({"store": true})))).await;
    assert_eq!((stored.status, text(&stored.json()["error"]["param"])), (400, "store".to_owned()));
}

/// P10, P11: a stream that is cut ends with an error and nothing that looks like an end.
#[tokio::test]
async fn a_stream_that_is_cut_ends_with_an_error_and_a_failed_response() {
    let stand = Stand::up().await;
    for fault in
        [Fault::Cut { after: Some(4) }, Fault::Malformed { after: 4 }, Fault::ErrorFrame { after: 4 }, Fault::NoDone]
    {
        stand.afresh();
        stand.host("alps-a").next([fault.clone()]);
        let reply = stand.ask(stream("alps/m")).await;
        let (told, events) = (reply.text(), events(&reply.text()));
        let [.., error, failed] = &events[..] else { panic!("{told}") };
        assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("upstream_truncated")), "{fault:?}");
        assert_eq!(error["error"]["code"], "upstream_truncated", "a reader that looks for an error finds one");
        assert_eq!((&failed["type"], &failed["response"]["status"]), (&json!("response.failed"), &json!("failed")));
        assert!(!told.contains("response.completed"), "{fault:?}: {told}");
        let streamed: String = events.iter().filter_map(|event| event["delta"].as_str()).collect();
        assert!(TEXT.starts_with(&streamed) && !streamed.is_empty(), "{fault:?}: {told}");
        let closed = stand.closed(reply.id()).await;
        assert_eq!(closed.status, Status::Truncated, "{fault:?}");
        assert!(told.contains(&format!(": x-phi-cost-micro={}\n", closed.charge[0].micro_usd.micros())), "{told}");
        assert_eq!(stand.reached(), ["alps-a"], "{fault:?}: no second host after the first word");
    }
}

/// P10: before the first word another host may answer, and the caller hears of one response alone.
#[tokio::test]
async fn a_host_that_fails_before_its_first_word_is_not_heard() {
    let stand = Stand::up().await;
    stand.host("alps-a").next([Fault::Cut { after: Some(1) }]);
    let reply = stand.ask(stream("alps/m")).await;
    let events = events(&reply.text());
    assert_eq!(events.iter().filter(|event| event["type"] == "response.created").count(), 1);
    assert_eq!(events.last().unwrap()["response"]["output"][0]["content"][0]["text"], TEXT);
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
}
