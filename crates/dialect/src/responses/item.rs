use super::kept::prefix;
use crate::citation::Web;
use crate::json::{List, Object};
use crate::middle::Content;

/// One item of an answer.
pub(super) struct Item {
    pub(super) id: String,
    /// What it is, as far as it was said.
    pub(super) content: Content,
    /// The same sealed, where the caller is given that too.
    pub(super) encrypted: Option<String>,
    /// Where a text is from.
    pub(super) sources: Vec<Web>,
    /// Of a call of a function that stands in a space: the space, and the name in it.
    pub(super) spaced: Option<[String; 2]>,
    pub(super) is_whole: bool,
}

impl Item {
    /// One of which nothing is said yet.
    pub(super) fn new(id: String, content: Content) -> Self {
        Self { id, content, encrypted: None, sources: Vec::new(), spaced: None, is_whole: false }
    }

    pub(super) fn prefix(&self) -> &'static str {
        prefix(&self.content)
    }

    /// The text that grows, if it has one.
    pub(super) fn text(&mut self) -> Option<&mut String> {
        match &mut self.content {
            Content::Text(text) | Content::Refusal(text) | Content::Thought { text, .. } => Some(text),
            Content::Call { arguments, .. } => Some(arguments),
            Content::Redacted(_)
            | Content::Image { .. }
            | Content::Audio(_)
            | Content::Document { .. }
            | Content::Result { .. } => None,
        }
    }

    /// Writes it as it stands; of one that only begins, a message has no part yet.
    pub(super) fn write(&self, out: &mut Object) {
        out.text("id", &self.id);
        match &self.content {
            Content::Call { id, name, arguments, .. } => {
                out.text("type", "function_call").text("status", self.status());
                out.text("call_id", id);
                match &self.spaced {
                    Some([space, name]) => out.text("namespace", space).text("name", name),
                    None => out.text("name", name),
                };
                out.text("arguments", arguments);
            }
            Content::Thought { text, .. } => self.write_thought(out, text),
            Content::Redacted(_) => self.write_thought(out, ""),
            Content::Text(_)
            | Content::Refusal(_)
            | Content::Image { .. }
            | Content::Audio(_)
            | Content::Document { .. }
            | Content::Result { .. } => {
                out.text("type", "message").text("status", self.status()).text("role", "assistant");
                out.list("content", |list| {
                    if self.is_whole {
                        list.object(|out| self.write_part(out));
                    }
                });
            }
        }
    }

    /// Writes the one part of a message.
    pub(super) fn write_part(&self, out: &mut Object) {
        if let Content::Refusal(text) = &self.content {
            out.text("type", "refusal").text("refusal", text);
            return;
        }
        let text = if let Content::Text(text) = &self.content { text } else { "" };
        out.text("type", "output_text").text("text", text);
        out.list("annotations", |list: &mut List| {
            self.sources.iter().filter(|_| self.is_whole).for_each(|web| {
                list.object(|out| write_annotation(out, web, text));
            });
        });
        out.raw("logprobs", b"[]");
    }

    fn write_thought(&self, out: &mut Object, text: &str) {
        out.text("type", "reasoning").text("status", self.status());
        out.list("summary", |list| {
            if !text.is_empty() {
                list.object(|out| {
                    out.text("type", "summary_text").text("text", text);
                });
            }
        });
        match &self.encrypted {
            Some(sealed) => out.text("encrypted_content", sealed),
            None => out.raw("encrypted_content", b"null"),
        };
    }

    const fn status(&self) -> &'static str {
        if self.is_whole { "completed" } else { "in_progress" }
    }
}

/// Where a text is from.
pub(super) fn write_annotation(out: &mut Object, web: &Web, text: &str) {
    out.text("type", "url_citation");
    web.write(out, 0, text.chars().count() as u64);
}
