//! OpenAI's surface: the status and the error type of each code.

use http::StatusCode;
use phi_words::Code;

/// The HTTP status of a code, as the contract's section 9 lists them.
pub(crate) const fn status(code: Code) -> StatusCode {
    match code {
        Code::Draining | Code::Overloaded | Code::VaultSealed | Code::LedgerUnavailable | Code::UpstreamUnavailable => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        Code::InvalidRequest
        | Code::InvalidHeader
        | Code::AmbiguousHeader
        | Code::UnsupportedParameter
        | Code::InvalidJson
        | Code::DuplicateKey
        | Code::ContextLengthExceeded
        | Code::ContentFiltered
        | Code::UpstreamRejected => StatusCode::BAD_REQUEST,
        Code::InvalidApiKey => StatusCode::UNAUTHORIZED,
        Code::ClassFloor | Code::RegionFloor | Code::PolicyDenied | Code::PhiBlocked => StatusCode::FORBIDDEN,
        Code::NotFound | Code::ModelNotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::RequestTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::NoRoute => StatusCode::UNPROCESSABLE_ENTITY,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::UpstreamFailed | Code::UpstreamTruncated => StatusCode::BAD_GATEWAY,
        Code::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// The list of codes as `docs/errors.md` has it.
pub fn list() -> String {
    let mut text = String::from(
        "# Errors\n\nWhat a caller can be told instead of an answer: the status, the `code` of the error object, what it means, and how\n\
         to mend it. This list is written by `cargo run -p phi-gateway --example errors > docs/errors.md`.\n\n\
         | status | code | what happened | what to do |\n|---|---|---|---|\n",
    );
    for code in Code::ALL {
        let status = status(*code).as_u16();
        text.push_str(&format!("| {status} | `{code}` | {} | {} |\n", code.meaning(), code.remedy()));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_list_is_the_current_one() {
        let committed = include_str!("../../../../docs/errors.md");
        assert_eq!(list(), committed, "write it anew: cargo run -p phi-gateway --example errors > docs/errors.md");
    }

    /// The table of the contract, section 9, row by row.
    #[test]
    fn each_code_has_the_status_of_the_contract() {
        let table: &[(u16, &[Code])] = &[
            (503, &[Code::Draining, Code::Overloaded, Code::VaultSealed]),
            (400, &[Code::InvalidRequest]),
            (404, &[Code::NotFound]),
            (405, &[Code::MethodNotAllowed]),
            (401, &[Code::InvalidApiKey]),
            (429, &[Code::RateLimited]),
            (400, &[Code::InvalidHeader, Code::AmbiguousHeader, Code::UnsupportedParameter]),
            (403, &[Code::ClassFloor, Code::RegionFloor]),
            (413, &[Code::RequestTooLarge]),
            (415, &[Code::UnsupportedMediaType]),
            (400, &[Code::InvalidJson, Code::DuplicateKey]),
            (403, &[Code::PolicyDenied]),
            (404, &[Code::ModelNotFound]),
            (422, &[Code::NoRoute]),
            (403, &[Code::PhiBlocked]),
            (503, &[Code::LedgerUnavailable, Code::UpstreamUnavailable]),
            (400, &[Code::ContextLengthExceeded, Code::ContentFiltered, Code::UpstreamRejected]),
            (502, &[Code::UpstreamFailed, Code::UpstreamTruncated]),
            (504, &[Code::UpstreamTimeout]),
            (500, &[Code::Internal]),
        ];
        let listed: Vec<Code> = table.iter().flat_map(|(_, codes)| codes.iter().copied()).collect();
        for code in Code::ALL {
            assert!(listed.contains(code), "{code} is not in the table");
        }
        for (expected, codes) in table {
            for code in *codes {
                assert_eq!(status(*code).as_u16(), *expected, "{code}");
            }
        }
    }
}
