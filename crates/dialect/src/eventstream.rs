//! Amazon's event stream, `application/vnd.amazon.eventstream`: messages in binary frames
//! (<https://smithy.io/2.0/aws/amazon-eventstream.html>).
//!
//! ```text
//! length of all, 4 ─ length of the headers, 4 ─ CRC-32 of both, 4 ─ headers ─ payload ─ CRC-32 of all before it, 4
//! ```
//!
//! A message is read as the union that it is a member of: an event `{"contentBlockDelta":{…}}`, or an exception
//! `{"throttlingException":{…}}`.

use phi_words::Completion;

use crate::HostFault;
use crate::json::Object;
use crate::sse::{Event, MAX_EVENT};

/// How long the headers of a message may be, in bytes.
const MAX_HEADERS: usize = 128 << 10;
/// The bytes before the headers, and those with the last checksum.
const PRELUDE: usize = 12;
const FRAME: usize = PRELUDE + 4;

/// Reads messages from bytes that are split anywhere.
pub struct Parser {
    max: usize,
    /// What came of a message so far.
    held: Vec<u8>,
}

impl Parser {
    /// A parser at the beginning of a stream, of messages up to [`MAX_EVENT`].
    pub fn new() -> Self {
        Self::with_max(MAX_EVENT)
    }

    /// A parser of messages of so many bytes.
    pub fn with_max(max: usize) -> Self {
        Self { max, held: Vec::new() }
    }

    /// Takes the next bytes and gives the messages that they complete. What is left at the end is lost: the stream was cut.
    ///
    /// # Errors
    /// Where a message is too long, or none; then the stream is over.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Event>, HostFault> {
        self.held.extend_from_slice(bytes);
        let (mut events, mut read) = (Vec::new(), 0);
        while let Some(rest) = self.held.get(read..)
            && let Some((length, headers)) = prelude(rest, self.max)?
            && let Some(message) = rest.get(..length)
        {
            events.push(event(message, headers)?);
            read += length;
        }
        self.held.drain(..read);
        Ok(events)
    }
}

impl Default for Parser {
    fn default() -> Self {
        Self::new()
    }
}

/// Payload does not show itself.
impl std::fmt::Debug for Parser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Parser(..)")
    }
}

/// How long a message and its headers are, once its beginning is there.
fn prelude(bytes: &[u8], max: usize) -> Result<Option<(usize, usize)>, HostFault> {
    let Some((said, _)) = bytes.split_first_chunk::<PRELUDE>() else { return Ok(None) };
    let mut said = Reader(said);
    let (length, headers, checksum) = (said.number()?, said.number()?, said.number()?);
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&length.to_be_bytes());
    hasher.update(&headers.to_be_bytes());
    if hasher.finalize() != checksum {
        return Err(HostFault::Malformed("a frame begins with another checksum"));
    }
    let (length, headers) = (length as usize, headers as usize);
    if length > max || headers > MAX_HEADERS {
        return Err(HostFault::TooLong);
    }
    if length < FRAME || headers > length - FRAME {
        return Err(HostFault::Malformed("a frame is shorter than what is in it"));
    }
    Ok(Some((length, headers)))
}

/// Reads a whole message with so many bytes of headers.
fn event(message: &[u8], headers: usize) -> Result<Event, HostFault> {
    let short = HostFault::Malformed("a frame is shorter than what is in it");
    let (said, checksum) = message.split_last_chunk::<4>().ok_or(short.clone())?;
    if crc32fast::hash(said) != u32::from_be_bytes(*checksum) {
        return Err(HostFault::Malformed("a frame ends with another checksum"));
    }
    let rest = said.get(PRELUDE..).ok_or(short.clone())?;
    let (headers, payload) = rest.split_at_checked(headers).ok_or(short)?;
    let Headers { message, event, exception, error } = Headers::read(headers)?;
    let is_name = |name: &&[u8]| (1..=64).contains(&name.len()) && name.iter().all(u8::is_ascii_alphanumeric);
    let nameless = HostFault::Malformed("a frame does not say what it is");
    let payload = if payload.trim_ascii().is_empty() { b"{}" } else { payload };
    let named = match message {
        Some(b"event") => event,
        Some(b"exception") => exception,
        // One without a payload, which its code names.
        Some(b"error") => {
            let code = error.and_then(|code| std::str::from_utf8(code).ok()).unwrap_or_default();
            let mut out = Object::new();
            out.object("error", |out| {
                out.text("__type", code);
            });
            return Ok(Event { data: Completion::new(out.finish()) });
        }
        Some(_) | None => None,
    };
    let name = named.filter(is_name).ok_or(nameless)?;
    let mut data = Vec::with_capacity(name.len() + payload.len() + 5);
    for part in [b"{\"", name, b"\":", payload, b"}"] {
        data.extend_from_slice(part);
    }
    Ok(Event { data: Completion::new(data) })
}

/// What the headers say of a message.
#[derive(Default)]
struct Headers<'a> {
    message: Option<&'a [u8]>,
    event: Option<&'a [u8]>,
    exception: Option<&'a [u8]>,
    error: Option<&'a [u8]>,
}

impl<'a> Headers<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, HostFault> {
        let (mut headers, mut rest) = (Self::default(), Reader(bytes));
        while !rest.0.is_empty() {
            let (name, value) = rest.header()?;
            let place = match name {
                b":message-type" => &mut headers.message,
                b":event-type" => &mut headers.event,
                b":exception-type" => &mut headers.exception,
                b":error-code" => &mut headers.error,
                _ => continue,
            };
            let text = value.ok_or(HostFault::Malformed("a header of a frame is no text"))?;
            if place.replace(text).is_some() {
                return Err(HostFault::Malformed("a header of a frame stands twice"));
            }
        }
        Ok(headers)
    }
}

/// Bytes that are read from their beginning.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], HostFault> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(HostFault::Malformed("a header of a frame is cut"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// A number of so many bytes, the highest first.
    fn sized(&mut self, count: usize) -> Result<u32, HostFault> {
        Ok(self.take(count)?.iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    fn number(&mut self) -> Result<u32, HostFault> {
        self.sized(4)
    }

    /// The next header: its name, and its value where that is a text.
    fn header(&mut self) -> Result<(&'a [u8], Option<&'a [u8]>), HostFault> {
        let length = self.sized(1)? as usize;
        let name = self.take(length)?;
        if std::str::from_utf8(name).is_err() || name.is_empty() {
            return Err(HostFault::Malformed("a header of a frame has no name"));
        }
        let kind = self.sized(1)?;
        let length = match kind {
            // True and false.
            0 | 1 => 0,
            // Whole numbers of 8, 16, 32 and 64 bits; a time; a UUID.
            2 => 1,
            3 => 2,
            4 => 4,
            5 | 8 => 8,
            9 => 16,
            // Bytes and text.
            6 | 7 => self.sized(2)? as usize,
            _ => return Err(HostFault::Malformed("a header of a frame is of a kind that we do not know")),
        };
        let value = self.take(length)?;
        match (kind, std::str::from_utf8(value)) {
            (7, Ok(_)) => Ok((name, Some(value))),
            (7, Err(_)) => Err(HostFault::Malformed("a header of a frame is no text")),
            _ => Ok((name, None)),
        }
    }
}

#[cfg(any(test, fuzzing))]
pub(crate) mod writing {
    //! Writes messages, by the letter of the page.

    /// A message with headers of text.
    pub(crate) fn message(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
        let mut written = Vec::new();
        for (name, value) in headers {
            written.push(u8::try_from(name.len()).expect("a short name"));
            written.extend_from_slice(name.as_bytes());
            written.push(7);
            written.extend_from_slice(&u16::try_from(value.len()).expect("a short text").to_be_bytes());
            written.extend_from_slice(value.as_bytes());
        }
        raw(&written, payload)
    }

    /// A message with these bytes of headers.
    pub(crate) fn raw(headers: &[u8], payload: &[u8]) -> Vec<u8> {
        let number = |number: usize| u32::try_from(number).expect("a short message").to_be_bytes();
        let mut message = [number(16 + headers.len() + payload.len()), number(headers.len())].concat();
        message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
        message.extend_from_slice(headers);
        message.extend_from_slice(payload);
        message.extend_from_slice(&crc32fast::hash(&message).to_be_bytes());
        message
    }

    /// An event of this name.
    pub(crate) fn named(name: &str, payload: &str) -> Vec<u8> {
        let kind = if name.ends_with("Exception") { "exception" } else { "event" };
        let headers = [
            (format!(":{kind}-type"), name),
            (":content-type".into(), "application/json"),
            (":message-type".into(), kind),
        ];
        let headers: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
        message(&headers, payload.as_bytes())
    }
}

#[cfg(test)]
mod tests;
