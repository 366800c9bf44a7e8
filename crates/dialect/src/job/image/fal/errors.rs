use crate::json::{Document, Value};
use crate::{HostError, HostErrorKind};

/// Reads `{"detail": ...}`: a text, or what is wrong with which field, each of a `type`.
pub(crate) fn read_error(body: &[u8]) -> HostError {
    let document = Document::parse(body.to_vec().into()).ok();
    let is_refused = |document: &Document| {
        let kinds = document.root().member("detail").and_then(Value::items).into_iter().flatten();
        let stated = document.root().member("error_type").into_iter();
        kinds
            .filter_map(|one| one.member("type"))
            .chain(stated)
            .any(|kind| kind.is_text("content_policy_violation") || kind.is_text("no_media_generated"))
    };
    match document.as_ref().is_some_and(is_refused) {
        true => HostError { kind: HostErrorKind::ContentFiltered, code: Some("content_policy_violation") },
        false => HostError { kind: HostErrorKind::Other, code: None },
    }
}
