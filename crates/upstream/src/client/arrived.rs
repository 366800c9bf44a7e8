use std::fmt;
use std::future::poll_fn;
use std::task::Poll;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName};
use http::{Response, StatusCode};
use hyper::body::{Body, Incoming};
use jiff::Timestamp;
use phi_words::Completion;
use tokio::time::Instant;

use super::alarm::Alarm;
use super::link::Piece;
use super::pool::Hold;
use super::trouble::Trouble;
use crate::deadline::Until;

/// The longest wait that a host can make us believe in.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);
const RETRY_AFTER_MS: HeaderName = HeaderName::from_static("retry-after-ms");
/// The media types of streams: of server-sent events, and of Amazon's own frames.
const STREAMS: [&str; 2] = ["text/event-stream", "application/vnd.amazon.eventstream"];
const X_AMZN_ERRORTYPE: HeaderName = HeaderName::from_static("x-amzn-errortype");
const OPERATION_LOCATION: HeaderName = HeaderName::from_static("operation-location");
const LONGEST_LOCATION: usize = 1_024;
const X_MS_REGION: HeaderName = HeaderName::from_static("x-ms-region");
/// How long the end of a stream may lag behind its terminal event before the stream is given up.
const LAG: Duration = Duration::from_millis(50);

/// An answer that has begun. Dropped before its end, it closes the host's connection at once, or by HTTP/2 resets its
/// stream.
pub(crate) struct Arrived {
    status: StatusCode,
    told: Told,
    /// Whether the body comes in an encoding that was not asked for: then it is not read.
    encoded: bool,
    body: Incoming,
    until: Until,
    alarm: Alarm,
    /// What was found where a piece was looked for, and is none: it is said to whoever waits for the next.
    end: Option<Piece>,
    /// Dropped after the body.
    hold: Hold,
}

/// All that is taken from the head of a host's answer; nothing else of it goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// When to come again.
    pub(crate) retry_after: Option<Duration>,
    /// Where it says that the answer was made.
    pub(crate) region: Option<String>,
    /// What it calls an error: a name, as AWS writes it.
    pub(crate) error_type: Option<String>,
    /// Whether the body says that it is a stream of events.
    pub(crate) is_stream: bool,
    /// Where it says that its work can be asked about. It leads nowhere: a job reads a name from it.
    pub(crate) location: Option<String>,
}

impl Arrived {
    pub(super) fn new(response: Response<Incoming>, hold: Hold, until: Until) -> Self {
        let (head, body) = response.into_parts();
        let encoded = head.headers.get(header::CONTENT_ENCODING).is_some_and(|encoding| encoding != "identity");
        Self {
            status: head.status,
            told: Told::read(&head.headers),
            encoded,
            body,
            until,
            alarm: Alarm::default(),
            end: None,
            hold,
        }
    }

    /// The status.
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    /// What its head told.
    pub(crate) fn told(&self) -> &Told {
        &self.told
    }

    /// The next piece of the body; `None` at its end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Trouble> {
        if self.encoded {
            return Err(Trouble::Encoded);
        }
        let now = Instant::now();
        let (due, late) = self.until.next_piece(now);
        // A piece that waits already would be taken after the end as well: a slow reader must not outlast it.
        if now >= due {
            return Err(Trouble::Late(late));
        }
        let Self { hold, body, alarm, end, .. } = self;
        let piece = match end.take() {
            Some(end) => Some(end),
            None => {
                poll_fn(|cx| match hold.poll_piece(cx, body) {
                    Poll::Ready(piece) => Poll::Ready(Some(piece)),
                    Poll::Pending => alarm.poll(cx, due).map(|()| None),
                })
                .await
            }
        };
        match piece {
            None => {
                self.hold.retire();
                Err(Trouble::Late(late))
            }
            // By HTTP/2 a host may break an answer off and call that no error. One that was as long as it said is whole.
            Some(Ok(None)) if self.hold.is_shared() && !self.is_whole() => Err(Trouble::CutShort),
            Some(piece) => piece.map_err(Trouble::from_body),
        }
    }

    /// The next piece, if it is here already.
    pub(crate) fn ready(&mut self) -> Option<Bytes> {
        if self.encoded || self.end.is_some() {
            return None;
        }
        match self.hold.look(&mut self.body) {
            Poll::Pending => None,
            Poll::Ready(Ok(Some(piece))) => Some(piece),
            Poll::Ready(end) => {
                self.end = Some(end);
                None
            }
        }
    }

    fn is_whole(&self) -> bool {
        self.body.is_end_stream() || self.body.size_hint().exact() == Some(0)
    }

    /// The whole body.
    pub(crate) async fn whole(mut self, at_most: usize) -> Result<Completion, Trouble> {
        let mut whole = Bytes::new();
        while let Some(piece) = self.next().await? {
            if whole.len() + piece.len() > at_most {
                return Err(Trouble::TooLong(at_most));
            }
            // Most answers come in one piece, which is not copied.
            whole = if whole.is_empty() { piece } else { joined(whole, &piece) };
        }
        Ok(Completion::new(whole))
    }

    /// Says that the dialect has reached its end. The end of the body is usually here already; once it is read the
    /// connection can be used again.
    pub(crate) async fn finish(mut self) {
        // Whatever else comes, more data or none, the answer is whole, and dropping the rest closes the connection.
        let _ = tokio::time::timeout(LAG, self.next()).await;
    }
}

fn joined(whole: Bytes, piece: &[u8]) -> Bytes {
    let mut whole = whole.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    whole.extend_from_slice(piece);
    whole.freeze()
}

impl Told {
    fn read(headers: &HeaderMap) -> Self {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
        let after_ms = text(RETRY_AFTER_MS).and_then(|ms| ms.parse().ok()).map(Duration::from_millis);
        let after = after_ms.or_else(|| text(header::RETRY_AFTER).and_then(wait));
        let kind = text(header::CONTENT_TYPE).and_then(|kind| kind.split(';').next()).unwrap_or_default();
        Self {
            retry_after: after.map(|wait| wait.min(LONGEST_WAIT)),
            region: region(headers),
            error_type: text(X_AMZN_ERRORTYPE)
                .and_then(|kind| kind.split(':').next())
                .filter(is_word)
                .map(str::to_owned),
            location: text(OPERATION_LOCATION)
                .or_else(|| text(header::LOCATION))
                .filter(|location| location.len() <= LONGEST_LOCATION)
                .map(str::to_owned),
            is_stream: STREAMS.iter().any(|stream| kind.trim().eq_ignore_ascii_case(stream)),
        }
    }
}

/// Whether it is letters alone, and few: what a host calls an error must not be able to repeat what it was sent.
fn is_word(text: &&str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Where an answer says that it was made. One that says so twice, or in no letters, names no place that anybody knows.
fn region(headers: &HeaderMap) -> Option<String> {
    let told: Vec<_> =
        headers.get_all(X_MS_REGION).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!told.is_empty()).then(|| told.join(","))
}

/// Reads `Retry-After`: whole seconds, or a date (RFC 9110, section 10.2.3).
fn wait(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Duration::try_from(date.duration_since(Timestamp::now())).unwrap_or_default())
}

impl fmt::Debug for Arrived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrived").field("status", &self.status).field("told", &self.told).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(headers: &[(&'static str, &str)]) -> Told {
        let pairs = headers
            .iter()
            .map(|(name, value)| (header::HeaderName::from_static(name), value.parse().expect("a value")));
        Told::read(&pairs.collect())
    }

    #[test]
    fn a_wait_is_read_in_every_spelling_and_bounded() {
        let after = |value: &str| told(&[("retry-after", value)]).retry_after;
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("999999999999"), Some(LONGEST_WAIT));
        assert_eq!(after("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert_eq!(after("Thu, 31 Dec 9998 23:59:59 GMT"), Some(LONGEST_WAIT));
        for nonsense in ["", "-1", "soon", "1.5", "99999999999999999999999"] {
            assert_eq!(after(nonsense), None, "{nonsense}");
        }
        let both = told(&[("retry-after-ms", "250"), ("retry-after", "7")]);
        assert_eq!(both.retry_after, Some(Duration::from_millis(250)));
    }

    #[test]
    fn a_region_that_is_told_in_no_one_word_is_told_nevertheless() {
        let region = |values: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for bytes in values {
                headers.append("x-ms-region", header::HeaderValue::from_bytes(bytes).expect("a value"));
            }
            Told::read(&headers).region
        };
        assert_eq!(region(&[]), None);
        assert_eq!(region(&[b"Switzerland North"]).as_deref(), Some("Switzerland North"));
        assert_eq!(region(&[b"switzerlandnorth", b"westeurope"]).as_deref(), Some("switzerlandnorth,westeurope"));
        assert_eq!(region(&[b"west\xffeurope"]).as_deref(), Some("west\u{fffd}europe"));
        assert_eq!(region(&[b""]).as_deref(), Some(""));
    }

    #[test]
    fn nothing_else_of_the_head_is_taken() {
        let head =
            told(&[("content-type", "Text/Event-Stream; charset=utf-8"), ("set-cookie", "a=b"), ("x-ms-region", "X")]);
        assert_eq!(head, Told { region: Some("X".into()), is_stream: true, ..Told::default() });
        assert!(!told(&[("content-type", "application/json")]).is_stream);
        assert!(told(&[("content-type", "application/vnd.amazon.eventstream")]).is_stream);
        for (header, name) in [
            ("ThrottlingException", Some("ThrottlingException")),
            ("ValidationException:http://internal.amazon.com/coral/", Some("ValidationException")),
            ("patient 4711", None),
            ("", None),
        ] {
            assert_eq!(told(&[("x-amzn-errortype", header)]).error_type.as_deref(), name, "{header}");
        }
    }
}
