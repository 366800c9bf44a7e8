use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use phi_words::Capability;

use super::{must, tool};
use crate::json::{Document, Kind, List, Object};
use crate::middle::{Cache, Content, Media, Part};
use crate::{Carry, Misfit};

/// Where a part stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    User,
    Assistant,
    /// In the result of a function.
    Result,
}

/// Whether there is anything to say: blank texts and thoughts that have no seal of the host are refused by Anthropic.
pub(crate) fn is_said(content: &Content) -> bool {
    match content {
        Content::Text(text) | Content::Refusal(text) => !text.trim().is_empty(),
        Content::Thought { signature, .. } => signature.as_ref().is_some_and(|seal| !seal.is_empty()),
        Content::Redacted(data) => !data.is_empty(),
        Content::Image { .. }
        | Content::Audio(_)
        | Content::Document { .. }
        | Content::Call { .. }
        | Content::Result { .. } => true,
    }
}

/// Whether a part has a form, and the model the eyes for it. Arguments that are no JSON object have none: Anthropic takes
/// them as a value, not as a text.
pub(super) fn fits(part: &Part, place: Place, carry: &Carry) -> Result<(), Misfit> {
    let sees = place != Place::Assistant && carry.capabilities.contains(&Capability::Vision);
    let holds = match &part.content {
        Content::Text(_) => true,
        Content::Refusal(_) | Content::Thought { .. } | Content::Redacted(_) => place == Place::Assistant,
        Content::Image { media, .. } => sees && image_kind(media).is_some(),
        Content::Audio(_) => false,
        Content::Document { media, .. } => match written(media) {
            Some(Written::Pdf) => sees,
            Some(Written::Plain(_)) => place != Place::Assistant,
            None => false,
        },
        Content::Call { id, name, arguments, .. } => {
            place == Place::Assistant && !id.is_empty() && tool::is_name(name) && input(arguments).is_some()
        }
        Content::Result { parts, .. } => {
            parts.iter().try_for_each(|part| fits(part, Place::Result, carry))?;
            place == Place::User
        }
    };
    must(holds, "messages")
}

/// Writes a part as a block. Neither what a participant is called nor how closely to look at an image has a place.
pub(super) fn write(list: &mut List, part: &Part) {
    list.object(|out| match &part.content {
        Content::Text(text) | Content::Refusal(text) => {
            out.text("type", "text").text("text", text);
            mark(out, part.cache);
        }
        Content::Image { media, .. } => {
            out.text("type", "image");
            source(out, image_kind(media).unwrap_or_default(), &media.data);
            mark(out, part.cache);
        }
        Content::Document { media, name } => {
            out.text("type", "document");
            match written(media) {
                Some(Written::Plain(text)) => out.object("source", |source| {
                    source.text("type", "text").text("media_type", "text/plain").text("data", &text);
                }),
                Some(Written::Pdf) | None => source(out, "application/pdf", &media.data),
            }
            if let Some(name) = name {
                out.text("title", name);
            }
            mark(out, part.cache);
        }
        Content::Thought { text, signature } => {
            out.text("type", "thinking").text("thinking", text);
            out.text("signature", signature.as_deref().unwrap_or_default());
        }
        Content::Redacted(data) => {
            out.text("type", "redacted_thinking").text("data", data);
        }
        Content::Call { id, name, arguments, .. } => {
            out.text("type", "tool_use").text("id", &tool::id(id)).text("name", name);
            out.raw("input", input(arguments).unwrap_or(b"{}"));
            mark(out, part.cache);
        }
        Content::Result { id, parts, failed, .. } => result(out, part.cache, id, parts, *failed),
        // No route that this is asked of takes it.
        Content::Audio(_) => {}
    });
}

fn result(out: &mut Object, cache: Option<Cache>, id: &str, parts: &[Part], failed: bool) {
    out.text("type", "tool_result").text("tool_use_id", &tool::id(id));
    let mut said = parts.iter().filter(|part| is_said(&part.content)).peekable();
    if said.peek().is_some() {
        out.list("content", |list| said.for_each(|part| write(list, part)));
    }
    if failed {
        out.raw("is_error", b"true");
    }
    mark(out, cache);
}

/// Marks that everything up to here is worth keeping (<https://platform.claude.com/docs/en/build-with-claude/prompt-caching>).
pub(super) fn mark(out: &mut Object, cache: Option<Cache>) {
    let ttl = match cache {
        Some(Cache::Short) => "5m",
        Some(Cache::Long) => "1h",
        None => return,
    };
    out.object("cache_control", |out| {
        out.text("type", "ephemeral").text("ttl", ttl);
    });
}

fn source(out: &mut Object, kind: &str, data: &str) {
    out.object("source", |source| {
        source.text("type", "base64").text("media_type", kind).text("data", data);
    });
}

/// The kinds of images that Anthropic looks at (<https://platform.claude.com/docs/en/build-with-claude/vision>).
pub(crate) fn image_kind(media: &Media) -> Option<&'static str> {
    match media.kind.as_str() {
        "image/jpeg" | "image/jpg" => Some("image/jpeg"),
        "image/png" => Some("image/png"),
        "image/gif" => Some("image/gif"),
        "image/webp" => Some("image/webp"),
        _ => None,
    }
}

enum Written {
    Pdf,
    Plain(String),
}

/// A document, if Anthropic reads it: a PDF, or a text in UTF-8 of whatever kind, which it is told as plain text
/// (<https://platform.claude.com/docs/en/build-with-claude/files>).
fn written(media: &Media) -> Option<Written> {
    if media.kind == "application/pdf" {
        return Some(Written::Pdf);
    }
    let text = media.kind.starts_with("text/").then(|| STANDARD.decode(&media.data).ok())??;
    String::from_utf8(text).ok().filter(|text| !text.trim().is_empty()).map(Written::Plain)
}

/// The arguments of a call as a JSON object; none means an empty one.
pub(crate) fn input(arguments: &str) -> Option<&[u8]> {
    if arguments.trim().is_empty() {
        return Some(b"{}");
    }
    let document = Document::parse(Bytes::copy_from_slice(arguments.as_bytes())).ok()?;
    (document.root().kind() == Kind::Object).then_some(arguments.as_bytes())
}
