use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::modality::closed;

closed!(/// Everything that a caller can be told instead of an answer. A code knows no HTTP status: each surface has its table.
Code, "code", "one of the codes in docs/errors.md", {
    /// The server is about to stop.
    Draining = "draining",
    /// The server has more work than it takes.
    Overloaded = "overloaded",
    /// The vault has no master key.
    VaultSealed = "vault_sealed",
    /// The request is not well formed.
    InvalidRequest = "invalid_request",
    /// No such path, or nothing of that id for this caller.
    NotFound = "not_found",
    /// The path is known, the method is not.
    MethodNotAllowed = "method_not_allowed",
    /// No credential, or one that does not hold.
    InvalidApiKey = "invalid_api_key",
    /// Too many requests or tokens a minute, or too many at once.
    RateLimited = "rate_limited",
    /// A header of ours has a value that it cannot have.
    InvalidHeader = "invalid_header",
    /// A header of ours was given twice, or in a second spelling.
    AmbiguousHeader = "ambiguous_header",
    /// A field or header that is not supported here.
    UnsupportedParameter = "unsupported_parameter",
    /// The caller tried to lower the class.
    ClassFloor = "class_floor",
    /// The caller may not use this region.
    RegionFloor = "region_floor",
    /// The body is too long.
    RequestTooLarge = "request_too_large",
    /// The body is of a type that we do not read.
    UnsupportedMediaType = "unsupported_media_type",
    /// The body is not JSON.
    InvalidJson = "invalid_json",
    /// A key stands twice in one object.
    DuplicateKey = "duplicate_key",
    /// A rule of the operator forbids it.
    PolicyDenied = "policy_denied",
    /// No such model for this organization.
    ModelNotFound = "model_not_found",
    /// Nobody serves it in this region.
    NoRoute = "no_route",
    /// Nobody serves it in this region under a standing agreement.
    PhiBlocked = "phi_blocked",
    /// The record could not be made durable.
    LedgerUnavailable = "ledger_unavailable",
    /// Every host is resting.
    UpstreamUnavailable = "upstream_unavailable",
    /// The input is longer than the model's context.
    ContextLengthExceeded = "context_length_exceeded",
    /// The host refused the content.
    ContentFiltered = "content_filtered",
    /// The host refused the request.
    UpstreamRejected = "upstream_rejected",
    /// Every host failed.
    UpstreamFailed = "upstream_failed",
    /// The host stopped in the middle of its answer.
    UpstreamTruncated = "upstream_truncated",
    /// The host did not answer in time.
    UpstreamTimeout = "upstream_timeout",
    /// A bug of ours.
    Internal = "internal",
});

impl Code {
    /// What it says, for the list of codes; a refusal's own message says more.
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::Draining => "the server is about to stop",
            Self::Overloaded => "the server has more requests than it takes on",
            Self::VaultSealed => "the vault has no master key",
            Self::InvalidRequest => "the request is not well formed",
            Self::NotFound => "there is nothing at this path, or nothing of that id for this caller",
            Self::MethodNotAllowed => "the path does not take this method",
            Self::InvalidApiKey => "no credential, more than one, or one that does not hold; all alike",
            Self::RateLimited => "too many requests or tokens a minute, or too many at once",
            Self::InvalidHeader => "a header of ours has a value that it cannot have",
            Self::AmbiguousHeader => "a header of ours stands twice, in a second spelling or in a trailer",
            Self::UnsupportedParameter => "a field or header is not supported here",
            Self::ClassFloor => "the caller tried to go below the class that token or organization demand",
            Self::RegionFloor => "token or organization do not allow this region",
            Self::RequestTooLarge => "the body is longer than the server reads",
            Self::UnsupportedMediaType => "the body is not uncompressed JSON in UTF-8",
            Self::InvalidJson => "the body is not JSON",
            Self::DuplicateKey => "a key stands twice in one object of the body",
            Self::PolicyDenied => "a rule of the operator forbids it",
            Self::ModelNotFound => "this organization knows no such model",
            Self::NoRoute => "nobody serves it in this region",
            Self::PhiBlocked => "nobody serves it in this region under a standing agreement",
            Self::LedgerUnavailable => "the request cannot be recorded now, so it was not sent anywhere",
            Self::UpstreamUnavailable => "no host has room for the request now",
            Self::ContextLengthExceeded => "input and output together are longer than the model's context",
            Self::ContentFiltered => "the host refused the content",
            Self::UpstreamRejected => "the host refused the request",
            Self::UpstreamFailed => "every host that could answer failed",
            Self::UpstreamTruncated => "the host stopped in the middle of its answer",
            Self::UpstreamTimeout => "the host did not answer in time",
            Self::Internal => "a bug of ours",
        }
    }

    /// How to mend it, for the list of codes.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Draining => "try again: another one answers, or this one once it is back",
            Self::Overloaded => "try again shortly",
            Self::VaultSealed => "the operator unseals the vault",
            Self::InvalidRequest => "send it as the endpoint's documentation says",
            Self::NotFound => "the base URL ends in `/v1`",
            Self::MethodNotAllowed => "use the method that the message names",
            Self::InvalidApiKey => "send one valid key as `Authorization: Bearer KEY`; `phi token create` issues one",
            Self::RateLimited => "wait as `Retry-After` says, or ask the operator for a higher limit",
            Self::InvalidHeader => "send a value that the message names",
            Self::AmbiguousHeader => "send it once, among the headers",
            Self::UnsupportedParameter => "leave it out, or name another model",
            Self::ClassFloor => "leave `X-PHI` out or send `X-PHI: true`",
            Self::RegionFloor => "name a region that `GET /v1/ping` lists",
            Self::RequestTooLarge => "send a shorter one; the operator sets `gateway.body_bytes`",
            Self::UnsupportedMediaType => "send `Content-Type: application/json`, and no `Content-Encoding`",
            Self::InvalidJson => "send one JSON object in UTF-8",
            Self::DuplicateKey => "send each key once",
            Self::PolicyDenied => "ask the operator which rule it was",
            Self::ModelNotFound => "use a name of `GET /v1/models`",
            Self::NoRoute => "name another model or region",
            Self::PhiBlocked => "name another model or region; an operator attests agreements with `phi agreement add`",
            Self::LedgerUnavailable => "try again shortly; the operator finds the reason in `/readyz`",
            Self::UpstreamUnavailable => "wait as `Retry-After` says",
            Self::ContextLengthExceeded => "send less",
            Self::ContentFiltered => "change the content, or name another model",
            Self::UpstreamRejected => "check the fields against the model's `parameters` in `GET /v1/models`",
            Self::UpstreamFailed => "send the request again later, unless `x-should-retry` says no",
            Self::UpstreamTruncated => "send the request again, unless `x-should-retry` says no",
            Self::UpstreamTimeout => "ask for less output, or for a stream",
            Self::Internal => "report the `x-request-id` to the operator",
        }
    }
}

/// Which of our waits has an end that the caller can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wait(Duration);

impl Wait {
    /// A wait; shown in whole seconds, rounded up, at least one.
    pub const fn new(wait: Duration) -> Self {
        Self(wait)
    }

    /// Whole seconds for `Retry-After`.
    pub fn seconds(self) -> u64 {
        let whole = self.0.as_secs() + u64::from(self.0.subsec_nanos() > 0);
        whole.max(1)
    }
}

/// What a caller sees instead of an answer: a code, what happened, and how to mend it. It never holds a host's own
/// words, nor anything of the payload but the name of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The code that programs branch on.
    pub code: Code,
    /// What happened: lower-case, no full stop.
    pub message: Cow<'static, str>,
    /// How to mend it.
    pub hint: Cow<'static, str>,
    /// The field or header at fault.
    pub param: Option<Cow<'static, str>>,
    /// When to come again.
    pub wait: Option<Wait>,
}

impl Refusal {
    /// A refusal with its sentence and its remedy.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>, hint: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message: message.into(), hint: hint.into(), param: None, wait: None }
    }

    /// The same, naming the field or header at fault.
    #[must_use]
    pub fn at(mut self, param: impl Into<Cow<'static, str>>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The same, saying when to come again.
    #[must_use]
    pub fn wait(mut self, wait: Wait) -> Self {
        self.wait = Some(wait);
        self
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.code)
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_rounded_up_and_never_zero() {
        assert_eq!(Wait::new(Duration::ZERO).seconds(), 1);
        assert_eq!(Wait::new(Duration::from_millis(1_001)).seconds(), 2);
    }

    #[test]
    fn every_code_reads_back() {
        for code in Code::ALL {
            assert_eq!(code.as_str().parse(), Ok(*code));
        }
    }
}
