//! Where a text is from, as far as that is an address of the web: most hosts cite such, each in a form of its own.

use crate::json::{Document, Object, Value};
use crate::middle::Json;

/// A citation of a web address.
#[derive(PartialEq)]
pub(crate) struct Web {
    pub(crate) url: String,
    pub(crate) title: String,
    /// From which character of its block to before which, where the host tells.
    pub(crate) span: Option<(u64, u64)>,
}

impl Web {
    /// One of this address, if it is of the web.
    pub(crate) fn new(url: &str, title: &str, span: Option<(u64, u64)>) -> Option<Self> {
        let is_web = ["https://", "http://"].iter().any(|scheme| url.starts_with(scheme));
        is_web.then(|| Self { url: url.to_owned(), title: title.to_owned(), span })
    }

    /// Reads what a host has said: OpenAI's form, whether deeper by one level as in its chat format or not, and Anthropic's.
    pub(crate) fn read(citation: &Json) -> Option<Self> {
        let document = Document::parse(citation.0.as_bytes().to_vec().into()).ok()?;
        let root = document.root();
        let text = |of: Value<'_>, name: &str| of.member(name).and_then(Value::text).map(String::from);
        let kind = text(root, "type")?;
        let (of, address) = match &*kind {
            "url_citation" => (root.member("url_citation").unwrap_or(root), "url"),
            "web_search_result_location" => (root, "url"),
            "search_result_location" => (root, "source"),
            _ => return None,
        };
        let whole = |name: &str| of.member(name).and_then(Value::whole);
        let span = whole("start_index").zip(whole("end_index")).filter(|(start, end)| start <= end);
        Self::new(&text(of, address)?, &text(of, "title").unwrap_or_default(), span)
    }

    /// What is said of it in the middle: OpenAI's form, its figures those of the block.
    pub(crate) fn said(&self) -> Json {
        let mut out = Object::new();
        out.text("type", "url_citation").text("url", &self.url).text("title", &self.title);
        if let Some((start, end)) = self.span {
            out.whole("start_index", start).whole("end_index", end);
        }
        Json(String::from_utf8_lossy(&out.finish()).into())
    }

    /// Writes the members of OpenAI's annotation, of a block of so many characters that begins at this one. Where the host did
    /// not tell which characters are meant, all of them are.
    pub(crate) fn write(&self, out: &mut Object, start: u64, length: u64) {
        let (from, to) = self.span.filter(|(_, to)| *to <= length).unwrap_or((0, length));
        out.text("url", &self.url).text("title", &self.title);
        out.whole("start_index", start.saturating_add(from)).whole("end_index", start.saturating_add(to));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<Web> {
        Web::read(&Json(json.into()))
    }

    #[test]
    fn addresses_of_the_web_are_read_in_every_form() {
        for (json, span) in [
            (
                r#"{"type":"url_citation","url_citation":{"url":"https://a","title":"A","start_index":1,"end_index":2}}"#,
                Some((1, 2)),
            ),
            (r#"{"type":"url_citation","url":"https://a","title":"A","start_index":2,"end_index":1}"#, None),
            (r#"{"type":"web_search_result_location","url":"https://a","title":"A","encrypted_index":"x"}"#, None),
            (r#"{"type":"search_result_location","source":"https://a","title":"A"}"#, None),
        ] {
            let web = read(json);
            assert!(web == Web::new("https://a", "A", span), "{json}");
            assert!(read(&web.unwrap().said().0) == Web::new("https://a", "A", span), "{json}");
        }
        for other in [
            "{}",
            "5",
            r#"{"type":"url_citation","url":"ftp://a"}"#,
            r#"{"type":"url_citation","title":"A"}"#,
            r#"{"type":"char_location","document_index":0}"#,
            r#"{"type":"search_result_location","source":"file of the patient"}"#,
        ] {
            assert!(read(other).is_none(), "{other}");
        }
    }

    #[test]
    fn what_lies_outside_its_text_is_of_the_whole_text() {
        for (span, told) in [(Some((1, 3)), (11, 13)), (Some((1, 4)), (10, 13)), (None, (10, 13))] {
            let mut out = Object::new();
            Web::new("https://a", "", span).unwrap().write(&mut out, 10, 3);
            let written = String::from_utf8(out.finish()).unwrap();
            assert!(written.ends_with(&format!("\"start_index\":{},\"end_index\":{}}}", told.0, told.1)), "{written}");
        }
    }
}
