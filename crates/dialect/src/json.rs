//! JSON, read strictly (RFC 8259) and kept as it was written: what two readers could understand differently is refused.

mod scan;
mod write;

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use phi_words::{Code, Refusal};

pub(crate) use write::{List, Object, text};

/// How deep values may be nested.
pub const MAX_DEPTH: usize = 64;
/// How many values and keys a document may hold: it bounds the memory that a small body can claim.
pub const MAX_VALUES: usize = 1 << 20;
/// How long a number may be, in bytes.
pub const MAX_NUMBER: usize = 512;

/// Why a text is not JSON as we take it. Positions are in bytes; nothing of the text is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// Not UTF-8, or with a byte order mark.
    #[error("the body is not UTF-8 without a byte order mark")]
    NotUtf8,
    /// Not the grammar of RFC 8259, at this byte.
    #[error("the body is not JSON, at byte {at}")]
    Syntax {
        /// Where.
        at: usize,
    },
    /// A `\u` escape of half a character, at this byte.
    #[error("the body has a lone surrogate, at byte {at}")]
    LoneSurrogate {
        /// Where.
        at: usize,
    },
    /// A key stands twice in the object that begins at this byte.
    #[error("a key stands twice in the object at byte {at}")]
    DuplicateKey {
        /// Where the object begins.
        at: usize,
    },
    /// Deeper than [`MAX_DEPTH`].
    #[error("the body is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// More than [`MAX_VALUES`].
    #[error("the body has more than {MAX_VALUES} values")]
    TooMany,
    /// A number longer than [`MAX_NUMBER`].
    #[error("a number of the body is longer than {MAX_NUMBER} bytes")]
    NumberTooLong,
}

impl From<&JsonError> for Refusal {
    fn from(error: &JsonError) -> Self {
        let (code, hint) = match error {
            JsonError::NotUtf8 | JsonError::Syntax { .. } | JsonError::LoneSurrogate { .. } => {
                (Code::InvalidJson, "send one JSON object in UTF-8 (RFC 8259)")
            }
            JsonError::DuplicateKey { .. } => (Code::DuplicateKey, "give each key once"),
            JsonError::TooDeep | JsonError::TooMany | JsonError::NumberTooLong => {
                (Code::InvalidRequest, "send a simpler body")
            }
        };
        Self::new(code, error.to_string(), hint)
    }
}

/// A text that is JSON, with a note of where each value stands in it.
#[derive(Clone)]
pub struct Document {
    text: Bytes,
    root: Node,
    inner: Vec<Node>,
}

impl Document {
    /// Reads a whole text; anything but white space after the value is an error.
    pub fn parse(text: Bytes) -> Result<Self, JsonError> {
        Self::parse_without(text, &[])
    }

    /// The same, but what stands under the keys `unread` is not noted, and counts as empty: so a long answer of which little
    /// is needed takes little room.
    pub(crate) fn parse_without(text: Bytes, unread: &'static [&'static str]) -> Result<Self, JsonError> {
        scan::scan(&text, unread).map(|(root, inner)| Self { text, root, inner })
    }

    /// The one value of the text.
    pub fn root(&self) -> Value<'_> {
        Value { text: &self.text, node: self.root, inner: &self.inner }
    }

    /// The text as it was given.
    pub fn text(&self) -> &Bytes {
        &self.text
    }
}

impl fmt::Debug for Document {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Document(..)")
    }
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `null`
    Null,
    /// `true`
    True,
    /// `false`
    False,
    /// A number, as it was written.
    Number,
    /// A string.
    Text,
    /// An array.
    List,
    /// An object.
    Object,
}

/// One value of a document.
#[derive(Clone, Copy)]
pub struct Value<'d> {
    text: &'d [u8],
    node: Node,
    inner: &'d [Node],
}

impl<'d> Value<'d> {
    /// What it is.
    pub fn kind(self) -> Kind {
        self.node.kind
    }

    /// Whether it is `null`.
    pub fn is_null(self) -> bool {
        self.node.kind == Kind::Null
    }

    /// Its bytes, as they were written.
    pub fn raw(self) -> &'d [u8] {
        self.text.get(self.node.start as usize..self.node.end as usize).unwrap_or_default()
    }

    /// At which byte of the document it begins.
    pub(crate) fn start(self) -> usize {
        self.node.start as usize
    }

    /// Which bytes of the document it is.
    pub(crate) fn place(self) -> std::ops::Range<usize> {
        self.node.start as usize..self.node.end as usize
    }

    /// A string, unescaped.
    pub fn text(self) -> Option<Cow<'d, str>> {
        let inner = self.raw().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
        if self.node.escaped {
            return Some(Cow::Owned(scan::unescape(inner)));
        }
        // The whole text is UTF-8, so each part between two quotes is.
        std::str::from_utf8(inner).ok().map(Cow::Borrowed)
    }

    /// A whole number that is not negative and is written with digits alone.
    pub fn whole(self) -> Option<u64> {
        match self.kind() {
            Kind::Number => std::str::from_utf8(self.raw()).ok()?.parse().ok(),
            Kind::Null | Kind::True | Kind::False | Kind::Text | Kind::List | Kind::Object => None,
        }
    }

    /// A number, rounded to the nearest that a float can hold; `None` where that is infinite.
    pub fn number(self) -> Option<f64> {
        match self.kind() {
            Kind::Number => {
                let number: f64 = std::str::from_utf8(self.raw()).ok()?.parse().ok()?;
                number.is_finite().then_some(number)
            }
            Kind::Null | Kind::True | Kind::False | Kind::Text | Kind::List | Kind::Object => None,
        }
    }

    /// A boolean.
    pub fn truth(self) -> Option<bool> {
        match self.kind() {
            Kind::True => Some(true),
            Kind::False => Some(false),
            Kind::Null | Kind::Number | Kind::Text | Kind::List | Kind::Object => None,
        }
    }

    /// The items of a list, in order; `None` for anything else.
    pub fn items(self) -> Option<impl Iterator<Item = Value<'d>>> {
        (self.kind() == Kind::List).then(|| self.children())
    }

    /// The members of an object, in order, their keys unescaped; `None` for anything else.
    pub fn members(self) -> Option<impl Iterator<Item = (Cow<'d, str>, Value<'d>)>> {
        let mut children = (self.kind() == Kind::Object).then(|| self.children())?;
        Some(std::iter::from_fn(move || {
            let key = children.next()?.text()?;
            Some((key, children.next()?))
        }))
    }

    /// The values of an object's members, in order; `None` for anything else.
    pub fn values(self) -> Option<impl Iterator<Item = Value<'d>>> {
        let mut children = (self.kind() == Kind::Object).then(|| self.children())?;
        Some(std::iter::from_fn(move || {
            let _key = children.next()?;
            children.next()
        }))
    }

    /// One member of an object. `null` counts as absent.
    pub fn member(self, key: &str) -> Option<Self> {
        self.pairs().find(|(name, _)| name.is_text(key)).map(|(_, value)| value).filter(|value| !value.is_null())
    }

    /// The members of an object, in order, their keys as they were written; none of anything else.
    pub(crate) fn pairs(self) -> impl Iterator<Item = (Self, Self)> {
        let mut rest = if self.kind() == Kind::Object { self.inner } else { &[] };
        std::iter::from_fn(move || {
            let [key, value, after @ ..] = rest else { return None };
            let (inner, after) = after.split_at_checked(value.below as usize)?;
            rest = after;
            Some((Self { text: self.text, node: *key, inner: &[] }, Self { text: self.text, node: *value, inner }))
        })
    }

    /// The bytes of a string, unescaped; none of anything else.
    pub(crate) fn bytes(self) -> Cow<'d, [u8]> {
        if self.kind() != Kind::Text {
            return Cow::Borrowed(&[]);
        }
        let inner = self.node.start as usize + 1..(self.node.end as usize).saturating_sub(1);
        let inner = self.text.get(inner).unwrap_or_default();
        if self.node.escaped { Cow::Owned(scan::unescape(inner).into_bytes()) } else { Cow::Borrowed(inner) }
    }

    /// Whether it is this string.
    pub(crate) fn is_text(self, text: &str) -> bool {
        self.kind() == Kind::Text && *self.bytes() == *text.as_bytes()
    }

    fn children(self) -> Children<'d> {
        Children { text: self.text, rest: self.inner }
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}(..)", self.node.kind)
    }
}

/// How many characters a string has; `None` for anything else.
pub(crate) fn chars(value: Value<'_>) -> Option<u64> {
    value.text().map(|text| text.chars().count() as u64)
}

/// How many characters the string has that these bytes stand for between its quotes; `None` where they stand for none, or end it.
pub(crate) fn chars_within(inner: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(inner).ok()?;
    if plain(inner) == inner.len() {
        return Some(text.chars().count() as u64);
    }
    scan::is_inside(inner).then(|| scan::unescape(inner).chars().count() as u64)
}

/// Whether a byte cannot stand in a string as it is.
const fn is_special(byte: u8) -> bool {
    (byte == b'"') | (byte == b'\\') | (byte < 0x20)
}

/// [`is_special`] of each byte: one look instead of three comparisons.
#[expect(clippy::indexing_slicing, reason = "in a constant a slip does not compile")]
static SPECIAL: [bool; 256] = {
    let (mut special, mut byte) = ([false; 256], 0);
    while byte < special.len() {
        special[byte] = is_special(byte as u8);
        byte += 1;
    }
    special
};

/// How many bytes come before the first special one. Most strings are short; of longer ones sixteen bytes are looked at in
/// one step, which the compiler makes of it.
fn plain(text: &[u8]) -> usize {
    let within = |text: &[u8]| text.iter().position(|byte| SPECIAL.get(usize::from(*byte)) == Some(&true));
    let (first, rest) = text.split_at(text.len().min(16));
    if let Some(at) = within(first) {
        return at;
    }
    let is_plain = |block: &&[u8; 16]| block.iter().fold(0, |any, byte| any | u8::from(is_special(*byte))) == 0;
    let blocks = 16 * rest.as_chunks().0.iter().take_while(is_plain).count();
    let last = rest.split_at(blocks).1;
    first.len() + blocks + within(last).unwrap_or(last.len())
}

struct Children<'d> {
    text: &'d [u8],
    rest: &'d [Node],
}

impl<'d> Iterator for Children<'d> {
    type Item = Value<'d>;

    fn next(&mut self) -> Option<Value<'d>> {
        let (node, rest) = self.rest.split_first()?;
        let (inner, rest) = rest.split_at_checked(node.below as usize)?;
        self.rest = rest;
        Some(Value { text: self.text, node: *node, inner })
    }
}

/// Where one value stands, and how many nodes below it follow: keys are nodes too, each before its value.
#[derive(Clone, Copy)]
struct Node {
    start: u32,
    end: u32,
    below: u32,
    kind: Kind,
    escaped: bool,
}
