//! What is wrong with bytes that should be a request, in words that repeat none of them.

use phi_words::{Code, Refusal};

use super::{HEAD_BYTES, LINES};

/// Why bytes are not handed on: two readers could take them for different requests, or nobody could for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A line ends with LF alone, or CR stands alone.
    LineEnd,
    /// A control byte.
    Control,
    /// More than [`HEAD_BYTES`]; of trailers, more than they may be.
    TooLong,
    /// More than [`LINES`]; of trailers, more than they may be.
    TooManyLines,
    /// It did not come in time.
    Slow,
    /// No `METHOD TARGET VERSION` with one space between.
    RequestLine,
    /// The target is no path of RFC 3986.
    Target,
    /// Neither `HTTP/1.1` nor `HTTP/1.0`.
    Version,
    /// What HTTP/1.0 does not have, or has in several ways.
    Old,
    /// A line that is no `name: value`: folded, a space before the colon, no name, or a second spelling of a name that
    /// frames the message.
    Field,
    /// Not one `Host`, or one that names none.
    Host,
    /// A `Content-Length` that is no plain number, or a second one.
    Length,
    /// A `Transfer-Encoding` that is not `chunked`, or a second one.
    Coding,
    /// `Content-Length` and `Transfer-Encoding`.
    LengthAndCoding,
    /// A `Connection` that names other headers, or says two things.
    Connection,
    /// An `Upgrade` to what is not spoken here.
    Upgrade,
    /// A chunk that is not `size CRLF bytes CRLF`.
    Chunk,
    /// A trailer that frames the message.
    Trailer,
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        let (message, hint) = words(fault);
        Self::new(Code::InvalidRequest, message, hint)
    }
}

fn words(fault: Fault) -> (String, &'static str) {
    let (message, hint) = match fault {
        Fault::LineEnd => ("a line of the head does not end with CR LF", "end each line with CR LF"),
        Fault::Control => ("the head has a control character", "send visible characters, spaces and tabs alone"),
        Fault::TooLong => return (format!("the head is longer than {HEAD_BYTES} bytes"), "send shorter headers"),
        Fault::TooManyLines => return (format!("the head has more than {LINES} lines"), "send fewer headers"),
        Fault::Slow => ("the head stopped coming", "send the whole head at once"),
        Fault::RequestLine => {
            ("the first line is no request line", "send method, path and `HTTP/1.1`, with one space between")
        }
        Fault::Target => ("the target is no path", "send a path such as `/v1/models`, not a whole URL"),
        Fault::Version => ("the version of HTTP is not one that is spoken here", "use HTTP/1.1"),
        Fault::Old => ("HTTP/1.0 has no `Transfer-Encoding` and keeps no connection", "use HTTP/1.1"),
        Fault::Field => {
            ("a line of the head is no header", "send `name: value`, without a space before the colon, on one line")
        }
        Fault::Host => ("the request does not name one host", "send one `Host` header, with a name or an address"),
        Fault::Length => ("the `Content-Length` is not one plain number", "send it once, in digits alone"),
        Fault::Coding => (
            "the body comes in a transfer coding that is not read",
            "send it with a `Content-Length`, or with `Transfer-Encoding: chunked` alone",
        ),
        Fault::LengthAndCoding => {
            ("the request has both `Content-Length` and `Transfer-Encoding`", "send one of the two")
        }
        Fault::Connection => {
            ("the `Connection` header says what is not clear", "send `close` or `keep-alive`, or leave it out")
        }
        Fault::Upgrade => ("the connection cannot be upgraded", "leave `Upgrade` out"),
        Fault::Chunk => ("a chunk of the body is not one", "send size, CR LF, that many bytes, CR LF; no extensions"),
        Fault::Trailer => ("a trailer frames the message", "send what matters among the headers"),
    };
    (message.to_owned(), hint)
}
