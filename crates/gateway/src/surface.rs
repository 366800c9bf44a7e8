//! How callers of each way in are spoken to. Who has not said yet by which he comes is spoken to as OpenAI does.

pub(crate) mod openai;

use bytes::{Bytes, BytesMut};
use http::{Request, StatusCode};
use phi_dialect::openai::errors;
use phi_dialect::{Way, messages, sse};
use phi_words::{Code, Completion, Refusal, RequestId};

/// In whose form a caller is refused, and what he looks up is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Surface {
    /// OpenAI's.
    OpenAi,
    /// Anthropic's: at `/messages`, and where models are looked up with `anthropic-version`.
    Anthropic,
}

impl Surface {
    /// Where a request goes tells it, before anything of it is judged.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        let path = request.uri().path();
        let below = path.strip_prefix("/api/v1").or_else(|| path.strip_prefix("/v1")).unwrap_or_default();
        let is_of = |root: &str| below.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let names_version = request.headers().contains_key(ANTHROPIC_VERSION);
        if is_of("/messages") || (is_of("/models") && names_version) { Self::Anthropic } else { Self::OpenAi }
    }
}

/// The version of its interface that a caller of Anthropic's knows.
pub(crate) const ANTHROPIC_VERSION: &str = "anthropic-version";

/// The status of a code.
pub(crate) const fn status(way: Option<Way>, code: Code) -> StatusCode {
    match way {
        // Anthropic has 529 where it is overloaded: its SDKs try again after 503 as well, and some agents take 529 for a reason to
        // change the model.
        None | Some(Way::Chat | Way::Embeddings | Way::Messages | Way::Responses | Way::Work(_)) => {
            openai::status(code)
        }
    }
}

/// What the body of the refusal of this request says.
pub(crate) fn error_body(surface: Surface, refusal: &Refusal, id: RequestId) -> Bytes {
    match surface {
        Surface::OpenAi => errors::error_body(refusal),
        Surface::Anthropic => messages::error_body(refusal, &id.to_string()),
    }
}

/// The same as the last event of a stream.
pub(crate) fn error_event(way: Way, refusal: &Refusal, id: RequestId) -> Bytes {
    match way {
        Way::Messages => messages::error_event(refusal, &id.to_string()),
        // Whose events are counted has said it already: see `Frames::failing`.
        Way::Responses => Bytes::new(),
        Way::Chat | Way::Embeddings | Way::Work(_) => errors::error_event(refusal),
    }
}

/// Adds a frame of a stream.
pub(crate) fn push_frame(way: Way, out: &mut BytesMut, payload: &Completion) {
    match way {
        Way::Chat | Way::Embeddings | Way::Work(_) => sse::push_frame(out, payload),
        Way::Messages | Way::Responses => sse::push_typed_frame(out, payload),
    }
}

/// What follows the last frame of a stream that is whole.
pub(crate) fn terminal(way: Way) -> Bytes {
    match way {
        Way::Chat | Way::Embeddings | Way::Work(_) => sse::terminal(),
        // The last frame says it.
        Way::Messages | Way::Responses => Bytes::new(),
    }
}
