//! Sound becomes text: every host is asked in its own way for all that it can tell, and of that the caller's answer is written.

mod azure;
mod batch;
mod events;
mod mistral;
mod one;
mod openai;
#[cfg(test)]
mod tests;

use phi_words::Class;

use super::{Begin, Message, Verb};
use crate::json::Value;
use crate::multipart::{Piece, Written, written};
use crate::question::{Fields, Recording, WorkQuestion};
use crate::{Carry, Field, Misfit, Service, Speaks, Treatment};

/// Whether a route can hear a recording as it is asked; if not, the first field that it cannot carry.
pub(super) fn fits(fields: &Fields, recording: &Recording, carry: &Carry) -> Result<(), Misfit> {
    match carry.speaks {
        Speaks::OpenAi => openai::fits(fields, recording, carry),
        Speaks::Mistral => mistral::fits(recording, carry),
        Speaks::Service(Service::AzureSpeech) => azure::fits(recording, carry),
        Speaks::Service(Service::InfomaniakBatch) => batch::fits(fields),
        Speaks::Service(Service::AzureDocuments | Service::Fal)
        | Speaks::Anthropic(_)
        | Speaks::Gemini
        | Speaks::Bedrock => misfit("model"),
    }
}

/// Begins to have it heard on a route that it fits.
pub(super) fn begin(question: &WorkQuestion, recording: &Recording, carry: &Carry, class: Class) -> Begin {
    let fields = question.fields();
    match carry.speaks {
        Speaks::Mistral => mistral::begin(fields, recording, carry),
        Speaks::Service(Service::AzureSpeech) => azure::begin(fields, recording, carry),
        Speaks::Service(Service::InfomaniakBatch) => batch::begin(fields, recording, carry),
        Speaks::OpenAi
        | Speaks::Service(Service::AzureDocuments | Service::Fal)
        | Speaks::Anthropic(_)
        | Speaks::Gemini
        | Speaks::Bedrock => openai::begin(question, recording, carry, class),
    }
}

/// What becomes of a field of such a request on one route. Of what it may not say the value decides as well: see [`fits`].
pub(crate) fn treatment(name: &str, carry: &Carry) -> Treatment {
    let is_azure = carry.speaks == Speaks::Service(Service::AzureSpeech);
    let (is_mistral, is_short) = (carry.speaks == Speaks::Mistral, is_azure && azure::is_short(carry));
    match name {
        _ if carry.lacks.contains(name) && ["prompt", "temperature"].contains(&name) => Treatment::LeftOut,
        _ if carry.lacks.contains(name) => Treatment::Refused,
        "chunking_strategy" | "include" => Treatment::Refused,
        "user" => Treatment::LeftOut,
        "prompt" if is_mistral || is_azure => Treatment::LeftOut,
        "temperature" if is_azure => Treatment::LeftOut,
        "context_bias" if is_mistral => Treatment::Native,
        "context_bias" if is_short => Treatment::LeftOut,
        "context_bias" if !is_azure => Treatment::Refused,
        "timestamp_granularities" if is_mistral || is_short => Treatment::Refused,
        "prompt" | "temperature" => Treatment::Native,
        "language" | "timestamp_granularities" if !is_azure => Treatment::Native,
        // The formats are written here, and a stream where the host has none.
        _ => Treatment::Translated,
    }
}

fn misfit(field: &'static str) -> Result<(), Misfit> {
    Err(Misfit { field: Field::Ours(field) })
}

/// A form with these fields, and the sound as the file of this name.
fn upload(
    path: &'static str,
    accept: &'static str,
    texts: &[(&str, &str)],
    file: &str,
    recording: &Recording,
) -> Message {
    let container = recording.contained.map(|contained| contained.container);
    let mut parts: Vec<_> = texts.iter().map(|(name, text)| Piece::Text(name, text)).collect();
    parts.push(Piece::File {
        name: file,
        called: container.map_or("audio", |container| container.called()),
        media: container.map_or("application/octet-stream", |container| container.media()),
        data: recording.sound.clone(),
    });
    let Written { content_type, pieces } = written(&parts);
    Message {
        verb: Verb::Post,
        path: path.into(),
        accept,
        headers: Vec::new(),
        content_type: Some(content_type.into()),
        body: pieces,
        answers: &[200],
    }
}

/// Those of the fields that ask for something.
fn asking(fields: &Fields, names: &[&'static str]) -> Vec<&'static str> {
    let asks = |name: &&'static str| match fields.field(name) {
        Some(value) => {
            value.number().is_none_or(|number| number.abs() >= f64::MIN_POSITIVE)
                && value.text().is_none_or(|text| !text.is_empty())
        }
        None => false,
    };
    names.iter().copied().filter(asks).collect()
}

/// The words that are to be expected.
fn bias(fields: &Fields) -> Vec<String> {
    let items = fields.field("context_bias").and_then(Value::items);
    items.into_iter().flatten().filter_map(|word| word.text().map(std::borrow::Cow::into_owned)).collect()
}
