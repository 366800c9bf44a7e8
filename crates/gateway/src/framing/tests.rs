//! What is handed on, judged by readers that share no code with ours.

use proptest::prelude::*;

use super::fuzzing::read_in;
use super::*;

fn whole(bytes: &[u8]) -> (usize, u64, Option<Fault>) {
    read_in(bytes, |_| false)
}

fn fault(text: &str) -> Option<Fault> {
    whole(text.as_bytes()).2
}

fn post(more: &str) -> String {
    format!("POST /v1/chat/completions HTTP/1.1\r\nHost: phi.example\r\n{more}\r\n")
}

#[test]
fn what_is_clear_is_handed_on() {
    let get = "GET /v1/models/a%2Fb?x=1 HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n".to_owned();
    let chunked = post("Transfer-Encoding: Chunked\r\n") + "3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n";
    for text in [
        get.clone(),
        post("Content-Length: 3\r\n") + "abc" + &get,
        post("content-length:0\r\n") + &get,
        post("x-empty:\r\nx-tab: \ta\tb\t\r\nx-high: \u{e9}\r\n"),
        chunked.clone() + "\r\n" + &get,
        chunked + "x-trailer: a\r\n\r\n" + &get,
        post("Connection: keep-alive, TE\r\nte: trailers\r\nExpect: 100-continue\r\n"),
        post("connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"),
        "GET / HTTP/1.0\r\nhost: a\r\nconnection: close\r\n\r\n".to_owned(),
    ] {
        assert_eq!((whole(text.as_bytes()).0, fault(&text)), (text.len(), None), "{text}");
    }
}

#[test]
fn what_two_readers_could_read_differently_is_refused() {
    let line = |line: &str| format!("{line}\r\nhost: a\r\n\r\n");
    for (text, expected) in [
        (post("content-length: 3\r\ntransfer-encoding: chunked\r\n"), Fault::LengthAndCoding),
        (post("transfer-encoding: chunked\r\ncontent-length: 3\r\n"), Fault::LengthAndCoding),
        (post("content-length: 3\r\ncontent-length: 3\r\n"), Fault::Length),
        (post("content-length: 3\r\ncontent-length: 4\r\n"), Fault::Length),
        (post("content-length: 3, 3\r\n"), Fault::Length),
        (post("content-length: +3\r\n"), Fault::Length),
        (post("content-length: -3\r\n"), Fault::Length),
        (post("content-length: 03\r\n"), Fault::Length),
        (post("content-length: 3 3\r\n"), Fault::Length),
        (post("content-length: 0x3\r\n"), Fault::Length),
        (post("content-length:\r\n"), Fault::Length),
        (post("content-length: 99999999999999999999\r\n"), Fault::Length),
        (post("content_length: 3\r\n"), Fault::Field),
        (post("transfer_encoding: chunked\r\n"), Fault::Field),
        (post("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n"), Fault::Coding),
        (post("transfer-encoding: gzip, chunked\r\n"), Fault::Coding),
        (post("transfer-encoding: chunked, identity\r\n"), Fault::Coding),
        (post("transfer-encoding: identity\r\n"), Fault::Coding),
        (post("transfer-encoding: \"chunked\"\r\n"), Fault::Coding),
        (post("transfer-encoding: \u{b}chunked\r\n"), Fault::Control),
        (post("transfer-encoding : chunked\r\n"), Fault::Field),
        (post("transfer-encoding\t: chunked\r\n"), Fault::Field),
        (post(" transfer-encoding: chunked\r\n"), Fault::Field),
        (post("x-a: b\r\n transfer-encoding: chunked\r\n"), Fault::Field),
        (post("x-a: b\r\n\tc\r\n"), Fault::Field),
        (post("x-a: b\ntransfer-encoding: chunked\r\n"), Fault::LineEnd),
        (post("x-a: b\rtransfer-encoding: chunked\r\n"), Fault::LineEnd),
        (post("x-a: b\r\r\n"), Fault::LineEnd),
        (post("x-a: b\0c\r\n"), Fault::Control),
        (post("x-a: b\u{7f}c\r\n"), Fault::Control),
        (post(": b\r\n"), Fault::Field),
        (post("x-a\r\n"), Fault::Field),
        (post("x a: b\r\n"), Fault::Field),
        (post("x\u{e9}: b\r\n"), Fault::Field),
        (post("x(a): b\r\n"), Fault::Field),
        (post("host: b\r\n"), Fault::Host),
        (line("GET / HTTP/1.1").replace("host: a\r\n", ""), Fault::Host),
        (line("GET / HTTP/1.0").replace("host: a\r\n", ""), Fault::Host),
        (line("GET / HTTP/1.1").replace(": a", ":"), Fault::Host),
        (line("GET / HTTP/1.1").replace(": a", ": a b"), Fault::Host),
        (line("GET / HTTP/1.1").replace(": a", ": a, b"), Fault::Host),
        (line("GET / HTTP/1.1").replace(": a", ": u@a"), Fault::Host),
        (line("GET http://a/ HTTP/1.1"), Fault::Target),
        (line("GET a/ HTTP/1.1"), Fault::Target),
        (line("CONNECT a:443 HTTP/1.1"), Fault::Target),
        (line("OPTIONS * HTTP/1.1"), Fault::Target),
        (line("GET /a#b HTTP/1.1"), Fault::Target),
        (line("GET /\\a HTTP/1.1"), Fault::Target),
        (line("GET /%zz HTTP/1.1"), Fault::Target),
        (line("GET /\u{e9} HTTP/1.1"), Fault::Target),
        (line("GET  / HTTP/1.1"), Fault::RequestLine),
        (line("GET / HTTP/1.1 "), Fault::RequestLine),
        (line(" GET / HTTP/1.1"), Fault::RequestLine),
        (line("GET\t/\tHTTP/1.1"), Fault::RequestLine),
        (line("G@T / HTTP/1.1"), Fault::RequestLine),
        (line("GET /"), Fault::RequestLine),
        (line("GET / HTTP/2.0"), Fault::Version),
        (line("GET / HTTP/1.2"), Fault::Version),
        (line("GET / http/1.1"), Fault::Version),
        ("\r\n".to_owned() + &line("GET / HTTP/1.1"), Fault::RequestLine),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), Fault::Version),
        ("\u{16}\u{3}\u{1}".to_owned(), Fault::Control),
        ("GET / HTTP/1.0\r\nhost: a\r\nconnection: keep-alive\r\n\r\n".to_owned(), Fault::Old),
        ("GET / HTTP/1.0\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".to_owned(), Fault::Old),
        (post("connection: close\r\nconnection: keep-alive\r\n"), Fault::Connection),
        (post("connection: close, x-phi\r\n"), Fault::Connection),
        (post("connection: authorization\r\n"), Fault::Connection),
        (post("upgrade: websocket\r\n"), Fault::Upgrade),
        (post(&format!("x: {}\r\n", "a".repeat(HEAD_BYTES))), Fault::TooLong),
        (post(&"x: a\r\n".repeat(LINES)), Fault::TooManyLines),
    ] {
        let (passed, heads, found) = whole(text.as_bytes());
        assert_eq!((passed, heads, found), (0, 0, Some(expected)), "{text:?}");
    }
    assert_eq!(fault(&post(&"x: a\r\n".repeat(LINES - 1))), None);
}

#[test]
fn chunks_have_plain_sizes_and_no_extensions() {
    let head = post("transfer-encoding: chunked\r\n");
    for (body, expected) in [
        ("0x3\r\nabc\r\n0\r\n\r\n", Fault::Chunk),
        ("+3\r\nabc\r\n", Fault::Chunk),
        (" 3\r\nabc\r\n", Fault::Chunk),
        ("3 \r\nabc\r\n", Fault::Chunk),
        ("3;a=b\r\nabc\r\n", Fault::Chunk),
        ("3\nabc\r\n", Fault::Chunk),
        ("3\r\nabcd\r\n", Fault::Chunk),
        ("3\r\nabc\n0\r\n", Fault::Chunk),
        ("\r\nabc\r\n", Fault::Chunk),
        ("000000003\r\nabc\r\n", Fault::Chunk),
        ("ffffffffffffffffd\r\nabc\r\n", Fault::Chunk),
        ("0\r\ncontent-length: 4\r\n\r\n", Fault::Trailer),
        ("0\r\nTransfer-Encoding: chunked\r\n\r\n", Fault::Trailer),
        ("0\r\nhost: b\r\n\r\n", Fault::Trailer),
        ("0\r\nx : a\r\n\r\n", Fault::Field),
        ("0\r\nx: a\n\r\n", Fault::LineEnd),
    ] {
        let (passed, heads, found) = whole((head.clone() + body).as_bytes());
        assert_eq!((heads, found), (1, Some(expected)), "{body:?}");
        assert!(passed >= head.len());
    }
    let long = format!("{head}0\r\nx: {}\r\n\r\n", "a".repeat(TRAILER_BYTES));
    let many = format!("{head}0\r\n{}\r\n", "x: a\r\n".repeat(TRAILER_LINES + 1));
    assert_eq!((fault(&long), fault(&many)), (Some(Fault::TooLong), Some(Fault::TooManyLines)));
}

/// Pieces of which heads and bodies are made, and spoiled.
const PIECES: &[&str] = &[
    "GET / HTTP/1.1\r\n",
    "POST /v1/embeddings HTTP/1.1\r\n",
    "GET /a?b HTTP/1.0\r\n",
    "host: a\r\n",
    "Host: b\r\n",
    "content-length: 5\r\n",
    "Content-Length: 12\r\n",
    "content-length:0\r\n",
    "transfer-encoding: chunked\r\n",
    "transfer-encoding: gzip\r\n",
    "x-phi: true\r\n",
    "X-A:\t b \r\n",
    " folded\r\n",
    "x-a : b\r\n",
    "\r\n",
    "\r\n\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    "\t",
    ":",
    ",",
    "5\r\nabcde\r\n",
    "c\r\n0\r\nabcdefghi\r\n",
    "0\r\n\r\n",
    "0\r\nx: a\r\n\r\n",
    "5;e=f\r\n",
    "abcde",
    "connection: close\r\n",
    "connection: keep-alive\r\n",
    "expect: 100-continue\r\n",
    "\u{e9}",
];

fn stream() -> impl Strategy<Value = Vec<u8>> {
    let good = prop_oneof![
        Just("GET / HTTP/1.1\r\nhost: a\r\n\r\n".to_owned()),
        Just("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nabcde".to_owned()),
        Just("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n".to_owned()),
    ];
    let piece = prop::sample::select(PIECES).prop_map(str::to_owned);
    let joined = prop::collection::vec(prop_oneof![1 => good, 2 => piece], 1..9).prop_map(|pieces| pieces.concat());
    (joined, prop::collection::vec((any::<prop::sample::Index>(), prop::sample::select(PIECES), 0..3_usize), 0..2))
        .prop_map(|(text, spoils)| {
            let mut bytes = text.into_bytes();
            for (at, with, take) in spoils {
                let at = at.index(bytes.len());
                let end = (at + take).min(bytes.len());
                bytes.splice(at..end, with.bytes());
            }
            bytes
        })
        .prop_filter("something", |bytes| !bytes.is_empty())
}

/// A reader that takes what it gets: lines end with LF, of two headers the first or the last counts, and length or coding
/// goes before. It says where the first message ends.
fn lenient(bytes: &[u8], last: bool, length_first: bool) -> Option<usize> {
    let (mut at, mut lengths, mut chunked) = (0, Vec::new(), false);
    loop {
        let end = at + bytes[at..].iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8_lossy(&bytes[at..end]).trim().to_ascii_lowercase();
        at = end + 1;
        if line.is_empty() {
            break;
        }
        let Some((name, value)) = line.split_once(':') else { continue };
        match name.trim().replace('_', "-").as_str() {
            "content-length" => lengths.extend(value.trim().parse::<usize>().ok()),
            "transfer-encoding" => chunked |= value.contains("chunked"),
            _ => {}
        }
    }
    let length = if last { lengths.last() } else { lengths.first() };
    if let Some(length) = length.filter(|_| length_first || !chunked) {
        return (at + length <= bytes.len()).then_some(at + length);
    }
    if !chunked {
        return Some(at);
    }
    loop {
        let end = at + bytes[at..].iter().position(|byte| *byte == b'\n')?;
        let line = String::from_utf8_lossy(&bytes[at..end]).to_string();
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).ok()?;
        at = end + 1;
        if size == 0 {
            loop {
                let end = at + bytes[at..].iter().position(|byte| *byte == b'\n')?;
                let empty = bytes[at..end].trim_ascii().is_empty();
                at = end + 1;
                if empty {
                    return Some(at);
                }
            }
        }
        at += size;
        at += bytes.get(at..)?.iter().position(|byte| *byte == b'\n')? + 1;
    }
}

/// Where the first message ends, as we read it.
fn first_end(bytes: &[u8]) -> Option<usize> {
    let (mut framing, mut passed) = (Framing::new(), 0);
    while passed < bytes.len() {
        match framing.look(&bytes[passed..]) {
            Ok(0) | Err(_) => return None,
            Ok(good) => passed += good,
        }
        if framing.at_head() {
            return Some(passed);
        }
    }
    None
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_bytes_come_they_are_judged_alike(bytes in stream(), cuts in any::<u64>()) {
        let at_once = whole(&bytes);
        prop_assert_eq!(read_in(&bytes, |_| true), at_once);
        prop_assert_eq!(read_in(&bytes, |end| cuts.rotate_left(end as u32 % 64) & 1 == 1), at_once);
    }

    #[test]
    fn what_is_handed_on_is_what_the_next_reader_reads(bytes in stream()) {
        let mut framing = Framing::new();
        if let Ok(end) = framing.look(&bytes) && end > 0 {
            let mut slots = [httparse::EMPTY_HEADER; LINES];
            let mut request = httparse::Request::new(&mut slots);
            let parsed = request.parse(&bytes);
            prop_assert_eq!(parsed, Ok(httparse::Status::Complete(end)));
            let lines = String::from_utf8_lossy(&bytes[..end]).matches("\r\n").count();
            prop_assert_eq!(request.headers.len(), lines - 2);
            let count = |name: &str| request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name)).count();
            prop_assert!(count("host") == 1 && count("content-length") + count("transfer-encoding") < 2);
        }
    }

    #[test]
    fn readers_that_take_what_they_get_see_the_same_end(bytes in stream()) {
        if let Some(end) = first_end(&bytes) {
            for (last, length_first) in [(false, false), (false, true), (true, false), (true, true)] {
                prop_assert_eq!(lenient(&bytes, last, length_first), Some(end));
            }
        }
    }
}
