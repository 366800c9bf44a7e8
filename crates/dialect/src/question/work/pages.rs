use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use phi_words::{Prompt, Refusal};

use super::form::Form;
use super::{Fields, Task};
use crate::fields::work::ocr::TABLE;
use crate::fields::{self, invalid};
use crate::json::Value;
use crate::multipart::Wrapping;
use crate::remote::Reading;

/// A document that is to become text.
#[derive(Clone)]
pub(crate) struct Pages {
    /// What it is.
    pub(crate) kind: DocumentKind,
    /// The document.
    pub(crate) data: Bytes,
}

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DocumentKind {
    /// A PDF.
    Pdf,
    /// An image.
    Image,
}

impl Pages {
    /// How many pages it has, as far as we can count them.
    pub(super) fn count(&self) -> u64 {
        1
    }
}

impl fmt::Debug for Pages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pages").field("kind", &self.kind).field("bytes", &self.data.len()).finish_non_exhaustive()
    }
}

/// Reads a body: a document of Mistral's request, as a `data:` URL, or an upload.
pub(super) fn read(wrapping: &Wrapping, body: Prompt, reading: Reading) -> Result<(Fields, Task), Refusal> {
    let plain = ["include_image_base64", "image_limit", "image_min_size"];
    let (fields, upload) = match wrapping {
        Wrapping::Json => (body, None),
        Wrapping::Form(boundary) => {
            let form = Form::read(body.expose_bytes(), boundary, &plain)?;
            (form.fields, Some(form.file.ok_or_else(|| invalid("file", "is missing"))?))
        }
    };
    let fields = Fields::read(TABLE, fields, reading)?;
    let data = match (upload, fields.field("document")) {
        (Some(file), None) => file,
        (None, Some(document)) => stated(document)?,
        (Some(_), Some(_)) => return Err(invalid("document", "stands beside a file")),
        (None, None) => return Err(invalid("document", "is missing")),
    };
    let kind = kind(&data).ok_or_else(|| invalid("document", "is no PDF, PNG, JPEG, TIFF, BMP, GIF or WebP"))?;
    Ok((fields, Task::Ocr(Pages { kind, data })))
}

fn stated(document: Value<'_>) -> Result<Bytes, Refusal> {
    let (url, path) = match document.member("type").and_then(Value::text).as_deref() {
        Some("document_url") => (document.member("document_url"), "document.document_url"),
        Some("image_url") => {
            let url = document.member("image_url");
            (url.and_then(|url| url.member("url")).or(url), "document.image_url")
        }
        Some("file") => {
            return Err(fields::unsupported("document", "names a file that a host keeps", "send the document itself"));
        }
        Some(_) | None => return Err(invalid("document.type", "must be `document_url` or `image_url`")),
    };
    let url = url.and_then(Value::text).ok_or_else(|| invalid(path, "must be a string"))?;
    let Some((_, data)) = url.strip_prefix("data:").and_then(|url| url.split_once(";base64,")) else {
        let hint = "send the document itself: `data:application/pdf;base64,…`";
        return Err(fields::unsupported(path, "stands elsewhere", hint));
    };
    STANDARD.decode(data).map(Bytes::from).map_err(|_| invalid(path, "is not base64"))
}

/// What the first bytes say.
fn kind(data: &[u8]) -> Option<DocumentKind> {
    const IMAGES: [&[u8]; 7] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM", b"GIF87a", b"GIF89a"];
    let is_webp = data.starts_with(b"RIFF") && data.get(8..12) == Some(b"WEBP");
    if data.starts_with(b"%PDF-") {
        return Some(DocumentKind::Pdf);
    }
    (is_webp || IMAGES.iter().any(|start| data.starts_with(start))).then_some(DocumentKind::Image)
}
