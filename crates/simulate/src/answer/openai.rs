//! OpenAI's shapes: chat, embeddings, the list of models.

use serde_json::{Value, json};

use super::turn::{Figures, Turn, halves, model, words};
use super::{Draft, Frame, refused};
use crate::fault::{Fault, StatusFault, UsageLie, VectorLie};
use crate::says::Says;
use crate::wire::Asked;

const ID: &str = "chatcmpl-simulated";
const CREATED: u64 = 1_700_000_000;

/// The answer to a request, with the figures and names that the fault says.
pub(super) fn draft(asked: &Asked, says: &Says, fault: Option<&Fault>) -> Draft {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or(Value::Null);
    let path = asked.path();
    if path.ends_with("/chat/completions") {
        let named = body["model"].as_str().unwrap_or_default();
        let turn = Turn::new(asked, named, body["tools"].is_array(), has_result(&body), says, fault);
        // Mistral tells what was consumed unasked.
        let chat = Chat { turn, include_usage: says.chunks || body["stream_options"]["include_usage"] == true };
        if body["stream"] == true { chat.stream() } else { chat.whole() }
    } else if path.ends_with("/embeddings") {
        embeddings(&body, asked.body.len(), says, fault)
    } else if path.ends_with("/ocr") {
        super::documents::mistral(asked, &body, says, fault)
    } else if path.ends_with("/images/generations") {
        let count = body["n"].as_u64().unwrap_or(1);
        let image = if body["response_format"] == "url" {
            json!({"url": "https://files.simulated.test/picture.png"})
        } else {
            json!({"b64_json": super::fal::PNG, "revised_prompt": says.text})
        };
        Draft::json(200, &json!({"created": CREATED, "data": (0..count).map(|_| image.clone()).collect::<Vec<_>>()}))
    } else if path.ends_with("/models") {
        Draft::json(
            200,
            &json!({"object": "list", "data": [{"id": "simulated", "object": "model", "owned_by": "system"}]}),
        )
    } else if path.ends_with("/health") {
        Draft::json(200, &json!({"status": "ok"}))
    } else {
        refused::refused(asked, &StatusFault::new(404))
    }
}

struct Chat<'a> {
    turn: Turn<'a>,
    include_usage: bool,
}

impl Chat<'_> {
    fn whole(&self) -> Draft {
        let says = self.turn.says;
        let mut message = json!({"role": "assistant", "content": null});
        match &says.thought {
            Some(thought) if says.chunks => {
                let mut chunks = vec![chunk_of(thought)];
                if self.turn.calls.is_empty() {
                    chunks.push(json!({"type": "text", "text": says.text}));
                }
                message["content"] = json!(chunks);
            }
            thought => {
                if self.turn.calls.is_empty() {
                    (message["content"], message["refusal"]) = (json!(says.text), Value::Null);
                }
                if let Some(thought) = thought {
                    message["reasoning_content"] = json!(thought);
                }
            }
        }
        if !self.turn.calls.is_empty() {
            let calls = self.turn.calls.iter().enumerate().map(|(number, tool)| {
                json!({
                    "id": self.call_id(number), "type": "function",
                    "function": {"name": tool.name, "arguments": tool.arguments},
                })
            });
            message["tool_calls"] = calls.collect();
        }
        let mut reply = json!({
            "id": ID, "object": "chat.completion", "created": CREATED, "model": self.turn.model,
            "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": self.turn.finish("stop", "tool_calls")}],
            "system_fingerprint": "fp_simulated",
        });
        if let Some(usage) = self.usage() {
            reply["usage"] = usage;
        }
        Draft::json(200, &reply)
    }

    fn stream(&self) -> Draft {
        let says = self.turn.says;
        let mut frames = vec![self.chunk(&json!({"role": "assistant", "content": ""}), None)];
        let thought =
            |word| if says.chunks { json!({"content": [chunk_of(word)]}) } else { json!({"reasoning_content": word}) };
        let thoughts = says.thought.iter().flat_map(|text| words(text));
        frames.extend(thoughts.map(|word| self.chunk(&thought(word), None)));
        if self.turn.calls.is_empty() {
            frames.extend(words(&says.text).map(|word| self.chunk(&json!({"content": word}), None)));
        } else {
            self.add_calls(&mut frames);
        }
        frames.push(self.chunk(&json!({}), Some(self.turn.finish("stop", "tool_calls"))));
        self.add_usage(&mut frames);
        if let Some(place) = self.turn.place.filter(|_| self.turn.is_early) {
            frames[0]["usage"] = json!({"prompt_tokens": 1, "completion_tokens": 0, "inference_geo": place});
        }
        let done = Frame { name: None, data: b"[DONE]".to_vec(), is_end: true };
        Draft::stream(frames.iter().map(Frame::new).chain([done]).collect())
    }

    /// All calls begin, and then their arguments come in turns; Mistral's come whole.
    fn add_calls(&self, frames: &mut Vec<Value>) {
        let calls = self.turn.calls.iter().enumerate();
        let begin = |(number, tool): (usize, &crate::Tool)| {
            let arguments = if self.turn.says.chunks { tool.arguments.as_str() } else { "" };
            let function = json!({"name": tool.name, "arguments": arguments});
            let call = json!({"index": number, "function": function, "id": self.call_id(number), "type": "function"});
            self.chunk(&json!({"tool_calls": [call]}), None)
        };
        frames.extend(calls.clone().map(begin));
        for half in 0..if self.turn.says.chunks { 0 } else { 2 } {
            frames.extend(calls.clone().map(|(number, tool)| {
                let part = halves(&tool.arguments)[half];
                self.chunk(&json!({"tool_calls": [{"index": number, "function": {"arguments": part}}]}), None)
            }));
        }
    }

    fn add_usage(&self, frames: &mut Vec<Value>) {
        let closing = |usage: Option<Value>| {
            let mut frame = self.chunk(&Value::Null, None);
            (frame["choices"], frame["usage"]) = (json!([]), json!(usage));
            frame
        };
        match self.turn.lie {
            Some(UsageLie::Missing) => {}
            Some(UsageLie::EveryFrame) => {
                for (number, frame) in frames.iter_mut().enumerate() {
                    frame["usage"] = usage(&Figures::early(3, number));
                }
            }
            Some(UsageLie::Twice) => {
                frames.extend([closing(Some(usage(&Figures::early(1, 1)))), closing(self.usage())]);
            }
            Some(UsageLie::Negative | UsageLie::Absurd | UsageLie::Text) => frames.push(closing(self.usage())),
            None if self.turn.says.chunks => {
                if let (Some(last), usage) = (frames.last_mut(), self.usage()) {
                    last["usage"] = json!(usage);
                }
            }
            None if self.include_usage => frames.push(closing(self.usage())),
            None => {}
        }
    }

    fn usage(&self) -> Option<Value> {
        let mut usage = self.turn.usage(usage)?;
        if let Some(place) = self.turn.place {
            usage["inference_geo"] = json!(place);
        }
        Some(usage)
    }

    fn chunk(&self, delta: &Value, finish: Option<&str>) -> Value {
        json!({
            "id": ID, "object": "chat.completion.chunk", "created": CREATED, "model": self.turn.model,
            "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}],
        })
    }

    /// Mistral's are of nine letters and digits.
    fn call_id(&self, number: usize) -> String {
        match (self.turn.says.chunks, number) {
            (true, number) => format!("simulate{number}"),
            (false, 0) => "call_simulated".to_owned(),
            (false, number) => format!("call_simulated_{number}"),
        }
    }
}

/// Whether the last message is the result of a tool: then the host answers in words.
fn has_result(body: &Value) -> bool {
    body["messages"].as_array().and_then(|messages| messages.last()).is_some_and(|last| last["role"] == "tool")
}

/// A thought, as Mistral says it (<https://docs.mistral.ai/capabilities/reasoning>).
fn chunk_of(thought: &str) -> Value {
    json!({"type": "thinking", "thinking": [{"type": "text", "text": thought}]})
}

/// Here thoughts are part of the output.
fn usage(figures: &Figures) -> Value {
    let mut usage = json!({
        "prompt_tokens": figures.input, "completion_tokens": figures.output, "total_tokens": figures.total,
    });
    if figures.thought > 0 {
        usage["completion_tokens_details"] = json!({"reasoning_tokens": figures.thought});
    }
    usage
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
        Some(VectorLie::Text | VectorLie::Other | VectorLie::Longer) | None => (inputs, dimension),
    };
    let vector = |input: usize| match lie {
        Some(VectorLie::Text) => json!(vec!["0.5"; dimension]),
        Some(VectorLie::Other) => (0..dimension).map(|at| Value::from(number(at, input))).collect(),
        Some(VectorLie::Longer) => (0..dimension).map(|at| Value::from(2.0 * number(input, at))).collect(),
        Some(VectorLie::TooFew | VectorLie::TooMany | VectorLie::TooShort) | None => {
            (0..dimension).map(|at| Value::from(number(input, at))).collect()
        }
    };
    let data: Vec<Value> =
        (0..inputs).map(|i| json!({"object": "embedding", "index": i, "embedding": vector(i)})).collect();
    let mut reply = json!({"object": "list", "data": data, "model": model(body["model"].as_str().unwrap_or_default(), says, fault)});
    let told = if let Some(Fault::Usage { lie }) = fault { Some(*lie) } else { None };
    if let Some(figures) = Figures::new(body_len, 0, 0, told) {
        reply["usage"] = says.usage.clone().filter(|_| told.is_none()).unwrap_or_else(|| usage(&figures));
        if let Some(usage) = reply["usage"].as_object_mut() {
            usage.remove("completion_tokens");
        }
    }
    Draft::json(200, &reply)
}

/// A number that differs by input and place, and is exact in single precision.
fn number(input: usize, at: usize) -> f64 {
    let eighths = i32::try_from((input * 7 + at * 3) % 17).unwrap_or(0) - 8;
    f64::from(eighths) / 8.0
}
