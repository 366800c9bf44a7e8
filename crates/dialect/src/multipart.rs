//! Forms with files: `multipart/form-data` (RFC 7578), read strictly and written anew.
//!
//! What two readers could understand in two ways is refused: text before the first part or after the last, a part without a
//! plain name, a header twice, another encoding than none. Names of files are skipped: nobody is told them.

mod read;
mod write;

use std::fmt;

use bytes::Bytes;
use phi_words::{Code, Refusal};

pub(crate) use write::{Piece, Written, written};

/// How a body is wrapped, as its `Content-Type` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrapping {
    /// `application/json`, in UTF-8.
    Json,
    /// `multipart/form-data`, with what stands between its parts.
    Form(Boundary),
}

/// What stands between the parts of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boundary(String);

impl Wrapping {
    /// Reads a `Content-Type`; `None` for any other.
    pub fn of(content_type: &str) -> Option<Self> {
        let (kind, parameters) = content_type.split_once(';').unwrap_or((content_type, ""));
        let kind = kind.trim().to_ascii_lowercase();
        let mut parameters = parameters.split(';').map(str::trim).filter(|parameter| !parameter.is_empty());
        match kind.as_str() {
            "application/json" => parameters
                .all(|parameter| {
                    ["charset=utf-8", "charset=\"utf-8\""].iter().any(|utf8| parameter.eq_ignore_ascii_case(utf8))
                })
                .then_some(Self::Json),
            "multipart/form-data" => {
                let (Some(parameter), None) = (parameters.next(), parameters.next()) else { return None };
                let (name, value) = parameter.split_once('=')?;
                let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
                name.eq_ignore_ascii_case("boundary").then(|| Boundary::new(value)).flatten().map(Self::Form)
            }
            _ => None,
        }
    }
}

impl Boundary {
    /// One to seventy characters of RFC 2046, of which no space or colon is taken.
    fn new(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./=?".contains(&byte);
        ((1..=70).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }
}

/// One part of a form.
#[derive(Clone)]
pub(crate) struct Part {
    /// What it is called.
    pub(crate) name: String,
    /// Whether it is a file: it has a name of one, or a media type.
    pub(crate) is_file: bool,
    /// What it holds, not copied.
    pub(crate) data: Bytes,
}

impl fmt::Debug for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Part").field("is_file", &self.is_file).field("bytes", &self.data.len()).finish_non_exhaustive()
    }
}

/// Reads the parts of a form.
///
/// # Errors
/// `invalid_request` where it is none.
pub(crate) fn read(body: &Bytes, boundary: &Boundary) -> Result<Vec<Part>, Refusal> {
    read::read(body, boundary.0.as_bytes()).map_err(|what| {
        let message = format!("the body is no form as its `Content-Type` says: {what}");
        Refusal::new(Code::InvalidRequest, message, "let a library of HTTP write the form, or see RFC 7578")
    })
}

#[cfg(test)]
mod tests;
