//! Wire formats, as pure functions over bytes: what a caller asked, what a host is sent, what a host answered.
//!
//! Nothing here does I/O or knows of HTTP, hosts or regions. A body is read once into a [`Question`]; a [`Carry`] says
//! what one route can take, and [`Question::render`] writes the body for it from the validated fields alone. The reply
//! comes back through [`openai`], which rewrites the model's name and checks the host's figures.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice))]

pub mod anthropic;
mod carry;
mod explain;
mod fault;
mod fields;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod gemini;
pub mod json;
pub mod middle;
pub mod openai;
mod question;
pub mod sse;

pub use carry::{Carry, Field, LimitName, Misfit, Rendered, Tokenizer};
pub use explain::{Explain, read_explain};
pub use fault::{HostError, HostErrorKind, HostFault};
pub use fields::{STEERING, Treatment, parameters};
pub use question::{ChatQuestion, EmbeddingsQuestion, Question, read_chat, read_embeddings};
