//! Where each request of a connection begins and ends: an exact reader of HTTP/1.1 framing (RFC 9112) that stands before
//! the one that reads requests. What both could not but read alike is handed on byte for byte, and nothing else is.

mod fault;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod head;
#[cfg(test)]
mod tests;

pub(crate) use fault::Fault;
use head::Payload;
pub(crate) use head::{frames, is_host, is_path, length, spells_framing_otherwise};

/// The longest head, in bytes.
pub(crate) const HEAD_BYTES: usize = 32 << 10;
/// The most headers of a head.
pub(crate) const LINES: usize = 100;
/// The longest trailers, in bytes, and the most lines of them.
const TRAILER_BYTES: usize = 4 << 10;
const TRAILER_LINES: usize = 16;
/// A chunk of more digits is longer than any body that is read.
const SIZE_DIGITS: usize = 8;

/// What a connection is in the middle of.
#[derive(Debug)]
pub(crate) struct Framing {
    state: State,
    heads: u64,
}

#[derive(Debug)]
enum State {
    /// A head, of which nothing is handed on before it is whole.
    Head(Lines),
    /// So many bytes of a body.
    Body(u64),
    /// The size of a chunk.
    Size,
    /// So many bytes of a chunk.
    Chunk(u64),
    /// The end of a chunk.
    After,
    /// What follows the last chunk.
    Trailers(Lines),
}

impl Framing {
    pub(crate) fn new() -> Self {
        Self { state: State::Head(Lines::default()), heads: 0 }
    }

    /// How many of these bytes may be handed on: 0 until more have come. `bytes` begins where what was handed on ended,
    /// and is not empty.
    ///
    /// # Errors
    /// What must not be handed on; nothing after it can be read.
    pub(crate) fn look(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        match &mut self.state {
            State::Head(lines) => {
                let Some(end) = lines.end(bytes, HEAD_BYTES, LINES + 1)? else { return Ok(0) };
                self.state = match head::read(&bytes[..end])? {
                    Payload::Length(0) => State::Head(Lines::default()),
                    Payload::Length(length) => State::Body(length),
                    Payload::Chunked => State::Size,
                };
                self.heads += 1;
                Ok(end)
            }
            State::Body(left) => {
                let passed = take(left, bytes);
                if *left == 0 {
                    self.state = State::Head(Lines::default());
                }
                Ok(passed)
            }
            State::Size => {
                let Some((size, passed)) = size(bytes)? else { return Ok(0) };
                self.state = if size == 0 { State::Trailers(Lines::default()) } else { State::Chunk(size) };
                Ok(passed)
            }
            State::Chunk(left) => {
                let passed = take(left, bytes);
                if *left == 0 {
                    self.state = State::After;
                }
                Ok(passed)
            }
            State::After => match bytes {
                [b'\r', b'\n', ..] => {
                    self.state = State::Size;
                    Ok(2)
                }
                [b'\r'] => Ok(0),
                _ => Err(Fault::Chunk),
            },
            State::Trailers(lines) => {
                let Some(end) = lines.end(bytes, TRAILER_BYTES, TRAILER_LINES)? else { return Ok(0) };
                head::trailers(&bytes[..end])?;
                self.state = State::Head(Lines::default());
                Ok(end)
            }
        }
    }

    /// How many heads were handed on.
    pub(crate) const fn heads(&self) -> u64 {
        self.heads
    }

    /// Whether it is a head that comes next.
    pub(crate) const fn at_head(&self) -> bool {
        matches!(self.state, State::Head(_))
    }
}

/// A block of lines that ends with an empty one, as far as it was looked at.
#[derive(Debug, Default)]
struct Lines {
    looked: usize,
    /// Where the line at hand begins.
    begun: usize,
    count: usize,
}

impl Lines {
    /// Where the block ends. Each byte is looked at once, however they come.
    fn end(&mut self, bytes: &[u8], most: usize, lines: usize) -> Result<Option<usize>, Fault> {
        while let Some(byte) = bytes.get(self.looked) {
            if self.looked == most {
                return Err(Fault::TooLong);
            }
            let after_return = self.looked > self.begun && bytes[self.looked - 1] == b'\r';
            match byte {
                b'\n' if !after_return => return Err(Fault::LineEnd),
                b'\n' if self.looked == self.begun + 1 => return Ok(Some(self.looked + 1)),
                b'\n' if self.count == lines => return Err(Fault::TooManyLines),
                b'\n' => (self.begun, self.count) = (self.looked + 1, self.count + 1),
                _ if after_return => return Err(Fault::LineEnd),
                b'\r' | b'\t' | b' '..=b'~' | 0x80.. => {}
                _ => return Err(Fault::Control),
            }
            self.looked += 1;
        }
        Ok(None)
    }
}

fn take(left: &mut u64, bytes: &[u8]) -> usize {
    let passed = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
    *left -= passed as u64;
    passed
}

/// The size of a chunk, and the length of its line. Extensions mean nothing to anybody, and servers have read them in
/// several ways: there may be none.
fn size(bytes: &[u8]) -> Result<Option<(u64, usize)>, Fault> {
    let digits = bytes.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits > SIZE_DIGITS {
        return Err(Fault::Chunk);
    }
    match &bytes[digits..] {
        [] | [b'\r'] if digits > 0 => Ok(None),
        [b'\r', b'\n', ..] if digits > 0 => {
            let text = std::str::from_utf8(&bytes[..digits]).unwrap_or_default();
            let size = u64::from_str_radix(text, 16).map_err(|_| Fault::Chunk)?;
            Ok(Some((size, digits + 2)))
        }
        _ => Err(Fault::Chunk),
    }
}
