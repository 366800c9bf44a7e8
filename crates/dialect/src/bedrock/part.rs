use phi_words::Capability;

use crate::anthropic::part::{Place, image_kind, input, is_said};
use crate::anthropic::{must, tool};
use crate::json::{List, Object};
use crate::middle::{Cache, Content, Media, Part};
use crate::{Carry, Misfit};

/// Whether a part has a form, and the model the eyes for it.
pub(super) fn fits(part: &Part, place: Place, carry: &Carry) -> Result<(), Misfit> {
    let sees = place != Place::Assistant && carry.capabilities.contains(&Capability::Vision);
    let holds = match &part.content {
        Content::Text(_) => true,
        Content::Refusal(_) | Content::Thought { .. } | Content::Redacted(_) => place == Place::Assistant,
        Content::Image { media, .. } => sees && image_kind(media).is_some() && !media.data.is_empty(),
        Content::Audio(_) => false,
        Content::Document { media, .. } => sees && document_kind(media).is_some() && !media.data.is_empty(),
        Content::Call { id, name, arguments, .. } => {
            place == Place::Assistant && is_id(id) && is_name(name) && input(arguments).is_some()
        }
        Content::Result { id, parts, .. } => {
            parts.iter().try_for_each(|part| fits(part, Place::Result, carry))?;
            place == Place::User && is_id(id)
        }
    };
    must(holds, "messages")
}

/// Whether the id of a call, as it is told, is within 64 characters (`ToolUseId` in AWS's model).
fn is_id(id: &str) -> bool {
    !id.is_empty() && tool::id(id).len() <= 64
}

/// Whether a name of a function is within 64 characters (`ToolName` in AWS's model).
pub(super) fn is_name(name: &str) -> bool {
    name.len() <= 64 && tool::is_name(name)
}

/// Writes parts as blocks.
pub(super) struct Writer {
    /// Whether what is worth keeping is said.
    marks: bool,
    /// How many documents were written.
    documents: u64,
}

impl Writer {
    pub(super) fn new(marks: bool) -> Self {
        Self { marks, documents: 0 }
    }

    /// Writes a part, and after it that everything up to here is worth keeping.
    pub(super) fn write(&mut self, list: &mut List, part: &Part) {
        list.object(|out| self.block(out, &part.content));
        let cache = match &part.content {
            Content::Result { parts, .. } => part.cache.or(parts.iter().rev().find_map(|part| part.cache)),
            Content::Text(_)
            | Content::Refusal(_)
            | Content::Image { .. }
            | Content::Audio(_)
            | Content::Document { .. }
            | Content::Call { .. } => part.cache,
            // Nothing is kept up to a thought.
            Content::Thought { .. } | Content::Redacted(_) => None,
        };
        self.mark(list, cache);
    }

    /// Marks that everything up to here is worth keeping; five minutes are what it is kept anyway.
    pub(super) fn mark(&self, list: &mut List, cache: Option<Cache>) {
        let Some(cache) = cache.filter(|_| self.marks) else { return };
        list.object(|out| {
            out.object("cachePoint", |out| {
                out.text("type", "default");
                if cache == Cache::Long {
                    out.text("ttl", "1h");
                }
            });
        });
    }

    fn block(&mut self, out: &mut Object, content: &Content) {
        match content {
            Content::Text(text) | Content::Refusal(text) => {
                out.text("text", text);
            }
            Content::Image { media, .. } => out.object("image", |out| {
                let kind = image_kind(media).and_then(|kind| kind.strip_prefix("image/"));
                source(out.text("format", kind.unwrap_or_default()), &media.data);
            }),
            // Its name may say whose it is, and the model takes it for an instruction: it is numbered, since no two may be
            // named alike.
            Content::Document { media, .. } => out.object("document", |out| {
                self.documents += 1;
                out.text("format", document_kind(media).unwrap_or_default());
                source(out.text("name", &format!("document-{}", self.documents)), &media.data);
            }),
            Content::Thought { text, signature } => out.object("reasoningContent", |out| {
                out.object("reasoningText", |out| {
                    out.text("text", text).text("signature", signature.as_deref().unwrap_or_default());
                });
            }),
            Content::Redacted(data) => out.object("reasoningContent", |out| {
                out.text("redactedContent", data);
            }),
            Content::Call { id, name, arguments, .. } => out.object("toolUse", |out| {
                out.text("toolUseId", &tool::id(id)).text("name", name);
                out.raw("input", input(arguments).unwrap_or(b"{}"));
            }),
            Content::Result { id, parts, failed, .. } => out.object("toolResult", |out| {
                out.text("toolUseId", &tool::id(id));
                let said = parts.iter().filter(|part| is_said(&part.content));
                out.list("content", |list| said.for_each(|part| list.object(|out| self.block(out, &part.content))));
                if *failed {
                    out.text("status", "error");
                }
            }),
            // No route that this is asked of takes it.
            Content::Audio(_) => {}
        }
    }
}

fn source(out: &mut Object, data: &str) {
    out.object("source", |out| {
        out.text("bytes", data);
    });
}

/// The format of a document (`DocumentFormat` in AWS's model); a text of whatever other kind is plain.
fn document_kind(media: &Media) -> Option<&'static str> {
    match media.kind.as_str() {
        "application/pdf" => Some("pdf"),
        "text/csv" => Some("csv"),
        "text/html" => Some("html"),
        "text/markdown" => Some("md"),
        "application/msword" => Some("doc"),
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" => Some("docx"),
        "application/vnd.ms-excel" => Some("xls"),
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" => Some("xlsx"),
        kind => kind.starts_with("text/").then_some("txt"),
    }
}
