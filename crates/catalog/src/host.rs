use std::collections::BTreeSet;

use jiff::civil::Date;
use phi_words::{HostName, KeyKind, Modality, ProviderName};
use serde::{Deserialize, Serialize};

use crate::{Extent, Template};

/// A provider's endpoint at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name in the catalogue.
    pub name: HostName,
    /// Whose it is.
    pub provider: ProviderName,
    /// What it speaks.
    pub dialect: Dialect,
    /// Where it is; its parameters come with the credential.
    pub address: Template,
    /// How it wants to be shown a key.
    pub auth: Auth,
    /// Whether it stands on the operator's premises: plain HTTP and private addresses are allowed there, and there
    /// alone, and PHI may be processed there in `WORLD` too.
    pub premises: bool,
    /// Whether it costs nothing and is open to test keys.
    pub free: bool,
    /// Where it processes what it is sent.
    pub processes_in: Extent,
    /// What that is known from.
    pub evidence: Evidence,
    /// Where that is said.
    pub source: String,
    /// When that was read.
    pub date: Date,
}

impl Host {
    /// Whether a request to it needs a credential of the vault, for its key or for the parameters of its address.
    pub fn needs_credential(&self) -> bool {
        self.auth != Auth::None || !self.params().is_empty()
    }

    /// Whether a credential with this kind of key opens it. Where it wants no key, a plain one does, for what it brings
    /// to the address.
    pub fn is_opened_by(&self, kind: KeyKind) -> bool {
        self.auth.wants().unwrap_or(KeyKind::Plain) == kind
    }

    /// The parameters of its address that a credential has to bring.
    pub fn params(&self) -> BTreeSet<&str> {
        self.address.params()
    }
}

/// What a host speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// OpenAI's: `chat/completions` and `embeddings` below the host's address.
    #[serde(rename = "openai")]
    OpenAi,
    /// OpenAI's as Azure speaks it: names of deployments, and filters that speak in errors and replies.
    #[serde(rename = "azure-openai")]
    AzureOpenAi,
    /// Azure Speech: transcription, and speech by SSML.
    AzureSpeech,
    /// Azure Document Intelligence: operations that are asked until they are done.
    AzureDocuments,
    /// Anthropic's messages.
    Anthropic,
    /// The same on Vertex AI: the model stands in the path.
    AnthropicVertex,
    /// Google's `generateContent`.
    Gemini,
    /// Mistral's chat, OCR and audio.
    Mistral,
    /// Bedrock's `converse`.
    Bedrock,
    /// fal's queue of jobs.
    Fal,
    /// Infomaniak's batches of recordings, which are asked for until they are done.
    InfomaniakBatch,
}

impl Dialect {
    /// Whether the gateway speaks it for a kind of work. A route on a host whose dialect it does not speak is never live.
    pub fn is_built(self, modality: Modality) -> bool {
        match self {
            Self::OpenAi => match modality {
                Modality::Chat
                | Modality::Embeddings
                | Modality::Ocr
                | Modality::Transcription
                | Modality::Speech
                | Modality::Image => true,
                Modality::Video | Modality::Math => false,
            },
            Self::AzureOpenAi => matches!(modality, Modality::Chat | Modality::Embeddings),
            Self::Mistral => {
                matches!(modality, Modality::Chat | Modality::Ocr | Modality::Transcription | Modality::Speech)
            }
            Self::Anthropic | Self::AnthropicVertex | Self::Gemini | Self::Bedrock => modality == Modality::Chat,
            Self::Fal => modality == Modality::Image,
            Self::AzureSpeech => matches!(modality, Modality::Transcription | Modality::Speech),
            Self::InfomaniakBatch => modality == Modality::Transcription,
            Self::AzureDocuments => modality == Modality::Ocr,
        }
    }
}

/// How a host wants to be shown a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Auth {
    /// `Authorization: Bearer KEY`.
    Bearer,
    /// `x-api-key: KEY`.
    XApiKey,
    /// `api-key: KEY`.
    ApiKey,
    /// `x-goog-api-key: KEY`.
    XGoogApiKey,
    /// `Ocp-Apim-Subscription-Key: KEY`.
    OcpApimSubscriptionKey,
    /// `Authorization: Key KEY`.
    Key,
    /// `Authorization: Bearer TOKEN`, a token that the key of a Google service account has signed for Vertex AI, and that
    /// holds for an hour (<https://google.aip.dev/auth/4111>).
    GoogleServiceAccount,
    /// By an access key of Amazon Web Services, which signs each request by Signature Version 4 for Bedrock and the region
    /// that the host's address names.
    #[serde(rename = "aws-sigv4")]
    AwsSigV4,
    /// Not at all: only on the operator's premises.
    None,
}

impl Auth {
    /// The kind of key that such a host wants; `None` where it wants none.
    pub fn wants(self) -> Option<KeyKind> {
        match self {
            Self::Bearer
            | Self::XApiKey
            | Self::ApiKey
            | Self::XGoogApiKey
            | Self::OcpApimSubscriptionKey
            | Self::Key => Some(KeyKind::Plain),
            Self::GoogleServiceAccount => Some(KeyKind::GoogleServiceAccount),
            Self::AwsSigV4 => Some(KeyKind::AwsAccessKey),
            Self::None => None,
        }
    }
}

/// What a host's place is known from. The later word is the weaker one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// A contract says so.
    Contract,
    /// The vendor says so in public.
    Vendor,
    /// It is claimed, and no source of the vendor was found: general traffic only.
    Unverified,
}
