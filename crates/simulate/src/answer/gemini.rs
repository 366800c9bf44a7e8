//! Google's `generateContent` and `streamGenerateContent?alt=sse` (<https://ai.google.dev/api/generate-content>).

use serde_json::{Value, json};

use super::turn::{Figures, Turn, words};
use super::{Draft, Frame};
use crate::fault::{Fault, UsageLie};
use crate::says::Says;
use crate::wire::Asked;

const ID: &str = "simulated";
/// The seal of the first call of an answer, or of its text (<https://ai.google.dev/gemini-api/docs/thought-signatures>).
const SEAL: &str = "c2ltdWxhdGVk";

/// The answer to a request, with the figures and names that the fault says.
pub(super) fn draft(asked: &Asked, says: &Says, fault: Option<&Fault>) -> Draft {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or(Value::Null);
    let path = asked.path();
    let (named, verb) = path.rsplit_once("/models/").and_then(|(_, model)| model.split_once(':')).unwrap_or(("", path));
    let turn = Turn::new(asked, named, body["tools"].is_array(), has_result(&body), says, fault);
    let content = GenerateContent(&turn);
    if verb == "streamGenerateContent" { content.stream() } else { content.whole() }
}

/// Whether the last content holds the result of a function: then the host answers in words.
fn has_result(body: &Value) -> bool {
    let last = body["contents"].as_array().and_then(|contents| contents.last());
    let mut parts = last.and_then(|last| last["parts"].as_array()).into_iter().flatten();
    parts.any(|part| part["functionResponse"].is_object())
}

struct GenerateContent<'a>(&'a Turn<'a>);

impl GenerateContent<'_> {
    fn whole(&self) -> Draft {
        let mut parts: Vec<Value> = self.0.says.thought.iter().map(|thought| thought_of(thought)).collect();
        if self.0.calls.is_empty() {
            parts.push(json!({"text": self.0.says.text}));
        }
        parts.extend(self.calls());
        let mut answer = self.answer(&parts, true);
        if let Some(usage) = self.usage() {
            answer["usageMetadata"] = usage;
        }
        Draft::json(200, &answer)
    }

    /// An answer in part for each word and for each call, and one that says why it ended.
    fn stream(&self) -> Draft {
        let thoughts = self.0.says.thought.iter().flat_map(|thought| words(thought).map(thought_of));
        let text = if self.0.calls.is_empty() { self.0.says.text.as_str() } else { "" };
        let texts = words(text).map(|word| json!({"text": word}));
        let parts = thoughts.chain(texts).chain(self.calls());
        let mut answers: Vec<Value> = parts.map(|part| self.answer(&[part], false)).collect();
        answers.push(self.answer(&[json!({"text": ""})], true));
        self.add_usage(&mut answers);
        let last = answers.len() - 1;
        let frame = |(number, answer): (usize, &Value)| {
            let frame = Frame::new(answer);
            // What a lie adds comes after the end.
            if number == last || answer["candidates"][0]["finishReason"].is_string() { frame.end() } else { frame }
        };
        Draft::stream(answers.iter().enumerate().map(frame).collect())
    }

    fn add_usage(&self, answers: &mut Vec<Value>) {
        match self.0.lie {
            Some(UsageLie::EveryFrame) => {
                for (number, answer) in answers.iter_mut().enumerate() {
                    answer["usageMetadata"] = usage(&Figures::early(3, number));
                }
            }
            Some(UsageLie::Twice) => {
                let mut again = self.answer(&[], false);
                again.as_object_mut().and_then(|again| again.remove("candidates"));
                again["usageMetadata"] = json!(self.usage());
                if let Some(first) = answers.first_mut() {
                    first["usageMetadata"] = usage(&Figures::early(1, 1));
                }
                answers.push(again);
            }
            Some(UsageLie::Negative | UsageLie::Absurd | UsageLie::Text | UsageLie::Missing) | None => {
                if let (Some(last), Some(usage)) = (answers.last_mut(), self.usage()) {
                    last["usageMetadata"] = usage;
                }
            }
        }
    }

    /// The place stands nowhere in Google's answers: a fault puts it where Anthropic has it.
    fn usage(&self) -> Option<Value> {
        let mut usage = self.0.usage(usage)?;
        if let Some(place) = self.0.place {
            usage["inference_geo"] = json!(place);
        }
        Some(usage)
    }

    fn answer(&self, parts: &[Value], is_end: bool) -> Value {
        let mut candidate = json!({"content": {"role": "model", "parts": parts}, "index": 0});
        if is_end {
            // It has no word for calls.
            candidate["finishReason"] = json!(self.0.finish("STOP", "STOP"));
        }
        json!({"candidates": [candidate], "modelVersion": self.0.model, "responseId": ID})
    }

    /// The calls, of which the first is sealed.
    fn calls(&self) -> impl Iterator<Item = Value> {
        self.0.calls.iter().enumerate().map(|(number, tool)| {
            let args: Value = serde_json::from_str(&tool.arguments).unwrap_or_else(|_| json!({}));
            let mut part = json!({"functionCall": {"id": format!("fc_{number}"), "name": tool.name, "args": args}});
            if number == 0 {
                part["thoughtSignature"] = json!(SEAL);
            }
            part
        })
    }
}

fn thought_of(text: &str) -> Value {
    json!({"text": text, "thought": true})
}

/// Here what was thought stands beside the output.
fn usage(figures: &Figures) -> Value {
    let mut usage = json!({"promptTokenCount": figures.input, "candidatesTokenCount": figures.output});
    if figures.thought > 0 {
        usage["candidatesTokenCount"] = json!(figures.output.as_u64().unwrap_or(0) - figures.thought);
        usage["thoughtsTokenCount"] = json!(figures.thought);
    }
    usage["totalTokenCount"] = figures.total.clone();
    usage
}
