mod count;
mod selection;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use phi_words::{Prompt, Refusal};

use super::form::Form;
use super::{Fields, Task};
use crate::fields::work::ocr::TABLE;
use crate::fields::{self, invalid};
use crate::json::{Kind, Value};
use crate::multipart::Wrapping;
use crate::remote::Reading;
pub(crate) use selection::Selection;

/// A document that is to become text.
#[derive(Clone)]
pub(crate) struct Pages {
    /// What it is.
    pub(crate) kind: DocumentKind,
    /// The document: a part of the body where it was uploaded, else decoded once.
    pub(crate) data: Bytes,
    /// The same in base64, where it came so: a part of the body.
    pub(crate) base64: Option<Bytes>,
    /// Which of its pages, where not all.
    pub(crate) selection: Option<Selection>,
    /// What names it or says how to look at it, and no host is told of.
    pub(crate) left_out: Vec<&'static str>,
    counted: Option<count::Count>,
}

/// What a document is, as its first bytes say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentKind {
    /// A PDF.
    Pdf,
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// TIFF, which may have several pages.
    Tiff,
    /// A Windows bitmap.
    Bmp,
    /// GIF.
    Gif,
    /// WebP.
    WebP,
}

impl DocumentKind {
    /// What the first bytes say; `None` for anything else.
    fn of(data: &[u8]) -> Option<Self> {
        const STARTS: [(&[u8], DocumentKind); 7] = [
            (b"%PDF-", DocumentKind::Pdf),
            (b"\x89PNG\r\n\x1a\n", DocumentKind::Png),
            (b"\xff\xd8\xff", DocumentKind::Jpeg),
            (b"II*\0", DocumentKind::Tiff),
            (b"MM\0*", DocumentKind::Tiff),
            (b"GIF87a", DocumentKind::Gif),
            (b"GIF89a", DocumentKind::Gif),
        ];
        if data.starts_with(b"RIFF") && data.get(8..12) == Some(b"WEBP") {
            return Some(Self::WebP);
        }
        // Two letters are too few: what follows the length is reserved, and zero.
        if data.starts_with(b"BM") && data.get(6..10) == Some(&[0; 4]) {
            return Some(Self::Bmp);
        }
        STARTS.iter().find(|(start, _)| data.starts_with(start)).map(|(_, kind)| *kind)
    }

    /// Its media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Pdf => "application/pdf",
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Tiff => "image/tiff",
            Self::Bmp => "image/bmp",
            Self::Gif => "image/gif",
            Self::WebP => "image/webp",
        }
    }
}

impl Pages {
    /// How many pages are to be read, as far as we can count them: one where we cannot.
    pub(crate) fn count(&self) -> u64 {
        let all = self.counted.map_or(1, |count| count.pages);
        self.selection.as_ref().map_or(all, Selection::len)
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("kind", &self.kind).field("bytes", &self.data.len()).finish_non_exhaustive()
    }
}

/// Reads a body: a document of Mistral's request, as a `data:` URL, or an upload.
pub(super) fn read(wrapping: &Wrapping, body: Prompt, reading: Reading) -> Result<(Fields, Task), Refusal> {
    let plain =
        ["include_image_base64", "image_limit", "image_min_size", "extract_header", "extract_footer", "include_blocks"];
    let (fields, upload) = match wrapping {
        Wrapping::Json => (body, None),
        Wrapping::Form(boundary) => {
            let form = Form::read(body.expose_bytes(), boundary, &plain)?;
            (form.fields, Some(form.file.ok_or_else(|| invalid("file", "is missing"))?))
        }
    };
    let fields = Fields::read(TABLE, fields, reading)?;
    if fields.field("document_annotation_prompt").is_some() && fields.field("document_annotation_format").is_none() {
        return Err(invalid("document_annotation_prompt", "needs `document_annotation_format` beside it"));
    }
    let mut left_out = Vec::new();
    let (path, data, base64) = match (upload, fields.field("document")) {
        (Some(file), None) => ("file", file, None),
        (None, Some(document)) => {
            let (path, base64) = stated(document, fields.document.text(), &mut left_out)?;
            let data = STANDARD.decode(&base64).map_err(|_| invalid(path, "is not base64"))?;
            (path, data.into(), Some(base64))
        }
        (Some(_), Some(_)) => return Err(invalid("document", "stands beside a file")),
        (None, None) => return Err(invalid("document", "is missing")),
    };
    if fields.field("id").is_some() {
        left_out.push("id");
    }
    let kind = DocumentKind::of(&data).ok_or_else(|| invalid(path, "is no PDF, PNG, JPEG, TIFF, BMP, GIF or WebP"))?;
    let counted = count::count(kind, &data);
    let selection = fields.field("pages").map(Selection::read).transpose()?;
    let last = selection.as_ref().map_or(0, Selection::last);
    if counted.is_some_and(|count| count.is_sure && last >= count.pages) {
        return Err(invalid("pages", "names a page that the document does not have: the first is 0"));
    }
    Ok((fields, Task::Ocr(Pages { kind, data, base64, selection, left_out, counted })))
}

/// Where the document stands in the body, and its base64, which is not copied unless it is written with escapes.
fn stated(
    document: Value<'_>,
    body: &Bytes,
    left_out: &mut Vec<&'static str>,
) -> Result<(&'static str, Bytes), Refusal> {
    let (url, path) = match document.member("image_url") {
        Some(url) => {
            if url.member("detail").is_some() {
                left_out.push("document.image_url.detail");
            }
            (url.member("url").or(Some(url)), "document.image_url")
        }
        None => (document.member("document_url"), "document.document_url"),
    };
    if document.member("document_name").is_some() {
        left_out.push("document.document_name");
    }
    let url = url.filter(|url| url.kind() == Kind::Text).ok_or_else(|| invalid(path, "must be a string"))?;
    let url = match url.bytes() {
        Cow::Borrowed(plain) => body.slice_ref(plain),
        Cow::Owned(unescaped) => unescaped.into(),
    };
    if !url.starts_with(b"data:") {
        let hint = "send the document itself: `data:application/pdf;base64,…`, or a form with `file`";
        return Err(fields::unsupported(path, "stands elsewhere", hint));
    }
    // The media type is not believed: the first bytes say what it is.
    let media = |byte: &u8| byte.is_ascii_alphanumeric() || b"/.+-".contains(byte);
    let comma = url.iter().take(160).position(|byte| *byte == b',');
    let head = comma.and_then(|comma| url.get(5..comma)?.strip_suffix(b";base64"));
    match (head, comma) {
        (Some(head), Some(comma)) if head.iter().all(media) => Ok((path, url.slice(comma + 1..))),
        _ => Err(invalid(path, "must be `data:MEDIA_TYPE;base64,…`")),
    }
}
