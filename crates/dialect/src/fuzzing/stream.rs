use phi_words::{Completion, ModelName, Usage};

use crate::HostFault;
use crate::json::Document;
use crate::openai::{ChatStream, Step};
use crate::sse::{Parser, frame};

/// Short, so that short streams reach it.
const MAX: usize = 1_024;

/// A stream means the same wherever it is cut: its events are those of a reader that sees it whole, and every frame that
/// comes of them is one line of JSON in our name. The first byte says where to cut.
pub fn stream(bytes: &[u8]) {
    let Some((cut, bytes)) = bytes.split_first() else { return };
    let events = parsed(MAX, bytes.chunks(bytes.len().max(1)));
    assert_eq!(parsed(MAX, bytes.chunks(1)), events);
    assert_eq!(parsed(MAX, bytes.chunks(usize::from(*cut).max(1))), events);
    // Events that come in one piece with one that is too long are lost with it.
    let Some(events) = events else { return };
    assert_eq!(events, plain(bytes));
    let whole = followed(bytes.chunks(bytes.len().max(1)), false);
    assert_eq!(followed(bytes.chunks(usize::from(*cut).max(1)), true), whole);
}

/// The events, or none where one is longer than this.
fn parsed<'a>(max: usize, pieces: impl Iterator<Item = &'a [u8]>) -> Option<Vec<Vec<u8>>> {
    let (mut parser, mut all) = (Parser::with_max(max), Vec::new());
    for piece in pieces {
        all.extend(parser.feed(piece).ok()?.into_iter().map(|event| event.data.expose_bytes().to_vec()));
    }
    Some(all)
}

/// The same by the letter of the standard, of a stream that is there as a whole.
fn plain(bytes: &[u8]) -> Vec<Vec<u8>> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let (mut text, mut before) = (Vec::new(), 0);
    for byte in bytes {
        match (before, byte) {
            (b'\r', b'\n') => {}
            (_, b'\r') => text.push(b'\n'),
            (_, other) => text.push(*other),
        }
        before = *byte;
    }
    let mut lines: Vec<_> = text.split(|byte| *byte == b'\n').collect();
    lines.pop();
    let (mut events, mut data) = (Vec::new(), Vec::new());
    for line in lines {
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (line, &b""[..]),
        };
        if line.is_empty() && !data.is_empty() {
            events.push(std::mem::take(&mut data).join(&b'\n'));
        } else if field == b"data" {
            data.push(value.strip_prefix(b" ").unwrap_or(value));
        }
    }
    events
}

/// The frames, how it ended, what it counted.
type Followed = (Vec<Vec<u8>>, Result<(), HostFault>, (u64, bool, Option<Usage>));

/// Follows a stream, each event by itself where that is asked for.
fn followed<'a>(pieces: impl Iterator<Item = &'a [u8]>, anew: bool) -> Followed {
    let name: ModelName = "house/model".parse().expect("a name");
    let (mut parser, mut machine, mut frames, mut done) =
        (Parser::with_max(MAX), ChatStream::new(name.clone()), Vec::new(), false);
    let mut end = Ok(());
    'pieces: for piece in pieces {
        for event in parser.feed(piece).expect("none is too long") {
            if anew {
                machine.forget();
            }
            match machine.feed(&event) {
                Ok(Step::Frame(payload)) => {
                    assert!(!done, "a frame after the end");
                    in_our_name(&payload, &name);
                    assert_eq!(parsed(4 * MAX, frame(&payload).chunks(7)), Some(vec![payload.expose_bytes().to_vec()]));
                    frames.push(payload.expose_bytes().to_vec());
                }
                Ok(Step::Done) => assert!(!std::mem::replace(&mut done, true), "two ends"),
                Ok(Step::Skip) => {}
                Err(fault) => {
                    end = Err(fault);
                    break 'pieces;
                }
            }
        }
    }
    assert_eq!(machine.finish().is_ok(), done);
    if let Some(usage) = machine.usage() {
        Document::parse(machine.usage_frame(&usage, None).expose_into_bytes()).expect("figures are JSON");
    }
    (frames, end, (machine.output_chars(), machine.has_content(), machine.usage()))
}

/// It is JSON on one line, and the model has our name.
pub(super) fn in_our_name(payload: &Completion, name: &ModelName) {
    let bytes = payload.expose_bytes();
    assert!(!bytes.iter().any(|byte| matches!(byte, b'\n' | b'\r')), "more than one line");
    let document = Document::parse(bytes.clone()).expect("a frame is JSON");
    let model = document.root().member("model").and_then(|model| Some(model.text()?.into_owned()));
    assert_eq!(model.as_deref(), Some(name.as_str()));
}
