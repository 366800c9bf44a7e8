use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

/// What a host says while it behaves. In JSON: `{"text": "hello", "tools": [{"name": "look", "arguments": "{}"}]}`; what is
/// not named there is as by default, and so are all pauses.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Says {
    /// The model that it says has answered; the one that was asked where there is none.
    pub model: Option<String>,
    /// The text of a chat answer: one frame a word.
    pub text: String,
    /// What it thinks before that: one frame a word.
    pub thought: Option<String>,
    /// Tools that are called instead of the text, where the request names tools and does not end with a tool's result.
    pub tools: Vec<Tool>,
    /// Why it says that it ended, in its own word; its usual one where there is none.
    pub finish: Option<String>,
    /// Whether it speaks as Mistral does where it is asked in OpenAI's format: thoughts come in lists of chunks.
    pub chunks: bool,
    /// `usage` as it is, in the words of whoever is asked; made from the text where there is none.
    pub usage: Option<Value>,
    /// How long vectors are, where the request does not say.
    pub dimension: usize,
    /// How often a job is asked about in vain before it is done.
    pub polls: usize,
    /// Where it says that a job can be asked about, if not there.
    pub location: Option<String>,
    /// How long it thinks before the head of an answer.
    #[serde(skip)]
    pub think: Duration,
    /// The pause before each frame.
    #[serde(skip)]
    pub gap: Duration,
    /// How many requests it takes at once on a connection by HTTP/2 that is made from now on.
    pub streams: u32,
}

/// A tool call that a host makes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// The function.
    pub name: String,
    /// Its arguments, in JSON.
    pub arguments: String,
}

impl Default for Says {
    fn default() -> Self {
        Self {
            model: None,
            text: "every word of this answer is simulated".to_owned(),
            thought: None,
            tools: Vec::new(),
            finish: None,
            chunks: false,
            usage: None,
            dimension: 8,
            polls: 1,
            location: None,
            think: Duration::ZERO,
            gap: Duration::ZERO,
            streams: 100,
        }
    }
}
