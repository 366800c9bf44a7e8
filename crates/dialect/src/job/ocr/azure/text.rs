use std::ops::Range;

use crate::HostFault;
use crate::json::Value;

/// Every so many characters it is noted where they begin.
const STRIDE: usize = 1_024;

/// A text, parts of which are named by how many characters come before them and how many they have.
pub(super) struct Text<'t> {
    text: &'t str,
    /// At which byte every 1,024th character begins; nothing where all of them have one byte.
    marks: Vec<usize>,
}

impl<'t> Text<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let marks =
            if text.is_ascii() { Vec::new() } else { text.char_indices().step_by(STRIDE).map(|(at, _)| at).collect() };
        Self { text, marks }
    }

    /// The whole text.
    pub(super) fn all(&self) -> &'t str {
        self.text
    }

    /// The bytes of a span: `{"offset","length"}` in characters.
    pub(super) fn range(&self, span: Value<'_>) -> Result<Range<usize>, HostFault> {
        let wrong = HostFault::Malformed("a span lies outside the text");
        let number = |name: &str| span.member(name).and_then(Value::whole).and_then(|n| usize::try_from(n).ok());
        let (Some(offset), Some(length)) = (number("offset"), number("length")) else { return Err(wrong) };
        let end = offset.checked_add(length).and_then(|end| self.byte(end));
        match (self.byte(offset), end) {
            (Some(start), Some(end)) => Ok(start..end),
            _ => Err(wrong),
        }
    }

    /// At which byte a character begins; the text's end counts as one.
    fn byte(&self, character: usize) -> Option<usize> {
        if self.marks.is_empty() {
            return (character <= self.text.len()).then_some(character);
        }
        // The end may be the first of a stride, which has no mark then.
        let stride = (character / STRIDE).min(self.marks.len() - 1);
        let start = *self.marks.get(stride)?;
        let rest = self.text.get(start..)?;
        let within = character - stride * STRIDE;
        let ends = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
        ends.take(STRIDE + 1).nth(within).map(|at| start + at)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::json::Document;

    fn span(offset: usize, length: usize) -> Document {
        Document::parse(Bytes::from(format!(r#"{{"offset":{offset},"length":{length}}}"#))).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_span_is_that_many_characters(text in "[aé😀 ]{0,3000}", offset in 0_usize..3_100, length in 0_usize..3_100) {
            let text_of = Text::new(&text);
            let wanted: Option<String> = {
                let all: Vec<char> = text.chars().collect();
                all.get(offset..offset + length).map(|part| part.iter().collect())
            };
            let got = text_of.range(span(offset, length).root()).ok().map(|range| text_of.all()[range].to_owned());
            prop_assert_eq!(got, wanted);
        }
    }

    #[test]
    fn what_is_no_span_is_refused() {
        let text = Text::new("é");
        for (offset, length) in [(2, 0), (0, 2), (usize::MAX, 1), (1, usize::MAX)] {
            assert!(text.range(span(offset, length).root()).is_err(), "{offset} {length}");
        }
        let none = Document::parse(Bytes::from_static(br#"{"offset":0}"#)).unwrap();
        assert!(text.range(none.root()).is_err());
    }
}
