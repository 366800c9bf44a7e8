//! What the strict reader hands on, judged by the reader that comes after it.

use httparse::{EMPTY_HEADER, Request, Status};

use super::head::{Payload, field, read};
use super::{Fault, Framing, LINES, TRAILER_LINES};

/// However bytes come they are judged alike, and what is handed on is what `httparse` reads: the same methods, targets,
/// headers, lengths, chunks and trailers. The first byte says where to cut.
pub fn framing(bytes: &[u8]) {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let judged = judge(bytes, bytes.len());
    assert_eq!(judge(bytes, 1), judged);
    assert_eq!(judge(bytes, usize::from(*cut)), judged);
    let (passed, heads, _) = judged;
    assert_eq!(next_reader(&bytes[..passed]), heads);
}

/// What a head is followed by; nothing where it is refused.
pub(crate) fn length(head: &[u8]) -> Option<u64> {
    match read(head) {
        Ok(Payload::Length(length)) => Some(length),
        Ok(Payload::Chunked) | Err(_) => None,
    }
}

/// How much is handed on where the bytes come in pieces of this size, how many heads, and why no more is.
fn judge(bytes: &[u8], size: usize) -> (usize, u64, Option<Fault>) {
    read_in(bytes, |end| end.is_multiple_of(size.max(1)))
}

/// The same of pieces that end at `cuts`.
pub(super) fn read_in(bytes: &[u8], cuts: impl Fn(usize) -> bool) -> (usize, u64, Option<Fault>) {
    let (mut framing, mut passed) = (Framing::new(), 0);
    for end in (1..=bytes.len()).filter(|end| *end == bytes.len() || cuts(*end)) {
        while passed < end {
            match framing.look(&bytes[passed..end]) {
                Ok(0) => break,
                Ok(good) => passed += good,
                Err(fault) => return (passed, framing.heads(), Some(fault)),
            }
        }
    }
    (passed, framing.heads(), None)
}

/// How many messages begin in these bytes, of which the last may be cut short in its body.
fn next_reader(bytes: &[u8]) -> u64 {
    let (mut heads, mut rest) = (0, bytes);
    while !rest.is_empty() {
        let mut slots = [EMPTY_HEADER; LINES];
        let mut request = Request::new(&mut slots);
        let end = whole(request.parse(rest).expect("a head"));
        let payload = same(&rest[..end], &request);
        heads += 1;
        rest = match payload {
            Payload::Length(length) => after(&rest[end..], length),
            Payload::Chunked => after_chunks(&rest[end..]),
        };
    }
    heads
}

fn whole<T>(status: Status<T>) -> T {
    match status {
        Status::Complete(what) => what,
        Status::Partial => unreachable!("it was handed on before it was whole"),
    }
}

/// That both readers see the same in a head; and what follows it.
fn same(head: &[u8], request: &Request<'_, '_>) -> Payload {
    let text = head.strip_suffix(b"\r\n\r\n").expect("the end of a head");
    let mut lines = text.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let version = request.version.expect("a version");
    let first = format!("{} {} HTTP/1.{version}", request.method.expect("a method"), request.path.expect("a target"));
    assert_eq!(lines.next(), Some(first.as_bytes()));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), request.headers.len());
    for (line, header) in lines.into_iter().zip(request.headers.iter()) {
        let (name, value) = field(line).expect("a header");
        assert_eq!((name, value), (header.name.to_ascii_lowercase().into_bytes(), header.value));
    }
    let named = |name: &str| {
        let mut all = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let one = all.next().map(|header| std::str::from_utf8(header.value).expect("plain text"));
        assert!(all.next().is_none(), "`{name}` stands twice");
        one
    };
    let length = named("content-length").map(|text| text.parse::<u64>().expect("a number"));
    let payload = match (length, named("transfer-encoding")) {
        (length, None) => Payload::Length(length.unwrap_or(0)),
        (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => Payload::Chunked,
        (_, Some(_)) => unreachable!("a length and a coding, or another coding"),
    };
    assert!(named("host").is_some());
    assert_eq!(read(head), Ok(payload));
    payload
}

fn after(bytes: &[u8], length: u64) -> &[u8] {
    usize::try_from(length).ok().and_then(|length| bytes.get(length..)).unwrap_or_default()
}

fn after_chunks(mut rest: &[u8]) -> &[u8] {
    while !rest.is_empty() {
        let (used, size) = whole(httparse::parse_chunk_size(rest).expect("a size"));
        rest = &rest[used..];
        if size == 0 {
            if rest.is_empty() {
                return rest;
            }
            let mut slots = [EMPTY_HEADER; TRAILER_LINES];
            let (used, _) = whole(httparse::parse_headers(rest, &mut slots).expect("trailers"));
            return &rest[used..];
        }
        rest = after(rest, size);
        assert!(rest.is_empty() || rest.starts_with(b"\r\n"), "a chunk without an end");
        rest = rest.get(2..).unwrap_or_default();
    }
    rest
}
