//! What was asked, parsed once.

mod chat;
mod embeddings;

use std::collections::BTreeSet;

use phi_words::{Capability, Class, Modality, ModelName};

pub use chat::{ChatQuestion, read_chat};
pub use embeddings::{EmbeddingsQuestion, read_embeddings};

use crate::{Carry, Misfit, Rendered};

/// What was asked, parsed once: every body field is known to be allowed, and of the right type.
#[derive(Debug, Clone)]
pub enum Question {
    /// `POST /chat/completions`.
    Chat(ChatQuestion),
    /// `POST /embeddings`.
    Embeddings(EmbeddingsQuestion),
}

impl Question {
    /// What kind of work it is.
    pub const fn modality(&self) -> Modality {
        match self {
            Self::Chat(_) => Modality::Chat,
            Self::Embeddings(_) => Modality::Embeddings,
        }
    }

    /// The model as the caller wrote it: `auto`, or a name that the catalogue has to know.
    pub const fn model(&self) -> &ModelName {
        match self {
            Self::Chat(chat) => chat.model(),
            Self::Embeddings(embeddings) => embeddings.model(),
        }
    }

    /// Whether the answer is to come as a stream of events.
    pub const fn stream(&self) -> bool {
        match self {
            Self::Chat(chat) => chat.stream(),
            Self::Embeddings(_) => false,
        }
    }

    /// Whether the caller asked for a usage chunk at the end of the stream.
    pub const fn include_usage(&self) -> bool {
        match self {
            Self::Chat(chat) => chat.include_usage(),
            Self::Embeddings(_) => false,
        }
    }

    /// What the request needs of a model beyond text.
    pub const fn capabilities(&self) -> &BTreeSet<Capability> {
        match self {
            Self::Chat(chat) => chat.capabilities(),
            Self::Embeddings(embeddings) => embeddings.capabilities(),
        }
    }

    /// The fields that we do not know, by path; empty with PHI. Only routes with an open body carry them.
    pub fn unknown(&self) -> &[String] {
        match self {
            Self::Chat(chat) => chat.unknown(),
            Self::Embeddings(embeddings) => embeddings.unknown(),
        }
    }

    /// How many bytes the caller's body has.
    pub fn body_len(&self) -> usize {
        match self {
            Self::Chat(chat) => chat.body_len(),
            Self::Embeddings(embeddings) => embeddings.body_len(),
        }
    }

    /// The input in tokens, estimated: a quarter of the bytes, rounded up.
    pub fn estimated_input(&self) -> u64 {
        (self.body_len() as u64).div_ceil(4)
    }

    /// The most output tokens that the caller wants, over all choices; `None` where nothing limits them.
    pub fn output_limit(&self) -> Option<u64> {
        match self {
            Self::Chat(chat) => chat.output_limit(),
            Self::Embeddings(_) => Some(0),
        }
    }

    /// Whether a route can carry every field; if not, the first that it cannot.
    pub fn fits(&self, carry: &Carry) -> Result<(), Misfit> {
        match self {
            Self::Chat(chat) => chat.fits(carry),
            Self::Embeddings(embeddings) => embeddings.fits(carry),
        }
    }

    /// Writes the body for a route that it fits, from the validated fields and never from the caller's bytes as a whole.
    /// `pseudonym` turns what names a person or a session into a keyed pseudonym; with PHI such fields are left out.
    pub fn render(&self, carry: &Carry, pseudonym: &dyn Fn(&str) -> String, class: Class) -> Rendered {
        match self {
            Self::Chat(chat) => chat.render(carry, pseudonym, class),
            Self::Embeddings(embeddings) => embeddings.render(carry, pseudonym, class),
        }
    }
}
