//! One head, whole: its request line and headers, as RFC 9112 has them and no other way.

use super::Fault;

/// What follows a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Payload {
    /// So many bytes; often none.
    Length(u64),
    /// Chunks and trailers.
    Chunked,
}

/// Reads a head whose lines all end with CR LF, the last of them empty.
///
/// # Errors
/// What could be read in two ways, or in none.
pub(super) fn read(head: &[u8]) -> Result<Payload, Fault> {
    let mut lines = lines(head);
    let old = request_line(lines.next().unwrap_or_default())?;
    let mut seen = Seen::default();
    for line in lines {
        let (name, value) = field(line)?;
        seen.note(&name, value)?;
    }
    seen.payload(old)
}

/// Reads trailers, in the same form; none of them may frame a message.
///
/// # Errors
/// [`Fault::Field`], [`Fault::Trailer`].
pub(super) fn trailers(block: &[u8]) -> Result<(), Fault> {
    for line in lines(block).filter(|line| !line.is_empty()) {
        let (name, _) = field(line)?;
        if frames(&name) {
            return Err(Fault::Trailer);
        }
    }
    Ok(())
}

/// Headers by which the ends of messages are found, and what becomes of the connection. They stand in one spelling.
const FRAMING: &[&[u8]] =
    &[b"host", b"content-length", b"transfer-encoding", b"connection", b"expect", b"upgrade", b"trailer", b"te"];

/// Headers that say it, as far as they were read.
#[derive(Default)]
struct Seen {
    host: bool,
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep: bool,
}

impl Seen {
    fn note(&mut self, name: &[u8], value: &[u8]) -> Result<(), Fault> {
        match name {
            b"host" if self.host || !is_host(value) => return Err(Fault::Host),
            b"host" => self.host = true,
            b"content-length" if self.length.is_some() => return Err(Fault::Length),
            b"content-length" => self.length = Some(length(value)?),
            b"transfer-encoding" if self.chunked || !value.eq_ignore_ascii_case(b"chunked") => {
                return Err(Fault::Coding);
            }
            b"transfer-encoding" => self.chunked = true,
            // Some clients always offer it. It is not taken up, and the request is answered as it is.
            b"upgrade" if !value.eq_ignore_ascii_case(b"h2c") => return Err(Fault::Upgrade),
            b"connection" => self.connection(value)?,
            _ => {}
        }
        Ok(())
    }

    /// Headers that are named here are taken away by the next proxy, and not by us: only those are named that do nothing.
    fn connection(&mut self, value: &[u8]) -> Result<(), Fault> {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            match option.to_ascii_lowercase().as_slice() {
                b"close" => self.close = true,
                b"keep-alive" => self.keep = true,
                b"te" | b"upgrade" | b"http2-settings" => {}
                _ => return Err(Fault::Connection),
            }
        }
        if self.close && self.keep { Err(Fault::Connection) } else { Ok(()) }
    }

    fn payload(&self, old: bool) -> Result<Payload, Fault> {
        if !self.host {
            return Err(Fault::Host);
        }
        if old && (self.chunked || self.keep) {
            return Err(Fault::Old);
        }
        match (self.length, self.chunked) {
            (Some(_), true) => Err(Fault::LengthAndCoding),
            (None, true) => Ok(Payload::Chunked),
            (length, false) => Ok(Payload::Length(length.unwrap_or(0))),
        }
    }
}

fn lines(block: &[u8]) -> impl Iterator<Item = &[u8]> {
    let block = block.strip_suffix(b"\r\n").unwrap_or(block);
    let block = block.strip_suffix(b"\r\n").unwrap_or(block);
    block.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

/// Whether it is of HTTP/1.0.
fn request_line(line: &[u8]) -> Result<bool, Fault> {
    let mut parts = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(Fault::RequestLine);
    };
    if !is_token(method) {
        return Err(Fault::RequestLine);
    }
    let old = match version {
        b"HTTP/1.1" => false,
        b"HTTP/1.0" => true,
        _ => return Err(Fault::Version),
    };
    if is_path(target) { Ok(old) } else { Err(Fault::Target) }
}

/// The name in lower case, and the value without the space around it.
pub(super) fn field(line: &[u8]) -> Result<(Vec<u8>, &[u8]), Fault> {
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Fault::Field)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !is_token(name) {
        return Err(Fault::Field);
    }
    let name = name.to_ascii_lowercase();
    if spells_framing_otherwise(&name) { Err(Fault::Field) } else { Ok((name, value.trim_ascii())) }
}

/// Whether a name in lower case is one by which messages are framed.
pub(crate) fn frames(name: &[u8]) -> bool {
    FRAMING.contains(&name)
}

/// Whether a name in lower case is a second spelling of such a name.
pub(crate) fn spells_framing_otherwise(name: &[u8]) -> bool {
    name.contains(&b'_') && {
        let plain: Vec<u8> = name.iter().map(|byte| if *byte == b'_' { b'-' } else { *byte }).collect();
        frames(&plain)
    }
}

/// RFC 9110, section 5.6.2.
fn is_token(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte))
}

/// A path and perhaps a query, of RFC 3986, section 3.3 and 3.4.
pub(crate) fn is_path(target: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?".contains(byte);
    let mut rest = target;
    while let Some((byte, after)) = rest.split_first() {
        rest = match (byte, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            (byte, after) if plain(byte) => after,
            _ => return false,
        };
    }
    target.starts_with(b"/")
}

/// A name or an address, and perhaps a port.
pub(crate) fn is_host(value: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(byte);
    (1..=255).contains(&value.len()) && value.iter().all(plain) && !value.starts_with(b":")
}

/// Digits alone, none of them a leading zero, and few enough that nobody overflows.
pub(crate) fn length(value: &[u8]) -> Result<u64, Fault> {
    let plain = value.iter().all(u8::is_ascii_digit) && (value == b"0" || !value.starts_with(b"0"));
    let text = std::str::from_utf8(value).ok().filter(|text| plain && text.len() <= 18);
    text.and_then(|text| text.parse().ok()).ok_or(Fault::Length)
}
