//! Wire formats, as pure functions over bytes: what a caller asked, what a host is sent, what a host answered.
//!
//! Nothing here does I/O or knows of HTTP, hosts or regions. A body is read once into a [`Question`]; a [`Carry`] says
//! what one route can take, and [`Question::begin`] writes what the host is asked from the validated fields alone. The reply
//! comes back through [`openai`], which rewrites the model's name and checks the host's figures.
#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice))]

pub mod anthropic;
pub mod bedrock;
mod carry;
mod citation;
mod container;
mod dialects;
pub mod eventstream;
mod explain;
mod fault;
mod fields;
mod framing;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
pub mod gemini;
pub mod job;
pub mod json;
mod listen;
pub mod messages;
pub mod middle;
pub mod multipart;
pub mod openai;
#[cfg(test)]
mod pairs;
mod question;
pub mod remote;
mod responses;
mod schema;
mod sealer;
mod seals;
mod sound;
pub mod sse;
mod told;
mod transcript;
mod voice;

pub use carry::{Carry, Field, LimitName, Misfit, Rendered, Service, Speaks, Tokenizer};
pub use dialects::{path, read_error};
pub use explain::{Explain, read_explain};
pub use fault::{HostError, HostErrorKind, HostFault};
pub use fields::{STEERING, Treatment, parameters};
pub use framing::Framing;
pub use listen::{Listener, read_reply};
pub use question::{
    Begun, ChatQuestion, EmbeddingsQuestion, MessagesQuestion, Question, ResponsesQuestion, Way, Work, WorkQuestion,
    read_chat, read_counted, read_embeddings, read_messages, read_responses,
};
pub use sealer::Sealer;
pub use sound::Sound;
