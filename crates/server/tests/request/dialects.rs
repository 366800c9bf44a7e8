//! Hosts of every dialect of chat, asked by callers who speak OpenAI's: the same is said, consumed and paid, whole and as a
//! stream, and what goes wrong goes wrong in the same way.

mod calls;
mod faults;
mod reach;
mod words;

use phi_simulate::{Says, Tool};
use serde_json::{Value, json};

use crate::ask::{Ask, Reply, chat, with};
use crate::setup::{Setup, key_of, put_key};
use crate::stand::{Stand, text};

const CHAT: &str = "/v1/chat/completions";
const TEXT: &str = "every word of this answer is simulated";
const THOUGHT: &str = "let me see";

/// A host, and what its dialect asks for.
#[derive(Debug, Clone, Copy)]
struct Kind {
    /// In the setup; its model is `c` of a provider of this name.
    host: &'static str,
    /// Where it is asked for a whole answer, and for a stream.
    paths: [&'static str; 2],
    /// The header that shows its key, and what stands before that.
    key: (&'static str, &'static str),
}

const MESSAGES: &str = "/v1/messages";
const KINDS: [Kind; 5] = [
    Kind { host: "gpt", paths: [CHAT; 2], key: ("authorization", "Bearer ") },
    Kind { host: "minstrel", paths: [CHAT; 2], key: ("authorization", "Bearer ") },
    Kind { host: "claude", paths: [MESSAGES; 2], key: ("x-api-key", "") },
    Kind {
        host: "vertex-claude",
        paths: [
            "/v1/projects/p/locations/europe-west6/publishers/anthropic/models/claude-sonnet-4-6@default:rawPredict",
            "/v1/projects/p/locations/europe-west6/publishers/anthropic/models/claude-sonnet-4-6@default:streamRawPredict",
        ],
        key: ("authorization", "Bearer "),
    },
    Kind {
        host: "gemini",
        paths: [
            "/v1beta/models/gemini-3-pro:generateContent",
            "/v1beta/models/gemini-3-pro:streamGenerateContent?alt=sse",
        ],
        key: ("x-goog-api-key", ""),
    },
];

impl Kind {
    fn model(&self) -> String {
        format!("{}/c", self.host)
    }

    /// 300 tokens of input and 600 from the cache; 100 of output, of which 40 were thought where the dialect tells that.
    fn usage(&self) -> Value {
        match self.host {
            "gpt" => json!({"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000,
                "prompt_tokens_details": {"cached_tokens": 600}, "completion_tokens_details": {"reasoning_tokens": 40}}),
            "minstrel" => json!({"prompt_tokens": 900, "completion_tokens": 100, "total_tokens": 1000,
                "num_cached_tokens": 600, "prompt_tokens_details": {"cached_tokens": 600}}),
            "gemini" => json!({"promptTokenCount": 900, "cachedContentTokenCount": 600, "candidatesTokenCount": 60,
                "thoughtsTokenCount": 40, "totalTokenCount": 1000}),
            _ => json!({"input_tokens": 300, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 600,
                "output_tokens": 100, "output_tokens_details": {"thinking_tokens": 40}}),
        }
    }

    fn says(&self) -> Says {
        let (chunks, usage) = (self.host == "minstrel", Some(self.usage()));
        Says { thought: Some(THOUGHT.to_owned()), chunks, usage, ..Says::default() }
    }

    /// Speaks without thinking, and counts what it said.
    fn plain(&self) -> Says {
        Says { chunks: self.host == "minstrel", ..Says::default() }
    }
}

/// What a host of the simulation calls.
fn tools() -> Vec<Tool> {
    let tool = |name: &str, arguments: &str| Tool { name: name.to_owned(), arguments: arguments.to_owned() };
    vec![tool("weather", r#"{"city":"Zürich","days":2}"#), tool("now", "{}")]
}

/// A stand with hosts of every dialect, and a key for each.
pub(crate) async fn up() -> Stand {
    let stand = Setup { catalogue: include_str!("dialects.toml"), ..Setup::default() }.up().await;
    for host in ["gpt", "minstrel", "claude", "claude-us", "vertex-claude", "gemini"] {
        put_key(&stand.deployment, host, host, &key_of(host)).await;
    }
    stand
}

/// Somewhere in the world, for that is where some of them process.
pub(crate) fn ask(model: &str, more: Value) -> Ask {
    Ask::json(CHAT, &with(chat(model), more)).header("x-region", "WORLD")
}

fn streamed() -> Value {
    json!({"stream": true, "stream_options": {"include_usage": true}})
}

/// An answer as OpenAI's SDKs come to it, of a whole reply or of the chunks of a stream.
#[derive(Debug, Default, PartialEq)]
struct Heard {
    content: String,
    thought: String,
    calls: Vec<Value>,
    finish: String,
    usage: [u64; 4],
}

impl Heard {
    fn of(reply: &Reply) -> Self {
        let is_stream = reply.header("content-type").is_some_and(|kind| kind.starts_with("text/event-stream"));
        assert_eq!(reply.status, 200, "{}", reply.text());
        let mut heard = Self::default();
        if !is_stream {
            let reply = reply.json();
            heard.hear(&reply["choices"][0]["message"]);
            heard.finish = text(&reply["choices"][0]["finish_reason"]);
            heard.count(&reply["usage"]);
            return heard;
        }
        let mut events = reply.events();
        assert_eq!(events.pop().as_deref(), Some("[DONE]"), "{}", reply.text());
        for event in events {
            let chunk: Value = serde_json::from_str(&event).unwrap();
            heard.hear(&chunk["choices"][0]["delta"]);
            heard.finish.push_str(chunk["choices"][0]["finish_reason"].as_str().unwrap_or_default());
            heard.count(&chunk["usage"]);
        }
        heard
    }

    fn hear(&mut self, delta: &Value) {
        self.content.push_str(delta["content"].as_str().unwrap_or_default());
        self.thought.push_str(delta["reasoning_content"].as_str().unwrap_or_default());
        for (place, call) in delta["tool_calls"].as_array().into_iter().flatten().enumerate() {
            let index = call["index"].as_u64().map_or(place, |index| usize::try_from(index).unwrap());
            if index == self.calls.len() {
                self.calls.push(json!({"id": "", "type": "function", "function": {"name": "", "arguments": ""}}));
            }
            let known = &mut self.calls[index];
            let join = |known: &mut Value, more: &Value| {
                *known = json!(known.as_str().unwrap().to_owned() + more.as_str().unwrap_or_default());
            };
            join(&mut known["id"], &call["id"]);
            join(&mut known["function"]["name"], &call["function"]["name"]);
            join(&mut known["function"]["arguments"], &call["function"]["arguments"]);
            if call["extra_content"].is_object() {
                known["extra_content"] = call["extra_content"].clone();
            }
        }
    }

    /// Input, of that from the cache; output, of that thought.
    fn count(&mut self, usage: &Value) {
        if usage.is_object() {
            let figures = [
                &usage["prompt_tokens"],
                &usage["prompt_tokens_details"]["cached_tokens"],
                &usage["completion_tokens"],
                &usage["completion_tokens_details"]["reasoning_tokens"],
            ];
            self.usage = figures.map(|figure| figure.as_u64().unwrap_or_default());
            assert_eq!(usage["total_tokens"], self.usage[0] + self.usage[2], "{usage}");
        }
    }
}
