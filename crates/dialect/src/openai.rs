//! OpenAI's formats, which most hosts speak with an accent.

pub mod chat;
mod choice;
pub mod embeddings;
pub mod errors;
mod form;
pub mod hear;
pub(crate) mod render;
mod speak;
mod stream;
mod usage;

use std::fmt;

use phi_words::{Completion, Usage};

use crate::json::Document;
use choice::Top;

pub use speak::Speaker;
pub use stream::{ChatStream, Step};

/// JSON mode, said as a schema.
pub(crate) const ANY_OBJECT: &[u8] =
    br#"{"type":"json_schema","json_schema":{"name":"object","schema":{"type":"object"}}}"#;

/// A host's whole answer, checked and made ours.
#[derive(Clone)]
pub struct WholeReply {
    /// The body for the caller: the fields we know, with `model` rewritten to the catalogue name.
    pub body: Completion,
    /// The model that the host says has answered, to be compared with the row's `replies_as`.
    pub host_model: Option<Box<str>>,
    /// Where the host says that it was made, as [`place`] reads it.
    pub place: Option<Box<str>>,
    /// What the host says it consumed, if it is sound.
    pub usage: Option<Usage>,
    /// How many characters of output it holds: the ground of an estimate where the host's figures are not sound.
    pub output_chars: u64,
}

impl fmt::Debug for WholeReply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WholeReply").field("usage", &self.usage).finish_non_exhaustive()
    }
}

/// Where a whole answer says that it was made: `usage.inference_geo`, which Anthropic tells
/// (<https://platform.claude.com/docs/en/manage-claude/data-residency>). It is read of an answer that makes no sense
/// otherwise too, so long as it is JSON. What is no text is a place that nobody knows.
pub fn place(body: &Completion) -> Option<Box<str>> {
    Document::parse(body.expose_bytes().clone()).ok().and_then(|document| Top::read(document.root()).place())
}
