//! Amazon Bedrock's `Converse` and `ConverseStream`, for those who sign as [`AWS_KEY`](crate::AWS_KEY)
//! (<https://github.com/boto/botocore/blob/develop/botocore/data/bedrock-runtime/2023-09-30/service-2.json>).

use serde_json::{Value, json};

use super::turn::{Figures, Turn, halves, words};
use super::{Content, Draft, Frame};
use crate::aws;
use crate::fault::Fault;
use crate::says::Says;
use crate::wire::Asked;

/// The media type of its streams.
pub(super) const STREAM: &str = "application/vnd.amazon.eventstream";
/// The seal of every thought.
const SEAL: &str = "c2ltdWxhdGVk";

/// The answer to a request, with the figures that the fault says; a refusal where it is not signed as it should be.
pub(super) fn draft(asked: &Asked, says: &Says, fault: Option<&Fault>) -> Draft {
    if let Err(why) = aws::verify(asked) {
        return refused(403, why, "the request signature does not match");
    }
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or(Value::Null);
    let turn = Turn::new(asked, "", body["toolConfig"]["tools"].is_array(), has_result(&body), says, fault);
    if asked.path().ends_with("/converse-stream") { stream(&turn) } else { whole(&turn) }
}

/// An error: its type stands in the head.
pub(super) fn refused(status: u16, kind: &str, message: &str) -> Draft {
    let mut draft = Draft::json(status, &json!({"message": message}));
    draft.headers.push(("x-amzn-errortype", format!("{kind}:http://internal.amazon.com/coral/")));
    draft
}

/// The type of an error with this status.
pub(super) fn kind(status: u16) -> &'static str {
    match status {
        403 => "AccessDeniedException",
        404 => "ResourceNotFoundException",
        408 => "ModelTimeoutException",
        424 => "ModelErrorException",
        429 => "ThrottlingException",
        500 => "InternalServerException",
        503 => "ServiceUnavailableException",
        _ => "ValidationException",
    }
}

/// Whether the last message holds the result of a tool: then the host answers in words.
fn has_result(body: &Value) -> bool {
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    let mut blocks = last.and_then(|last| last["content"].as_array()).into_iter().flatten();
    blocks.any(|block| block["toolResult"].is_object())
}

fn whole(turn: &Turn<'_>) -> Draft {
    let message = json!({"role": "assistant", "content": blocks(turn)});
    let mut answer = json!({"metrics": {"latencyMs": 7}, "output": {"message": message}, "stopReason": reason(turn)});
    if let Some(usage) = turn.usage(usage) {
        answer["usage"] = usage;
    }
    Draft::json(200, &answer)
}

/// `messageStart`, each block in its pieces, `messageStop`, `metadata`.
fn stream(turn: &Turn<'_>) -> Draft {
    let mut frames = vec![Frame::named("messageStart", &json!({"p": "abcdefg", "role": "assistant"}))];
    for (index, block) in blocks(turn).iter().enumerate() {
        frames.extend(pieces(index, block));
    }
    frames.push(Frame::named("messageStop", &json!({"p": "abcd", "stopReason": reason(turn)})).end());
    let mut metadata = json!({"metrics": {"latencyMs": 7}, "p": "ab"});
    if let Some(usage) = turn.usage(usage) {
        metadata["usage"] = usage;
    }
    frames.push(Frame::named("metadata", &metadata));
    Draft::new(200, STREAM, Content::Frames(frames))
}

/// A thought, and then words or calls.
fn blocks(turn: &Turn<'_>) -> Vec<Value> {
    let thought = turn.says.thought.as_ref();
    let thought = thought.map(|text| json!({"reasoningContent": {"reasoningText": {"text": text, "signature": SEAL}}}));
    let calls = turn.calls.iter().enumerate().map(|(number, tool)| {
        let input: Value = serde_json::from_str(&tool.arguments).unwrap_or_else(|_| json!({}));
        json!({"toolUse": {"toolUseId": format!("tooluse_simulated_{number}"), "name": tool.name, "input": input}})
    });
    let words = turn.calls.is_empty().then(|| json!({"text": turn.says.text}));
    thought.into_iter().chain(words).chain(calls).collect()
}

/// A block as a stream tells it: only a call is announced.
fn pieces(index: usize, block: &Value) -> Vec<Frame> {
    let more = |delta: Value| {
        Frame::named("contentBlockDelta", &json!({"contentBlockIndex": index, "delta": delta, "p": "a"}))
    };
    let mut frames = Vec::new();
    if let Some(text) = block["text"].as_str() {
        frames.extend(words(text).map(|word| more(json!({"text": word}))));
    } else if let Some(thought) = block["reasoningContent"]["reasoningText"]["text"].as_str() {
        frames.extend(words(thought).map(|word| more(json!({"reasoningContent": {"text": word}}))));
        frames.push(more(json!({"reasoningContent": {"signature": SEAL}})));
    } else {
        let call = &block["toolUse"];
        let start = json!({"toolUse": {"toolUseId": call["toolUseId"], "name": call["name"]}});
        frames.push(Frame::named("contentBlockStart", &json!({"contentBlockIndex": index, "start": start})));
        let input = call["input"].to_string();
        frames.extend(halves(&input).map(|part| more(json!({"toolUse": {"input": part}}))));
    }
    frames.push(Frame::named("contentBlockStop", &json!({"contentBlockIndex": index})));
    frames
}

fn reason(turn: &Turn<'_>) -> &'static str {
    if turn.calls.is_empty() { "end_turn" } else { "tool_use" }
}

fn usage(figures: &Figures) -> Value {
    json!({"inputTokens": figures.input, "outputTokens": figures.output, "totalTokens": figures.total})
}

/// A frame of a stream: a message of Amazon's event stream (<https://smithy.io/2.0/aws/amazon-eventstream.html>).
pub(super) fn message(name: &str, payload: &[u8]) -> Vec<u8> {
    let kind = if name.ends_with("Exception") { "exception" } else { "event" };
    let mut headers = Vec::new();
    for (name, value) in [
        (format!(":{kind}-type"), name),
        (":content-type".to_owned(), "application/json"),
        (":message-type".to_owned(), kind),
    ] {
        headers.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        headers.extend_from_slice(name.as_bytes());
        headers.push(7);
        headers.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        headers.extend_from_slice(value.as_bytes());
    }
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let mut message = [number(16 + headers.len() + payload.len()), number(headers.len())].concat();
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message.extend_from_slice(&headers);
    message.extend_from_slice(payload);
    message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
    message
}
