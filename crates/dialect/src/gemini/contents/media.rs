use phi_words::Capability;

use super::leave_out;
use crate::Carry;
use crate::json::List;
use crate::middle::{Content, Media, Part};

/// Whether model and host take these bytes. Google lists no GIF
/// (<https://ai.google.dev/gemini-api/docs/image-understanding>, <https://ai.google.dev/gemini-api/docs/audio>,
/// <https://ai.google.dev/gemini-api/docs/document-processing>). Who sees images sees pages.
pub(super) fn fits(content: &Content, carry: &Carry) -> bool {
    const IMAGES: &[&str] = &["image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"];
    const AUDIO: &[&str] = &["audio/wav", "audio/mp3", "audio/aiff", "audio/aac", "audio/ogg", "audio/flac"];
    const DOCUMENTS: &[&str] = &["application/pdf", "text/plain"];
    let (media, kinds, needs) = match content {
        Content::Image { media, .. } => (media, IMAGES, Capability::Vision),
        Content::Audio(media) => (media, AUDIO, Capability::Audio),
        Content::Document { media, .. } => (media, DOCUMENTS, Capability::Vision),
        Content::Text(_)
        | Content::Refusal(_)
        | Content::Thought { .. }
        | Content::Redacted(_)
        | Content::Call { .. }
        | Content::Result { .. } => return false,
    };
    carry.capabilities.contains(&needs) && kinds.contains(&kind(media))
}

/// Whether it is bytes of a kind.
pub(super) const fn is_media(part: &Part) -> bool {
    matches!(part.content, Content::Image { .. } | Content::Audio(_) | Content::Document { .. })
}

/// Writes what is media among these, and names what is left out of it: how closely to look, and the names of files.
pub(super) fn write<'p>(list: &mut List, parts: impl Iterator<Item = &'p Part>, left_out: &mut Vec<&'static str>) {
    for part in parts {
        write_one(list, &part.content, left_out);
    }
}

pub(super) fn write_one(list: &mut List, content: &Content, left_out: &mut Vec<&'static str>) {
    let (media, unsaid) = match content {
        Content::Image { media, detail } => {
            let is_asked = detail.as_deref().is_some_and(|detail| detail != "auto");
            (media, is_asked.then_some("messages.image_url.detail"))
        }
        Content::Audio(media) => (media, None),
        Content::Document { media, name } => (media, name.as_ref().map(|_| "messages.file.filename")),
        Content::Text(_)
        | Content::Refusal(_)
        | Content::Thought { .. }
        | Content::Redacted(_)
        | Content::Call { .. }
        | Content::Result { .. } => return,
    };
    if let Some(name) = unsaid {
        leave_out(left_out, name);
    }
    list.object(|part| {
        part.object("inlineData", |data| {
            data.text("mimeType", kind(media)).text("data", &media.data);
        });
    });
}

/// The media type by the name that Google has for it.
fn kind(media: &Media) -> &str {
    match media.kind.as_str() {
        "image/jpg" => "image/jpeg",
        "audio/mpeg" => "audio/mp3",
        "audio/x-wav" | "audio/wave" => "audio/wav",
        other => other,
    }
}
