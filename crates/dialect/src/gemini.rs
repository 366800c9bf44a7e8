//! Google's `generateContent`, as the Gemini API (<https://ai.google.dev/api/generate-content>) and Vertex AI
//! (<https://docs.cloud.google.com/vertex-ai/generative-ai/docs/model-reference/inference>) speak it. Field names and their
//! meaning are those of Google's own SDK (<https://github.com/googleapis/python-genai>, `google/genai/types.py`).
//!
//! No safety settings are sent: the project's own stand.

mod contents;
mod errors;
mod fits;
mod generation;
mod hearing;
mod render;
mod usage;

use std::fmt;

use phi_words::{Completion, ModelName};

use crate::HostFault;
use crate::json::Document;
use crate::middle::{Answer, Facts, Said};
use crate::sse::Event;
use hearing::Hearing;

pub use errors::{read_error, retry_delay};
pub use fits::fits;
pub use render::render;

/// Where a model is asked, below the address of its host: `https://generativelanguage.googleapis.com/v1beta` of the Gemini
/// API, `https://LOCATION-aiplatform.googleapis.com/v1/projects/PROJECT/locations/LOCATION/publishers/google` of Vertex AI.
/// Whatever the model is called, it stays one segment of the path (RFC 3986, section 3.3).
pub fn path(own: &ModelName, stream: bool) -> String {
    let verb = if stream { ":streamGenerateContent?alt=sse" } else { ":generateContent" };
    format!("/models/{}{verb}", segment(own))
}

/// A model's name as one segment of a path.
pub(crate) fn segment(own: &ModelName) -> String {
    let mut segment = String::new();
    for byte in own.as_str().bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'@' => {
                segment.push(char::from(byte))
            }
            _ => segment.push_str(&format!("%{byte:02X}")),
        }
    }
    segment
}

/// Hears a whole answer. One without a `finishReason` is [`HostFault::Malformed`]: "if empty, the model has not stopped".
pub fn read_reply(body: &Completion) -> Result<Answer, HostFault> {
    let malformed = HostFault::Malformed;
    let document = Document::parse(body.expose_bytes().clone()).map_err(|_| malformed("the body is not JSON"))?;
    let (mut hearing, mut said) = (Hearing::default(), Vec::new());
    hearing.hear(document.root(), &mut said)?;
    if !hearing.is_over() {
        return Err(malformed("there is no candidate that is finished"));
    }
    Ok(Answer { said, facts: hearing.into_facts() })
}

/// Hears a stream, of which each event is an answer in part. It has no terminal event: it ends where the host closes it, and
/// is whole if a `finishReason` came before.
#[derive(Default)]
pub struct Stream(Hearing);

impl Stream {
    /// A stream that has not begun.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next event and says what is new. After a fault the stream is over. After the `finishReason` figures are
    /// still heard, and all else that says nothing is ignored; words there are a fault, for they would be lost.
    pub fn feed(&mut self, event: &Event) -> Result<Vec<Said>, HostFault> {
        let data = event.data.expose_bytes();
        let trimmed = data.trim_ascii();
        // Proxies send keep-alives as data, and some an end that is not Google's.
        if trimmed.is_empty() || trimmed.starts_with(b":") || trimmed == b"[DONE]" {
            return Ok(Vec::new());
        }
        let document = match Document::parse(data.clone()) {
            Ok(document) => document,
            Err(_) if self.0.is_over() => return Ok(Vec::new()),
            Err(_) => return Err(HostFault::Malformed("a frame is not JSON")),
        };
        let mut said = Vec::new();
        self.0.hear(document.root(), &mut said)?;
        Ok(said)
    }

    /// To be asked when the host closes: a stream without a `finishReason` is [`HostFault::Truncated`].
    pub fn finish(&self) -> Result<(), HostFault> {
        if self.0.is_over() { Ok(()) } else { Err(HostFault::Truncated) }
    }

    /// What the host told so far beside what it said.
    pub fn facts(&self) -> &Facts {
        self.0.facts()
    }

    /// Whether nothing more is due: the answer is finished and its figures came with that or after it. Of a stream whose
    /// figures stay away it is never true: only its close ends it.
    pub fn is_done(&self) -> bool {
        self.0.is_done()
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Stream(..)")
    }
}

#[cfg(test)]
mod tests;
