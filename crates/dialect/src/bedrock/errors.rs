use bytes::Bytes;

use crate::anthropic::errors::too_long;
use crate::json::{Document, Value};
use crate::{HostError, HostErrorKind};

/// What a type of error means, and the status beside it
/// (<https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html>,
/// <https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html>). What is no fault of ours or the caller's is
/// [`HostErrorKind::Other`], for which the status tells whether to ask again.
const TYPES: &[(&str, HostErrorKind)] = &[
    // 400: its sentence says whose fault
    ("ValidationException", HostErrorKind::Other),
    ("IncompleteSignature", HostErrorKind::RowFault),
    ("InvalidAction", HostErrorKind::RowFault),
    ("OptInRequired", HostErrorKind::RowFault),
    ("ServiceQuotaExceededException", HostErrorKind::RowFault),
    // 403
    ("AccessDeniedException", HostErrorKind::RowFault),
    ("ExpiredTokenException", HostErrorKind::RowFault),
    ("InvalidSignatureException", HostErrorKind::RowFault),
    ("MissingAuthenticationTokenException", HostErrorKind::RowFault),
    ("NotAuthorized", HostErrorKind::RowFault),
    ("UnrecognizedClientException", HostErrorKind::RowFault),
    // 404
    ("ResourceNotFoundException", HostErrorKind::RowFault),
    // 408
    ("ModelTimeoutException", HostErrorKind::Other),
    // 424
    ("ModelErrorException", HostErrorKind::Other),
    ("ModelStreamErrorException", HostErrorKind::Other),
    // 429
    ("ModelNotReadyException", HostErrorKind::Other),
    ("ThrottlingException", HostErrorKind::Other),
    // 500
    ("InternalServerException", HostErrorKind::Other),
    // 503
    ("ServiceUnavailableException", HostErrorKind::Other),
];

/// Sentences of `ValidationException` that are about our account or the row.
const ROW: &[&str] = &[
    "model identifier is invalid",
    "on-demand throughput isn",
    "operation not allowed",
    "account is not authorized",
    "end of its life",
];

/// Reads the body that came with an error, `{"message"}`, and the type that its head names, if it does. Whatever it is,
/// there is a [`HostError`]; none of its text is kept.
pub fn read_error(body: &[u8], named: Option<&str>) -> HostError {
    match Document::parse(Bytes::copy_from_slice(body)) {
        Ok(document) => read_error_value(document.root(), named),
        Err(_) => of_type(named.unwrap_or_default(), ""),
    }
}

/// Reads an error; its type stands in it as `__type` where nothing else names it.
pub(super) fn read_error_value(root: Value<'_>, named: Option<&str>) -> HostError {
    let text = |name: &str| root.member(name).and_then(Value::text);
    let own = text("__type");
    let named = named.or(own.as_deref()).unwrap_or_default();
    let mut said = text("message").or_else(|| text("Message")).unwrap_or_default().to_ascii_lowercase();
    said.truncate(said.char_indices().nth(4_096).map_or(said.len(), |(at, _)| at));
    of_type(named, &said)
}

/// An error of a type as AWS writes it, `namespace#Type:address`, or as a stream does, `type`; and its sentence.
fn of_type(named: &str, said: &str) -> HostError {
    let bare = named.rsplit_once('#').map_or(named, |(_, bare)| bare).split(':').next().unwrap_or_default();
    let found = TYPES.iter().find(|(name, _)| name.eq_ignore_ascii_case(bare));
    let (code, kind) = found.map_or((None, HostErrorKind::Other), |(name, kind)| (Some(*name), *kind));
    let kind = match code {
        Some("ValidationException") | None => too_long(said).unwrap_or_else(|| blame(said)),
        Some(_) => kind,
    };
    HostError { kind, code }
}

fn blame(said: &str) -> HostErrorKind {
    if said.contains("input is too long") || said.contains("too many input tokens") {
        HostErrorKind::ContextLength { limit: None, asked: None }
    } else if said.contains("content filtering policy") || said.contains("blocked by our content filters") {
        HostErrorKind::ContentFiltered
    } else if ROW.iter().any(|sentence| said.contains(sentence)) {
        HostErrorKind::RowFault
    } else {
        HostErrorKind::Other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(named: Option<&str>, body: &str) -> HostErrorKind {
        read_error(body.as_bytes(), named).kind
    }

    #[test]
    fn types_are_read_wherever_they_stand() {
        use HostErrorKind::{Other, RowFault};
        for (named, body, means, code) in [
            (Some("ThrottlingException"), r#"{"message":"Too many tokens"}"#, Other, Some("ThrottlingException")),
            (
                Some("AccessDeniedException:http://internal.amazon.com/x/"),
                r#"{"Message":"x"}"#,
                RowFault,
                Some("AccessDeniedException"),
            ),
            (
                None,
                r#"{"__type":"com.amazon.coral.service#UnrecognizedClientException","message":"x"}"#,
                RowFault,
                Some("UnrecognizedClientException"),
            ),
            (
                Some("modelStreamErrorException"),
                r#"{"message":"x","originalStatusCode":500}"#,
                Other,
                Some("ModelStreamErrorException"),
            ),
            (Some("patient4711"), r#"{"message":"x"}"#, Other, None),
            (None, "<html>patient 4711</html>", Other, None),
            (Some("ExpiredTokenException"), "", RowFault, Some("ExpiredTokenException")),
        ] {
            let error = read_error(body.as_bytes(), named);
            assert_eq!((error.kind, error.code), (means, code), "{named:?} {body}");
        }
    }

    #[test]
    fn sentences_of_refused_requests_are_told_apart() {
        let length = |limit, asked| HostErrorKind::ContextLength { limit, asked };
        for (message, means) in [
            ("Input is too long for requested model.", length(None, None)),
            (
                "The model returned the following errors: prompt is too long: 200251 tokens > 200000 maximum",
                length(Some(200_000), Some(200_251)),
            ),
            (
                "The model returned the following errors: input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000",
                length(Some(200_000), Some(209_573)),
            ),
            ("The provided model identifier is invalid.", HostErrorKind::RowFault),
            ("Invocation of model ID m with on-demand throughput isn’t supported.", HostErrorKind::RowFault),
            ("Operation not allowed", HostErrorKind::RowFault),
            ("Output blocked by content filtering policy", HostErrorKind::ContentFiltered),
            ("The toolConfig field must be defined", HostErrorKind::Other),
        ] {
            let body = format!(r#"{{"message":"{message}"}}"#);
            assert_eq!(kind(Some("ValidationException"), &body), means, "{message}");
            assert_eq!(kind(None, &body), means, "{message}");
        }
    }

    #[test]
    fn none_of_the_hosts_words_are_kept() {
        let shown = format!("{:?}", read_error(br#"{"message":"prompt is too long: patient 4711"}"#, Some("patient")));
        assert!(!shown.contains("patient"), "{shown}");
    }
}
