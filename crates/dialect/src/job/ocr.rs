//! Jobs that read documents.

mod azure;
mod copied;
mod mistral;
#[cfg(test)]
mod tests;

use super::Begin;
use crate::fields::Treatment;
use crate::json::{Kind, Value};
use crate::question::{Fields, Pages, WorkQuestion};
use crate::{Carry, Field, Misfit, Service, Speaks};

/// Whether a route can read a document as it is asked; if not, the first field that it cannot carry.
pub(super) fn fits(question: &WorkQuestion, pages: &Pages, carry: &Carry) -> Result<(), Misfit> {
    let fields = question.fields();
    // What we do not know no host of documents is told, whatever its row says.
    if let Some(field) = question.unknown().first() {
        return Err(Misfit { field: Field::Theirs(field.clone()) });
    }
    let lacking = WISHES.iter().find(|name| carry.lacks.contains(**name) && asks(fields, name));
    if let Some(name) = lacking {
        return Err(Misfit { field: (*name).into() });
    }
    match carry.speaks {
        Speaks::OpenAi | Speaks::Mistral => mistral::fits(fields, carry),
        Speaks::Service(Service::AzureDocuments) => azure::fits(fields, pages, carry),
        Speaks::Service(_) | Speaks::Anthropic(_) | Speaks::Gemini | Speaks::Bedrock => {
            Err(Misfit { field: "model".into() })
        }
    }
}

/// What becomes of a field on a route, as `GET /models` lists it.
pub(crate) fn treatment(name: &str, carry: &Carry) -> Treatment {
    let is_azure = carry.speaks == Speaks::Service(Service::AzureDocuments);
    let is_refused = match is_azure {
        true => azure::is_refused(name, carry),
        false => mistral::is_refused(name, carry),
    };
    match name {
        "id" => Treatment::LeftOut,
        BLOCKS if is_azure || carry.lacks.contains(BLOCKS) => Treatment::LeftOut,
        "model" => Treatment::Translated,
        "store" => Treatment::Refused,
        _ if is_refused || carry.lacks.contains(name) => Treatment::Refused,
        _ if is_azure => Treatment::Translated,
        _ => Treatment::Native,
    }
}

/// Begins to read a document on a route that it fits.
pub(super) fn begin(fields: &Fields, pages: &Pages, carry: &Carry) -> Begin {
    match carry.speaks {
        Speaks::Service(Service::AzureDocuments) => azure::begin(fields, pages, carry),
        Speaks::OpenAi
        | Speaks::Mistral
        | Speaks::Service(_)
        | Speaks::Anthropic(_)
        | Speaks::Gemini
        | Speaks::Bedrock => mistral::begin(fields, pages, carry),
    }
}

/// The fields beside the document that a host may be told, in Mistral's words.
const WISHES: &[&str] = &[
    "pages",
    "include_image_base64",
    "image_limit",
    "image_min_size",
    "table_format",
    "extract_header",
    "extract_footer",
    "confidence_scores_granularity",
    "bbox_annotation_format",
    "document_annotation_format",
    "document_annotation_prompt",
];
/// Where each piece of text stands: wished for by default in Mistral's own SDK, so that a host that cannot tell is not kept
/// from answering.
const BLOCKS: &str = "include_blocks";

/// Whether a field asks for anything.
fn asks(fields: &Fields, name: &str) -> bool {
    fields.field(name).is_some_and(|value| value.kind() != Kind::False)
}

/// Whether a field is true.
fn is_true(fields: &Fields, name: &str) -> bool {
    fields.field(name).and_then(Value::truth).unwrap_or(false)
}
