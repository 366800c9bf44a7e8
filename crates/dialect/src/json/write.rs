/// Writes one JSON object, member by member.
#[derive(Default)]
pub(crate) struct Object {
    out: Vec<u8>,
}

impl Object {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A member whose value is JSON already.
    pub(crate) fn raw(&mut self, key: &str, json: &[u8]) -> &mut Self {
        self.out.push(if self.out.is_empty() { b'{' } else { b',' });
        push_text(&mut self.out, key);
        self.out.push(b':');
        push_compact(&mut self.out, json);
        self
    }

    pub(crate) fn text(&mut self, key: &str, text: &str) -> &mut Self {
        self.raw(key, &self::text(text))
    }

    pub(crate) fn whole(&mut self, key: &str, number: u64) -> &mut Self {
        self.raw(key, number.to_string().as_bytes())
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.out.is_empty() {
            self.out.push(b'{');
        }
        self.out.push(b'}');
        self.out
    }
}

/// Writes one JSON list, item by item.
#[derive(Default)]
pub(crate) struct List {
    out: Vec<u8>,
}

impl List {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// An item that is JSON already.
    pub(crate) fn raw(&mut self, json: &[u8]) -> &mut Self {
        self.out.push(if self.out.is_empty() { b'[' } else { b',' });
        push_compact(&mut self.out, json);
        self
    }

    pub(crate) fn text(&mut self, text: &str) -> &mut Self {
        self.raw(&self::text(text))
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        if self.out.is_empty() {
            self.out.push(b'[');
        }
        self.out.push(b']');
        self.out
    }
}

/// A string.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut json = Vec::with_capacity(text.len() + 2);
    push_text(&mut json, text);
    json
}

/// JSON on one line: a line break can only stand between values, where it means nothing.
fn push_compact(out: &mut Vec<u8>, json: &[u8]) {
    for line in json.split(|&b| b == b'\n' || b == b'\r') {
        out.extend_from_slice(line);
    }
}

fn push_text(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            0..0x20 | 0x7f => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
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
