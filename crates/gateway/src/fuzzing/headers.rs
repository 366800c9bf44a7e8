use std::sync::LazyLock;

use http::HeaderMap;
use phi_catalog::Catalogue;
use phi_police::{Mark, Wishes};
use phi_words::Class;

use super::read_headers;
use crate::headers::{trailers, wishes};

/// A header of ours is either refused or read as it was written, and never read as if it were not there.
pub fn headers(bytes: &[u8]) {
    static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::load(None).expect("the built-in catalogue"));
    let headers = read_headers(bytes);
    if trailers(&headers).is_ok() {
        assert!(headers.keys().all(|name| !ours(name.as_str()) && !frames(name.as_str())));
    }
    let Ok(Wishes { region, class, tier, marks }) = wishes(&headers, &CATALOGUE) else { return };
    for name in headers.keys() {
        assert!(!name.as_str().contains('_') || !ours(name.as_str()), "a second spelling of `{name}`");
    }
    let class = class.map(|class| if class == Class::Phi { "true" } else { "false" });
    let mark = |mark: &Option<Mark>| mark.as_ref().map(|mark| mark.expose_text().to_owned());
    assert_eq!(
        one(&headers, "x-region").map(|text| text.to_ascii_uppercase()),
        region.map(|region| region.as_str().to_owned())
    );
    assert_eq!(one(&headers, "x-phi").map(|text| text.to_ascii_lowercase()).as_deref(), class);
    assert_eq!(one(&headers, "x-model-tier").as_deref(), tier.map(|tier| tier.as_str()));
    assert_eq!(one(&headers, "x-actor"), mark(&marks.actor));
    assert_eq!(one(&headers, "x-subject"), mark(&marks.subject));
    assert_eq!(one(&headers, "x-purpose"), mark(&marks.purpose));
    for refused in ["idempotency-key", "x-deidentify", "x-data-class"] {
        assert_eq!(one(&headers, refused), None);
    }
}

/// The text of a header that may stand once.
fn one(headers: &HeaderMap, name: &str) -> Option<String> {
    let all: Vec<_> = headers.get_all(name).iter().collect();
    assert!(all.len() < 2, "`{name}` was sent more than once");
    all.first().map(|value| value.to_str().expect("visible ASCII").to_owned())
}

/// Of these a second spelling is refused; credentials are judged where callers are identified.
const NAMES: &[&str] = &[
    "x-region",
    "x-phi",
    "x-model-tier",
    "x-actor",
    "x-subject",
    "x-purpose",
    "idempotency-key",
    "x-deidentify",
    "x-data-class",
];

fn ours(name: &str) -> bool {
    NAMES.contains(&name.replace('_', "-").as_str())
}

fn frames(name: &str) -> bool {
    ["content-length", "transfer-encoding", "host", "connection", "upgrade", "expect", "te", "trailer"].contains(&name)
}
