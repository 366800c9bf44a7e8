//! Bodies: what a caller sends, read within bounds, and what it is sent.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, header};
use http_body::{Body as _, Frame};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use phi_dialect::multipart::Wrapping;
use phi_dialect::{Way, Work};
use phi_words::{Code, Prompt, Refusal, Wait};
use tokio::time::Instant;

use crate::headers;
use crate::lull;
use crate::pieces::{PIECE, Pieces};
use crate::shares::{Scarce, Share, Shares};

/// The body of a reply. It holds its request's place until the last byte, and tells what it holds itself.
#[derive(Debug)]
pub struct Body {
    inner: UnsyncBoxBody<Bytes, io::Error>,
    place: Option<Share>,
    bytes: Option<Share>,
    work: Option<lull::Work>,
}

impl Body {
    pub(crate) fn streaming(frames: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self::breakable(frames.map(Ok))
    }

    /// One that may break off, and its connection with it.
    pub(crate) fn breakable(pieces: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Self {
        let frames = pieces.map(|piece| piece.map(Frame::data));
        Self { inner: StreamBody::new(frames).boxed_unsync(), place: None, bytes: None, work: None }
    }

    /// Holds a place among those that run, and so much of the bytes that all share as it is long itself.
    pub(crate) fn holding(mut self, place: Option<Share>, bodies: &Arc<Shares>) -> Self {
        let long =
            self.size_hint().exact().and_then(|bytes| usize::try_from(bytes).ok()).filter(|bytes| *bytes > PIECE);
        self.bytes = long.map(|bytes| bodies.held_by(place.as_ref().and_then(Share::org), bytes));
        self.place = place;
        self
    }

    /// Counts as a request of its connection until the last byte.
    pub(crate) fn during(mut self, work: lull::Work) -> Self {
        self.work = Some(work);
        self
    }
}

impl From<Bytes> for Body {
    fn from(bytes: Bytes) -> Self {
        Self {
            inner: Pieces::new(bytes).map_err(|never| match never {}).boxed_unsync(),
            place: None,
            bytes: None,
            work: None,
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> http_body::SizeHint {
        self.inner.size_hint()
    }
}

pub(crate) fn scarce(scarce: Scarce) -> Refusal {
    let message = match scarce {
        Scarce::InAll => "this server holds more bytes of requests than it takes on",
        Scarce::ForOne => "this server holds many bytes of requests, and most of them are of your organization",
    };
    let hint = "try again shortly; the operator sets the limit as `gateway.bodies_bytes`";
    Refusal::new(Code::Overloaded, message, hint).wait(Wait::new(Duration::from_secs(1)))
}

/// Bytes a second: a body that comes more slowly, once the time of a pause is over, holds its place for nothing.
const SLOWEST: u64 = 1 << 10;

/// What is reserved for a body before any of it is here, in bytes.
const FIRST: usize = 1 << 20;

/// Reads a body that is wrapped as `way` takes it, as long as it is neither too long nor too slow.
///
/// # Errors
/// `request_too_large`, `unsupported_media_type`, `invalid_request`, `overloaded`, and `ambiguous_header` for what stands in trailers.
pub(crate) async fn read_body(
    headers: &HeaderMap,
    mut body: Incoming,
    way: Way,
    (longest, setting): (usize, &'static str),
    pause: Duration,
    share: &mut Share,
) -> Result<(Prompt, Wrapping), Refusal> {
    let too_large = || {
        Refusal::new(
            Code::RequestTooLarge,
            format!("the body is longer than {longest} bytes"),
            format!("send a shorter one; the operator sets the limit as `{setting}`"),
        )
    };
    let stated = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if stated.is_some_and(|length| length > longest as u64) {
        return Err(too_large());
    }
    let wrapping = wrapping(headers, way)?;
    // One that will find no room is not read.
    share.has_room(stated.and_then(|length| usize::try_from(length).ok()).unwrap_or(0)).map_err(scarce)?;
    let stated = stated.and_then(|length| usize::try_from(length).ok()).unwrap_or(0);
    let mut bytes = BytesMut::with_capacity(stated.min(FIRST));
    let began = Instant::now();
    loop {
        let due = due(began, Instant::now(), pause, bytes.len());
        let next = tokio::time::timeout_at(due, body.frame()).await;
        let frame = match next.map_err(|_| broken("the body stopped coming"))? {
            None => return Ok((Prompt::new(bytes.freeze()), wrapping)),
            Some(frame) => frame.map_err(|_| broken("the body ended before its end, or is not framed as one"))?,
        };
        match frame.into_data() {
            Ok(data) if bytes.len() + data.len() > longest => return Err(too_large()),
            Ok(data) => {
                share.grow(data.len()).map_err(scarce)?;
                // Grown by halves, a long body would be held twice meanwhile.
                if bytes.len() + data.len() > bytes.capacity() {
                    bytes.reserve(data.len().max(stated.saturating_sub(bytes.len())));
                }
                bytes.extend_from_slice(&data);
            }
            Err(frame) => frame.trailers_ref().map_or(Ok(()), headers::trailers)?,
        }
    }
}

/// When the next piece of a body must be here: within a pause, and before the body has become too slow.
fn due(began: Instant, now: Instant, pause: Duration, read: usize) -> Instant {
    let pace = Duration::from_secs(read as u64 / SLOWEST);
    (now + pause).min(began + pause + pace)
}

fn broken(what: &'static str) -> Refusal {
    Refusal::new(Code::InvalidRequest, what, "send the whole body, with a `Content-Length` that is its length")
}

/// How the body is wrapped, where that is one of the ways that are taken.
fn wrapping(headers: &HeaderMap, way: Way) -> Result<Wrapping, Refusal> {
    let refuse =
        |message: &'static str, hint: &'static str| Err(Refusal::new(Code::UnsupportedMediaType, message, hint));
    let (what, hint) = match way {
        Way::Work(Work::Transcription) => {
            ("the body is no form", "send `Content-Type: multipart/form-data; boundary=…`")
        }
        Way::Work(Work::Ocr) => (
            "the body is neither JSON in UTF-8 nor a form",
            "send `application/json`, or `multipart/form-data; boundary=…`",
        ),
        Way::Chat | Way::Messages | Way::Responses | Way::Embeddings | Way::Work(Work::Speech | Work::Image) => {
            ("the body is not JSON in UTF-8", "send `Content-Type: application/json`")
        }
    };
    if headers.contains_key(header::CONTENT_ENCODING) {
        return refuse("compressed bodies are not read", "send the body without `Content-Encoding`");
    }
    let mut types = headers.get_all(header::CONTENT_TYPE).iter();
    let (Some(value), None) = (types.next(), types.next()) else {
        return refuse("the body has no single `Content-Type`", hint);
    };
    match value.to_str().ok().and_then(Wrapping::of) {
        Some(wrapping) if way.takes(&wrapping) => Ok(wrapping),
        Some(_) | None => refuse(what, hint),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_may_pause_and_may_not_trickle() {
        let (began, pause) = (Instant::now(), Duration::from_secs(30));
        let after = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(due(began, began, pause, 0), after(30));
        assert_eq!(due(began, after(29), pause, 29), after(30), "a byte a second");
        assert_eq!(due(began, after(10), pause, 1 << 20), after(40), "a megabyte so far");
        assert_eq!(due(began, after(1_000), pause, 1 << 20), after(1_030), "as slow as it may be");
        assert_eq!(due(began, after(1_050), pause, 1 << 20), after(1_054));
    }
}
