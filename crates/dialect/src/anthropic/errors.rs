use bytes::Bytes;

use crate::json::{Document, Value};
use crate::openai;
use crate::{HostError, HostErrorKind};

/// Reads the body that came with an error (<https://platform.claude.com/docs/en/api/errors>). Whatever it is, there is a
/// [`HostError`]; none of its text is kept.
pub fn read_error(body: &[u8]) -> HostError {
    match Document::parse(Bytes::copy_from_slice(body)) {
        Ok(document) => read_error_value(document.root()),
        Err(_) => HostError { kind: HostErrorKind::Other, code: None },
    }
}

/// Whether an answer or an event is an error.
pub(super) fn is_error(root: Value<'_>) -> bool {
    root.member("type").is_some_and(|kind| kind.is_text("error")) || root.member("error").is_some()
}

/// What a type of error means; its status stands beside it on Anthropic's page. What is no fault of ours or the caller's is
/// [`HostErrorKind::Other`], for which the status tells whether to ask again.
const TYPES: &[(&str, HostErrorKind)] = &[
    // 400, and others of 4xx
    ("invalid_request_error", HostErrorKind::Other),
    // 401
    ("authentication_error", HostErrorKind::RowFault),
    // 402
    ("billing_error", HostErrorKind::RowFault),
    // 403
    ("permission_error", HostErrorKind::RowFault),
    // 404: it does not know the model, or not for us
    ("not_found_error", HostErrorKind::RowFault),
    // 409
    ("conflict_error", HostErrorKind::Other),
    // 413: 32 MB are too much, and it is shortened as what is too long
    ("request_too_large", HostErrorKind::ContextLength { limit: None, asked: None }),
    // 429
    ("rate_limit_error", HostErrorKind::Other),
    // 500
    ("api_error", HostErrorKind::Other),
    // 504
    ("timeout_error", HostErrorKind::Other),
    // 529
    ("overloaded_error", HostErrorKind::Other),
];

/// The month's money is spent: it comes as a 429, and asking again is of no use until the next
/// (<https://platform.claude.com/docs/en/api/rate-limits>).
const SPENT: &str = "enforced_spend_limit_reached";

/// Sentences of `invalid_request_error` that are about our account: a limit that we set ourselves, no credit left, and one
/// that was closed.
const ACCOUNT: &[&str] = &[
    "you have reached your specified api usage limits",
    "you have reached your specified workspace api usage limits",
    "credit balance is too low",
    "this organization has been disabled",
];

/// Reads an error in Anthropic's form, `{"type":"error","error":{"type","message"}}`; any other, such as Google's before
/// Vertex AI reaches Anthropic, as those of OpenAI's hosts are read.
pub(super) fn read_error_value(root: Value<'_>) -> HostError {
    let error = root.member("error").unwrap_or(root);
    let words = |of: Value<'_>, name: &str| of.member(name).and_then(Value::text).unwrap_or_default().into_owned();
    let told = words(error, "type");
    let Some((name, kind)) = TYPES.iter().find(|(name, _)| *name == told) else {
        return openai::errors::read_error_value(root);
    };
    let (kind, name) = (*kind, *name);
    if error.member("details").is_some_and(|details| words(details, "error_code") == SPENT) {
        return HostError { kind: HostErrorKind::RowFault, code: Some(SPENT) };
    }
    let mut said = words(error, "message").to_ascii_lowercase();
    said.truncate(said.char_indices().nth(4_096).map_or(said.len(), |(at, _)| at));
    let kind = match name {
        "invalid_request_error" => too_long(&said).unwrap_or_else(|| blame(&said)),
        _ => kind,
    };
    HostError { kind, code: Some(name) }
}

/// `prompt is too long: 200251 tokens > 200000 maximum`, and
/// `input length and max_tokens exceed context limit: 188240 + 21333 > 200000`.
pub(crate) fn too_long(said: &str) -> Option<HostErrorKind> {
    let figures = |rest: &str| -> (Option<u64>, Option<u64>) {
        let Some((asked, limit)) = rest.split_once('>') else { return (None, None) };
        let asked = numbers(asked).try_fold(0_u64, |sum, number| sum.checked_add(number?));
        (asked.filter(|asked| *asked > 0), numbers(limit).next().flatten())
    };
    let (asked, limit) = ["prompt is too long", "exceed context limit"]
        .iter()
        .find_map(|words| said.split_once(words))
        .map(|(_, rest)| figures(rest))?;
    Some(HostErrorKind::ContextLength { limit, asked })
}

fn numbers(text: &str) -> impl Iterator<Item = Option<u64>> {
    text.split(|c: char| !c.is_ascii_digit()).filter(|digits| !digits.is_empty()).map(|digits| digits.parse().ok())
}

fn blame(said: &str) -> HostErrorKind {
    if said.contains("content filtering policy") {
        HostErrorKind::ContentFiltered
    } else if ACCOUNT.iter().any(|sentence| said.contains(sentence)) {
        HostErrorKind::RowFault
    } else {
        HostErrorKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn length(limit: u64, asked: u64) -> HostErrorKind {
        HostErrorKind::ContextLength { limit: Some(limit), asked: Some(asked) }
    }

    fn error(kind: &str, message: &str) -> String {
        format!(
            r#"{{"type":"error","error":{{"details":null,"type":"{kind}","message":"{message}"}},"request_id":"req_1"}}"#
        )
    }

    #[test]
    fn every_type_of_error_is_known() {
        let no_figures = HostErrorKind::ContextLength { limit: None, asked: None };
        for (kind, means) in [
            ("invalid_request_error", HostErrorKind::Other),
            ("authentication_error", HostErrorKind::RowFault),
            ("billing_error", HostErrorKind::RowFault),
            ("permission_error", HostErrorKind::RowFault),
            ("not_found_error", HostErrorKind::RowFault),
            ("conflict_error", HostErrorKind::Other),
            ("request_too_large", no_figures),
            ("rate_limit_error", HostErrorKind::Other),
            ("api_error", HostErrorKind::Other),
            ("timeout_error", HostErrorKind::Other),
            ("overloaded_error", HostErrorKind::Other),
        ] {
            let error = read_error(error(kind, "x").as_bytes());
            assert_eq!((error.kind, error.code), (means, Some(kind)));
        }
    }

    #[test]
    fn sentences_of_refused_requests_are_told_apart() {
        for (message, means) in [
            ("prompt is too long: 200251 tokens > 200000 maximum", length(200_000, 200_251)),
            (
                "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length",
                length(200_000, 209_573),
            ),
            ("prompt is too long", HostErrorKind::ContextLength { limit: None, asked: None }),
            (
                "prompt is too long: 99999999999999999999999 tokens > 5 maximum",
                HostErrorKind::ContextLength { limit: Some(5), asked: None },
            ),
            ("Output blocked by content filtering policy", HostErrorKind::ContentFiltered),
            ("You have reached your specified workspace API usage limits. You will regain", HostErrorKind::RowFault),
            ("Your credit balance is too low to access the Anthropic API.", HostErrorKind::RowFault),
            ("max_tokens: 9000 > 8192, which is the maximum allowed number of output tokens", HostErrorKind::Other),
            ("messages: at least one message is required", HostErrorKind::Other),
        ] {
            let read = read_error(error("invalid_request_error", message).as_bytes());
            assert_eq!(read, HostError { kind: means, code: Some("invalid_request_error") }, "{message}");
        }
    }

    #[test]
    fn money_that_is_spent_is_no_limit_of_rate() {
        let spent = r#"{"type":"error","error":{"type":"rate_limit_error","message":"You have reached your API usage limits",
            "details":{"error_code":"enforced_spend_limit_reached"}},"request_id":"req_1"}"#;
        let error = read_error(spent.as_bytes());
        assert_eq!((error.kind, error.code), (HostErrorKind::RowFault, Some("enforced_spend_limit_reached")));
        let other = read_error(spent.replace("enforced", "other").as_bytes());
        assert_eq!((other.kind, other.code), (HostErrorKind::Other, Some("rate_limit_error")));
    }

    #[test]
    fn errors_of_vertex_are_read_too() {
        for (body, means) in [
            (
                r#"{"error":{"code":404,"message":"Publisher Model `x` was not found.","status":"NOT_FOUND"}}"#,
                HostErrorKind::RowFault,
            ),
            (
                r#"[{"error":{"code":403,"message":"Permission denied","status":"PERMISSION_DENIED"}}]"#,
                HostErrorKind::RowFault,
            ),
            (
                r#"{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}"#,
                HostErrorKind::Other,
            ),
            ("<html>patient 4711</html>", HostErrorKind::Other),
            ("", HostErrorKind::Other),
            (r#"{"type":"error"}"#, HostErrorKind::Other),
            (r#"{"type":"error","error":{"type":"patient 4711"}}"#, HostErrorKind::Other),
        ] {
            assert_eq!(read_error(body.as_bytes()).kind, means, "{body}");
        }
    }

    #[test]
    fn none_of_the_hosts_words_are_kept() {
        for kind in ["invalid_request_error", "patient_error"] {
            let shown = format!("{:?}", read_error(error(kind, "prompt is too long: patient 4711").as_bytes()));
            assert!(!shown.contains("patient"), "{shown}");
        }
    }
}
