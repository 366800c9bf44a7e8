//! Every header that we read or write, in one table each.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use phi_catalog::Catalogue;
use phi_police::{Mark, Rate, Wishes};
use phi_words::{Class, Code, MicroUsd, Quality, Refusal, Region, RequestId, RouteId, Wait};

use crate::framing::{Fault, frames};
use crate::surface::{ANTHROPIC_VERSION, Surface};

/// What is done with a header that a caller may send. A header that is not in the table is accepted and goes no further.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rule {
    /// Read by `identify`, and by nothing else.
    Credential,
    /// A region of the catalogue.
    Region,
    /// `true` or `false`.
    Phi,
    /// `fast`, `baseline` or `thinking`.
    Tier,
    /// 1 to 128 visible ASCII characters.
    Actor,
    Subject,
    Purpose,
    /// A version of Anthropic's interface. The later one refuses more, all of which is read here, so that both are spoken to alike
    /// (<https://platform.claude.com/docs/en/api/versioning>).
    AnthropicVersion,
    /// Names of what Anthropic tries out, with commas between. No host is told of them.
    AnthropicBeta,
    /// Known, and not built yet: refused rather than overlooked.
    Unsupported,
}

static ASKED: [(HeaderName, Rule); 13] = [
    (header::AUTHORIZATION, Rule::Credential),
    (HeaderName::from_static("x-api-key"), Rule::Credential),
    (HeaderName::from_static("x-region"), Rule::Region),
    (HeaderName::from_static("x-phi"), Rule::Phi),
    (HeaderName::from_static("x-model-tier"), Rule::Tier),
    (HeaderName::from_static("x-actor"), Rule::Actor),
    (HeaderName::from_static("x-subject"), Rule::Subject),
    (HeaderName::from_static("x-purpose"), Rule::Purpose),
    (HeaderName::from_static(ANTHROPIC_VERSION), Rule::AnthropicVersion),
    (ANTHROPIC_BETA, Rule::AnthropicBeta),
    (HeaderName::from_static("idempotency-key"), Rule::Unsupported),
    (HeaderName::from_static("x-deidentify"), Rule::Unsupported),
    (HeaderName::from_static("x-data-class"), Rule::Unsupported),
];

/// The names of the headers that a caller may send and that are read, or refused rather than overlooked.
pub fn list() -> impl Iterator<Item = &'static str> {
    ASKED.iter().map(|(name, _)| name.as_str())
}

/// Reads what the caller wishes. Each header of the table may stand once, in one spelling, with a value of its grammar.
///
/// # Errors
/// `invalid_header`, `ambiguous_header`, `unsupported_parameter`.
pub(crate) fn wishes(headers: &HeaderMap, catalogue: &Catalogue) -> Result<Wishes, Refusal> {
    spelled_once(headers)?;
    let mut wishes = Wishes::default();
    for (name, rule) in &ASKED {
        let Some(value) = headers.get(name).filter(|_| *rule != Rule::Credential) else { continue };
        let name = name.as_str();
        let text = value.to_str().map_err(|_| invalid(name, "visible ASCII characters"))?;
        match rule {
            Rule::Credential => {}
            Rule::Region => wishes.region = Some(region(name, text, catalogue)?),
            Rule::Phi => wishes.class = Some(class(name, text)?),
            Rule::Tier => {
                wishes.tier = Some(text.parse().map_err(|_| invalid(name, "`fast`, `baseline` or `thinking`"))?)
            }
            Rule::Actor => wishes.marks.actor = Some(mark(name, text)?),
            Rule::Subject => wishes.marks.subject = Some(mark(name, text)?),
            Rule::Purpose => wishes.marks.purpose = Some(mark(name, text)?),
            Rule::AnthropicVersion if matches!(text, "2023-06-01" | "2026-10-21") => {}
            Rule::AnthropicVersion => return Err(invalid(name, "`2023-06-01` or `2026-10-21`")),
            Rule::AnthropicBeta if is_list(text) => {}
            Rule::AnthropicBeta => return Err(invalid(name, "up to 64 names, with commas between")),
            Rule::Unsupported => return Err(unsupported(name)),
        }
    }
    Ok(wishes)
}

/// Whether the caller names anything that Anthropic tries out.
pub(crate) fn names_betas(headers: &HeaderMap) -> bool {
    headers.get(ANTHROPIC_BETA).is_some_and(|value| !value.is_empty())
}

/// A trailer comes when the head has been judged already, so none of these may stand in one.
///
/// # Errors
/// `ambiguous_header`, `invalid_api_key`, and `invalid_request` for what frames a message.
pub(crate) fn trailers(trailers: &HeaderMap) -> Result<(), Refusal> {
    for name in trailers.keys() {
        if frames(name.as_str().as_bytes()) {
            return Err(Fault::Trailer.into());
        }
        let Some((known, rule)) = asked(name) else { continue };
        let code = if *rule == Rule::Credential { Code::InvalidApiKey } else { Code::AmbiguousHeader };
        let message = format!("`{known}` stands in a trailer");
        return Err(Refusal::new(code, message, "send it once, among the headers").at(known.as_str()));
    }
    Ok(())
}

fn spelled_once(headers: &HeaderMap) -> Result<(), Refusal> {
    for name in headers.keys() {
        // Credentials are judged, all alike, where the caller is identified.
        let Some((known, _)) = asked(name).filter(|(_, rule)| *rule != Rule::Credential) else { continue };
        let other_spelling = name != known;
        if other_spelling || headers.get_all(name).iter().count() > 1 {
            return Err(Refusal::new(
                Code::AmbiguousHeader,
                if other_spelling {
                    format!("`{name}` is a second spelling of `{known}`")
                } else {
                    format!("`{known}` was sent more than once")
                },
                format!("send `{known}` once"),
            )
            .at(known.as_str()));
        }
    }
    Ok(())
}

/// The row of a name, whether it is spelled with hyphens or underscores.
fn asked(name: &HeaderName) -> Option<&'static (HeaderName, Rule)> {
    let same = |(one, other): (u8, u8)| one == other || (one == b'_' && other == b'-');
    let spells = |known: &str| name.as_str().len() == known.len() && name.as_str().bytes().zip(known.bytes()).all(same);
    ASKED.iter().find(|(known, _)| spells(known.as_str()))
}

fn region(name: &'static str, text: &str, catalogue: &Catalogue) -> Result<Region, Refusal> {
    let region = text.parse::<Region>().ok().filter(|region| catalogue.region(region).is_some());
    region.ok_or_else(|| invalid(name, &format!("one of {}", catalogue.region_names())))
}

fn class(name: &'static str, text: &str) -> Result<Class, Refusal> {
    if text.eq_ignore_ascii_case("true") {
        Ok(Class::Phi)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(Class::General)
    } else {
        Err(invalid(name, "`true` or `false`"))
    }
}

fn mark(name: &'static str, text: &str) -> Result<Mark, Refusal> {
    Mark::parse(text).ok_or_else(|| invalid(name, "1 to 128 visible ASCII characters"))
}

/// Names as Anthropic gives them; none at all is as good as no header.
fn is_list(text: &str) -> bool {
    let is_name = |name: &str| {
        let is_letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        (1..=64).contains(&name.len()) && name.bytes().all(is_letter)
    };
    text.is_empty() || (text.split(',').count() <= 64 && text.split(',').all(|name| is_name(name.trim_matches(' '))))
}

fn invalid(name: &'static str, grammar: &str) -> Refusal {
    Refusal::new(
        Code::InvalidHeader,
        format!("the value of `{name}` is not one it can have"),
        format!("send {grammar}"),
    )
    .at(name)
}

fn unsupported(name: &'static str) -> Refusal {
    Refusal::new(
        Code::UnsupportedParameter,
        format!("`{name}` is not supported by this version"),
        "leave the header out",
    )
    .at(name)
}

const ANTHROPIC_BETA: HeaderName = HeaderName::from_static("anthropic-beta");
const REQUEST_ID: HeaderName = HeaderName::from_static("request-id");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const X_PHI_ROUTED: HeaderName = HeaderName::from_static("x-phi-routed");
const X_PHI_TIER: HeaderName = HeaderName::from_static("x-phi-tier");
const X_PHI_ATTEMPTS: HeaderName = HeaderName::from_static("x-phi-attempts");
const X_PHI_COST_MICRO: HeaderName = HeaderName::from_static("x-phi-cost-micro");
const X_PHI_USAGE: HeaderName = HeaderName::from_static("x-phi-usage");
const X_PHI_TOOLS: HeaderName = HeaderName::from_static("x-phi-tools");
const X_PHI_POLICY: HeaderName = HeaderName::from_static("x-phi-policy");
const X_PHI_LEFT_OUT: HeaderName = HeaderName::from_static("x-phi-left-out");
const X_SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");
const X_RATELIMIT_LIMIT_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-limit-requests");
const X_RATELIMIT_REMAINING_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-requests");
const X_RATELIMIT_RESET_REQUESTS: HeaderName = HeaderName::from_static("x-ratelimit-reset-requests");
const X_RATELIMIT_LIMIT_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-limit-tokens");
const X_RATELIMIT_REMAINING_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-remaining-tokens");
const X_RATELIMIT_RESET_TOKENS: HeaderName = HeaderName::from_static("x-ratelimit-reset-tokens");
/// As many headers as most replies have.
const MOST: usize = 20;

/// What a reply tells of its call; each header is written where its fact is known, on refusals too.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) id: RequestId,
    /// In whose form the rest is told.
    pub(crate) surface: Surface,
    pub(crate) routed: Option<RouteId>,
    pub(crate) region: Option<Region>,
    pub(crate) class: Option<Class>,
    pub(crate) attempts: u32,
    pub(crate) cost: Option<MicroUsd>,
    pub(crate) usage: Option<Quality>,
    pub(crate) tools: Option<bool>,
    pub(crate) policy: &'static str,
    pub(crate) rate: Rate,
    pub(crate) wait: Option<Wait>,
    pub(crate) retry: bool,
    pub(crate) left_out: Vec<String>,
}

impl Told {
    pub(crate) fn new(id: RequestId) -> Self {
        Self {
            id,
            surface: Surface::OpenAi,
            routed: None,
            region: None,
            class: None,
            attempts: 0,
            cost: None,
            usage: None,
            tools: None,
            policy: "none",
            rate: Rate::default(),
            wait: None,
            retry: true,
            left_out: Vec::new(),
        }
    }

    /// Writes the headers of the contract, section 7.
    pub(crate) fn write(&self, headers: &mut HeaderMap) {
        headers.reserve(MOST);
        let mut put = |name: HeaderName, text: Option<String>| {
            if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
                headers.insert(name, value);
            }
        };
        put(X_REQUEST_ID, Some(self.id.to_string()));
        put(REQUEST_ID, (self.surface == Surface::Anthropic).then(|| self.id.to_string()));
        put(X_PHI_ROUTED, self.routed());
        put(X_PHI_ATTEMPTS, Some(self.attempts.to_string()));
        put(X_PHI_COST_MICRO, self.cost.map(|cost| cost.to_string()));
        put(X_PHI_LEFT_OUT, (!self.left_out.is_empty()).then(|| self.left_out.join(", ")));
        put(header::RETRY_AFTER, self.wait.map(|wait| wait.seconds().to_string()));
        if let Some(left) = self.rate.requests {
            put(X_RATELIMIT_LIMIT_REQUESTS, Some(left.limit.to_string()));
            put(X_RATELIMIT_REMAINING_REQUESTS, Some(left.remaining.to_string()));
            put(X_RATELIMIT_RESET_REQUESTS, Some(span(left.reset)));
        }
        if let Some(left) = self.rate.tokens {
            put(X_RATELIMIT_LIMIT_TOKENS, Some(left.limit.to_string()));
            put(X_RATELIMIT_REMAINING_TOKENS, Some(left.remaining.to_string()));
            put(X_RATELIMIT_RESET_TOKENS, Some(span(left.reset)));
        }
        let mut word = |name: HeaderName, word: Option<&'static str>| {
            if let Some(word) = word {
                headers.insert(name, HeaderValue::from_static(word));
            }
        };
        word(X_PHI_TIER, self.class.map(tier));
        word(X_PHI_USAGE, self.usage.map(Quality::as_str));
        word(X_PHI_TOOLS, self.tools.map(|tools| if tools { "supported" } else { "unsupported" }));
        word(X_PHI_POLICY, Some(self.policy));
        word(X_SHOULD_RETRY, (!self.retry).then_some("false"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }

    fn routed(&self) -> Option<String> {
        let (route, region, class) = (self.routed.as_ref()?, self.region.as_ref()?, self.class?);
        Some(format!("{route}/{region}/{class}"))
    }
}

const fn tier(class: Class) -> &'static str {
    match class {
        Class::General => "non_phi",
        Class::Phi => "phi",
    }
}

/// A span as OpenAI writes it in `x-ratelimit-reset-*`: `6m0s`, `1.5s`, `20ms`.
fn span(span: std::time::Duration) -> String {
    let millis = span.as_millis();
    match millis {
        0..1_000 => format!("{millis}ms"),
        1_000..60_000 if !millis.is_multiple_of(1_000) => format!("{}.{:03}s", millis / 1_000, millis % 1_000),
        1_000..60_000 => format!("{}s", millis / 1_000),
        _ => format!("{}m{}s", millis / 60_000, millis / 1_000 % 60),
    }
}
