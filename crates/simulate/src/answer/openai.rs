//! OpenAI's shapes: chat, embeddings, the list of models.

use serde_json::{Value, json};

use super::{Content, Draft, error_object};
use crate::fault::{Fault, UsageLie, VectorLie};
use crate::says::Says;
use crate::wire::Asked;

const ID: &str = "chatcmpl-simulated";
const CREATED: u64 = 1_700_000_000;

/// The answer to a request, with the figures and names that the fault says.
pub(super) fn draft(asked: &Asked, says: &Says, fault: Option<&Fault>) -> Draft {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or(Value::Null);
    let path = asked.path();
    if path.ends_with("/chat/completions") {
        let chat = Chat::new(&body, asked.body.len(), says, fault);
        if body["stream"] == true { chat.stream() } else { chat.whole() }
    } else if path.ends_with("/embeddings") {
        embeddings(&body, asked.body.len(), says, fault)
    } else if path.ends_with("/models") {
        Draft::json(
            200,
            &json!({"object": "list", "data": [{"id": "simulated", "object": "model", "owned_by": "system"}]}),
        )
    } else if path.ends_with("/health") {
        Draft::json(200, &json!({"status": "ok"}))
    } else {
        Draft::json(404, &error_object(asked, "invalid_request_error"))
    }
}

struct Chat<'a> {
    model: String,
    says: &'a Says,
    tool: bool,
    include_usage: bool,
    lie: Option<UsageLie>,
    usage: Value,
    /// The place that the first frame tells.
    early: Option<&'a str>,
}

impl<'a> Chat<'a> {
    fn new(body: &Value, body_len: usize, says: &'a Says, fault: Option<&'a Fault>) -> Self {
        let words = says.text.split(' ').count();
        Self {
            model: model(body, says, fault),
            says,
            tool: says.tool.is_some() && body["tools"].is_array() && !has_result(body),
            include_usage: body["stream_options"]["include_usage"] == true,
            lie: if let Some(Fault::Usage { lie }) = fault { Some(*lie) } else { None },
            usage: usage(body_len, words, says, fault),
            early: if let Some(Fault::Geo { name, early: true }) = fault { Some(name) } else { None },
        }
    }

    fn whole(&self) -> Draft {
        let message = match &self.says.tool {
            Some(tool) if self.tool => json!({"role": "assistant", "content": null, "tool_calls": [
                {"id": "call_simulated", "type": "function", "function": {"name": tool.name, "arguments": tool.arguments}},
            ]}),
            _ => json!({"role": "assistant", "content": self.says.text, "refusal": null}),
        };
        let mut reply = json!({
            "id": ID, "object": "chat.completion", "created": CREATED, "model": self.model,
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": self.finish()}],
            "system_fingerprint": "fp_simulated",
        });
        if self.lie != Some(UsageLie::Missing) {
            reply["usage"] = self.usage.clone();
        }
        Draft::json(200, &reply)
    }

    fn stream(&self) -> Draft {
        let mut frames = vec![self.chunk(&json!({"role": "assistant", "content": ""}), None)];
        match &self.says.tool {
            Some(tool) if self.tool => {
                frames.push(self.chunk(&call(&json!({"name": tool.name, "arguments": ""}), true), None));
                let (front, back) = tool.arguments.split_at(tool.arguments.len() / 2);
                frames.extend([front, back].map(|part| self.chunk(&call(&json!({"arguments": part}), false), None)));
            }
            _ => {
                let words = self.says.text.split_inclusive(' ');
                frames.extend(words.map(|word| self.chunk(&json!({"content": word}), None)));
            }
        }
        frames.push(self.chunk(&json!({}), Some(self.finish())));
        self.add_usage(&mut frames);
        if let Some(place) = self.early {
            frames[0]["usage"] = json!({"prompt_tokens": 1, "completion_tokens": 0, "inference_geo": place});
        }
        let mut frames: Vec<Vec<u8>> = frames.iter().map(|frame| frame.to_string().into_bytes()).collect();
        frames.push(b"[DONE]".to_vec());
        Draft::new(200, "text/event-stream", Content::Frames(frames))
    }

    fn add_usage(&self, frames: &mut Vec<Value>) {
        let closing = |usage: Value| {
            let mut frame = self.chunk(&Value::Null, None);
            (frame["choices"], frame["usage"]) = (json!([]), usage);
            frame
        };
        match self.lie {
            Some(UsageLie::Missing) => {}
            Some(UsageLie::EveryFrame) => {
                for (number, frame) in frames.iter_mut().enumerate() {
                    frame["usage"] =
                        json!({"prompt_tokens": 3, "completion_tokens": number, "total_tokens": 3 + number});
                }
            }
            Some(UsageLie::Twice) => {
                let early = json!({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2});
                frames.extend([closing(early), closing(self.usage.clone())]);
            }
            Some(UsageLie::Negative | UsageLie::Absurd | UsageLie::Text) => frames.push(closing(self.usage.clone())),
            None if self.include_usage => frames.push(closing(self.usage.clone())),
            None => {}
        }
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>) -> Value {
        json!({
            "id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": self.model,
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}],
        })
    }

    fn finish(&self) -> &'static str {
        if self.tool { "tool_calls" } else { "stop" }
    }
}

/// Whether the last message is the result of a tool: then the host answers in words.
fn has_result(body: &Value) -> bool {
    body["messages"].as_array().and_then(|messages| messages.last()).is_some_and(|last| last["role"] == "tool")
}

fn call(function: &Value, first: bool) -> Value {
    let mut call = json!({"index": 0, "function": function});
    if first {
        (call["id"], call["type"]) = (json!("call_simulated"), json!("function"));
    }
    json!({"tool_calls": [call]})
}

fn embeddings(body: &Value, body_len: usize, says: &Says, fault: Option<&Fault>) -> Draft {
    let several = body["input"].as_array().filter(|items| !items.iter().all(Value::is_number));
    let inputs = several.map_or(1, Vec::len);
    let dimension = body["dimensions"].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(says.dimension);
    let lie = if let Some(Fault::Vectors { lie }) = fault { Some(*lie) } else { None };
    let (inputs, dimension) = match lie {
        Some(VectorLie::TooFew) => (inputs.saturating_sub(1), dimension),
        Some(VectorLie::TooMany) => (inputs + 1, dimension),
        Some(VectorLie::TooShort) => (inputs, dimension.saturating_sub(1)),
        Some(VectorLie::Text) | None => (inputs, dimension),
    };
    let vector = |input: usize| match lie {
        Some(VectorLie::Text) => json!(vec!["0.5"; dimension]),
        Some(VectorLie::TooFew | VectorLie::TooMany | VectorLie::TooShort) | None => {
            (0..dimension).map(|at| Value::from(number(input, at))).collect()
        }
    };
    let data: Vec<Value> =
        (0..inputs).map(|i| json!({"object": "embedding", "index": i, "embedding": vector(i)})).collect();
    let mut reply = json!({"object": "list", "data": data, "model": model(body, says, fault)});
    if !matches!(fault, Some(Fault::Usage { lie: UsageLie::Missing })) {
        let mut usage = usage(body_len, 0, says, fault);
        if let Some(usage) = usage.as_object_mut() {
            usage.remove("completion_tokens");
        }
        reply["usage"] = usage;
    }
    Draft::json(200, &reply)
}

/// A number that differs by input and place, and is exact in single precision.
fn number(input: usize, at: usize) -> f64 {
    let eighths = i32::try_from((input * 7 + at * 3) % 17).unwrap_or(0) - 8;
    f64::from(eighths) / 8.0
}

fn model(body: &Value, says: &Says, fault: Option<&Fault>) -> String {
    match (fault, &says.model) {
        (Some(Fault::Model { name }), _) | (_, Some(name)) => name.clone(),
        _ => body["model"].as_str().unwrap_or_default().to_owned(),
    }
}

fn usage(body_len: usize, words: usize, says: &Says, fault: Option<&Fault>) -> Value {
    let lie = if let Some(Fault::Usage { lie }) = fault { Some(*lie) } else { None };
    let input = body_len.div_ceil(4);
    let mut usage = match lie {
        Some(UsageLie::Negative) => json!({"prompt_tokens": -5, "completion_tokens": -1, "total_tokens": -6}),
        Some(UsageLie::Absurd) => {
            json!({"prompt_tokens": 1_000_000_000_000_000_u64, "completion_tokens": 1, "total_tokens": 1_000_000_000_000_001_u64})
        }
        Some(UsageLie::Text) => json!({"prompt_tokens": "many", "completion_tokens": "1", "total_tokens": null}),
        Some(UsageLie::Missing | UsageLie::Twice | UsageLie::EveryFrame) | None => says.usage.clone().unwrap_or_else(
            || json!({"prompt_tokens": input, "completion_tokens": words, "total_tokens": input + words}),
        ),
    };
    if let Some(Fault::Geo { name, .. }) = fault {
        usage["inference_geo"] = json!(name);
    }
    usage
}
