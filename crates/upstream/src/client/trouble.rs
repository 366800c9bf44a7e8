use std::error::Error;
use std::io;

use hyper_util::client::legacy;

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
    Connect(#[source] legacy::Error),
    /// The host was late.
    #[error("the host did not answer in time ({0:?})")]
    Late(Late),
    /// The connection broke.
    #[error("the connection to the host broke")]
    Broken(#[source] Box<dyn Error + Send + Sync>),
    /// The answer is not HTTP.
    #[error("the host's answer is not HTTP, or its head is longer than we read")]
    NotHttp(#[source] Box<dyn Error + Send + Sync>),
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
    pub(super) fn from_sending(error: legacy::Error) -> Self {
        if error.is_connect() {
            return Self::Connect(error);
        }
        let is_parse =
            cause::<hyper::Error>(&error).is_some_and(|inner| inner.is_parse() || inner.is_parse_too_large());
        if is_parse { Self::NotHttp(error.into()) } else { Self::Broken(error.into()) }
    }

    pub(super) fn from_body(error: hyper::Error) -> Self {
        let ended = cause::<io::Error>(&error).is_some_and(|inner| inner.kind() == io::ErrorKind::UnexpectedEof);
        if ended || error.is_incomplete_message() { Self::CutShort } else { Self::Broken(error.into()) }
    }
}

fn cause<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
