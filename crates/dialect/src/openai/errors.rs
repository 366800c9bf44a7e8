//! Errors: how we say them, and what we take from a host's.

use bytes::Bytes;
use phi_words::{Code, Completion, Refusal};

use crate::json::{Document, Object, Value};
use crate::{HostError, HostErrorKind, sse};

/// OpenAI's error object: `{"error":{"message","type","param","code"}}`.
pub fn error_body(refusal: &Refusal) -> Bytes {
    let mut error = Object::new();
    if refusal.hint.is_empty() {
        error.text("message", &refusal.message);
    } else {
        error.text("message", &format!("{}; {}", refusal.message, refusal.hint));
    }
    error.text("type", kind(refusal.code));
    match &refusal.param {
        Some(param) => error.text("param", param),
        None => error.raw("param", b"null"),
    };
    error.text("code", refusal.code.as_str());
    let mut body = Object::new();
    body.raw("error", &error.finish());
    body.finish().into()
}

/// The same as an event of a stream, framed. No terminal event may follow it: readers that know errors raise one, and for
/// all others the stream was cut.
pub fn error_event(refusal: &Refusal) -> Bytes {
    sse::frame(&Completion::new(error_body(refusal)))
}

/// OpenAI's coarser name for a kind of error.
pub(crate) const fn kind(code: Code) -> &'static str {
    match code {
        Code::InvalidRequest
        | Code::NotFound
        | Code::MethodNotAllowed
        | Code::InvalidHeader
        | Code::AmbiguousHeader
        | Code::UnsupportedParameter
        | Code::RequestTooLarge
        | Code::UnsupportedMediaType
        | Code::InvalidJson
        | Code::DuplicateKey
        | Code::ModelNotFound
        | Code::NoRoute
        | Code::ContextLengthExceeded
        | Code::ContentFiltered
        | Code::UpstreamRejected => "invalid_request_error",
        Code::InvalidApiKey => "authentication_error",
        Code::ClassFloor | Code::RegionFloor | Code::PolicyDenied | Code::PhiBlocked => "permission_error",
        Code::RateLimited => "rate_limit_error",
        Code::Draining
        | Code::Overloaded
        | Code::VaultSealed
        | Code::LedgerUnavailable
        | Code::UpstreamUnavailable
        | Code::UpstreamFailed
        | Code::UpstreamTruncated
        | Code::UpstreamTimeout
        | Code::Internal => "server_error",
    }
}

/// Reads the body that came with a host's error. Whatever it is, there is a [`HostError`]; none of its text is kept.
pub fn read_error(body: &[u8]) -> HostError {
    match Document::parse(Bytes::copy_from_slice(body)) {
        Ok(document) => read_error_value(document.root()),
        Err(_) => HostError { kind: HostErrorKind::Other, code: None },
    }
}

/// Codes that mean that input and output are longer than the context.
const CONTEXT: &[&str] = &["context_length_exceeded", "exceed_context_size_error"];
/// Codes that mean that the host refused the content.
const CONTENT: &[&str] =
    &["content_filter", "content_policy_violation", "moderation_blocked", "ResponsibleAIPolicyViolation"];
/// Codes that mean that this route cannot answer, whatever is asked.
const ROW: &[&str] = &[
    "model_not_found",
    "model_not_available",
    "NotFoundError",
    "not_found_error",
    "insufficient_quota",
    "billing_not_active",
    "account_deactivated",
    "invalid_api_key",
    "invalid_scope_token",
    "missing_ai_tools_scope",
    "authentication_error",
    "permission_error",
    "data_residency_mismatch",
];
/// Codes worth a counter, which decide nothing.
const NAMED: &[&str] = &[
    "rate_limit_exceeded",
    "rate_limit_error",
    "server_error",
    "unavailable_error",
    "overloaded_error",
    "validation_failed",
    "invalid_request_error",
    "BadRequestError",
    "invalid_prompt",
];
/// Statuses, which some hosts write as the code, that mean the same.
const ROW_STATUSES: &[u64] = &[401, 402, 403, 404, 412];

/// Reads an error in any of the forms that hosts have: OpenAI's nested one; the same flat, which older models at Scaleway
/// send (<https://www.scaleway.com/en/docs/generative-apis/api-cli/understanding-errors/>); Infomaniak's `description` and
/// list of `errors`; llama.cpp's with figures beside the message; Google's in a list of one; and Ollama's mere sentence.
pub(crate) fn read_error_value(root: Value<'_>) -> HostError {
    let root = root.items().and_then(|items| items.into_iter().next()).unwrap_or(root);
    let error = root.member("error").unwrap_or(root);
    let words = |name: &str| error.member(name).and_then(Value::text);
    let mut said = [Some(error).and_then(Value::text), words("message"), words("description"), words("detail")]
        .into_iter()
        .flatten()
        .next()
        .unwrap_or_default()
        .to_ascii_lowercase();
    said.truncate(said.char_indices().nth(4_096).map_or(said.len(), |(at, _)| at));
    let codes: Vec<_> = [words("code"), words("type"), words("description")].into_iter().flatten().collect();
    let among =
        |list: &'static [&'static str]| list.iter().copied().find(|known| codes.iter().any(|code| code == known));
    let status = error.member("code").and_then(Value::whole);
    let is_row = status.is_some_and(|status| ROW_STATUSES.contains(&status))
        || (status == Some(422) && blames_model(&said))
        || error.member("errors").is_some_and(refuses_model);

    let (kind, code) = if among(CONTEXT).is_some() || speaks_of_context(&said) {
        let figure = |name: &str| error.member(name).and_then(Value::whole);
        let limit = figure("n_ctx").or_else(|| first_number(&said, LIMIT_AFTER));
        let asked = figure("n_prompt_tokens").or_else(|| first_number(&said, ASKED_AFTER));
        (HostErrorKind::ContextLength { limit, asked }, among(CONTEXT))
    } else if among(CONTENT).is_some() {
        (HostErrorKind::ContentFiltered, among(CONTENT))
    } else if is_row || among(ROW).is_some() {
        (HostErrorKind::RowFault, among(ROW))
    } else {
        (HostErrorKind::Other, None)
    };
    HostError { kind, code: code.or_else(|| among(NAMED)) }
}

/// A host that does not know the model, in its sentence for that.
fn blames_model(said: &str) -> bool {
    said.contains("model")
        && ["not found", "not exist", "unknown", "not supported", "missing"].iter().any(|how| said.contains(how))
}

/// Infomaniak's way to say that the model is not in its list: a rule of validation that `model` fails.
fn refuses_model(errors: Value<'_>) -> bool {
    errors.items().into_iter().flatten().any(|error| {
        let text = |name: &str| error.member(name).and_then(Value::text).unwrap_or_default();
        text("code") == "validation_rule_in" && text("description").to_ascii_lowercase().contains("model")
    })
}

fn speaks_of_context(said: &str) -> bool {
    [
        "maximum context length",
        "maximum model length",
        "available context size",
        "context length exceeded",
        "prompt is too long",
        "exceeds the maximum number of tokens allowed",
        "`max_new_tokens` must be",
    ]
    .iter()
    .any(|sentence| said.contains(sentence))
}

const LIMIT_AFTER: &[&str] = &[
    "maximum context length is ",
    "maximum context length: ",
    "maximum model length of ",
    "maximum number of tokens allowed (",
    "`max_new_tokens` must be <= ",
];
const ASKED_AFTER: &[&str] = &[
    "resulted in ",
    "you requested ",
    "your request has ",
    "prompt (length ",
    "prompt is too long: ",
    "input token count (",
    "given: ",
];

fn first_number(said: &str, after: &[&str]) -> Option<u64> {
    after.iter().find_map(|words| {
        let (_, rest) = said.split_once(words)?;
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest.get(..digits)?.parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn length(limit: u64, asked: u64) -> HostErrorKind {
        HostErrorKind::ContextLength { limit: Some(limit), asked: Some(asked) }
    }

    const NO_FIGURES: HostErrorKind = HostErrorKind::ContextLength { limit: None, asked: None };

    const FORMS: &[(&str, HostErrorKind, Option<&str>)] = &[
        // OpenAI
        (
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
            length(8192, 9001),
            Some("context_length_exceeded"),
        ),
        (
            r#"{"error":{"message":"x","type":"invalid_request_error","param":null,"code":"context_length_exceeded"}}"#,
            NO_FIGURES,
            Some("context_length_exceeded"),
        ),
        (
            r#"{"error":{"message":"The model `x` does not exist","type":"invalid_request_error","param":null,"code":"model_not_found"}}"#,
            HostErrorKind::RowFault,
            Some("model_not_found"),
        ),
        (
            r#"{"error":{"message":"x","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#,
            HostErrorKind::RowFault,
            Some("insufficient_quota"),
        ),
        (
            r#"{"error":{"message":"x","type":null,"param":null,"code":"content_filter"}}"#,
            HostErrorKind::ContentFiltered,
            Some("content_filter"),
        ),
        // Scaleway and vLLM, nested and flat
        (
            r#"{"error":{"message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens (3000 in the messages, 2000 in the completion).","type":"BadRequestError","param":null,"code":400}}"#,
            length(4096, 5000),
            Some("BadRequestError"),
        ),
        (
            r#"{"object":"error","message":"The model `x` does not exist.","type":"NotFoundError","param":null,"code":404}"#,
            HostErrorKind::RowFault,
            Some("NotFoundError"),
        ),
        (
            r#"{"error":{"message":"unknown model x","type":"x","param":null,"code":422}}"#,
            HostErrorKind::RowFault,
            None,
        ),
        (r#"{"error":{"message":"bad temperature","type":"x","param":null,"code":422}}"#, HostErrorKind::Other, None),
        (
            r#"{"error":{"message":"The decoder prompt (length 12345) is longer than the maximum model length of 4096.","code":400}}"#,
            length(4096, 12345),
            None,
        ),
        // Infomaniak
        (
            r#"{"result":"error","error":{"code":"validation_failed","description":"Validation failed","errors":[{"code":"validation_rule_in","description":"The selected model is invalid.","context":{}}]}}"#,
            HostErrorKind::RowFault,
            Some("validation_failed"),
        ),
        (
            r#"{"result":"error","error":{"code":"invalid_scope_token","description":"missing_ai_tools_scope"}}"#,
            HostErrorKind::RowFault,
            Some("invalid_scope_token"),
        ),
        (
            r#"{"result":"error","error":{"code":"validation_failed","description":"Validation failed","errors":[{"code":"validation_rule_max","description":"max"}]}}"#,
            HostErrorKind::Other,
            Some("validation_failed"),
        ),
        // llama.cpp
        (
            r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_prompt_tokens":1234,"n_ctx":512}}"#,
            length(512, 1234),
            Some("exceed_context_size_error"),
        ),
        // Fireworks, Together, Ollama
        (
            r#"{"error":{"message":"The prompt is too long: 140000, model maximum context length: 131071","code":"invalid_request_error"}}"#,
            length(131_071, 140_000),
            Some("invalid_request_error"),
        ),
        (r#"{"error":"the model failed to generate a response"}"#, HostErrorKind::Other, None),
        // Google
        (
            r#"[{"error":{"code":400,"message":"The input token count (134123) exceeds the maximum number of tokens allowed (131072).","errors":[{"message":"x","domain":"global","reason":"badRequest"}],"status":"INVALID_ARGUMENT"}}]"#,
            length(131_072, 134_123),
            None,
        ),
        (
            r#"[{"error":{"code":404,"message":"Publisher Model `x` was not found.","status":"NOT_FOUND"}}]"#,
            HostErrorKind::RowFault,
            None,
        ),
        // no JSON at all, and JSON that is no error
        ("<html>patient 4711</html>", HostErrorKind::Other, None),
        ("", HostErrorKind::Other, None),
        ("[1]", HostErrorKind::Other, None),
    ];

    #[test]
    fn every_hosts_form_is_read() {
        for &(body, kind, code) in FORMS {
            assert_eq!(read_error(body.as_bytes()), HostError { kind, code }, "{body}");
        }
    }

    #[test]
    fn none_of_the_hosts_words_reach_the_caller() {
        for body in [
            r#"{"error":{"message":"bad prompt: patient 4711","type":"patient","param":"patient","code":"patient 4711"}}"#,
            r#"{"error":{"message":"maximum context length is patient 4711","code":"context_length_exceeded"}}"#,
        ] {
            let error = read_error(body.as_bytes());
            let refusal = Refusal::from(&error);
            let shown = format!("{error:?} {error} {refusal:?} {:?}", error_body(&refusal));
            assert!(!shown.contains("patient"), "{shown}");
        }
    }

    #[test]
    fn a_context_that_is_too_small_is_told_in_the_published_sentence() {
        let error = HostError { kind: length(8192, 9001), code: None };
        assert_eq!(
            error_body(&Refusal::from(&error)),
            r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens. Please reduce the length of the messages.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#
        );
    }

    #[test]
    fn an_error_keeps_its_shape_whatever_it_names() {
        let refusal = Refusal::new(Code::InvalidHeader, "`x\"\n` is no region", "use `CH`");
        assert_eq!(
            error_event(&refusal),
            "data: {\"error\":{\"message\":\"`x\\\"\\u000a` is no region; use `CH`\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"invalid_header\"}}\n\n"
        );
    }
}
