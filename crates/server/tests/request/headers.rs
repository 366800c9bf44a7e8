//! The headers of requests and of replies: every value, every spelling, floors and defaults.

use std::time::Duration;

use phi_record::entry::KeyedHash;
use phi_simulate::{Fault, Says, Tool};
use phi_words::Class;
use serde_json::json;

use crate::ask::{Ask, SECRET, chat, raw, with};
use crate::setup::Setup;
use crate::stand::Stand;

#[tokio::test]
async fn a_value_is_one_of_its_grammar_or_refused() {
    let stand = Stand::up().await;
    let long = "a".repeat(129);
    type Line<'a> = (&'a str, &'a [&'a [u8]], &'a [&'a [u8]]);
    let rows: &[Line<'_>] = &[
        (
            "x-region",
            &[b"CH", b"ch", b"Ch"],
            &[b"", b"C H", b"CH,EU", b"MARS", b"CH;", b"\"CH\"", b"C\xc3\x89", b"C\xd0\x9d"],
        ),
        ("x-phi", &[b"true", b"TRUE", b"False"], &[b"", b"1", b"yes", b"true,false", b"tru\xc3\xa9", b"on", b"null"]),
        ("x-model-tier", &[b"fast", b"baseline", b"thinking"], &[b"", b"slow", b"fast,baseline", b"f\xc3\xa4st"]),
        (
            "x-actor",
            &[b"dr-keller", b"a", &long.as_bytes()[1..]],
            &[b"", b"dr keller", long.as_bytes(), b"M\xc3\xbcller"],
        ),
        ("x-subject", &[b"urn:patient:4711"], &[b"", b"a\tb", long.as_bytes(), b"\xff"]),
        ("x-purpose", &[b"treatment"], &[b"", b"two words", long.as_bytes(), b"\xe9"]),
        ("anthropic-version", &[b"2023-06-01", b"2026-10-21"], &[b"", b"2023-06-02", b"2023-06-01 \xc3\xa9"]),
        ("anthropic-beta", &[b"", b"pdfs-2024-09-25", b"a, b,c"], &[b",", b"a b", b"a;b", b"b\xc3\xa9ta-1"]),
        ("idempotency-key", &[], &[b"abc"]),
        ("x-deidentify", &[], &[b"true", b"false", b""]),
        ("x-data-class", &[], &[b"genomic"]),
    ];
    for (name, good, bad) in rows {
        for value in *good {
            let reply = stand.ask(Ask::chat("alps/m").header(name, value)).await;
            assert_eq!(reply.status, 200, "{name}: {}: {reply:?}", value.escape_ascii());
        }
        stand.afresh();
        for value in *bad {
            let unsupported = good.is_empty();
            let reply = stand.ask(Ask::chat("alps/m").header(name, value)).await;
            let code = if unsupported { "unsupported_parameter" } else { "invalid_header" };
            assert_eq!(reply.refusal(), (400, code.to_owned()), "{name}: {}", value.escape_ascii());
            assert_eq!(reply.json()["error"]["param"], *name);
            let message = reply.text();
            assert!(value.len() < 6 || !message.as_bytes().windows(value.len()).any(|w| w == *value), "{message}");
        }
        assert_eq!(stand.reached(), Vec::<&str>::new(), "{name}");
    }
}

#[tokio::test]
async fn a_header_of_ours_stands_once_in_one_spelling() {
    let stand = Stand::up().await;
    for (name, value) in [
        ("x-region", "CH"),
        ("x-phi", "true"),
        ("x-model-tier", "fast"),
        ("x-actor", "a"),
        ("x-subject", "a"),
        ("x-purpose", "a"),
        ("anthropic-version", "2023-06-01"),
        ("anthropic-beta", "a"),
        ("idempotency-key", "a"),
        ("x-deidentify", "true"),
        ("x-data-class", "a"),
    ] {
        let twice = Ask::chat("alps/m").header(name, value).header(name, value);
        let underscored = name.replace('-', "_");
        let alone = Ask::chat("alps/m").header(&underscored, value);
        let both = Ask::chat("alps/m").header(name, value).header(&underscored, value);
        for (what, ask) in [("twice", twice), ("underscored", alone), ("both", both)] {
            let reply = stand.ask(ask).await;
            assert_eq!(reply.refusal(), (400, "ambiguous_header".to_owned()), "{name} {what}");
            assert_eq!(reply.json()["error"]["param"], name, "{name} {what}");
        }
        // Some of its hyphens alone.
        if let Some((front, back)) = name.split_once('-').filter(|(_, back)| back.contains('-')) {
            let mixed = Ask::chat("alps/m").header(&format!("{front}_{back}"), value);
            assert_eq!(stand.ask(mixed).await.refusal().1, "ambiguous_header", "{name}");
        }
        let body = chat("alps/m").to_string();
        let head = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
             content-type: application/json\r\ntransfer-encoding: chunked\r\ntrailer: {name}\r\n\r\n",
            stand.token
        );
        for name in [name, &underscored] {
            let text = format!("{head}{:x}\r\n{body}\r\n0\r\n{name}: {value}\r\n\r\n", body.len());
            let reply = raw(stand.address(), text.as_bytes()).await;
            assert!(reply.starts_with("HTTP/1.1 400 ") && reply.contains("ambiguous_header"), "{name}: {reply}");
        }
        let other = format!("{head}{:x}\r\n{body}\r\n0\r\nx-checksum: 1\r\n\r\n", body.len());
        assert!(raw(stand.address(), other.as_bytes()).await.starts_with("HTTP/1.1 200 "), "another trailer");
        stand.clock.advance(Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_credential_in_a_trailer_is_refused_too() {
    let stand = Stand::up().await;
    let body = chat("alps/m").to_string();
    for name in ["authorization", "x-api-key", "x_api_key"] {
        let text = format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
             content-type: application/json\r\ntransfer-encoding: chunked\r\ntrailer: {name}\r\n\r\n\
             {:x}\r\n{body}\r\n0\r\n{name}: another\r\n\r\n",
            stand.token,
            body.len()
        );
        let reply = raw(stand.address(), text.as_bytes()).await;
        assert!(reply.starts_with("HTTP/1.1 401 ") && reply.contains("invalid_api_key"), "{name}: {reply}");
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn what_a_caller_may_not_lower_stays_and_what_it_leaves_out_is_the_tokens_or_the_organizations() {
    let stand = Stand::up().await;
    stand.phi("org create ward --region CH --class phi --floor phi --framework GDPR --regions CH,EU").await;
    stand.phi("agent create nurse --org ward").await;
    let issue = async |more: &str| {
        crate::stand::text(&stand.phi(&format!("token create --org ward --agent nurse {more}")).await["token"])
    };
    let ward = issue("").await;
    let abroad = issue("--region EU").await;
    let clinic_phi = stand.token_of("cautious", "", "--class phi").await;
    let clinic_floor = stand.token_of("floored", "", "--floor phi").await;
    let clinic_eu = stand.token_of("abroad", "", "--region EU").await;
    type Line<'a> = (&'a str, &'a String, &'a [(&'a str, &'a str)], Result<(&'a str, Class), &'a str>);
    let (phi, general) = (Class::Phi, Class::General);
    let lines: &[Line<'_>] = &[
        ("the organization's defaults", &stand.token, &[], Ok(("CH", general))),
        ("raised", &stand.token, &[("x-phi", "true")], Ok(("CH", phi))),
        ("another region", &stand.token, &[("x-region", "eu")], Ok(("EU", general))),
        ("the token's class", &clinic_phi, &[], Ok(("CH", phi))),
        ("a default is no floor", &clinic_phi, &[("x-phi", "false")], Ok(("CH", general))),
        ("the token's floor", &clinic_floor, &[], Ok(("CH", phi))),
        ("below the token's floor", &clinic_floor, &[("x-phi", "false")], Err("class_floor")),
        ("the token's region", &clinic_eu, &[], Ok(("EU", general))),
        ("back home", &clinic_eu, &[("x-region", "CH")], Ok(("CH", general))),
        ("the ward's defaults", &ward, &[], Ok(("CH", phi))),
        ("below the ward's floor", &ward, &[("x-phi", "False")], Err("class_floor")),
        ("the ward's other region", &ward, &[("x-region", "EU")], Ok(("EU", phi))),
        ("outside the ward's regions", &ward, &[("x-region", "US")], Err("region_floor")),
        ("WORLD is a region too", &ward, &[("x-region", "WORLD")], Err("region_floor")),
        ("the ward's token abroad", &abroad, &[], Ok(("EU", phi))),
    ];
    for (what, token, headers, expected) in lines {
        stand.afresh();
        let ask = headers.iter().fold(Ask::chat("auto"), |ask, (name, value)| ask.header(name, value));
        let reply = stand.ask(ask.token(token)).await;
        match expected {
            Ok((region, class)) => {
                assert_eq!(reply.status, 200, "{what}: {reply:?}");
                let opened = stand.opened(reply.id()).await;
                assert_eq!((opened.region.as_str(), opened.class), (*region, *class), "{what}");
                let routed = reply.header("x-phi-routed").unwrap();
                assert!(routed.ends_with(&format!("/{region}/{class}")), "{what}: {routed}");
                let host = if *region == "CH" { "infomaniak" } else { "scaleway" };
                assert_eq!(stand.reached(), [host], "{what}");
            }
            Err(code) => {
                assert_eq!(reply.refusal(), (403, (*code).to_owned()), "{what}");
                assert_eq!(stand.reached(), Vec::<&str>::new(), "{what}");
            }
        }
    }
}

#[tokio::test]
async fn marks_are_kept_as_keyed_hashes_alone() {
    let stand = Stand::up().await;
    let ask = |name: &str| {
        Ask::chat("alps/m").header("x-actor", name).header("x-subject", name).header("x-purpose", "treatment")
    };
    let first = stand.opened(stand.ask(ask("kowalski")).await.id()).await;
    let second = stand.opened(stand.ask(ask("kowalski")).await.id()).await;
    let third = stand.opened(stand.ask(ask("meier")).await.id()).await;
    let hash = |hash: &Option<KeyedHash>| hash.clone().unwrap().hash;
    assert_eq!(hash(&first.actor), hash(&second.actor));
    assert_ne!(hash(&first.actor), hash(&third.actor));
    assert_ne!(hash(&first.actor), hash(&first.subject), "an actor is no subject");
    assert!(first.purpose.is_some() && stand.opened(stand.ask(Ask::chat("alps/m")).await.id()).await.actor.is_none());
    let ledger = stand.ledger_text().await;
    assert!(!ledger.contains("kowalski") && !ledger.contains("treatment") && !ledger.contains(SECRET));
    for seen in stand.host("alps-a").seen() {
        let bytes = String::from_utf8([&seen.head[..], &seen.body[..]].concat()).unwrap();
        assert!(!bytes.contains("kowalski") && !bytes.contains("treatment"), "{bytes}");
    }
}

#[tokio::test]
async fn a_reply_tells_what_became_of_the_call() {
    let stand = Stand::up().await;
    let usage = json!({"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100});
    stand.host("alps-b").says(Says { usage: Some(usage), ..Says::default() });
    stand.host("alps-a").next([Fault::status(503)]);
    let reply = stand.ask(Ask::chat("alps/m").phi()).await;
    for (name, value) in [
        ("content-type", Some("application/json")),
        ("cache-control", Some("no-store")),
        ("x-phi-routed", Some("alps-b-m/CH/phi")),
        ("x-phi-tier", Some("phi")),
        ("x-phi-attempts", Some("2")),
        ("x-phi-cost-micro", Some("4950")),
        ("x-phi-usage", Some("verified")),
        ("x-phi-tools", Some("supported")),
        ("x-phi-policy", Some("none")),
        ("x-phi-left-out", None),
        ("x-phi-receipt", None),
        ("x-should-retry", None),
        ("retry-after", None),
        ("x-ratelimit-limit-requests", None),
        // The host's own, which no caller may see.
        ("server", None),
        ("set-cookie", None),
        ("openai-organization", None),
    ] {
        assert_eq!(reply.header(name), value, "{name}");
    }
    assert!(!reply.header("x-request-id").unwrap().contains("leaked"));

    let general = stand.ask(Ask::chat("chalet/m")).await;
    let of = |name| general.header(name);
    assert_eq!((of("x-phi-tier"), of("x-phi-tools")), (Some("non_phi"), Some("unsupported")));
    let vectors = stand.ask(Ask::json("/v1/embeddings", &json!({"model": "alps/e", "input": "a"}))).await;
    assert_eq!((vectors.status, vectors.header("x-phi-tools")), (200, None), "no tools where there is no chat");

    let stream = stand.begin(Ask::stream("alps/m")).await;
    let of = |name: &str| stream.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
    assert_eq!(of("content-type").as_deref(), Some("text/event-stream; charset=utf-8"));
    assert_eq!((of("x-phi-cost-micro"), of("x-phi-usage")), (None, None), "known at its end");
    assert_eq!((of("x-phi-attempts").as_deref(), of("cache-control").as_deref()), (Some("1"), Some("no-store")));
    assert_eq!(of("x-phi-routed").as_deref(), Some("alps-a-m/CH/general"));
}

#[tokio::test]
async fn the_class_changes_no_price() {
    let stand = Stand::up().await;
    let usage = json!({"prompt_tokens": 777, "completion_tokens": 33, "total_tokens": 810});
    for name in ["alps-a", "infomaniak"] {
        stand.host(name).says(Says { usage: Some(usage.clone()), ..Says::default() });
    }
    for model in ["alps/m", "infomaniak/gemma-4-31b", "infomaniak/qwen3.5-397b"] {
        let general = stand.ask(Ask::chat(model)).await;
        let phi = stand.ask(Ask::chat(model).phi()).await;
        assert_eq!((general.status, phi.status), (200, 200), "{model}");
        assert_eq!(general.header("x-phi-cost-micro"), phi.header("x-phi-cost-micro"), "{model}");
        assert_ne!(general.header("x-phi-cost-micro"), Some("0"), "{model}");
    }
}

#[tokio::test]
async fn every_other_header_is_accepted_and_goes_no_further() {
    let stand = Setup::default().up().await;
    let tool = Tool { name: "look_up".to_owned(), arguments: "{\"a\": 1}".to_owned() };
    stand.host("alps-a").says(Says { tools: vec![tool], ..Says::default() });
    let tools = json!([{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}]);
    let ask = Ask::json("/v1/chat/completions", &with(chat("alps/m"), json!({"tools": tools})));
    let strange = [
        ("user-agent", "caller-1"),
        ("x-stainless-lang", "python"),
        ("traceparent", "00-1-2-01"),
        ("cookie", "caller-cookie"),
        ("x-forwarded-for", "192.0.2.1"),
        ("anthropic-version", "2023-06-01"),
        ("openai-organization", "caller-organization"),
        ("accept", "caller/accept"),
        ("accept-encoding", "br"),
        ("x-ms-region", "caller-region"),
        ("x_other_thing", "caller-thing"),
        ("expect", "caller-expectation"),
    ];
    let ask = strange.iter().fold(ask, |ask, (name, value)| ask.header(name, value));
    let reply = stand.ask(ask).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.json()["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"], "{\"a\": 1}");
    let seen = stand.host("alps-a").seen().pop().unwrap();
    let mut names = seen.header_names();
    names.sort();
    let expected =
        ["accept", "accept-encoding", "authorization", "content-length", "content-type", "host", "user-agent"];
    assert_eq!(names, expected);
    let head = String::from_utf8(seen.head.to_vec()).unwrap();
    for (_, value) in strange {
        assert!(value.len() < 4 || !head.contains(value), "{value}: {head}");
    }
}
