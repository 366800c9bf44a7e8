//! What SDKs make of a stream.

use serde_json::{Value, json};

fn grow(text: &mut Value, more: &Value) {
    *text = format!("{}{}", text.as_str().unwrap(), more.as_str().unwrap()).into();
}

/// The one choice of a stream of chunks, as OpenAI's Python library adds deltas up (`lib/streaming/_deltas.py`,
/// `accumulate_delta`), and the figures of its last chunk.
pub(crate) fn choice(chunks: &[Value]) -> (Value, Value) {
    let (mut choice, mut usage) = (json!({"index": 0, "message": {}, "finish_reason": null}), Value::Null);
    for chunk in chunks {
        if chunk["usage"].is_object() {
            usage = chunk["usage"].clone();
        }
        for told in chunk["choices"].as_array().unwrap() {
            accumulate(&mut choice["message"], &told["delta"]);
            if !told["finish_reason"].is_null() {
                choice["finish_reason"] = told["finish_reason"].clone();
            }
        }
    }
    (choice, usage)
}

fn accumulate(all: &mut Value, delta: &Value) {
    for (key, more) in delta.as_object().unwrap() {
        let known = all.as_object_mut().unwrap().entry(key).or_insert(Value::Null);
        match (&mut *known, more) {
            (Value::Null, _) => *known = more.clone(),
            (_, Value::Null) => {}
            _ if key == "index" || key == "type" => *known = more.clone(),
            (Value::String(_), _) => grow(known, more),
            (Value::Object(_), _) => accumulate(known, more),
            (Value::Array(items), Value::Array(more)) => {
                for item in more {
                    let at = item["index"].as_u64().expect("an item of a list that goes on has an index") as usize;
                    match items.get_mut(at) {
                        Some(known) => accumulate(known, item),
                        None => items.insert(at, item.clone()),
                    }
                }
            }
            _ => panic!("{key}"),
        }
    }
}

/// A message, as Anthropic's Python library adds events up (`lib/streaming/_messages.py`, `accumulate_event`).
pub(crate) fn message(events: &[Value]) -> Value {
    let mut message = Value::Null;
    let mut arguments = String::new();
    for event in events {
        let index = event["index"].as_u64().map(|index| usize::try_from(index).unwrap());
        match event["type"].as_str().unwrap() {
            "message_start" => {
                assert!(message.is_null(), "a message begins twice");
                message = event["message"].clone();
                assert_eq!(message["content"], json!([]));
            }
            "content_block_start" => {
                arguments.clear();
                let content = message["content"].as_array_mut().unwrap();
                assert_eq!(index, Some(content.len()), "the place is that of the next block");
                content.push(event["content_block"].clone());
            }
            "content_block_delta" => {
                let at = index.unwrap();
                assert_eq!(at + 1, message["content"].as_array().unwrap().len(), "one block is open");
                let (block, delta) = (&mut message["content"][at], &event["delta"]);
                match (block["type"].as_str().unwrap(), delta["type"].as_str().unwrap()) {
                    ("text", "text_delta") => grow(&mut block["text"], &delta["text"]),
                    ("thinking", "thinking_delta") => grow(&mut block["thinking"], &delta["thinking"]),
                    ("thinking", "signature_delta") => block["signature"] = delta["signature"].clone(),
                    ("text", "citations_delta") => {
                        let citations = block.as_object_mut().unwrap().entry("citations").or_insert(json!([]));
                        citations.as_array_mut().unwrap().push(delta["citation"].clone());
                    }
                    ("tool_use", "input_json_delta") => arguments.push_str(delta["partial_json"].as_str().unwrap()),
                    (block, delta) => panic!("a {delta} of a {block}"),
                }
            }
            "content_block_stop" => {
                let at = index.unwrap();
                if !arguments.is_empty() {
                    let input = serde_json::from_str::<Value>(&arguments).ok().filter(Value::is_object);
                    message["content"][at]["input"] = input.unwrap_or(json!({"raw_arguments": arguments}));
                }
            }
            "message_delta" => {
                for (key, value) in event["delta"].as_object().unwrap() {
                    message[key] = value.clone();
                }
                message["usage"] = event["usage"].clone();
            }
            "message_stop" => {}
            other => panic!("{other}"),
        }
    }
    message
}

/// The output of a response, as OpenAI's Python library adds events up (`lib/streaming/responses/_responses.py`, `accumulate_event`).
pub(crate) fn output(events: &[Value]) -> Value {
    let mut output: Vec<Value> = Vec::new();
    for event in events {
        let at = event["output_index"].as_u64().unwrap_or_default() as usize;
        match event["type"].as_str().unwrap() {
            "response.output_item.added" => {
                assert_eq!(output.len(), at, "items are added in the order of their indexes");
                output.push(event["item"].clone());
            }
            "response.content_part.added" => output[at]["content"].as_array_mut().unwrap().push(event["part"].clone()),
            "response.output_text.delta" => grow(&mut output[at]["content"][0]["text"], &event["delta"]),
            "response.refusal.delta" => grow(&mut output[at]["content"][0]["refusal"], &event["delta"]),
            "response.output_text.annotation.added" => {
                let all = output[at]["content"][0]["annotations"].as_array_mut().unwrap();
                assert_eq!(event["annotation_index"], all.len());
                all.push(event["annotation"].clone());
            }
            "response.reasoning_summary_part.added" => {
                output[at]["summary"].as_array_mut().unwrap().push(event["part"].clone());
            }
            "response.reasoning_summary_text.delta" => grow(&mut output[at]["summary"][0]["text"], &event["delta"]),
            "response.function_call_arguments.delta" => grow(&mut output[at]["arguments"], &event["delta"]),
            "response.output_item.done" => {
                assert_eq!(output[at]["id"], event["item"]["id"], "an item keeps its id");
                output[at]["status"] = event["item"]["status"].clone();
                output[at].as_object_mut().unwrap().extend(
                    event["item"]
                        .get("encrypted_content")
                        .map(|sealed| ("encrypted_content".to_owned(), sealed.clone())),
                );
                assert_eq!(output[at], event["item"]);
            }
            _ => {}
        }
    }
    output.into()
}
