//! Refusals and errors, in the shape of whoever was asked.

use serde_json::{Value, json};

use super::{Content, Draft, Tongue, bedrock, fal};
use crate::fault::{Shape, StatusFault};
use crate::wire::Asked;

/// Another status than 200, and what comes with it.
pub(super) fn refused(asked: &Asked, fault: &StatusFault) -> Draft {
    let echo = String::from_utf8_lossy(&asked.body);
    let message = fault.message.as_deref().unwrap_or(&echo);
    let code = fault.error.as_deref();
    let body = match (fault.shape, Tongue::of(asked)) {
        (Shape::Own, Tongue::Anthropic) => anthropic(fault.code, message, code),
        (Shape::Own, Tongue::Gemini) => google(fault.code, message, code, fault.retry_after.as_deref()),
        (Shape::Own, Tongue::Bedrock) => json!({"message": message}),
        (Shape::Own, Tongue::Fal) => fal::refused(message, code),
        (Shape::Own, Tongue::AzureDocuments) => azure(fault.code, message, code),
        (Shape::OpenAi, _) | (Shape::Own, Tongue::OpenAi | Tongue::Speech | Tongue::Transcription) => {
            json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": code}})
        }
        (Shape::Flat, _) => {
            json!({"object": "error", "message": message, "type": "BadRequestError", "param": null, "code": fault.code})
        }
        (Shape::Infomaniak, _) => json!({"result": "error", "error": {
            "code": code, "description": message,
            "errors": [{"code": "validation_rule_in", "description": message, "context": {"attribute": "model"}}],
        }}),
        (Shape::Html | Shape::Empty, _) => Value::Null,
    };
    let mut draft = Draft::json(fault.code, &body);
    match fault.shape {
        Shape::Own | Shape::OpenAi | Shape::Flat | Shape::Infomaniak => {}
        Shape::Html => {
            draft.content =
                Content::Whole(format!("<html><body><h1>{}</h1>{message}</body></html>", fault.code).into());
            draft.headers.retain(|(name, _)| *name != "content-type");
            draft.headers.push(("content-type", "text/html".to_owned()));
        }
        Shape::Empty => draft.content = Content::Whole(Vec::new()),
    }
    if fault.shape == Shape::Own && Tongue::of(asked) == Tongue::Bedrock {
        draft = bedrock::refused(fault.code, code.unwrap_or(bedrock::kind(fault.code)), message);
    }
    // Google says it in the body alone.
    let in_body = fault.shape == Shape::Own && Tongue::of(asked) == Tongue::Gemini;
    if let Some(after) = fault.retry_after.as_ref().filter(|_| !in_body) {
        draft.headers.push(("retry-after", after.clone()));
    }
    draft
}

/// An error in the place of an answer, with status 200. It repeats the request.
pub(super) fn stated(asked: &Asked) -> Value {
    let echo = String::from_utf8_lossy(&asked.body);
    match Tongue::of(asked) {
        Tongue::OpenAi | Tongue::Speech | Tongue::Transcription => {
            json!({"error": {"message": echo, "type": "server_error", "param": null, "code": null}})
        }
        Tongue::Anthropic => anthropic(529, &echo, None),
        Tongue::Gemini => google(503, &echo, None, None),
        Tongue::Fal => fal::refused(&echo, None),
        Tongue::AzureDocuments => azure(500, &echo, None),
        Tongue::Bedrock => json!({"__type": "ModelErrorException", "message": echo}),
    }
}

/// Anthropic's error (<https://platform.claude.com/docs/en/api/errors>); its own code stands among the details, as that of a
/// spend limit does (<https://platform.claude.com/docs/en/api/rate-limits>).
fn anthropic(status: u16, message: &str, code: Option<&str>) -> Value {
    let kind = match status {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500..=599 => "api_error",
        _ => "invalid_request_error",
    };
    let mut error = json!({"type": kind, "message": message});
    if let Some(code) = code {
        error["details"] = json!({"error_code": code});
    }
    json!({"type": "error", "error": error, "request_id": "req_leaked"})
}

/// Azure's error (<https://learn.microsoft.com/en-us/azure/ai-services/document-intelligence/resolve-errors>).
fn azure(status: u16, message: &str, code: Option<&str>) -> Value {
    let usual = match status {
        400 => "InvalidRequest",
        403 => "Forbidden",
        404 => "NotFound",
        429 => "429",
        503 => "ServiceUnavailable",
        500..=599 => "InternalServerError",
        _ => "InvalidArgument",
    };
    let inner = json!({"code": "InvalidContent", "message": message});
    json!({"error": {"code": code.unwrap_or(usual), "message": message, "innererror": inner}})
}

/// Google's error (<https://google.aip.dev/193>); its own code is the reason of an `ErrorInfo`.
fn google(code: u16, message: &str, reason: Option<&str>, retry_after: Option<&str>) -> Value {
    let status = match code {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ABORTED",
        429 => "RESOURCE_EXHAUSTED",
        499 => "CANCELLED",
        501 => "UNIMPLEMENTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        500..=599 => "INTERNAL",
        _ => "UNKNOWN",
    };
    let reason = reason.map(|reason| {
        json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"})
    });
    let retry = retry_after
        .map(|after| json!({"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": format!("{after}s")}));
    let details: Vec<Value> = reason.into_iter().chain(retry).collect();
    json!({"error": {"code": code, "message": message, "status": status, "details": details}})
}
