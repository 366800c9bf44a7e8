//! A strict reader of YAML for a file that may hold keys: nothing of the file stands in an error or a `Debug`, but the
//! number of a line. Anchors, aliases, tags and several documents are not read: each lets a text mean something that does
//! not stand where it is read.

use std::fmt;

use saphyr_parser::{Event, Parser, ScalarStyle};

/// The longest file, in bytes.
const LONGEST: usize = 1 << 20;
/// So deep may lists and fields stand in one another.
const DEEPEST: usize = 32;

/// One value, with the line that it begins on.
pub(super) struct Node {
    pub(super) line: usize,
    pub(super) value: Value,
}

pub(super) enum Value {
    /// Nothing, or one of the words for it.
    Nothing,
    /// Any text, number or word, as it is written.
    Text(String),
    List(Vec<Node>),
    /// Fields in their order; no name stands twice.
    Fields(Vec<(String, Node)>),
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Node(..)")
    }
}

/// Why a file is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("line {line} {what}")]
pub(super) struct YamlError {
    line: usize,
    what: &'static str,
}

impl Node {
    /// Reads a file.
    pub(super) fn parse(text: &str) -> Result<Self, YamlError> {
        if text.len() > LONGEST {
            return Err(YamlError { line: 1, what: "begins a file of more than a megabyte, which no settings fill" });
        }
        let mut events = Events(Parser::new_from_str(text));
        let (mut line, mut event) = events.next()?;
        while matches!(event, Event::StreamStart | Event::DocumentStart(_) | Event::Nothing) {
            (line, event) = events.next()?;
        }
        if event == Event::StreamEnd {
            return Ok(Self { line, value: Value::Nothing });
        }
        let node = events.node(line, event, DEEPEST)?;
        let (mut line, mut event) = events.next()?;
        while matches!(event, Event::DocumentEnd) {
            (line, event) = events.next()?;
        }
        if event == Event::StreamEnd { Ok(node) } else { Err(YamlError { line, what: "begins another document" }) }
    }

    /// The fields; none where it is nothing.
    pub(super) fn fields(&self) -> Option<&[(String, Self)]> {
        match &self.value {
            Value::Fields(fields) => Some(fields),
            Value::Nothing => Some(&[]),
            Value::Text(_) | Value::List(_) => None,
        }
    }

    /// The items; none where it is nothing.
    pub(super) fn items(&self) -> Option<&[Self]> {
        match &self.value {
            Value::List(items) => Some(items),
            Value::Nothing => Some(&[]),
            Value::Text(_) | Value::Fields(_) => None,
        }
    }

    pub(super) fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Text(text) => Some(text),
            Value::Nothing | Value::List(_) | Value::Fields(_) => None,
        }
    }

    pub(super) fn is_nothing(&self) -> bool {
        matches!(self.value, Value::Nothing)
    }
}

struct Events<'a>(Parser<'a, saphyr_parser::StrInput<'a>>);

impl<'a> Events<'a> {
    fn next(&mut self) -> Result<(usize, Event<'a>), YamlError> {
        match self.0.next_event() {
            Some(Ok((event, span))) => Ok((span.start.line(), event)),
            // What the reader says may hold what it read.
            Some(Err(error)) => Err(YamlError { line: error.marker().line(), what: "cannot be read as YAML" }),
            None => Err(YamlError { line: 1, what: "begins what cannot be read as YAML" }),
        }
    }

    fn node(&mut self, line: usize, event: Event<'a>, deep: usize) -> Result<Node, YamlError> {
        let refused = |what| Err(YamlError { line, what });
        const ANCHOR: &str = "has an anchor or an alias, which is not read: write out what it stands for";
        const TAG: &str = "has a tag, which is not read";
        let Some(deeper) = deep.checked_sub(1) else { return refused("stands too deep in others") };
        let value = match event {
            Event::Alias(_) => return refused(ANCHOR),
            Event::Scalar(_, _, anchor, _) | Event::SequenceStart(anchor, _) | Event::MappingStart(anchor, _)
                if anchor > 0 =>
            {
                return refused(ANCHOR);
            }
            Event::Scalar(_, _, _, Some(_)) | Event::SequenceStart(_, Some(_)) | Event::MappingStart(_, Some(_)) => {
                return refused(TAG);
            }
            Event::Scalar(text, style, _, None) => {
                let plain = style == ScalarStyle::Plain;
                let nothing = plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL");
                if nothing { Value::Nothing } else { Value::Text(text.into_owned()) }
            }
            Event::SequenceStart(_, None) => {
                let mut items = Vec::new();
                loop {
                    match self.next()? {
                        (_, Event::SequenceEnd) => break Value::List(items),
                        (line, event) => items.push(self.node(line, event, deeper)?),
                    }
                }
            }
            Event::MappingStart(_, None) => {
                let mut fields: Vec<(String, Node)> = Vec::new();
                loop {
                    let (line, event) = self.next()?;
                    if event == Event::MappingEnd {
                        break Value::Fields(fields);
                    }
                    let Node { value: Value::Text(name), .. } = self.node(line, event, deeper)? else {
                        return Err(YamlError { line, what: "has a name that is no text" });
                    };
                    if fields.iter().any(|(known, _)| *known == name) {
                        return Err(YamlError { line, what: "names a field again that has been named before" });
                    }
                    let (line, event) = self.next()?;
                    fields.push((name, self.node(line, event, deeper)?));
                }
            }
            Event::Nothing
            | Event::StreamStart
            | Event::StreamEnd
            | Event::DocumentStart(_)
            | Event::DocumentEnd
            | Event::SequenceEnd
            | Event::MappingEnd => return refused("ends what has not begun"),
        };
        Ok(Node { line, value })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refused(text: &str) -> String {
        Node::parse(text).expect_err("refused").to_string()
    }

    #[test]
    fn fields_lists_and_texts_are_read_as_they_are_written() {
        let node = Node::parse("a: 20_000\nb: [x, 'null', ~]\nc:\n  - d: \"e: f\" # not this\n    g: yes\nh:\n")
            .expect("read");
        let fields = node.fields().expect("fields");
        let field = |name: &str| &fields.iter().find(|(known, _)| known == name).expect("there").1;
        assert_eq!(field("a").text(), Some("20_000"));
        let b = field("b").items().expect("items");
        assert_eq!((b[0].text(), b[1].text(), b[2].is_nothing()), (Some("x"), Some("null"), true));
        let c = field("c").items().expect("items")[0].fields().expect("fields");
        assert_eq!((c[0].1.text(), c[1].1.text(), c[1].1.line), (Some("e: f"), Some("yes"), 5));
        assert!(field("h").is_nothing() && Node::parse("").expect("read").is_nothing());
    }

    #[test]
    fn what_could_mean_something_else_is_refused_with_its_line_alone() {
        for (text, what) in [
            ("a: 1\nb: &x s3cret\n", "line 2 has an anchor"),
            ("a: &x [1]\nb: *x\n", "line 1 has an anchor"),
            ("a: 1\nb: !!python/object s3cret\n", "line 2 has a tag"),
            ("a: s3cret\nb: 1\na: 2\n", "line 3 names a field again"),
            ("? [s3cret]\n: 1\n", "no text"),
            ("a: 1\n---\nb: s3cret\n", "another document"),
            ("a: 's3cret\n", "cannot be read as YAML"),
            ("a: [s3cret", "cannot be read as YAML"),
            ("a: s3cret: b: c\n", "cannot be read as YAML"),
            ("a:\n\tb: s3cret", "cannot be read as YAML"),
        ] {
            let told = refused(text);
            assert!(told.contains(what) && !told.contains("s3cret"), "{text}: {told}");
        }
        assert!(refused(&"[".repeat(DEEPEST + 1)).contains("too deep"));
        assert!(refused(&" ".repeat(LONGEST + 1)).contains("megabyte"));
        assert_eq!(format!("{:?}", Node::parse("a: s3cret").expect("read")), "Node(..)");
    }

    proptest! {
        /// Reaches texts of what YAML is made of.
        #[test]
        fn any_text_is_read_or_refused(text in "[a-c:\\-\\[\\]{},&*!|>'\"#?%. \n\t]{0,60}") {
            let _ = Node::parse(&text).map(|node| node.line);
        }
    }
}
