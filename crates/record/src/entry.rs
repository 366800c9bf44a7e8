//! All that may be written down of a call. Adding a field here is a decision about privacy: no field may hold a
//! prompt, an answer, a file name, a key, or text that a caller chose freely.

use std::collections::BTreeMap;

use jiff::Timestamp;
use phi_words::{
    AgentId, Class, Code, HostName, MicroUsd, Modality, OrgId, Quality, Region, RequestId, RoleId, RouteId, TokenId,
    Usage,
};
use serde::{Deserialize, Serialize};

/// The version of the shapes in this file. Readers ignore fields that they do not know.
pub const ENTRY_VERSION: u16 = 1;

/// How long most lines are at most, in bytes.
const MOSTLY: usize = 1_024;

/// One line of the ledger.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// [`ENTRY_VERSION`] when it was written.
    pub entry_version: u16,
    /// When it was written.
    pub time: Timestamp,
    /// What it says.
    #[serde(flatten)]
    pub record: Record,
}

/// What one line says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "record", rename_all = "snake_case")]
pub enum Record {
    /// A call that was turned away.
    Refused(Box<RefusedRecord>),
    /// A call that may reach a host: durable before its first byte leaves.
    Opened(Box<OpenedRecord>),
    /// How that call ended.
    Closed(Box<ClosedRecord>),
    /// Something that an operator, a caller or the server itself did beside calls.
    Act(Box<ActRecord>),
}

/// Who asked, as far as it was known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The organization.
    pub org: OrgId,
    /// The role of the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleId>,
    /// The agent.
    pub agent: AgentId,
    /// The token that was shown.
    pub token: TokenId,
}

/// A keyed hash of something that must be provable and must not be readable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyedHash {
    /// The version of the key.
    pub key: u16,
    /// HMAC-SHA256 in lower-case hex.
    pub hash: String,
}

/// Before the first byte leaves: who asked what, and where it may go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedRecord {
    /// The call.
    pub id: RequestId,
    /// The call on whose behalf this one was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<RequestId>,
    /// Who asked.
    #[serde(flatten)]
    pub who: Who,
    /// What kind of work.
    pub modality: Modality,
    /// The model as it was written, if it is `auto` or a name in the catalogue, else `unknown`.
    pub model: String,
    /// Where it must be processed.
    pub region: Region,
    /// Its class.
    pub class: Class,
    /// What kinds of data it was found to carry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data_classes: Vec<String>,
    /// Whether the answer is streamed.
    pub stream: bool,
    /// The rules that decided, by their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<String>,
    /// The version of the operator's policies.
    pub policy: String,
    /// The version of the catalogue.
    pub catalogue: String,
    /// The version of identities, agreements and credentials.
    pub snapshot: u64,
    /// The only routes that may be tried, in order.
    pub routes: Vec<RouteId>,
    /// The size of the body in bytes.
    pub body_bytes: u64,
    /// Commits to the payload: who holds it and the key can prove it was this one.
    pub commitment: KeyedHash,
    /// Of `X-Actor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<KeyedHash>,
    /// Of `X-Subject`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject: Option<KeyedHash>,
    /// Of `X-Purpose`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub purpose: Option<KeyedHash>,
    /// `disk` or `process`.
    pub durability: String,
}

/// A call that was turned away before anything left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedRecord {
    /// The call.
    pub id: RequestId,
    /// Why.
    pub code: Code,
    /// Who asked, where that was known.
    #[serde(flatten)]
    pub who: Option<Who>,
    /// From where, where it was not known who.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<std::net::IpAddr>,
    /// What kind of work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modality: Option<Modality>,
    /// The model, as in [`OpenedRecord::model`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Where it should have been processed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<Region>,
    /// Its class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// How many more refusals of the same agent or address since the record before were counted and not written.
    #[serde(default)]
    pub unwritten: u64,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ClosedRecord {
    /// The call.
    pub id: RequestId,
    /// How it ended.
    pub status: Status,
    /// What the caller was told, where it was a refusal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Code>,
    /// The route that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<RouteId>,
    /// The host that answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<HostName>,
    /// Every route that was tried, in order.
    pub attempts: Vec<Attempt>,
    /// Milliseconds from the request's arrival to the first byte of the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_byte_ms: Option<u64>,
    /// Milliseconds from the request's arrival to the end.
    pub latency_ms: u64,
    /// What was consumed.
    pub usage: Usage,
    /// How far that can be trusted.
    pub quality: Quality,
    /// What the provider's list says it costs, in micro-USD.
    pub list_cost: MicroUsd,
    /// Who is charged how many micro-USD, margin included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charge: Vec<Share>,
    /// The margin that the charge was made with, in hundredths of a percent; older entries do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub margin_bp: Option<u32>,
    /// The version of the prices.
    pub prices: String,
    /// The fields that the host could not be given.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<String>,
    /// What rules did to the answer, and how many addresses of images were asked (`image_fetched:2`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub interventions: Vec<String>,
    /// What the operator must look into.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Incident>,
}

/// One account's part of a charge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// The organization that pays.
    pub account: OrgId,
    /// How much.
    pub micro_usd: MicroUsd,
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// The whole answer went to the caller.
    Answered,
    /// No host answered.
    Failed,
    /// A host stopped in the middle.
    Truncated,
    /// The caller left before the end.
    CallerLeft,
    /// A rule ended the answer.
    Stopped,
    /// A bug of ours ended it.
    Panicked,
    /// The process died: written when it starts again.
    Unknown,
}

impl Status {
    /// The word in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed => "failed",
            Self::Truncated => "truncated",
            Self::CallerLeft => "caller_left",
            Self::Stopped => "stopped",
            Self::Panicked => "panicked",
            Self::Unknown => "unknown",
        }
    }
}

/// One route that was tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Which.
    pub route: RouteId,
    /// How far the request got.
    pub reach: Reach,
    /// How it ended.
    pub ended: Ended,
    /// What kept a connection from being made, where it ended so; older entries do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub obstacle: Option<Obstacle>,
    /// How long it took, in milliseconds.
    pub ms: u64,
}

/// What keeps a connection to a host from being made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// Its name leads nowhere.
    Name,
    /// Its name leads to an address that a host of its kind cannot have: a private one, or for premises a public one.
    Address,
    /// Its address is plain HTTP, which is for premises alone.
    Plain,
    /// Nobody listens at its port.
    Refused,
    /// There is no way to its address.
    Network,
    /// It did not take the connection in time.
    Timeout,
    /// It could not prove who it is, or TLS could not be agreed on.
    Tls,
    /// The operator's proxy opens no way to it.
    Proxy,
    /// It took the connection and speaks no HTTP on it, or closed it.
    Silent,
    /// This machine has no files, ports or memory left.
    Ours,
}

impl Obstacle {
    /// The word in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::Plain => "plain",
            Self::Refused => "refused",
            Self::Network => "network",
            Self::Timeout => "timeout",
            Self::Tls => "tls",
            Self::Proxy => "proxy",
            Self::Silent => "silent",
            Self::Ours => "ours",
        }
    }
}

/// How far a request got with one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Nothing of it reached the host.
    NotSent,
    /// Some of it may have reached the host.
    Sent,
    /// The host began to answer.
    Answered,
}

/// How one attempt ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// It is still running, or was when the process died.
    Running,
    /// With an answer.
    Ok,
    /// No connection could be made.
    Connect,
    /// No answer in time.
    Timeout,
    /// The connection broke.
    Broken,
    /// The host refused our key or our account.
    Account,
    /// The host does not know our row.
    Row,
    /// The host has no room for us now.
    RateLimited,
    /// The host failed.
    HostError,
    /// The host sent us elsewhere.
    Redirect,
    /// The host refused the request.
    Rejected,
    /// The host's answer made no sense.
    Malformed,
    /// The host stopped in the middle.
    Truncated,
    /// The answer came from elsewhere than planned.
    Mismatch,
    /// The caller left.
    CallerLeft,
    /// The vault did not give the key.
    NoKey,
}

impl Ended {
    /// The word in the record.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Ok => "ok",
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Broken => "broken",
            Self::Account => "account",
            Self::Row => "row",
            Self::RateLimited => "rate_limited",
            Self::HostError => "host_error",
            Self::Redirect => "redirect",
            Self::Rejected => "rejected",
            Self::Malformed => "malformed",
            Self::Truncated => "truncated",
            Self::Mismatch => "mismatch",
            Self::CallerLeft => "caller_left",
            Self::NoKey => "no_key",
        }
    }
}

/// Something the operator must look into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "incident", rename_all = "snake_case")]
pub enum Incident {
    /// The reply says that it was processed elsewhere than planned.
    Region {
        /// The route.
        route: RouteId,
    },
    /// The reply says that another model answered.
    Model {
        /// The route.
        route: RouteId,
    },
    /// The host's figures of usage made no sense.
    Usage {
        /// The route.
        route: RouteId,
    },
}

/// Something that was done beside calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActRecord {
    /// Who did it.
    pub by: ActBy,
    /// What was done, such as `token.create`.
    pub act: String,
    /// To what: ids, names and hashes, never secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub about: BTreeMap<String, String>,
}

/// Who did it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ActBy {
    /// Somebody at the machine, by the control socket or with the server stopped.
    Operator {
        /// The user id of the process.
        uid: u32,
    },
    /// A caller, by the API.
    Caller(Who),
    /// The server itself.
    Server,
}

/// A [`Line`] that is about to be written.
#[derive(Serialize)]
struct Written<'a> {
    entry_version: u16,
    time: Timestamp,
    #[serde(flatten)]
    record: &'a Record,
}

impl Line {
    /// The bytes in the ledger of a line that says `record`: compact JSON, fields in the order of this file.
    ///
    /// # Errors
    /// Where JSON cannot say it, which these types rule out.
    pub fn write(record: &Record, time: Timestamp) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = Vec::with_capacity(MOSTLY);
        serde_json::to_writer(&mut bytes, &Written { entry_version: ENTRY_VERSION, time, record })?;
        Ok(bytes)
    }

    /// Its bytes, as [`Line::write`] makes them.
    ///
    /// # Errors
    /// See there.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        Self::write(&self.record, self.time)
    }

    /// Reads a line back.
    ///
    /// # Errors
    /// Where the bytes are not a line of a shape that we know.
    pub fn parse(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes)
    }
}

impl Record {
    /// The call that the record is about.
    pub fn call(&self) -> Option<RequestId> {
        match self {
            Self::Refused(refused) => Some(refused.id),
            Self::Opened(opened) => Some(opened.id),
            Self::Closed(closed) => Some(closed.id),
            Self::Act(_) => None,
        }
    }
}
