//! The words of the house: every idea that more than one crate speaks of, as a type that cannot hold nonsense.
//!
//! Strings become these types at the border and stay typed from there on. Nothing here does I/O.

mod clock;
mod framework;
mod id;
mod modality;
mod money;
mod name;
mod payload;
mod place;
mod refusal;
mod secret;
mod usage;

pub use clock::Clock;
pub use framework::Framework;
pub use id::{AgentId, AgreementId, CredentialId, OrgId, RequestId, RoleId, TokenId};
pub use modality::{Capability, Class, Modality, Tier};
pub use money::{Currency, MicroUsd, Overflow};
pub use name::{AliasName, HostName, ModelName, ProviderName, RouteId, Slug, SpaceName};
pub use payload::{Completion, Prompt};
pub use place::{Country, Region};
pub use refusal::{Code, Refusal, Wait};
pub use secret::{KeyKind, ProviderKey};
pub use usage::{Quality, Usage};

/// Why a text is not the word it was meant to be. The offending text is not repeated: it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a {what}: {rule}")]
pub struct NotAWord {
    /// What it should have been, such as `region`.
    pub what: &'static str,
    /// What such a word looks like.
    pub rule: &'static str,
}
