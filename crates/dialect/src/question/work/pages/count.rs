//! How many pages a document has, counted without unpacking any of it: each byte is looked at a bounded number of times, and
//! nothing is written.
//!
//! Of a PDF two places tell (ISO 32000-1): `/N` of a linearized file whose `/L` is its length, and `/Count` of the page tree's
//! root. Newer files often have the root in a compressed stream, where it is not looked for.

use std::collections::BTreeSet;

use memchr::memmem;

use super::DocumentKind;

/// How many pages we count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    /// How many.
    pub(super) pages: u64,
    /// Whether there cannot be more.
    pub(super) is_sure: bool,
}

/// More pages than any host takes.
const MOST: u64 = 10_000;
/// More objects than are looked at, and how much of each.
const OBJECTS: usize = 1_000_000;
const LONGEST: usize = 64 << 10;
/// Where the dictionary of a linearized file stands at the latest.
const FIRST: usize = 1_024;

/// The number of pages; `None` where it is not told in plain sight.
pub(super) fn count(kind: DocumentKind, data: &[u8]) -> Option<Count> {
    let count = match kind {
        DocumentKind::Pdf => pdf(data),
        DocumentKind::Tiff => tiff(data).map(|pages| Count { pages, is_sure: true }),
        DocumentKind::Png | DocumentKind::Jpeg | DocumentKind::Bmp | DocumentKind::Gif | DocumentKind::WebP => {
            Some(Count { pages: 1, is_sure: true })
        }
    };
    count.filter(|count| (1..=MOST).contains(&count.pages))
}

fn pdf(data: &[u8]) -> Option<Count> {
    if let Some(pages) = linearized(data) {
        return Some(Count { pages, is_sure: true });
    }
    // What stands in compressed streams may be newer than what we see.
    let is_sure = memmem::find(data, b"/ObjStm").is_none();
    root(data).map(|pages| Count { pages, is_sure })
}

fn linearized(data: &[u8]) -> Option<u64> {
    let start = data.get(..FIRST.min(data.len()))?;
    let begins = memmem::find(start, b"/Linearized")?;
    let before = memmem::rfind(start.get(..begins)?, b"obj")?;
    let dictionary = start.get(before..)?;
    let dictionary = dictionary.get(..memmem::find(dictionary, b">>")?)?;
    let length = number(dictionary, b"/L")?;
    // A file that was changed since is longer than it says.
    (length == data.len() as u64).then(|| number(dictionary, b"/N")).flatten()
}

/// The newest root of a page tree: it has no parent.
fn root(data: &[u8]) -> Option<u64> {
    let (object, stream) = (memmem::Finder::new("obj"), memmem::Finder::new("stream"));
    let mut found = None;
    let mut starts = object.find_iter(data).map(|at| at + 3).peekable();
    for _ in 0..OBJECTS {
        let Some(start) = starts.next() else { return found };
        let end = starts.peek().map_or(data.len(), |next| next - 3).min(start + LONGEST);
        let body = data.get(start..end).unwrap_or_default().trim_ascii_start();
        if !body.starts_with(b"<<") {
            continue;
        }
        let body = body.get(..stream.find(body).unwrap_or(body.len())).unwrap_or_default();
        if is_pages(body) && after(body, b"/Parent").is_none() {
            found = number(body, b"/Count");
        }
    }
    None
}

/// Whether a dictionary says `/Type /Pages`.
fn is_pages(dictionary: &[u8]) -> bool {
    memmem::find_iter(dictionary, b"/Pages").any(|at| {
        let (before, rest) = dictionary.split_at(at);
        let ends = rest.get(b"/Pages".len()).is_none_or(|byte| is_end(*byte));
        ends && before.trim_ascii_end().ends_with(b"/Type")
    })
}

/// What follows a key.
fn after<'d>(dictionary: &'d [u8], key: &[u8]) -> Option<&'d [u8]> {
    let mut places = memmem::find_iter(dictionary, key);
    places.find_map(|at| {
        let rest = dictionary.get(at + key.len()..)?;
        rest.first().is_none_or(|byte| is_end(*byte)).then(|| rest.trim_ascii_start())
    })
}

/// The whole number that a key has; `None` where it is elsewhere (`12 0 R`).
fn number(dictionary: &[u8], key: &[u8]) -> Option<u64> {
    let rest = after(dictionary, key)?;
    let digits = rest.iter().take(12).take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at_checked(digits)?;
    let is_elsewhere = rest.trim_ascii_start().first().is_some_and(u8::is_ascii_digit);
    std::str::from_utf8(digits).ok().filter(|_| !is_elsewhere)?.parse().ok()
}

/// Whether a name or a number ends before this byte.
const fn is_end(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0 || matches!(byte, b'/' | b'<' | b'>' | b'[' | b']' | b'(' | b')' | b'%')
}

/// The directories of a TIFF, one after the other (TIFF 6.0, section 2).
fn tiff(data: &[u8]) -> Option<u64> {
    let is_little = data.starts_with(b"II");
    let short = |at: usize| {
        let bytes: [u8; 2] = data.get(at..at.checked_add(2)?)?.try_into().ok()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes: [u8; 4] = data.get(at..at.checked_add(4)?)?.try_into().ok()?;
        Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let (mut at, mut seen) = (long(4)?, BTreeSet::new());
    while at != 0 {
        if !seen.insert(at) || seen.len() as u64 > MOST {
            return None;
        }
        let start = usize::try_from(at).ok()?;
        at = long(start.checked_add(2 + 12 * usize::from(short(start)?))?)?;
    }
    Some(seen.len() as u64)
}
