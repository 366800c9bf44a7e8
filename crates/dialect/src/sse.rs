//! Server-sent events, read byte by byte as the WHATWG says (HTML, section 9.2.6) and written one frame at a time.

use bytes::{Bytes, BytesMut};
use phi_words::{Completion, MicroUsd};

/// How long a line, or the data of an event, may be unless a parser is told otherwise, in bytes.
pub const MAX_EVENT: usize = 8 << 20;

/// One event of a stream. Its data is a host's answer, so it does not show itself.
#[derive(Debug, Clone)]
pub struct Event {
    /// The data lines, joined by line feeds. Not yet known to be UTF-8.
    pub data: Completion,
}

/// Reads events from bytes that are split anywhere. Comments, ids and retry times are dropped; so is the name of an event,
/// which no dialect needs that is built.
#[derive(Debug)]
pub struct Parser {
    max: usize,
    /// What came of a line so far.
    line: Completing,
    /// The data lines so far, where there is one.
    data: Option<Completing>,
    /// The last byte was a CR: a LF that follows belongs to it.
    after_cr: bool,
    /// Nothing was read yet: a byte order mark may come.
    at_start: bool,
}

/// An event is longer than a stream may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is too long")]
pub struct TooLong;

impl Parser {
    /// A parser at the beginning of a stream, of events up to [`MAX_EVENT`].
    pub fn new() -> Self {
        Self::with_max(MAX_EVENT)
    }

    /// A parser of lines and events of so many bytes.
    pub fn with_max(max: usize) -> Self {
        Self { max, line: Completing::default(), data: None, after_cr: false, at_start: true }
    }

    /// Takes the next bytes and gives the events that they complete. What follows the last blank line waits for more, and is
    /// lost if no more comes: the stream was cut.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLong> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while let Some(&first) = rest.first() {
            if std::mem::take(&mut self.after_cr) && first == b'\n' {
                rest = rest.get(1..).unwrap_or_default();
                continue;
            }
            let end = memchr::memchr2(b'\n', b'\r', rest);
            let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
            if self.line.0.len() + line.len() > self.max {
                return Err(TooLong);
            }
            rest = after;
            let Some((&end, after)) = rest.split_first() else {
                self.line.0.extend_from_slice(line);
                break;
            };
            self.after_cr = end == b'\r';
            rest = after;
            events.extend(if self.line.0.is_empty() {
                self.take(line)?
            } else {
                let mut whole = std::mem::take(&mut self.line.0);
                whole.extend_from_slice(line);
                self.take(&whole)?
            });
        }
        Ok(events)
    }

    /// Takes a whole line.
    fn take(&mut self, mut line: &[u8]) -> Result<Option<Event>, TooLong> {
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if line.is_empty() {
            return Ok(self.data.take().map(|data| Event { data: Completion::new(data.0) }));
        }
        let colon = memchr::memchr(b':', line);
        let (name, value) = line.split_at(colon.unwrap_or(line.len()));
        if name == b"data" {
            let value = value.strip_prefix(b":").unwrap_or(value);
            let value = value.strip_prefix(b" ").unwrap_or(value);
            let Some(Completing(data)) = &mut self.data else {
                // As long as it is: most events have one line.
                self.data = Some(Completing(value.to_vec()));
                return Ok(None);
            };
            if data.len() + value.len() >= self.max {
                return Err(TooLong);
            }
            data.push(b'\n');
            data.extend_from_slice(value);
        }
        Ok(None)
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

/// Bytes of an answer on their way to be an event.
#[derive(Default)]
struct Completing(Vec<u8>);

impl std::fmt::Debug for Completing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Completing(..)")
    }
}

/// A frame, as [`push_frame`] adds it.
pub fn frame(payload: &Completion) -> Bytes {
    let mut out = BytesMut::new();
    push_frame(&mut out, payload);
    out.freeze()
}

/// Adds a frame as it goes to the caller: `data: ` and the payload, which stands on one line, and a blank line.
pub fn push_frame(out: &mut BytesMut, payload: &Completion) {
    let mut rest = payload.expose_bytes().as_ref();
    out.reserve(rest.len() + 8);
    loop {
        let end = memchr::memchr2(b'\n', b'\r', rest);
        let (line, after) = rest.split_at(end.unwrap_or(rest.len()));
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(line);
        out.extend_from_slice(b"\n");
        if end.is_none() {
            break;
        }
        rest = after.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(b"\n");
}

/// The same with the event's name before it, which is the `type` that the payload begins with.
pub fn push_typed_frame(out: &mut BytesMut, payload: &Completion) {
    let named = payload.expose_bytes().strip_prefix(b"{\"type\":\"");
    if let Some((name, _)) = named.and_then(|rest| rest.split_at_checked(memchr::memchr(b'"', rest)?)) {
        out.reserve(payload.len() + name.len() + 16);
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name);
        out.extend_from_slice(b"\n");
    }
    push_frame(out, payload);
}

/// The terminal event of OpenAI's chat streams.
pub fn terminal() -> Bytes {
    Bytes::from_static(b"data: [DONE]\n\n")
}

/// The comment that follows the terminal event, in the same write, and tells what was charged, in micro-USD.
pub fn cost_comment(charged: MicroUsd) -> Bytes {
    format!(": x-phi-cost-micro={charged}\n\n").into()
}

/// A sign of life for a stream that waits. A lone comment line: a blank line after it would trip readers that take it for
/// an event without data.
pub fn heartbeat() -> Bytes {
    Bytes::from_static(b": ping\n")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<Vec<u8>>, TooLong> {
        let mut parser = Parser::with_max(64);
        let mut all = Vec::new();
        for part in parts {
            all.extend(parser.feed(part)?.into_iter().map(|event| event.data.expose_bytes().to_vec()));
        }
        Ok(all)
    }

    #[test]
    fn streams_read_as_the_standard_says() {
        for (stream, events) in [
            (&b"data: a\n\ndata:b\n\n"[..], vec![&b"a"[..], b"b"]),
            (b"data: a\r\rdata: b\r\n\r\n", vec![b"a", b"b"]),
            (b"data: a\r\n\ndata: b\n\r\n", vec![b"a", b"b"]),
            (b"\xef\xbb\xbfdata: a\n\n", vec![b"a"]),
            (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", vec![b"a"]),
            (b"data: a\ndata: b\ndata\n\n", vec![b"a\nb\n"]),
            (b"data:  two spaces\n\n", vec![b" two spaces"]),
            (b": comment\n\n:\n\n: ping\ndata: a\n\n", vec![b"a"]),
            (b"event: x\nid: 1\nretry: 2\ndata: a\nDATA: b\n\n", vec![b"a"]),
            (b"event: x\n\ndata: a\n\n", vec![b"a"]),
            (b"data:\n\n", vec![b""]),
            (b"data: : keepalive\n\n", vec![b": keepalive"]),
            (b"data: \xff\x00\n\n", vec![b"\xff\x00"]),
            (b"data: a\n\ndata: cut off\n", vec![b"a"]),
            (b"data: a\n\ndata: cut off", vec![b"a"]),
        ] {
            let expected: Vec<Vec<u8>> = events.into_iter().map(<[u8]>::to_vec).collect();
            assert_eq!(read([stream]), Ok(expected), "{}", stream.escape_ascii());
        }
    }

    #[test]
    fn lines_and_events_have_an_end() {
        assert_eq!(read([&[b'a'; 64][..]]), Ok(vec![]));
        assert_eq!(read([&[b'a'; 65][..]]), Err(TooLong));
        assert_eq!(read([&[b'a'; 40][..], &[b'a'; 40]]), Err(TooLong));
        assert_eq!(read([&b"data: 45678901234567890\n".repeat(4)[..]]), Err(TooLong));
    }

    #[test]
    fn what_is_written_reads_back_alone() {
        let written = [
            frame(&Completion::new("{}")),
            heartbeat(),
            frame(&Completion::new("a\nb")),
            terminal(),
            cost_comment(MicroUsd::new(4200)),
        ];
        assert_eq!(written[0], "data: {}\n\n");
        assert_eq!(written[4], ": x-phi-cost-micro=4200\n\n");
        let read = read(written.iter().map(|bytes| &bytes[..]));
        assert_eq!(read, Ok(vec![b"{}".to_vec(), b"a\nb".to_vec(), b"[DONE]".to_vec()]));
    }

    fn any_stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop::sample::select(vec![
            &b"data"[..],
            b": ",
            b":",
            b"\n",
            b"\r",
            b"\r\n",
            b"\n\n",
            b"\xef\xbb\xbf",
            b"\xc3\xa9",
            b"\xff",
            b"x",
            b"event",
        ]);
        prop::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn a_split_at_any_byte_changes_nothing(stream in any_stream()) {
            let whole = read([&stream[..]]);
            prop_assert_eq!(&read(stream.chunks(1)), &whole);
            for at in 0..stream.len() {
                let (left, right) = stream.split_at(at);
                prop_assert_eq!(&read([left, right]), &whole);
            }
        }
    }
}
