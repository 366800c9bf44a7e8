//! Every header that we read or write, in one table each.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use phi_catalog::Catalogue;
use phi_police::{Mark, Rate, Wishes};
use phi_words::{Class, Code, MicroUsd, Quality, Refusal, Region, RequestId, RouteId, Wait};

use crate::framing::{Fault, frames};

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
    /// Known, and not built yet: refused rather than overlooked.
    Unsupported,
}

const ASKED: &[(&str, Rule)] = &[
    ("authorization", Rule::Credential),
    ("x-api-key", Rule::Credential),
    ("x-region", Rule::Region),
    ("x-phi", Rule::Phi),
    ("x-model-tier", Rule::Tier),
    ("x-actor", Rule::Actor),
    ("x-subject", Rule::Subject),
    ("x-purpose", Rule::Purpose),
    ("idempotency-key", Rule::Unsupported),
    ("x-deidentify", Rule::Unsupported),
    ("x-data-class", Rule::Unsupported),
];

/// Reads what the caller wishes. Each header of the table may stand once, in one spelling, with a value of its grammar.
///
/// # Errors
/// `invalid_header`, `ambiguous_header`, `unsupported_parameter`.
pub(crate) fn wishes(headers: &HeaderMap, catalogue: &Catalogue) -> Result<Wishes, Refusal> {
    spelled_once(headers)?;
    let mut wishes = Wishes::default();
    for &(name, rule) in ASKED {
        let Some(value) = headers.get(name).filter(|_| rule != Rule::Credential) else { continue };
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
            Rule::Unsupported => return Err(unsupported(name)),
        }
    }
    Ok(wishes)
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
        let plain = name.as_str().replace('_', "-");
        let Some((known, rule)) = ASKED.iter().find(|(known, _)| *known == plain) else { continue };
        let code = if *rule == Rule::Credential { Code::InvalidApiKey } else { Code::AmbiguousHeader };
        let message = format!("`{known}` stands in a trailer");
        return Err(Refusal::new(code, message, "send it once, among the headers").at(*known));
    }
    Ok(())
}

fn spelled_once(headers: &HeaderMap) -> Result<(), Refusal> {
    for name in headers.keys() {
        let Some(known) = known(&name.as_str().replace('_', "-")) else { continue };
        let other_spelling = name.as_str() != known;
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
            .at(known));
        }
    }
    Ok(())
}

/// The name in the table, credentials apart: those are judged, all alike, where the caller is identified.
fn known(name: &str) -> Option<&'static str> {
    ASKED.iter().find(|(known, rule)| *known == name && *rule != Rule::Credential).map(|(known, _)| *known)
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

/// What a reply tells of its call; each header is written where its fact is known, on refusals too.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) id: RequestId,
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
        let mut put = |name: &'static str, text: Option<String>| {
            if let Some(value) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
                headers.insert(HeaderName::from_static(name), value);
            }
        };
        put("x-request-id", Some(self.id.to_string()));
        put("x-phi-routed", self.routed());
        put("x-phi-tier", self.class.map(|class| tier(class).to_owned()));
        put("x-phi-attempts", Some(self.attempts.to_string()));
        put("x-phi-cost-micro", self.cost.map(|cost| cost.to_string()));
        put("x-phi-usage", self.usage.map(|usage| usage.to_string()));
        put("x-phi-tools", self.tools.map(|tools| if tools { "supported" } else { "unsupported" }.to_owned()));
        put("x-phi-policy", Some(self.policy.to_owned()));
        put("x-phi-left-out", (!self.left_out.is_empty()).then(|| self.left_out.join(", ")));
        put("retry-after", self.wait.map(|wait| wait.seconds().to_string()));
        put("x-should-retry", (!self.retry).then(|| "false".to_owned()));
        if let Some(left) = self.rate.requests {
            put("x-ratelimit-limit-requests", Some(left.limit.to_string()));
            put("x-ratelimit-remaining-requests", Some(left.remaining.to_string()));
            put("x-ratelimit-reset-requests", Some(span(left.reset)));
        }
        if let Some(left) = self.rate.tokens {
            put("x-ratelimit-limit-tokens", Some(left.limit.to_string()));
            put("x-ratelimit-remaining-tokens", Some(left.remaining.to_string()));
            put("x-ratelimit-reset-tokens", Some(span(left.reset)));
        }
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
