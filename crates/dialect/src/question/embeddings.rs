use std::collections::BTreeSet;

use phi_words::{Capability, Class, Code, ModelName, Prompt, Refusal};

use crate::{Carry, Misfit, Rendered};

/// A body of `POST /embeddings`, parsed.
#[derive(Debug, Clone)]
pub struct EmbeddingsQuestion {
    body: Prompt,
    model: ModelName,
    capabilities: BTreeSet<Capability>,
    unknown: Vec<String>,
}

/// Reads a body of `POST /embeddings`. Refuses with `invalid_json`, `duplicate_key`, `invalid_request` or
/// `unsupported_parameter`; with PHI, every field that we do not know.
pub fn read_embeddings(_body: Prompt, _class: Class) -> Result<EmbeddingsQuestion, Refusal> {
    Err(Refusal::new(Code::InvalidRequest, "not built", "wait"))
}

impl EmbeddingsQuestion {
    /// The model as the caller wrote it.
    pub const fn model(&self) -> &ModelName {
        &self.model
    }

    /// What the request needs of a model beyond text.
    pub const fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.capabilities
    }

    /// The fields that we do not know, by path.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// How many inputs, and so vectors, there are.
    pub fn inputs(&self) -> usize {
        0
    }

    /// How long the caller wants the vectors; `None` is as long as the model makes them.
    pub fn dimensions(&self) -> Option<u32> {
        None
    }

    /// How many bytes the caller's body has.
    pub fn body_len(&self) -> usize {
        self.body.len()
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
