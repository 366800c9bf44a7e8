use bytes::Bytes;
use phi_words::{Prompt, Refusal};

use crate::fields::invalid;
use crate::json::{Document, Kind, List, Object};
use crate::multipart::{self, Boundary};

/// A form, taken apart: its fields as one JSON object, so that they pass a table as those of other bodies do, and its file.
pub(super) struct Form {
    /// The fields. A name that ends in `[]` is a list; what reads as a number or a truth is one where `plain` names it.
    pub(super) fields: Prompt,
    /// The part `file`.
    pub(super) file: Option<Bytes>,
}

impl Form {
    /// Reads a form whose fields `plain` are numbers or truths.
    pub(super) fn read(body: &Bytes, boundary: &Boundary, plain: &[&str]) -> Result<Self, Refusal> {
        let (mut file, mut lists) = (None, Vec::<(String, List)>::new());
        let mut object = Object::new();
        for part in multipart::read(body, boundary)? {
            if part.name == "file" {
                if file.replace(part.data).is_some() {
                    return Err(invalid("file", "stands there twice"));
                }
                continue;
            }
            if part.is_file {
                return Err(invalid(part.name, "is a file, and only `file` may be one"));
            }
            let Ok(text) = std::str::from_utf8(&part.data) else {
                return Err(invalid(part.name, "is not UTF-8"));
            };
            if let Some(name) = part.name.strip_suffix("[]") {
                match lists.iter_mut().find(|(known, _)| known == name) {
                    Some((_, list)) => _ = list.text(text),
                    None => {
                        let mut list = List::new();
                        list.text(text);
                        lists.push((name.to_owned(), list));
                    }
                }
            } else if plain.contains(&part.name.as_str()) && is_scalar(&part.data) {
                object.raw(&part.name, &part.data);
            } else {
                object.text(&part.name, text);
            }
        }
        for (name, list) in lists {
            object.raw(&name, &list.finish());
        }
        Ok(Self { fields: Prompt::new(object.finish()), file })
    }
}

fn is_scalar(text: &Bytes) -> bool {
    Document::parse(text.clone()).is_ok_and(|document| {
        let value = document.root();
        value.raw().len() == text.len() && matches!(value.kind(), Kind::Number | Kind::True | Kind::False)
    })
}
