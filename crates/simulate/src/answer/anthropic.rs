//! Anthropic's messages, at itself and on Vertex AI
//! (<https://github.com/anthropics/anthropic-sdk-python/tree/main/src/anthropic/types>,
//! <https://platform.claude.com/docs/en/build-with-claude/streaming>).

use serde_json::{Value, json};

use super::turn::{Figures, Turn, halves, words};
use super::{Draft, Frame};
use crate::fault::{Fault, UsageLie};
use crate::says::Says;
use crate::wire::Asked;

const ID: &str = "msg_simulated";
/// The seal of every thought.
const SEAL: &str = "c2ltdWxhdGVk";

/// The answer to a request, with the figures and names that the fault says.
pub(super) fn draft(asked: &Asked, says: &Says, fault: Option<&Fault>) -> Draft {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or(Value::Null);
    let path = asked.path();
    let (named, is_stream) = match path.rsplit_once("/models/").and_then(|(_, model)| model.split_once(':')) {
        Some((model, verb)) => (model, verb == "streamRawPredict"),
        None => (body["model"].as_str().unwrap_or_default(), body["stream"] == true),
    };
    let turn = Turn::new(asked, named, body["tools"].is_array(), has_result(&body), says, fault);
    // Where it was told to stay, it says so; else that it may be anywhere. On Vertex AI the address is the place.
    let stays =
        || if path.contains("/models/") { None } else { Some(body["inference_geo"].as_str().unwrap_or("global")) };
    let place = turn.place.or_else(stays);
    let message = Message { turn: &turn, place };
    let mut draft = if is_stream { message.stream() } else { message.whole() };
    draft.headers.extend([
        ("request-id", "req_leaked".to_owned()),
        ("anthropic-organization-id", "host-organization-leaked".to_owned()),
        ("anthropic-ratelimit-requests-remaining", "4711".to_owned()),
    ]);
    draft
}

/// Whether the last message holds the result of a tool: then the host answers in words.
fn has_result(body: &Value) -> bool {
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    let mut blocks = last.and_then(|last| last["content"].as_array()).into_iter().flatten();
    blocks.any(|block| block["type"] == "tool_result")
}

struct Message<'a> {
    turn: &'a Turn<'a>,
    place: Option<&'a str>,
}

impl Message<'_> {
    fn whole(&self) -> Draft {
        let mut message = self.message(&self.blocks());
        message["stop_reason"] = json!(self.turn.finish("end_turn", "tool_use"));
        if let Some(usage) = self.turn.usage(usage) {
            message["usage"] = placed(usage, self.place);
        }
        Draft::json(200, &message)
    }

    /// `message_start`, a ping, each block in its pieces, `message_delta`, `message_stop`.
    fn stream(&self) -> Draft {
        let mut start = self.message(&[]);
        if let Some(usage) = self.turn.usage(usage) {
            // In the beginning the output is that of the first token; so are the thoughts untold.
            let mut usage = usage;
            if usage["output_tokens"].is_u64() {
                usage["output_tokens"] = json!(1);
            }
            usage.as_object_mut().and_then(|usage| usage.remove("output_tokens_details"));
            let is_told = self.turn.place.is_none() || self.turn.is_early;
            start["usage"] = if is_told { placed(usage, self.place) } else { usage };
        }
        let mut frames = vec![event("message_start", &json!({"message": start})), event("ping", &json!({}))];
        for (index, block) in self.blocks().iter().enumerate() {
            frames.extend(pieces(index, block));
        }
        self.add_usage(&mut frames);
        frames.push(event("message_stop", &json!({})).end());
        Draft::stream(frames)
    }

    fn add_usage(&self, frames: &mut Vec<Frame>) {
        let change = |reason: Option<&str>, usage: Option<Value>| {
            let mut data = json!({"delta": {"stop_reason": reason, "stop_sequence": null}});
            if let Some(usage) = usage {
                data["usage"] = usage;
            }
            event("message_delta", &data)
        };
        let early = |input, output| change(None, Some(usage(&Figures::early(input, output))));
        let mut last = self.turn.usage(usage);
        match self.turn.lie {
            Some(UsageLie::Twice) => frames.push(change(None, last.clone())),
            Some(UsageLie::EveryFrame) => {
                // Each says more than the one before; in the beginning there were the three of the input.
                let told = json!({"message": with_usage(self.message(&[]), usage(&Figures::early(3, 1)))});
                frames[0] = event("message_start", &told);
                let all = std::mem::take(frames);
                for (number, frame) in all.into_iter().enumerate() {
                    let is_more = frame.name == Some("content_block_delta");
                    frames.push(frame);
                    frames.extend(is_more.then(|| early(3, number)));
                }
                last = Some(usage(&Figures::early(3, frames.len())));
            }
            Some(UsageLie::Negative | UsageLie::Absurd | UsageLie::Text | UsageLie::Missing) | None => {}
        }
        if self.turn.place.is_some() && !self.turn.is_early {
            last = last.map(|usage| placed(usage, self.place));
        }
        frames.push(change(Some(self.turn.finish("end_turn", "tool_use")), last));
    }

    fn message(&self, content: &[Value]) -> Value {
        json!({
            "id": ID, "type": "message", "role": "assistant", "model": self.turn.model, "content": content,
            "stop_reason": null, "stop_sequence": null,
        })
    }

    /// A thought, and then words or calls.
    fn blocks(&self) -> Vec<Value> {
        let thought = self.turn.says.thought.as_ref();
        let thought = thought.map(|thought| json!({"type": "thinking", "thinking": thought, "signature": SEAL}));
        let calls = self.turn.calls.iter().enumerate().map(|(number, tool)| {
            let input: Value = serde_json::from_str(&tool.arguments).unwrap_or_else(|_| json!({}));
            json!({"type": "tool_use", "id": format!("toolu_simulated_{number}"), "name": tool.name, "input": input})
        });
        let words = self.turn.calls.is_empty().then(|| json!({"type": "text", "text": self.turn.says.text}));
        thought.into_iter().chain(words).chain(calls).collect()
    }
}

/// A block as a stream tells it: its beginning, what it holds in pieces, and its end.
fn pieces(index: usize, block: &Value) -> Vec<Frame> {
    let more = |delta: Value| event("content_block_delta", &json!({"index": index, "delta": delta}));
    let mut begun = block.clone();
    let mut deltas = Vec::new();
    if let Some(text) = block["text"].as_str() {
        begun["text"] = json!("");
        deltas.extend(words(text).map(|word| more(json!({"type": "text_delta", "text": word}))));
    } else if let Some(thought) = block["thinking"].as_str() {
        (begun["thinking"], begun["signature"]) = (json!(""), json!(""));
        deltas.extend(words(thought).map(|word| more(json!({"type": "thinking_delta", "thinking": word}))));
        deltas.push(more(json!({"type": "signature_delta", "signature": block["signature"]})));
    } else {
        begun["input"] = json!({});
        let input = block["input"].to_string();
        let parts = [""].into_iter().chain(halves(&input));
        deltas.extend(parts.map(|part| more(json!({"type": "input_json_delta", "partial_json": part}))));
    }
    deltas.insert(0, event("content_block_start", &json!({"index": index, "content_block": begun})));
    deltas.push(event("content_block_stop", &json!({"index": index})));
    deltas
}

/// An event: its name stands in its data too.
fn event(name: &'static str, rest: &Value) -> Frame {
    let mut data = json!({"type": name});
    for (key, value) in rest.as_object().into_iter().flatten() {
        data[key] = value.clone();
    }
    Frame::named(name, &data)
}

/// Here input is without the cache, and thoughts are part of the output.
fn usage(figures: &Figures) -> Value {
    let mut usage = json!({
        "input_tokens": figures.input, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
        "output_tokens": figures.output,
    });
    if figures.thought > 0 {
        usage["output_tokens_details"] = json!({"thinking_tokens": figures.thought});
    }
    usage
}

fn placed(mut usage: Value, place: Option<&str>) -> Value {
    if let Some(place) = place {
        usage["inference_geo"] = json!(place);
    }
    usage
}

fn with_usage(mut message: Value, usage: Value) -> Value {
    message["usage"] = usage;
    message
}
