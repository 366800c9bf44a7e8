//! What is handed on of a connection of HTTP/2, and its heads beside those of HTTP/1.1.

use http::Request;
use tokio::time::Instant;

use super::PREFACE;
use super::frames::Frames;
use super::head::plain;
use crate::framing::fuzzing::length;
use crate::fuzzing::read_headers;

/// However frames come they are judged alike, and a connection is given up between two of them. The first byte says
/// where to cut, the second how much was spent before.
pub fn http2(bytes: &[u8]) {
    let [cut, spent, bytes @ ..] = bytes else { return };
    let spent = usize::from(*spent) * 4;
    let judged = judge(bytes, bytes.len(), spent);
    assert_eq!(judge(bytes, 1, spent), judged);
    assert_eq!(judge(bytes, usize::from(*cut), spent), judged);
    if let Ok((_, last)) = judged {
        assert_eq!(last, highest(bytes));
    }
    if let Err(good) = judged {
        let ends = ends(bytes);
        // The first frame is judged by its head alone.
        assert!(ends.contains(&good) || good == PREFACE.len() + 9, "{good} is within a frame");
    }
}

/// What is awaited and the highest stream, or how much of it is handed on.
fn judge(bytes: &[u8], size: usize, spent: usize) -> Result<(Option<u64>, u32), usize> {
    let (now, ping) = (Instant::now(), [0, 0, 0, 6, 0, 0, 0, 0, 0]);
    let mut frames = Frames::new(now);
    let mut at = bytes.len().min(PREFACE.len() + 9);
    frames.look(&bytes[..at], now)?;
    if ends(bytes).contains(&at) {
        let _ = (0..spent).all(|_| frames.look(&ping, now).is_ok());
    }
    for piece in bytes[at..].chunks(size.max(1)) {
        frames.look(piece, now).map_err(|good| at + good)?;
        at += piece.len();
    }
    Ok((frames.awaited().map(|begun| begun - pings(bytes, spent)), frames.last()))
}

/// How many frames were begun that are not in the bytes.
fn pings(bytes: &[u8], spent: usize) -> u64 {
    if ends(bytes).contains(&(PREFACE.len() + 9)) { spent as u64 } else { 0 }
}

/// Where each whole frame ends.
fn ends(bytes: &[u8]) -> Vec<usize> {
    let (mut ends, mut at) = (Vec::new(), PREFACE.len());
    while let Some([a, b, c, ..]) = bytes.get(at..).filter(|rest| rest.len() >= 9) {
        at += 9 + u32::from_be_bytes([0, *a, *b, *c]) as usize;
        if at <= bytes.len() {
            ends.push(at);
        }
    }
    ends
}

/// The highest stream of a frame of headers, of which the head alone need be there.
fn highest(bytes: &[u8]) -> u32 {
    let begins = std::iter::once(PREFACE.len()).chain(ends(bytes));
    let heads = begins.filter_map(|at| bytes.get(at..at + 9)?.first_chunk::<9>());
    heads
        .filter(|head| head[3] == 1)
        .map(|head| u32::from_be_bytes([head[5] & 0x7f, head[6], head[7], head[8]]))
        .max()
        .unwrap_or(0)
}

/// A head of HTTP/2 that is taken would be taken as one of HTTP/1.1, too. The first line is the URI, the others are headers.
pub fn head(bytes: &[u8]) {
    let (uri, lines) = bytes.split_at(bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()));
    let Ok(mut request) = Request::builder().method("POST").uri(uri).body(()) else { return };
    *request.headers_mut() = read_headers(lines);
    // The library refuses these.
    for gone in ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"] {
        request.headers_mut().remove(gone);
    }
    let Ok(request) = plain(request) else { return };
    let target = request.uri().path_and_query().expect("a path");
    let mut text = format!("POST {} HTTP/1.1\r\n", target.as_str()).into_bytes();
    for (name, value) in request.headers() {
        text.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    text.extend(b"\r\n");
    let said = request.headers().get("content-length").map(|value| value.to_str().expect("digits").parse());
    assert_eq!(length(&text), Some(said.map_or(0, |said| said.expect("a number"))));
}
