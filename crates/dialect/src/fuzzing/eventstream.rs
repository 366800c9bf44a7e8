use phi_words::Usage;

use crate::eventstream::Parser;
use crate::eventstream::writing::raw;
use crate::middle::{Said, joined};
use crate::{HostFault, bedrock};

/// Short, so that short streams reach it.
const MAX: usize = 1_024;

/// Frames mean the same wherever they are cut, and what Bedrock says in them is said the same. The first byte says where to
/// cut, the second how they are made: of an even one the bytes are frames as they are, of an odd one they are the headers and
/// the payloads of frames, with lengths and checksums that hold, each after a byte that says how long it is.
pub fn eventstream(bytes: &[u8]) {
    let [cut, made, bytes @ ..] = bytes else { return };
    let bytes = if made % 2 == 0 { bytes.to_vec() } else { framed(bytes) };
    let whole = followed(bytes.chunks(bytes.len().max(1)));
    assert!(followed(bytes.chunks(1)) == whole);
    assert!(followed(bytes.chunks(usize::from(*cut).max(1))) == whole);
}

fn framed(mut rest: &[u8]) -> Vec<u8> {
    let mut frames = Vec::new();
    let mut next = || {
        let (length, after) = rest.split_first()?;
        let (taken, after) = after.split_at(usize::from(*length).min(after.len()));
        rest = after;
        Some(taken)
    };
    while let (Some(headers), Some(payload)) = (next(), next()) {
        frames.extend(raw(headers, payload));
    }
    frames
}

type Followed = (Result<(), HostFault>, Vec<Said>, Option<Usage>);

/// What a stream says, and how it ended. What comes in one piece with a frame that is none is lost with it, so then nothing
/// else counts.
fn followed<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Followed {
    let (mut parser, mut stream, mut said) = (Parser::with_max(MAX), bedrock::Stream::new(), Vec::new());
    let mut end = Ok(());
    for piece in pieces {
        let events = match parser.feed(piece) {
            Ok(events) => events,
            Err(fault) => return (Err(fault), Vec::new(), None),
        };
        for event in events {
            if end.is_ok() {
                end = stream.feed(&event).map(|more| said.extend(more));
            }
        }
    }
    assert!(!stream.is_done() || stream.finish().is_ok());
    let usage = stream.facts().usage;
    (end.and_then(|()| stream.finish()), joined(said), usage)
}
