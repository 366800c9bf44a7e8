use std::borrow::Cow;

use super::{JsonError, Kind, MAX_DEPTH, MAX_NUMBER, MAX_VALUES, Node, plain};

/// As many values as most texts have.
const NODES: usize = 64;
/// As many keys as most texts have open at once.
const KEYS: usize = 16;

/// Checks a whole text and notes where its values stand: the root, and all below it in order.
///
/// What stands under the keys `unread` is held against the grammar and not noted: it counts as empty.
pub(super) fn scan(text: &[u8], unread: &'static [&'static str]) -> Result<(Node, Vec<Node>), JsonError> {
    if u32::try_from(text.len()).is_err() {
        return Err(JsonError::TooMany);
    }
    if std::str::from_utf8(text).is_err() || text.starts_with(b"\xef\xbb\xbf") {
        return Err(JsonError::NotUtf8);
    }
    let mut scanner =
        Scanner { text, at: 0, nodes: Vec::with_capacity(NODES), keys: Vec::with_capacity(KEYS), unread, quiet: false };
    scanner.space();
    let root = scanner.value(0)?;
    scanner.space();
    match scanner.peek() {
        None => Ok((root, scanner.nodes)),
        Some(_) => Err(scanner.syntax()),
    }
}

/// Whether these bytes, which are UTF-8, can stand between the quotes of a string.
pub(super) fn is_inside(inner: &[u8]) -> bool {
    let mut scanner = Scanner { text: inner, at: 0, nodes: Vec::new(), keys: Vec::new(), unread: &[], quiet: false };
    scanner.inside().is_ok() && scanner.peek().is_none()
}

/// The text of a string whose escapes were checked by the scan.
pub(super) fn unescape(inner: &[u8]) -> String {
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some((&letter, after)) = rest.split_first() else { break };
        rest = after;
        match letter {
            b'u' => rest = unescape_unicode(rest, &mut out),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            plain => out.push(plain),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn unescape_unicode<'t>(after: &'t [u8], out: &mut Vec<u8>) -> &'t [u8] {
    let Some((first, mut rest)) = hex4(after) else { return after };
    let mut point = u32::from(first);
    if (0xd800..0xdc00).contains(&first)
        && let Some((second, after)) = rest.strip_prefix(b"\\u").and_then(hex4)
    {
        point = 0x1_0000 + ((point & 0x3ff) << 10) + u32::from(second & 0x3ff);
        rest = after;
    }
    let character = char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER);
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    rest
}

fn hex4(text: &[u8]) -> Option<(u16, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    let mut unit = 0;
    for &digit in digits {
        unit = unit * 16 + u16::try_from(char::from(digit).to_digit(16)?).ok()?;
    }
    Some((unit, rest))
}

/// Whether a key stands twice: few are held against each other, many are sorted.
fn has_twins(keys: &mut [Cow<'_, [u8]>]) -> bool {
    if keys.len() <= 12 {
        return keys.iter().enumerate().any(|(at, key)| keys.iter().skip(at + 1).any(|other| other == key));
    }
    keys.sort_unstable();
    keys.windows(2).any(|pair| pair.first() == pair.last())
}

struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
    nodes: Vec<Node>,
    /// The keys of the objects at hand, those of the innermost last.
    keys: Vec<Cow<'t, [u8]>>,
    /// The keys under which nothing is noted.
    unread: &'static [&'static str],
    /// Whether it is below one of them: then the grammar alone is checked.
    quiet: bool,
}

impl<'t> Scanner<'t> {
    /// Scans one value and gives its own node, which its parent has already made room for; those below it are pushed.
    fn value(&mut self, depth: usize) -> Result<Node, JsonError> {
        match self.peek() {
            Some(b'{') => self.object(depth),
            Some(b'[') => self.list(depth),
            Some(b'"') => self.string(),
            Some(b'n') => self.word(b"null", Kind::Null),
            Some(b't') => self.word(b"true", Kind::True),
            Some(b'f') => self.word(b"false", Kind::False),
            Some(_) | None => self.number(),
        }
    }

    fn list(&mut self, depth: usize) -> Result<Node, JsonError> {
        let (start, first) = self.enter(depth)?;
        self.space();
        if !self.take(b']') {
            loop {
                self.child(depth, false)?;
                if self.take(b']') {
                    break;
                }
                self.must(b',')?;
            }
        }
        Ok(self.leave(start, first, Kind::List))
    }

    fn object(&mut self, depth: usize) -> Result<Node, JsonError> {
        let (start, first) = self.enter(depth)?;
        let before = self.keys.len();
        self.space();
        if !self.take(b'}') {
            loop {
                self.space();
                let key = self.string()?;
                let mut is_unread = false;
                if !self.quiet {
                    let name = self.key(key);
                    is_unread = self.unread.iter().any(|unread| unread.as_bytes() == &*name);
                    self.keys.push(name);
                }
                self.push(key)?;
                self.space();
                self.must(b':')?;
                self.child(depth, is_unread)?;
                if self.take(b'}') {
                    break;
                }
                self.must(b',')?;
            }
        }
        if has_twins(self.keys.get_mut(before..).unwrap_or_default()) {
            return Err(JsonError::DuplicateKey { at: start });
        }
        self.keys.truncate(before);
        Ok(self.leave(start, first, Kind::Object))
    }

    fn enter(&mut self, depth: usize) -> Result<(usize, usize), JsonError> {
        if depth >= MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        let start = self.at;
        self.at += 1;
        Ok((start, self.nodes.len()))
    }

    fn leave(&self, start: usize, first: usize, kind: Kind) -> Node {
        Node { below: (self.nodes.len() - first) as u32, ..self.node(start, kind) }
    }

    /// One item or member's value, with the space around it; of one that is unread, nothing below it is noted.
    fn child(&mut self, depth: usize, is_unread: bool) -> Result<(), JsonError> {
        self.space();
        let place = self.nodes.len();
        self.push(self.node(self.at, Kind::Null))?;
        self.quiet |= is_unread;
        let node = self.value(depth + 1)?;
        self.quiet &= !is_unread;
        if let Some(room) = self.nodes.get_mut(place) {
            *room = node;
        }
        self.space();
        Ok(())
    }

    fn string(&mut self) -> Result<Node, JsonError> {
        let start = self.at;
        self.must(b'"')?;
        let escaped = self.inside()?;
        self.must(b'"')?;
        Ok(Node { escaped, ..self.node(start, Kind::Text) })
    }

    /// What stands between the quotes of a string, as far as it goes; whether anything is escaped.
    fn inside(&mut self) -> Result<bool, JsonError> {
        let mut escaped = false;
        loop {
            self.at += plain(self.text.get(self.at..).unwrap_or_default());
            if self.peek() != Some(b'\\') {
                return Ok(escaped);
            }
            escaped = true;
            self.escape()?;
        }
    }

    fn escape(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.at += 1;
        match self.peek() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                self.at += 1;
                let whole = match self.unit()? {
                    0xd800..=0xdbff => self.take(b'\\') && self.take(b'u') && (0xdc00..=0xdfff).contains(&self.unit()?),
                    0xdc00..=0xdfff => false,
                    _ => true,
                };
                if !whole {
                    return Err(JsonError::LoneSurrogate { at: start });
                }
            }
            Some(_) | None => return Err(self.syntax()),
        }
        Ok(())
    }

    fn unit(&mut self) -> Result<u16, JsonError> {
        let (unit, _) = hex4(self.text.get(self.at..).unwrap_or_default()).ok_or_else(|| self.syntax())?;
        self.at += 4;
        Ok(unit)
    }

    fn number(&mut self) -> Result<Node, JsonError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if self.take(b'e') || self.take(b'E') {
            if !self.take(b'+') {
                self.take(b'-');
            }
            self.digits()?;
        }
        if self.at - start > MAX_NUMBER {
            return Err(JsonError::NumberTooLong);
        }
        Ok(self.node(start, Kind::Number))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let count = rest.iter().take_while(|b| b.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.syntax()) } else { Ok(()) }
    }

    fn word(&mut self, word: &[u8], kind: Kind) -> Result<Node, JsonError> {
        let start = self.at;
        if !self.text.get(start..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(self.node(start, kind))
    }

    fn key(&self, node: Node) -> Cow<'t, [u8]> {
        let inner = self.text.get(node.start as usize + 1..node.end as usize - 1).unwrap_or_default();
        if node.escaped { Cow::Owned(unescape(inner).into_bytes()) } else { Cow::Borrowed(inner) }
    }

    /// A node from `start` to here with nothing below. The text is no longer than a `u32` can count.
    fn node(&self, start: usize, kind: Kind) -> Node {
        Node { start: start as u32, end: self.at as u32, below: 0, kind, escaped: false }
    }

    fn push(&mut self, node: Node) -> Result<(), JsonError> {
        if self.quiet {
            return Ok(());
        }
        if self.nodes.len() >= MAX_VALUES {
            return Err(JsonError::TooMany);
        }
        self.nodes.push(node);
        Ok(())
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn must(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(self.syntax()) }
    }

    fn syntax(&self) -> JsonError {
        JsonError::Syntax { at: self.at }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::super::{Document, Value};
    use super::*;

    fn read(text: &str) -> Result<Document, JsonError> {
        Document::parse(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn what_two_readers_could_understand_differently_is_refused() {
        for (text, error) in [
            ("", JsonError::Syntax { at: 0 }),
            ("{\"a\":1}x", JsonError::Syntax { at: 7 }),
            ("{\"a\":1}{}", JsonError::Syntax { at: 7 }),
            ("{\"a\":1,}", JsonError::Syntax { at: 7 }),
            ("[1 2]", JsonError::Syntax { at: 3 }),
            ("{a:1}", JsonError::Syntax { at: 1 }),
            ("NaN", JsonError::Syntax { at: 0 }),
            ("-Infinity", JsonError::Syntax { at: 1 }),
            ("01", JsonError::Syntax { at: 1 }),
            ("1.", JsonError::Syntax { at: 2 }),
            ("\"\t\"", JsonError::Syntax { at: 1 }),
            ("\"\\x\"", JsonError::Syntax { at: 2 }),
            ("\"abc", JsonError::Syntax { at: 4 }),
            ("/* */1", JsonError::Syntax { at: 0 }),
            ("\u{a0}1", JsonError::Syntax { at: 0 }),
            ("\u{feff}1", JsonError::NotUtf8),
            ("\"\\ud800\"", JsonError::LoneSurrogate { at: 1 }),
            ("\"\\ud800\\u0041\"", JsonError::LoneSurrogate { at: 1 }),
            ("\"\\udc00\\ud800\"", JsonError::LoneSurrogate { at: 1 }),
            ("{\"a\":1,\"a\":1}", JsonError::DuplicateKey { at: 0 }),
            ("{\"a\":1,\"\\u0061\":1}", JsonError::DuplicateKey { at: 0 }),
            ("[{\"b\":{\"x\":1,\"y\":2,\"x\":3}}]", JsonError::DuplicateKey { at: 6 }),
        ] {
            assert_eq!(read(text).err(), Some(error), "{text}");
        }
        assert_eq!(Document::parse(Bytes::from_static(b"\"\xff\"")).err(), Some(JsonError::NotUtf8));
    }

    #[test]
    fn size_has_bounds_and_their_last_inside_is_taken() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(read(&nested(MAX_DEPTH)).is_ok());
        assert_eq!(read(&nested(MAX_DEPTH + 1)).err(), Some(JsonError::TooDeep));
        assert_eq!(read(&"[".repeat(1_000_000)).err(), Some(JsonError::TooDeep));
        assert!(read(&"1".repeat(MAX_NUMBER)).is_ok());
        assert_eq!(read(&"1".repeat(MAX_NUMBER + 1)).err(), Some(JsonError::NumberTooLong));
        let many = |count: usize| format!("[{}1]", "1,".repeat(count - 1));
        assert!(read(&many(MAX_VALUES)).is_ok());
        assert_eq!(read(&many(MAX_VALUES + 1)).err(), Some(JsonError::TooMany));
    }

    #[test]
    fn what_is_not_needed_is_checked_and_takes_no_room() {
        let without = |text: &str| Document::parse_without(Bytes::copy_from_slice(text.as_bytes()), &["words"]);
        let words = "1,".repeat(MAX_VALUES / 2) + "1";
        let document =
            without(&format!(r#"{{"words":[{words}],"n":[{{"words":{{"a":[{words}]}},"b":2}},3]}}"#)).unwrap();
        let root = document.root();
        assert_eq!(root.member("words").unwrap().items().unwrap().count(), 0);
        let first = root.member("n").unwrap().items().unwrap().next().unwrap();
        assert_eq!(first.member("words").unwrap().members().unwrap().count(), 0);
        assert_eq!(first.member("b").unwrap().whole(), Some(2));
        assert_eq!(root.member("n").unwrap().items().unwrap().nth(1).unwrap().whole(), Some(3));
        assert_eq!(without(r#"{"words":[1,]}"#).err(), Some(JsonError::Syntax { at: 12 }), "it is read all the same");
    }

    #[test]
    fn text_and_numbers_read_as_they_were_meant() {
        let document =
            read(r#" {"a" : "x\u00e9\n\ud83d\ude00\u0000\/", "n":[1e2,-0.50,18446744073709551615], "z":null} "#)
                .unwrap();
        let root = document.root();
        assert_eq!(root.member("a").unwrap().text().unwrap(), "xé\n😀\0/");
        let numbers: Vec<_> = root.member("n").unwrap().items().unwrap().collect();
        assert_eq!(
            numbers.iter().map(|n| n.raw()).collect::<Vec<_>>(),
            [&b"1e2"[..], b"-0.50", b"18446744073709551615"]
        );
        assert_eq!(numbers.iter().map(|n| n.whole()).collect::<Vec<_>>(), [None, None, Some(u64::MAX)]);
        assert!(root.member("z").is_none());
        assert_eq!(root.members().unwrap().count(), 3);
        assert_eq!(format!("{root:?} {document:?}"), "Object(..) Document(..)");
    }

    /// What serde_json makes of a value, from ours.
    fn rebuilt(value: Value<'_>) -> serde_json::Value {
        match value.kind() {
            Kind::Null => serde_json::Value::Null,
            Kind::True => true.into(),
            Kind::False => false.into(),
            Kind::Text => value.text().unwrap().into_owned().into(),
            Kind::Number => serde_json::from_slice(value.raw()).unwrap(),
            Kind::List => value.items().unwrap().map(rebuilt).collect(),
            Kind::Object => value.members().unwrap().map(|(k, v)| (k.into_owned(), rebuilt(v))).collect(),
        }
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            ".{0,8}".prop_map(Into::into),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
                prop::collection::btree_map(".{0,4}", inner, 0..5)
                    .prop_map(|map| map.into_iter().collect::<serde_json::Map<_, _>>().into()),
            ]
        })
    }

    proptest! {
        #[test]
        fn good_json_reads_as_another_reader_reads_it(value in any_json(), pretty in any::<bool>()) {
            let text = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
            prop_assert_eq!(rebuilt(read(&text).unwrap().root()), value);
        }

        #[test]
        fn what_we_take_another_reader_takes(text in r#"[\[\]{}:,"\\u0-9a-fdDtrue nul.+eE-]{0,24}"#) {
            if let Ok(document) = read(&text) {
                let theirs: serde_json::Value = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(rebuilt(document.root()), theirs);
            }
        }

        #[test]
        fn any_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = Document::parse(bytes.into());
        }
    }
}
