use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use phi_words::{Capability, Code, Country, ModelName, Prompt, Refusal};

use crate::Sound;
use crate::anthropic::At;

/// What one route can carry: built by the caller from a catalogue row.
#[derive(Debug, Clone)]
pub struct Carry {
    /// What its host speaks.
    pub speaks: Speaks,
    /// The provider's own id of the model: what is sent as `model`.
    pub own: ModelName,
    /// The catalogue's name of the model: what callers are told.
    pub model: ModelName,
    /// What the model can do.
    pub capabilities: BTreeSet<Capability>,
    /// Body fields of our table that the host lacks, such as `n` or `logit_bias`.
    pub lacks: BTreeSet<String>,
    /// Whether fields that we do not know are kept byte for byte on general traffic.
    pub open_body: bool,
    /// Whether the host wants its seals of calls back, in the place where Google has them in OpenAI's format.
    pub seals: bool,
    /// The most tokens of output that the model makes, where that is known.
    pub max_output: Option<u64>,
    /// How the host spells the limit of output tokens.
    pub limit_name: LimitName,
    /// Whether the host understands `stream_options: {"include_usage": true}`.
    pub include_usage: bool,
    /// Whether JSON mode has to be sent as a schema that any object satisfies, because the host refuses `json_object`.
    pub json_object_as_schema: bool,
    /// Whether the host makes base64 vectors itself.
    pub base64: bool,
    /// Whose tokenizer the model uses: token arrays are passed to OpenAI's alone, and decoded to text for all others.
    pub tokenizer: Tokenizer,
    /// How long the model's vectors are unless `dimensions` says otherwise; `None` for chat.
    pub dimension: Option<u32>,
    /// What the host writes sound as.
    pub sounds: BTreeSet<Sound>,
    /// Where the host processes, if that is in one country.
    pub country: Option<Country>,
    /// How it calls the voices that callers name otherwise.
    pub voices: BTreeMap<String, String>,
}

impl Carry {
    /// A host that takes every field of the table, for a model that can do nothing beyond text.
    pub fn plain(own: ModelName) -> Self {
        Self {
            speaks: Speaks::OpenAi,
            model: own.clone(),
            own,
            capabilities: BTreeSet::new(),
            lacks: BTreeSet::new(),
            open_body: false,
            seals: false,
            max_output: None,
            limit_name: LimitName::MaxTokens,
            include_usage: true,
            json_object_as_schema: false,
            base64: false,
            tokenizer: Tokenizer::Other,
            dimension: None,
            sounds: Sound::ALL.into(),
            country: None,
            voices: BTreeMap::new(),
        }
    }
}

/// What a host speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// OpenAI's chat format.
    OpenAi,
    /// Anthropic's messages.
    Anthropic(At),
    /// Google's `generateContent`.
    Gemini,
    /// Amazon Bedrock's `Converse`.
    Bedrock,
    /// Mistral's, which is close to it: other names, chunks in the place of texts, and nothing unknown.
    Mistral,
    /// A service that does other work than to converse.
    Service(Service),
}

/// What a service speaks that does not converse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Azure Speech.
    AzureSpeech,
    /// Azure Document Intelligence.
    AzureDocuments,
    /// fal's queue.
    Fal,
    /// Infomaniak's batches of recordings.
    InfomaniakBatch,
}

/// How a host spells the limit of output tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitName {
    /// The older `max_tokens`.
    MaxTokens,
    /// `max_completion_tokens`, which supersedes it in OpenAI's own interface.
    MaxCompletionTokens,
}

impl LimitName {
    /// The name of the field.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::MaxTokens => "max_tokens",
            Self::MaxCompletionTokens => "max_completion_tokens",
        }
    }
}

/// Whose tokenizer a model uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tokenizer {
    /// One of OpenAI's: token arrays mean something to it.
    OpenAi,
    /// Any other.
    Other,
}

/// A body made for one route.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// What to send.
    pub body: Prompt,
    /// The fields that asked for something and are not in the body in any form: for `x-phi-left-out` and the entry.
    pub left_out: Vec<&'static str>,
}

/// A field that a route cannot carry: it drops out of the plan.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this route cannot carry `{field}`")]
pub struct Misfit {
    /// The name of the field, as in the body.
    pub field: Field,
}

/// The name of a field of a body: one of ours, or an unknown one of the caller's. Cheap to make and to clone, since every
/// route that a request does not fit has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Field {
    /// One that our table knows.
    Ours(&'static str),
    /// The same, and what is amiss is that it is not there.
    Needed(&'static str),
    /// Another.
    Theirs(Arc<str>),
}

impl Field {
    /// The name.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Ours(name) | Self::Needed(name) => name,
            Self::Theirs(name) => name,
        }
    }
}

impl From<&'static str> for Field {
    fn from(name: &'static str) -> Self {
        Self::Ours(name)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<&Misfit> for Refusal {
    fn from(misfit: &Misfit) -> Self {
        let (what, hint) = match misfit.field {
            Field::Needed(_) => ("do without", "say it, or name another model"),
            Field::Ours(_) | Field::Theirs(_) => ("carry", "leave the field out, or name another model"),
        };
        let message = format!("no route that serves this model can {what} `{}`", misfit.field);
        Self::new(Code::UnsupportedParameter, message, hint).at(misfit.field.to_string())
    }
}
