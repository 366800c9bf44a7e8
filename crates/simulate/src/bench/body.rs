//! The body of an answer as it arrives: where it ends, and how many frames of a stream it held.

use super::head::Head;

/// A body of which pieces are still to come.
#[derive(Debug)]
pub(super) struct Body {
    part: Part,
    /// Frames of a stream so far. An empty line ends one.
    pub(super) frames: u64,
    last: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// Content without framing: so many bytes are left.
    Plain(usize),
    /// The line before a chunk, which says its length: what it said so far.
    Size(usize),
    /// A chunk: so many bytes are left.
    Chunk(usize),
    /// The line end behind a chunk.
    ChunkEnd,
    /// The lines behind the last chunk; whether this one is empty so far.
    Trailer(bool),
    Done,
}

impl Body {
    pub(super) fn new(head: &Head) -> Self {
        let part = match (head.chunked, head.length) {
            (true, _) => Part::Size(0),
            (false, 0) => Part::Done,
            (false, length) => Part::Plain(length),
        };
        Self { part, frames: 0, last: 0 }
    }

    pub(super) fn is_done(&self) -> bool {
        self.part == Part::Done
    }

    /// Takes what was read. Returns how many bytes of it are content, without framing.
    pub(super) fn take(&mut self, mut read: &[u8]) -> usize {
        let mut bytes = 0;
        while !self.is_done() && !read.is_empty() {
            let taken = match self.part {
                Part::Plain(left) | Part::Chunk(left) => {
                    let content = left.min(read.len());
                    self.count(&read[..content]);
                    bytes += content;
                    content
                }
                Part::Size(_) | Part::ChunkEnd | Part::Trailer(_) | Part::Done => 1,
            };
            self.part = self.part.after(&read[..taken]);
            read = &read[taken..];
        }
        bytes
    }

    fn count(&mut self, content: &[u8]) {
        for byte in content {
            self.frames += u64::from(*byte == b'\n' && self.last == b'\n');
            self.last = *byte;
        }
    }
}

impl Part {
    /// What follows after these bytes: as many as are left of content, one of anything else.
    fn after(self, taken: &[u8]) -> Self {
        let ends_line = taken == b"\n";
        match self {
            Self::Plain(left) if left == taken.len() => Self::Done,
            Self::Plain(left) => Self::Plain(left - taken.len()),
            Self::Size(0) if ends_line => Self::Trailer(true),
            Self::Size(size) if ends_line => Self::Chunk(size),
            Self::Size(size) => Self::Size(taken.iter().fold(size, |size, digit| longer(size, *digit))),
            Self::Chunk(left) if left == taken.len() => Self::ChunkEnd,
            Self::Chunk(left) => Self::Chunk(left - taken.len()),
            Self::ChunkEnd if ends_line => Self::Size(0),
            Self::ChunkEnd => Self::ChunkEnd,
            Self::Trailer(true) if ends_line => Self::Done,
            Self::Trailer(is_empty) => Self::Trailer(ends_line || is_empty && taken == b"\r"),
            Self::Done => Self::Done,
        }
    }
}

/// A length of which one more digit was read; what is no digit is the line's end.
fn longer(size: usize, digit: u8) -> usize {
    char::from(digit).to_digit(16).map_or(size, |digit| size.saturating_mul(16).saturating_add(digit as usize))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHUNKED: &[u8] =
        b"19\r\ndata: {\"a\": 1}\n\ndata: {}\n\r\n1\r\n\n\r\ne\r\ndata: [DONE]\n\n\r\n0\r\nx: y\r\n\r\n";

    #[test]
    fn a_body_split_at_any_byte_ends_where_it_ends() {
        for split in 0..=CHUNKED.len() {
            let mut body = Body::new(&Head { chunked: true, ..Head::default() });
            let (first, second) = CHUNKED.split_at(split);
            let mut bytes = body.take(first);
            assert_eq!(body.is_done(), second.is_empty(), "{split}");
            bytes += body.take(second);
            assert_eq!((bytes, body.frames, body.is_done()), (25 + 1 + 14, 3, true), "{split}");
        }
    }

    #[test]
    fn a_length_ends_a_body_and_no_length_is_no_body() {
        let mut body = Body::new(&Head { length: 5, ..Head::default() });
        assert_eq!((body.take(b"abc"), body.is_done()), (3, false));
        assert_eq!((body.take(b"de and more"), body.is_done()), (2, true));
        assert!(Body::new(&Head::default()).is_done());
    }
}
