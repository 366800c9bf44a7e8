use super::plain;
use std::io::Write as _;

/// Writes one JSON object, member by member.
pub(crate) struct Object {
    out: Vec<u8>,
    empty: bool,
}

impl Object {
    pub(crate) fn new() -> Self {
        Self::with_room(0)
    }

    /// One for which there is room for so many bytes.
    pub(crate) fn with_room(bytes: usize) -> Self {
        Self::after(Vec::with_capacity(bytes))
    }

    /// One that goes on from what was written so far into another, with room for so many bytes more.
    pub(crate) fn from_start(start: &Self, bytes: usize) -> Self {
        let mut out = Vec::with_capacity(start.out.len() + bytes);
        out.extend_from_slice(&start.out);
        Self { out, empty: start.empty }
    }

    fn after(mut out: Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, empty: true }
    }

    /// A member whose value is JSON already.
    pub(crate) fn raw(&mut self, key: &str, json: &[u8]) -> &mut Self {
        self.key(key);
        push_compact(&mut self.out, json);
        self
    }

    pub(crate) fn text(&mut self, key: &str, text: &str) -> &mut Self {
        self.key(key);
        push_text(&mut self.out, text);
        self
    }

    pub(crate) fn whole(&mut self, key: &str, number: u64) -> &mut Self {
        self.key(key);
        push_whole(&mut self.out, number);
        self
    }

    /// A member that is an object.
    pub(crate) fn object<T>(&mut self, key: &str, write: impl FnOnce(&mut Self) -> T) -> T {
        self.key(key);
        object_within(&mut self.out, write)
    }

    /// A member that is a list.
    pub(crate) fn list<T>(&mut self, key: &str, write: impl FnOnce(&mut List) -> T) -> T {
        self.key(key);
        let mut list = List::after(std::mem::take(&mut self.out));
        let wrote = write(&mut list);
        self.out = list.finish();
        wrote
    }

    /// How many bytes are written so far, with what stood before it.
    pub(crate) fn len(&self) -> usize {
        self.out.len()
    }

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
        push_text(&mut self.out, key);
        self.out.push(b':');
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.out.push(b'}');
        self.out
    }
}

/// Writes one JSON list, item by item.
pub(crate) struct List {
    out: Vec<u8>,
    empty: bool,
}

impl List {
    pub(crate) fn new() -> Self {
        Self::after(Vec::new())
    }

    fn after(mut out: Vec<u8>) -> Self {
        out.push(b'[');
        Self { out, empty: true }
    }

    /// An item that is JSON already.
    pub(crate) fn raw(&mut self, json: &[u8]) -> &mut Self {
        self.next();
        push_compact(&mut self.out, json);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.next();
        push_text(&mut self.out, text);
        self
    }

    /// An item that is an object.
    pub(crate) fn object<T>(&mut self, write: impl FnOnce(&mut Object) -> T) -> T {
        self.next();
        object_within(&mut self.out, write)
    }

    fn next(&mut self) {
        if !std::mem::take(&mut self.empty) {
            self.out.push(b',');
        }
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.out.push(b']');
        self.out
    }
}

fn object_within<T>(out: &mut Vec<u8>, write: impl FnOnce(&mut Object) -> T) -> T {
    let mut object = Object::after(std::mem::take(out));
    let wrote = write(&mut object);
    *out = object.finish();
    wrote
}

/// A string.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut json = Vec::with_capacity(text.len() + 2);
    push_text(&mut json, text);
    json
}

/// JSON on one line: a line break can only stand between values, where it means nothing.
fn push_compact(out: &mut Vec<u8>, json: &[u8]) {
    let mut rest = json;
    while let Some(at) = memchr::memchr2(b'\n', b'\r', rest) {
        let (line, after) = rest.split_at(at);
        out.extend_from_slice(line);
        rest = after.get(1..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
}

fn push_whole(out: &mut Vec<u8>, number: u64) {
    let (mut digits, mut blank, mut rest) = ([0; 20], 20, number);
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        blank -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.split_at(blank).1);
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (as_it_is, after) = rest.split_at(plain(rest));
        out.extend_from_slice(as_it_is);
        let Some((&byte, after)) = after.split_first() else { break };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            _ => {
                // A buffer in memory takes all that it is given.
                let _ = write!(out, "\\u{byte:04x}");
            }
        }
        rest = after;
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn empty_ones_are_whole() {
        assert_eq!(Object::new().finish(), b"{}");
        assert_eq!(List::new().finish(), b"[]");
    }

    proptest! {
        #[test]
        fn any_text_reads_back(text in any::<String>(), number in any::<u64>()) {
            let mut list = List::new();
            list.text(&text);
            let mut object = Object::new();
            object.text(&text, &text).raw("x\n", &list.finish());
            if text != "n" {
                object.whole("n", number);
            }
            let read: serde_json::Value = serde_json::from_slice(&object.finish()).unwrap();
            prop_assert_eq!(&read[&text], &text);
            prop_assert_eq!(&read["x\n"][0], &text);
        }
    }
}
