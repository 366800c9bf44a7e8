use std::collections::BTreeSet;

use phi_words::{Capability, Class, Code, ModelName, Prompt, Refusal};

use crate::{Carry, Misfit, Rendered};

/// A body of `POST /chat/completions`, parsed.
#[derive(Debug, Clone)]
pub struct ChatQuestion {
    body: Prompt,
    model: ModelName,
    capabilities: BTreeSet<Capability>,
    unknown: Vec<String>,
}

/// Reads a body of `POST /chat/completions`. Refuses with `invalid_json`, `duplicate_key`, `invalid_request` or
/// `unsupported_parameter`; with PHI, every field that we do not know.
pub fn read_chat(_body: Prompt, _class: Class) -> Result<ChatQuestion, Refusal> {
    Err(Refusal::new(Code::InvalidRequest, "not built", "wait"))
}

impl ChatQuestion {
    /// The model as the caller wrote it.
    pub const fn model(&self) -> &ModelName {
        &self.model
    }

    /// Whether the answer is to come as a stream of events.
    pub const fn stream(&self) -> bool {
        false
    }

    /// Whether the caller asked for a usage chunk.
    pub const fn include_usage(&self) -> bool {
        false
    }

    /// What the request needs of a model beyond text.
    pub const fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.capabilities
    }

    /// The fields that we do not know, by path.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// How many bytes the caller's body has.
    pub fn body_len(&self) -> usize {
        self.body.len()
    }

    /// The most output tokens that the caller wants, over all choices.
    pub fn output_limit(&self) -> Option<u64> {
        None
    }

    /// Whether a route can carry every field; if not, the first that it cannot.
    pub fn fits(&self, _carry: &Carry) -> Result<(), Misfit> {
        Ok(())
    }

    /// Writes the body for a route that it fits. See [`crate::Question::render`].
    pub fn render(&self, _carry: &Carry, _pseudonym: &dyn Fn(&str) -> String, _class: Class) -> Rendered {
        Rendered { body: self.body.clone(), left_out: Vec::new() }
    }
}
