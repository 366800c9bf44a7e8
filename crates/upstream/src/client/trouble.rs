use std::error::Error;
use std::io;

use super::connect::ConnectError;
use crate::deadline::Late;
use crate::hosts::TargetError;

/// Why there is no answer, or not the whole of one. It holds nothing of what was sent or answered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// The catalogue's host cannot be reached as it stands there; nothing has left.
    #[error("the request cannot be addressed")]
    Target(#[from] TargetError),
    /// No connection; nothing has left.
    #[error("no connection to the host")]
    Connect(#[source] ConnectError),
    /// The host was late.
    #[error("the host did not answer in time ({0:?})")]
    Late(Late),
    /// The connection broke.
    #[error("the connection to the host broke")]
    Broken(#[source] Why),
    /// The answer is not HTTP.
    #[error("the host's answer is not HTTP, or its head is longer than we read")]
    NotHttp(#[source] Why),
    /// The host closed before the end that it had announced.
    #[error("the host closed the connection before the end of its answer")]
    CutShort,
    /// The answer is longer than we hold.
    #[error("the host's answer is longer than {0} bytes")]
    TooLong(usize),
    /// The answer is encoded, which we did not ask for.
    #[error("the host's answer is encoded, which was not asked for")]
    Encoded,
}

impl Trouble {
    pub(super) fn from_sending(error: hyper::Error) -> Self {
        let is_nonsense = error.is_parse() || error.is_parse_too_large() || breaks_http2(&error);
        let why = Why::from(error);
        if is_nonsense { Self::NotHttp(why) } else { Self::Broken(why) }
    }

    pub(super) fn from_body(error: hyper::Error) -> Self {
        // HTTP/1.1 tells the first of an end without the close of TLS; HTTP/2 the second of any end of the connection.
        let ended = [io::ErrorKind::UnexpectedEof, io::ErrorKind::BrokenPipe];
        let io = cause::<h2::Error>(&error).and_then(h2::Error::get_io).or_else(|| cause::<io::Error>(&error));
        if error.is_incomplete_message() || io.is_some_and(|io| ended.contains(&io.kind())) {
            return Self::CutShort;
        }
        let is_nonsense = breaks_http2(&error);
        let why = Why::from(error);
        if is_nonsense { Self::NotHttp(why) } else { Self::Broken(why) }
    }
}

/// Why a connection broke, without a word of the host's: what it says when it ends a connection by HTTP/2 is text of its
/// choice, and may repeat what it was sent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Why {
    /// HTTP/2 knows the reason.
    #[error("an error of HTTP/2: {0}")]
    Http2(h2::Reason),
    /// The connection itself.
    #[error(transparent)]
    Io(io::Error),
    /// Anything else.
    #[error(transparent)]
    Http(hyper::Error),
}

impl From<hyper::Error> for Why {
    fn from(error: hyper::Error) -> Self {
        match cause::<h2::Error>(&error) {
            None => Self::Http(error),
            Some(inner) => match (inner.reason(), inner.get_io()) {
                (Some(reason), _) => Self::Http2(reason),
                (None, Some(io)) => Self::Io(io.kind().into()),
                (None, None) => Self::Http2(h2::Reason::INTERNAL_ERROR),
            },
        }
    }
}

/// Whether it is we who found that what the host sent is no HTTP/2, or more than we take.
fn breaks_http2(error: &hyper::Error) -> bool {
    cause::<h2::Error>(error).is_some_and(h2::Error::is_library)
}

fn cause<T: Error + 'static>(error: &hyper::Error) -> Option<&T> {
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
