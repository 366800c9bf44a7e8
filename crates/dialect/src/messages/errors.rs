use bytes::Bytes;
use phi_words::{Code, Completion, Refusal};

use crate::fault::context_figures;
use crate::fields::anthropic::THREAD;
use crate::json::Object;
use crate::sse;

/// Anthropic's error: `{"type":"error","error":{"type","message"},"request_id"}`, and within `error` our `code`, and `param`
/// where a field is at fault. `id` is that of the request.
pub fn error_body(refusal: &Refusal, id: &str) -> Bytes {
    let mut body = Object::new();
    body.text("type", "error");
    body.object("error", |error| {
        error.text("type", kind(refusal.code)).text("message", &message(refusal)).text("code", refusal.code.as_str());
        if let Some(param) = &refusal.param {
            error.text("param", param);
        }
        if refusal.code == Code::UnsupportedParameter && refusal.param.as_deref() == Some(THREAD) {
            // By this the SDKs' own loops (`toolRunner`) know that they send the whole conversation themselves.
            error.object("details", |details| {
                details.text("error_code", "thread_unsupported_request");
                details.list("unsupported", |list| {
                    list.text(THREAD);
                });
            });
        }
    });
    body.text("request_id", id);
    body.finish().into()
}

/// The same as an event of a stream, framed. Nothing may follow it: the SDKs raise an error.
pub fn error_event(refusal: &Refusal, id: &str) -> Bytes {
    let mut out = bytes::BytesMut::new();
    sse::push_typed_frame(&mut out, &Completion::new(error_body(refusal, id)));
    out.freeze()
}

/// What happened, and how to mend it. That the input is too long is said in Anthropic's own sentence, which agents match to
/// know that they must shorten it.
fn message(refusal: &Refusal) -> String {
    if refusal.code == Code::ContextLengthExceeded {
        return match context_figures(&refusal.message) {
            (Some(limit), Some(asked)) => format!("prompt is too long: {asked} tokens > {limit} maximum"),
            (Some(limit), None) => format!("prompt is too long: more than {limit} tokens, which is the maximum"),
            (None, _) => "prompt is too long".to_owned(),
        };
    }
    if refusal.hint.is_empty() { refusal.message.to_string() } else { format!("{}; {}", refusal.message, refusal.hint) }
}

/// Anthropic's coarser name for a kind of error (SDK, `shared/error_type.py`, and
/// <https://platform.claude.com/docs/en/api/errors> for `request_too_large`).
const fn kind(code: Code) -> &'static str {
    match code {
        Code::InvalidRequest
        | Code::MethodNotAllowed
        | Code::InvalidHeader
        | Code::AmbiguousHeader
        | Code::UnsupportedParameter
        | Code::UnsupportedMediaType
        | Code::InvalidJson
        | Code::DuplicateKey
        | Code::NoRoute
        | Code::ContextLengthExceeded
        | Code::ContentFiltered
        | Code::UpstreamRejected => "invalid_request_error",
        Code::InvalidApiKey => "authentication_error",
        Code::ClassFloor | Code::RegionFloor | Code::PolicyDenied | Code::PhiBlocked => "permission_error",
        Code::NotFound | Code::ModelNotFound => "not_found_error",
        Code::RequestTooLarge => "request_too_large",
        Code::RateLimited => "rate_limit_error",
        Code::Draining | Code::Overloaded | Code::UpstreamUnavailable => "overloaded_error",
        Code::UpstreamTimeout => "timeout_error",
        Code::VaultSealed
        | Code::LedgerUnavailable
        | Code::UpstreamFailed
        | Code::UpstreamTruncated
        | Code::Internal => "api_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HostError, HostErrorKind};

    /// The contract's section 9, row by row.
    const TYPES: &[(&str, &[Code])] = &[
        (
            "invalid_request_error",
            &[
                Code::InvalidRequest,
                Code::MethodNotAllowed,
                Code::InvalidHeader,
                Code::AmbiguousHeader,
                Code::UnsupportedParameter,
                Code::UnsupportedMediaType,
                Code::InvalidJson,
                Code::DuplicateKey,
                Code::NoRoute,
                Code::ContextLengthExceeded,
                Code::ContentFiltered,
                Code::UpstreamRejected,
            ],
        ),
        ("authentication_error", &[Code::InvalidApiKey]),
        ("permission_error", &[Code::ClassFloor, Code::RegionFloor, Code::PolicyDenied, Code::PhiBlocked]),
        ("not_found_error", &[Code::NotFound, Code::ModelNotFound]),
        ("request_too_large", &[Code::RequestTooLarge]),
        ("rate_limit_error", &[Code::RateLimited]),
        ("overloaded_error", &[Code::Draining, Code::Overloaded, Code::UpstreamUnavailable]),
        ("timeout_error", &[Code::UpstreamTimeout]),
        (
            "api_error",
            &[
                Code::VaultSealed,
                Code::LedgerUnavailable,
                Code::UpstreamFailed,
                Code::UpstreamTruncated,
                Code::Internal,
            ],
        ),
    ];

    #[test]
    fn every_code_has_its_type() {
        let listed: Vec<Code> = TYPES.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
        assert!(Code::ALL.iter().all(|code| listed.contains(code)) && listed.len() == Code::ALL.len());
        for (kind, codes) in TYPES {
            for code in *codes {
                let refusal = Refusal::new(*code, "a", "b");
                let said = if *code == Code::ContextLengthExceeded { "prompt is too long" } else { "a; b" };
                let expected = format!(
                    r#"{{"type":"error","error":{{"type":"{kind}","message":"{said}","code":"{code}"}},"request_id":"id"}}"#
                );
                assert_eq!(error_body(&refusal, "id"), expected);
            }
        }
    }

    #[test]
    fn too_long_an_input_is_told_in_anthropics_sentence() {
        for (limit, asked, said) in [
            (Some(200_000), Some(214_303), "prompt is too long: 214303 tokens > 200000 maximum"),
            (Some(8192), None, "prompt is too long: more than 8192 tokens, which is the maximum"),
            (None, Some(9000), "prompt is too long"),
            (None, None, "prompt is too long"),
        ] {
            let error = HostError { kind: HostErrorKind::ContextLength { limit, asked }, code: None };
            let expected = format!(
                r#"{{"type":"error","error":{{"type":"invalid_request_error","message":"{said}","code":"context_length_exceeded","param":"messages"}},"request_id":"7"}}"#
            );
            assert_eq!(error_body(&Refusal::from(&error), "7"), expected);
        }
    }

    #[test]
    fn who_would_have_a_conversation_kept_is_told_so_as_anthropic_does() {
        let refusal = Refusal::new(Code::UnsupportedParameter, "a", "").at("thread");
        let told = r#""details":{"error_code":"thread_unsupported_request","unsupported":["thread"]}"#;
        assert!(String::from_utf8_lossy(&error_body(&refusal, "7")).contains(told));
        for other in [refusal.at("speed"), Refusal::new(Code::InvalidRequest, "a", "").at("thread")] {
            assert!(!String::from_utf8_lossy(&error_body(&other, "7")).contains("details"));
        }
    }

    #[test]
    fn an_error_of_a_stream_is_an_event_of_its_own_name() {
        let refusal = Refusal::new(Code::UpstreamTruncated, "`x\"\n`", "");
        assert_eq!(
            error_event(&refusal, "7"),
            "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"`x\\\"\\u000a`\",\"code\":\"upstream_truncated\"},\"request_id\":\"7\"}\n\n"
        );
    }
}
