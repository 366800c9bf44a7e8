use std::sync::Arc;

use phi_words::{Code, Refusal};

use crate::{Agent, Kind, Limits, Org, Role, StoredToken};

/// Proof that a request came with a token that holds. Only [`crate::Directory::caller`] makes it:
///
/// ```compile_fail
/// fn forge(known: phi_identify::Caller) -> phi_identify::Caller {
///     phi_identify::Caller { known: known.known }
/// }
/// ```
/// ```
/// fn identify(directory: &phi_identify::Directory, headers: &http::HeaderMap) -> Option<phi_identify::Caller> {
///     let peer = std::net::Ipv4Addr::LOCALHOST.into();
///     directory.caller(peer, headers, jiff::Timestamp::now()).ok()
/// }
/// ```
#[derive(Debug, Clone)]
pub struct Caller {
    known: Arc<Known>,
}

/// A token with all that it belongs to.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) org: Arc<Org>,
    pub(crate) role: Option<Arc<Role>>,
    pub(crate) agent: Arc<Agent>,
    pub(crate) token: StoredToken,
}

impl Caller {
    pub(crate) fn new(known: Arc<Known>) -> Self {
        Self { known }
    }

    /// The organization.
    pub fn org(&self) -> &Org {
        &self.known.org
    }

    /// The agent's role, where it has one.
    pub fn role(&self) -> Option<&Role> {
        self.known.role.as_deref()
    }

    /// The agent.
    pub fn agent(&self) -> &Agent {
        &self.known.agent
    }

    /// The token that was shown.
    pub fn token(&self) -> &StoredToken {
        &self.known.token
    }

    /// Whether it was a test token, which reaches free hosts alone.
    pub fn is_test(&self) -> bool {
        match self.known.token.kind {
            Kind::Test => true,
            Kind::Live => false,
        }
    }

    /// How much the agent may ask: its own limits, and its role's where it has none.
    pub fn limits(&self) -> Limits {
        let role = self.role().map_or_else(Limits::default, |role| role.limits);
        self.agent().limits.or(role)
    }
}

/// The request cannot be identified. To the outside all reasons are alike; [`Unidentified::reason`] is for our counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no valid API key was given")]
pub struct Unidentified(pub(crate) Reason);

/// What was wrong, worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Missing,
    Several,
    Malformed,
    Unknown,
    Wrong,
    Revoked,
    Expired,
    Network,
}

impl Unidentified {
    /// What was wrong, for a counter: never for the caller.
    pub fn reason(&self) -> &'static str {
        match self.0 {
            Reason::Missing => "missing",
            Reason::Several => "several",
            Reason::Malformed => "malformed",
            Reason::Unknown => "unknown",
            Reason::Wrong => "wrong",
            Reason::Revoked => "revoked",
            Reason::Expired => "expired",
            Reason::Network => "network",
        }
    }
}

impl From<&Unidentified> for Refusal {
    fn from(error: &Unidentified) -> Self {
        Self::new(
            Code::InvalidApiKey,
            error.to_string(),
            "send one valid key as `Authorization: Bearer <key>`; `phi token create` issues one",
        )
    }
}
