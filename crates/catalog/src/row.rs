use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::Date;
use phi_words::{Capability, Modality, ModelName, ProviderName, RouteId, SpaceName, Tier};
use serde::{Deserialize, Serialize};

use crate::{Host, Price};

/// A route: a model at a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Its id.
    pub route: RouteId,
    /// The company.
    pub provider: ProviderName,
    /// Its endpoint.
    pub host: Arc<Host>,
    /// The model's catalogue name, `provider/name`: what a reply's `model` says.
    pub model: ModelName,
    /// The provider's own id of the model: what the host is sent.
    pub own: ModelName,
    /// What kind of work it does.
    pub modality: Modality,
    /// What it can do beyond text.
    pub capabilities: BTreeSet<Capability>,
    /// How much it thinks; a row that does not say is [`Tier::Baseline`].
    pub tier: Tier,
    /// What it costs. Without a price it takes no paid traffic; on a free host it has none.
    pub price: Option<Price>,
    /// Whether it serves, as written; see [`Row::is_live`].
    pub status: Status,
    /// When it is said to go.
    pub retires: Option<Retirement>,
    /// Whether `auto` never means it.
    pub pin_only: bool,
    /// Whether strangers are shown it, in the public rate card. What an operator added is not, unless the route says so,
    /// and what stands on the operator's premises never is.
    pub public: bool,
    /// The space of its vectors; none but for embeddings.
    pub space: Option<SpaceName>,
    /// How long its vectors are; none but for embeddings.
    pub dimension: Option<u32>,
    /// The most tokens that it takes, in and out together.
    pub context: Option<u64>,
    /// The most tokens that it gives.
    pub max_output: Option<u64>,
    /// What the host's replies may call it; a trailing `*` stands for any rest.
    pub replies_as: BTreeSet<ModelName>,
    /// What it can be given.
    pub carries: Carries,
    /// Where all this is said; every live row has one.
    pub source: Option<String>,
    /// When that was read.
    pub date: Option<Date>,
}

impl Row {
    /// Whether it serves on this day: written as live, and not past the vendor's own date of retirement.
    pub fn is_live(&self, today: Date) -> bool {
        self.status == Status::Live && !self.is_past(Says::Vendor, today)
    }

    /// Whether somebody else says that it is gone by this day: it comes last, after every other.
    pub fn is_doubtful(&self, today: Date) -> bool {
        self.is_past(Says::ThirdParty, today)
    }

    /// Whether a host's reply may name its model so.
    pub fn replies_as(&self, name: &str) -> bool {
        self.replies_as.iter().any(|known| match known.as_str().strip_suffix('*') {
            Some(head) => name.starts_with(head),
            None => name == known.as_str(),
        })
    }

    /// What a request costs here, or that nothing is known of it. A free host costs nothing.
    pub fn is_priced(&self) -> bool {
        self.host.free || self.price.is_some()
    }

    fn is_past(&self, says: Says, today: Date) -> bool {
        self.retires.is_some_and(|retirement| retirement.says == says && today >= retirement.on)
    }
}

/// What a route can be given, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carries {
    /// Fields of the body that the host or model lacks, such as `logit_bias`.
    pub lacks: BTreeSet<String>,
    /// Whether fields that we do not know are kept on general traffic.
    pub open_body: bool,
    /// Whether the host seals its calls in the place where Google has that in OpenAI's format, and wants it back.
    pub seals: bool,
    /// How the host spells the limit of output tokens.
    pub limit_name: LimitName,
    /// Whether the host understands `stream_options: {"include_usage": true}`.
    pub include_usage: bool,
    /// How the host does JSON mode.
    pub json_object: JsonObject,
    /// Whether the host makes base64 vectors itself.
    pub base64: bool,
    /// Whose tokenizer the model uses.
    pub tokenizer: Tokenizer,
    /// What the host writes sound as; all there is, unless the row says otherwise.
    pub sounds: BTreeSet<Sound>,
    /// How the host calls the voices that callers name otherwise, such as `alloy`.
    pub voices: BTreeMap<String, String>,
}

/// Whether a row serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Built, and tested against the documented format.
    Live,
    /// Known, not served.
    Staged,
    /// Gone.
    Retired,
}

/// When a model is said to go, and by whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retirement {
    /// The first day without it, in UTC.
    pub on: Date,
    /// Who says so.
    pub says: Says,
}

/// Who says that a model goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Says {
    /// The vendor: from that day the row serves nobody.
    Vendor,
    /// Somebody else: from that day the row comes last.
    ThirdParty,
}

/// How a host spells the limit of output tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitName {
    /// The older `max_tokens`.
    #[default]
    MaxTokens,
    /// `max_completion_tokens`.
    MaxCompletionTokens,
}

/// How a host does JSON mode.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum JsonObject {
    /// By `response_format: json_object`.
    #[default]
    Native,
    /// By a schema that any object satisfies, because it refuses `json_object`.
    Schema,
}

/// What sound is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sound {
    /// MPEG audio layer III.
    Mp3,
    /// Opus in Ogg.
    Opus,
    /// AAC in ADTS.
    Aac,
    /// FLAC.
    Flac,
    /// PCM of 16 bits in RIFF.
    Wav,
    /// PCM of 16 bits at 24 kHz, mono, without a header.
    Pcm,
}

impl Sound {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Mp3, Self::Opus, Self::Aac, Self::Flac, Self::Wav, Self::Pcm];
}

/// Whose tokenizer a model uses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tokenizer {
    /// One of OpenAI's: token arrays mean something to it.
    OpenAi,
    /// Any other.
    #[default]
    Other,
}
