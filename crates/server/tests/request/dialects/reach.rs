//! What a host sees beside the body, and where it is told to stay.

use phi_record::entry::{Ended, Incident};
use phi_simulate::{Fault, Seen};
use serde_json::{Value, json};

use super::{Heard, KINDS, Kind, TEXT, ask, streamed, up};
use crate::ask::Ask;
use crate::setup::key_of;

/// What a caller sends beside its key; each value is one that no host may see.
const STRANGE: [(&str, &str); 9] = [
    ("user-agent", "caller-agent"),
    ("x-goog-api-key", "caller-google-key"),
    ("x-goog-user-project", "caller-project"),
    ("x-stainless-lang", "caller-language"),
    ("cookie", "caller-cookie"),
    ("x-forwarded-for", "192.0.2.1"),
    ("openai-organization", "caller-organization"),
    ("accept", "caller/accept"),
    ("x-amzn-trace", "caller-trace"),
];

fn strange(ask: Ask) -> Ask {
    STRANGE.iter().fold(ask, |ask, (name, value)| ask.header(name, value))
}

/// Exactly the headers of its dialect, its own key, and nothing of the caller's.
fn is_ours(seen: &Seen, key: (&str, &str), host: &str, has_version: bool) {
    let mut names = seen.header_names();
    names.sort();
    let mut expected = vec!["accept", "accept-encoding", "content-length", "content-type", "host", "user-agent", key.0];
    expected.extend(has_version.then_some("anthropic-version"));
    expected.sort_unstable();
    assert_eq!(names, expected, "{host}");
    assert_eq!(seen.headers(key.0), [format!("{}{}", key.1, key_of(host))]);
    assert_eq!(seen.headers("anthropic-version"), if has_version { vec!["2023-06-01"] } else { vec![] });
    assert_eq!(
        (seen.headers("user-agent"), seen.headers("accept-encoding")),
        (vec!["phi-gateway".to_owned()], vec!["identity".to_owned()])
    );
    let head = String::from_utf8(seen.head.to_vec()).unwrap();
    assert!(!head.contains("caller") && !head.contains("192.0.2.1"), "{head}");
}

#[tokio::test]
async fn p22_a_host_sees_the_headers_of_its_dialect_and_its_own_key_alone() {
    let stand = up().await;
    let alps = Kind { host: "alps-a", paths: KINDS[0].paths, key: KINDS[0].key };
    for kind in KINDS {
        for more in [json!({}), streamed()] {
            stand.afresh();
            // Overloaded once, so that another host is asked after it.
            stand.host(kind.host).next([Fault::status(529)]);
            let reply = stand.ask(strange(ask(&format!("{}-first", kind.host), more))).await;
            assert_eq!(Heard::of(&reply).content, TEXT, "{kind:?}");
            for name in ["server", "set-cookie", "request-id", "anthropic-organization-id", "openai-organization"] {
                assert_eq!(reply.header(name), None, "{kind:?}");
            }
            assert!(!reply.headers.keys().any(|name| name.as_str().starts_with("anthropic-")), "{reply:?}");
            let seen = stand.host(kind.host).seen().pop().unwrap();
            is_ours(&seen, kind.key, kind.host, kind.host == "claude");
            let (second, key) = (stand.host("alps-a").seen().pop().unwrap(), key_of("alps"));
            assert_eq!(second.headers("authorization"), [format!("Bearer {key}")]);
            let head = String::from_utf8([&second.head[..], &second.body[..]].concat()).unwrap();
            assert!(!head.contains(&key_of(kind.host)) && !head.contains("caller"), "{head}");
            for seen in [&seen, &second] {
                let all = String::from_utf8([&seen.head[..], &seen.body[..]].concat()).unwrap();
                assert!(!all.contains(&stand.token), "a host saw the caller's token");
            }
            assert_eq!(second.path(), alps.paths[0]);
        }
    }
}

#[tokio::test]
async fn a_host_of_the_us_alone_is_told_to_stay_there_and_its_word_is_checked() {
    let stand = up().await;
    let asked = |more: Value| {
        Ask::json(super::CHAT, &crate::ask::with(crate::ask::chat("claude/us"), more)).header("x-region", "US")
    };
    for more in [json!({}), streamed()] {
        let reply = stand.ask(asked(more.clone())).await;
        assert_eq!(Heard::of(&reply).content, TEXT);
        assert_eq!(stand.host("claude-us").seen().pop().unwrap().json()["inference_geo"], "us");
        assert!(stand.closed(reply.id()).await.incidents.is_empty());
        let world = stand.ask(ask("claude/c", more.clone())).await;
        assert_eq!(world.status, 200, "{}", world.text());
        assert!(stand.host("claude").seen().pop().unwrap().json().get("inference_geo").is_none());
        for name in ["global", "eu", "not_available"] {
            stand.host("claude-us").next([Fault::Geo { name: name.to_owned(), early: true }]);
            let reply = stand.ask(asked(more.clone())).await;
            assert_eq!(reply.refusal(), (502, "upstream_failed".to_owned()), "{name}");
            assert!(!reply.text().contains("simulated"), "an answer from elsewhere was delivered");
            let closed = stand.closed(reply.id()).await;
            assert_eq!(closed.attempts[0].ended, Ended::Mismatch, "{name}");
            assert!(matches!(closed.incidents[..], [Incident::Region { .. }]), "{:?}", closed.incidents);
            stand.gateway.health().accept(&"claude-us".parse().unwrap());
        }
    }
    let steered = stand.ask(asked(json!({"inference_geo": "global"}))).await;
    assert_eq!(steered.refusal(), (400, "unsupported_parameter".to_owned()), "no caller says where");
}
