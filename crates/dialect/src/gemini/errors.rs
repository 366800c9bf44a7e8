use std::time::Duration;

use bytes::Bytes;

use crate::json::{Document, Value};
use crate::{HostError, HostErrorKind};

/// Reads the body that came with an error: `{"error":{"code","message","status","details"}}`
/// (<https://google.aip.dev/193>), or a list of it, where a stream was asked for without events. Whatever it is, there is a
/// [`HostError`]; none of its text is kept.
pub fn read_error(body: &[u8]) -> HostError {
    match Document::parse(Bytes::copy_from_slice(body)) {
        Ok(document) => read_value(document.root()),
        Err(_) => HostError { kind: HostErrorKind::Other, code: None },
    }
}

/// When Google wants to be asked again, where an error's body says so and no header does: the `retryDelay` of a
/// `google.rpc.RetryInfo` (<https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto>), a
/// `google.protobuf.Duration` such as `34s` or `0.5s`, at most an hour.
pub fn retry_delay(body: &[u8]) -> Option<Duration> {
    let document = Document::parse(Bytes::copy_from_slice(body)).ok()?;
    let root = document.root();
    let root = root.items().and_then(|mut items| items.next()).unwrap_or(root);
    let mut details = root.member("error")?.member("details")?.items()?;
    let info = details.find(|detail| detail.member("@type").is_some_and(|kind| kind.is_text(RETRY_INFO)))?;
    duration(&info.member("retryDelay")?.text()?)
}

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";
/// The longest wait that a host can make us believe in, as by `Retry-After`.
const LONGEST_DELAY: Duration = Duration::from_secs(3_600);

/// Seconds with at most nine decimals and an `s` behind them
/// (<https://protobuf.dev/reference/protobuf/google.protobuf/#duration>).
fn duration(text: &str) -> Option<Duration> {
    let (whole, part) = text.strip_suffix('s').map(|text| text.split_once('.').unwrap_or((text, "0")))?;
    let digits = |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole, 12) || !digits(part, 9) {
        return None;
    }
    Some(Duration::new(whole.parse().ok()?, format!("{part:0<9}").parse().ok()?).min(LONGEST_DELAY))
}

/// Reasons that mean that this route cannot answer, whatever is asked (`google.api.ErrorReason`,
/// <https://github.com/googleapis/googleapis/blob/master/google/api/error_reason.proto>). Most come as `INVALID_ARGUMENT`.
const ROW_REASONS: &[&str] = &[
    "API_KEY_INVALID",
    "API_KEY_SERVICE_BLOCKED",
    "API_KEY_HTTP_REFERRER_BLOCKED",
    "API_KEY_IP_ADDRESS_BLOCKED",
    "API_KEY_ANDROID_APP_BLOCKED",
    "API_KEY_IOS_APP_BLOCKED",
    "SERVICE_DISABLED",
    "BILLING_DISABLED",
    "CONSUMER_SUSPENDED",
    "CONSUMER_INVALID",
    "USER_PROJECT_DENIED",
    "ACCESS_TOKEN_EXPIRED",
    "ACCESS_TOKEN_SCOPE_INSUFFICIENT",
    "ACCESS_TOKEN_TYPE_UNSUPPORTED",
    "CREDENTIALS_MISSING",
    "ACCOUNT_STATE_INVALID",
    "IAM_PERMISSION_DENIED",
    "RESOURCE_PROJECT_INVALID",
    "LOCATION_POLICY_VIOLATED",
    "LOCATION_ORG_POLICY_VIOLATED",
    "SECURITY_POLICY_VIOLATED",
];
/// Statuses that mean the same. `FAILED_PRECONDITION` is a place or an account that the host does not serve
/// (<https://ai.google.dev/gemini-api/docs/troubleshooting>).
const ROW: &[&str] = &["UNAUTHENTICATED", "PERMISSION_DENIED", "NOT_FOUND", "FAILED_PRECONDITION", "UNIMPLEMENTED"];
/// Statuses worth a counter, which decide nothing.
const NAMED: &[&str] = &[
    "INVALID_ARGUMENT",
    "OUT_OF_RANGE",
    "RESOURCE_EXHAUSTED",
    "ABORTED",
    "CANCELLED",
    "INTERNAL",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "UNKNOWN",
    "DATA_LOSS",
    "ALREADY_EXISTS",
];
/// The same as numbers, where no status stands beside them.
const ROW_CODES: &[u64] = &[401, 403, 404];
/// How many characters of a message are looked at.
const MAX_SAID: usize = 4_096;

pub(super) fn read_value(root: Value<'_>) -> HostError {
    let root = root.items().and_then(|mut items| items.next()).unwrap_or(root);
    let error = root.member("error").unwrap_or(root);
    let status = error.member("status").and_then(Value::text).unwrap_or_default();
    let mut said = error.member("message").and_then(Value::text).unwrap_or_default().to_ascii_lowercase();
    said.truncate(said.char_indices().nth(MAX_SAID).map_or(said.len(), |(at, _)| at));
    let known = |list: &'static [&'static str], word: &str| list.iter().copied().find(|known| *known == word);
    let details = error.member("details").and_then(Value::items).into_iter().flatten();
    let reason = details.filter_map(|detail| known(ROW_REASONS, &detail.member("reason")?.text()?)).next();
    let row = reason.or_else(|| known(ROW, &status));
    let code = row.or_else(|| known(NAMED, &status));
    let is_row =
        status.is_empty() && error.member("code").and_then(Value::whole).is_some_and(|code| ROW_CODES.contains(&code));

    let kind = if speaks_of_context(&said) {
        HostErrorKind::ContextLength { limit: number(&said, LIMIT_AFTER), asked: number(&said, ASKED_AFTER) }
    } else if said.contains("responsible ai practices") {
        HostErrorKind::ContentFiltered
    } else if row.is_some() || is_row || blames_us(&said) {
        HostErrorKind::RowFault
    } else {
        HostErrorKind::Other
    };
    HostError { kind, code }
}

/// Why a prompt was blocked (`promptFeedback.blockReason`), where an answer was due.
pub(super) fn blocked(reason: Value<'_>) -> HostError {
    const REASONS: &[&str] = &[
        "SAFETY",
        "OTHER",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "IMAGE_SAFETY",
        "MODEL_ARMOR",
        "JAILBREAK",
        "BLOCKED_REASON_UNSPECIFIED",
    ];
    let code = REASONS.iter().copied().find(|known| reason.is_text(known));
    HostError { kind: HostErrorKind::ContentFiltered, code }
}

/// Google's sentences for an input that is too long, of which the first is today's.
fn speaks_of_context(said: &str) -> bool {
    ["exceeds the maximum number of tokens", "but model only supports up to"].iter().any(|how| said.contains(how))
}

/// A key or a model that the host does not know, where nothing but the sentence tells.
fn blames_us(said: &str) -> bool {
    ["api key not valid", "api key not found", "api key expired", "unexpected model name format"]
        .iter()
        .any(|how| said.contains(how))
}

const LIMIT_AFTER: &[&str] =
    &["maximum number of tokens allowed (", "maximum number of tokens allowed ", "but model only supports up to "];
const ASKED_AFTER: &[&str] = &["input token count (", "input token count is "];

fn number(said: &str, after: &[&str]) -> Option<u64> {
    after.iter().find_map(|words| {
        let (_, rest) = said.split_once(words)?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..digits)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn length(limit: Option<u64>, asked: Option<u64>) -> HostErrorKind {
        HostErrorKind::ContextLength { limit, asked }
    }

    #[test]
    fn when_to_come_again_is_read_of_the_body_and_bounded() {
        // As the Gemini API answers where a quota is used up.
        let full = r#"{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"generativelanguage.googleapis.com/generate_content_free_tier_requests","quotaId":"GenerateRequestsPerMinutePerProjectPerModel-FreeTier","quotaDimensions":{"location":"global","model":"gemini-2.5-flash"},"quotaValue":"10"}]},{"@type":"type.googleapis.com/google.rpc.Help","links":[{"description":"Learn more about Gemini API quotas","url":"https://ai.google.dev/gemini-api/docs/rate-limits"}]},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"DELAY"}]}}"#;
        let read = |body: &str| retry_delay(body.as_bytes());
        let seconds = |seconds: f64| Some(Duration::from_secs_f64(seconds));
        for (delay, wait) in [
            ("34s", seconds(34.0)),
            ("0.5s", seconds(0.5)),
            ("0s", seconds(0.0)),
            ("34.074824224s", Some(Duration::new(34, 74_824_224))),
            ("999999999999s", seconds(3_600.0)),
            ("3600.1s", seconds(3_600.0)),
        ] {
            let body = full.replace("DELAY", delay);
            assert_eq!(read(&body), wait, "{delay}");
            assert_eq!(read(&format!("[{body}]")), wait, "a list of one, as a stream without events has it");
        }
        for odd in ["34", "", "s", "-1s", "+1s", "1.s", ".5s", "1.0000000001s", "1e3s", "1 s", "9999999999999s", "soon"]
        {
            assert_eq!(read(&full.replace("DELAY", odd)), None, "{odd}");
        }
        for body in [
            full.replace("\"DELAY\"", "34").as_str(),
            full.replace("rpc.RetryInfo", "rpc.Other").as_str(),
            r#"{"error":{"details":[5,{"@type":7}]}}"#,
            r#"{"error":{"details":{"retryDelay":"34s"}}}"#,
            r#"{"error":"34s"}"#,
            "<html>",
            "",
        ] {
            assert_eq!(read(body), None, "{body}");
        }
    }

    #[test]
    fn googles_errors_are_read_without_their_words() {
        for (body, kind, code) in [
            (
                r#"{"error":{"code":400,"message":"The input token count (1048577) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#,
                length(Some(1_048_576), Some(1_048_577)),
                Some("INVALID_ARGUMENT"),
            ),
            (
                r#"[{"error":{"code":400,"message":"The input token count exceeds the maximum number of tokens allowed 131072.","status":"INVALID_ARGUMENT"}}]"#,
                length(Some(131_072), None),
                Some("INVALID_ARGUMENT"),
            ),
            (
                r#"{"error":{"code":400,"message":"Unable to submit request because the input token count is 35087 but model only supports up to 32767. Reduce the input token count and try again.","status":"INVALID_ARGUMENT"}}"#,
                length(Some(32_767), Some(35_087)),
                Some("INVALID_ARGUMENT"),
            ),
            (
                r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID","domain":"googleapis.com","metadata":{"service":"generativelanguage.googleapis.com"}},{"@type":"type.googleapis.com/google.rpc.LocalizedMessage","locale":"en-US","message":"x"}]}}"#,
                HostErrorKind::RowFault,
                Some("API_KEY_INVALID"),
            ),
            (
                r#"{"error":{"code":400,"message":"API key expired. Please renew the API key.","status":"INVALID_ARGUMENT"}}"#,
                HostErrorKind::RowFault,
                Some("INVALID_ARGUMENT"),
            ),
            (
                r#"{"error":{"code":403,"message":"x","status":"PERMISSION_DENIED","details":[{"reason":"SERVICE_DISABLED"}]}}"#,
                HostErrorKind::RowFault,
                Some("SERVICE_DISABLED"),
            ),
            (
                r#"{"error":{"code":404,"message":"models/x is not found for API version v1beta","status":"NOT_FOUND"}}"#,
                HostErrorKind::RowFault,
                Some("NOT_FOUND"),
            ),
            (
                r#"{"error":{"code":400,"message":"User location is not supported for the API use.","status":"FAILED_PRECONDITION"}}"#,
                HostErrorKind::RowFault,
                Some("FAILED_PRECONDITION"),
            ),
            (r#"{"error":{"code":401,"message":"x"}}"#, HostErrorKind::RowFault, None),
            (
                r#"{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"7s"}]}}"#,
                HostErrorKind::Other,
                Some("RESOURCE_EXHAUSTED"),
            ),
            (
                r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#,
                HostErrorKind::Other,
                Some("UNAVAILABLE"),
            ),
            (
                r#"{"error":{"code":400,"message":"Function call is missing a thought_signature","status":"INVALID_ARGUMENT"}}"#,
                HostErrorKind::Other,
                Some("INVALID_ARGUMENT"),
            ),
            (
                r#"{"error":{"code":400,"message":"The prompt contains words that violate Google's Responsible AI practices.","status":"INVALID_ARGUMENT"}}"#,
                HostErrorKind::ContentFiltered,
                Some("INVALID_ARGUMENT"),
            ),
            (r#"{"error":{"status":"patient 4711","details":[{"reason":"patient"},5]}}"#, HostErrorKind::Other, None),
            (r#"{"error":"patient"}"#, HostErrorKind::Other, None),
            ("<html>patient 4711</html>", HostErrorKind::Other, None),
            ("[]", HostErrorKind::Other, None),
            ("", HostErrorKind::Other, None),
        ] {
            let error = read_error(body.as_bytes());
            assert_eq!(error, HostError { kind, code }, "{body}");
            assert!(!format!("{error:?} {error}").contains("patient"));
        }
    }
}
