//! Errors: how we say them, and what we take from a host's.

use bytes::Bytes;
use phi_words::Refusal;

use crate::{HostError, HostErrorKind};

/// OpenAI's error object: `{"error":{"message","type","param","code"}}`.
pub fn error_body(_refusal: &Refusal) -> Bytes {
    Bytes::new()
}

/// The same as an event of a stream, framed. No terminal event may follow it.
pub fn error_event(_refusal: &Refusal) -> Bytes {
    Bytes::new()
}

/// Reads the body that came with a host's error. Whatever it is, there is a [`HostError`]; none of its text is kept.
pub fn read_error(_body: &[u8]) -> HostError {
    HostError { kind: HostErrorKind::Other, code: None }
}
