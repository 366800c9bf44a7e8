//! The table of refusals, row by row, and the order in which its steps are taken.

use std::time::Duration;

use phi_simulate::Fault;
use phi_words::Code;
use serde_json::json;

use crate::ask::{Ask, Reply, SECRET, chat, with};
use crate::setup::Setup;
use crate::stand::{Stand, text, wait_until};

const SMALL: &str = "[gateway]\nbody_bytes = 4096\n";
const CHAT: &str = "/v1/chat/completions";

/// One row: the step of the contract, what is asked, and what is refused: status, code, type, and what is at fault.
type Row = (u8, Ask, u16, &'static str, &'static str, Option<&'static str>);

/// The tokens that the rows need.
struct Tokens {
    /// No request below the class `phi`.
    floor: String,
    /// CH alone.
    narrow: String,
    /// No request at all.
    idle: String,
    test: String,
}

impl Tokens {
    async fn of(stand: &Stand) -> Self {
        Self {
            floor: stand.token_of("floor", "", "--floor phi").await,
            narrow: stand.token_of("narrow", "", "--regions CH").await,
            idle: stand.token_of("idle", "--requests 0", "").await,
            test: stand.token_of("tester", "", "--test").await,
        }
    }
}

fn body(more: serde_json::Value) -> Ask {
    Ask::json(CHAT, &with(chat("alps/m"), more))
}

fn rows(tokens: &Tokens) -> Vec<Row> {
    let (invalid, denied) = ("invalid_request_error", "permission_error");
    let m = || Ask::chat("alps/m");
    let deep = format!(r#"{{"model":"alps/m","messages":{}1{}}}"#, "[".repeat(64), "]".repeat(64));
    let long = with(chat("alps/m"), json!({"user": "u".repeat(5_000)}));
    vec![
        (2, Ask::get("/v1/nothing"), 404, "not_found", invalid, None),
        (2, Ask::text("/v1/videos/generations", "{}"), 404, "not_found", invalid, None),
        (2, Ask::new("DELETE", CHAT, ""), 405, "method_not_allowed", invalid, None),
        (2, Ask::text("/v1/chat/completions?a=b", "{}"), 400, "invalid_request", invalid, None),
        (3, m().bare(), 401, "invalid_api_key", "authentication_error", None),
        (4, m().token(&tokens.idle), 429, "rate_limited", "rate_limit_error", None),
        (5, m().header("x-region", "MARS"), 400, "invalid_header", invalid, Some("x-region")),
        (5, m().phi().phi(), 400, "ambiguous_header", invalid, Some("x-phi")),
        (5, m().header("x-deidentify", "true"), 400, "unsupported_parameter", invalid, Some("x-deidentify")),
        (5, m().token(&tokens.floor).header("x-phi", "false"), 403, "class_floor", denied, Some("X-PHI")),
        (5, m().token(&tokens.narrow).header("x-region", "EU"), 403, "region_floor", denied, Some("X-Region")),
        (6, Ask::json(CHAT, &long), 413, "request_too_large", invalid, None),
        (6, m().without("content-type"), 415, "unsupported_media_type", invalid, None),
        (6, m().header("content-type", "application/json"), 415, "unsupported_media_type", invalid, None),
        (6, m().header("content-encoding", "gzip"), 415, "unsupported_media_type", invalid, None),
        (6, Ask::text(CHAT, "{\"model\":"), 400, "invalid_json", invalid, None),
        (6, Ask::text(CHAT, &b"{\"model\":\"\xff\"}"[..]), 400, "invalid_json", invalid, None),
        (6, Ask::text(CHAT, r#"{"model":"a","mod\u0065l":"b"}"#), 400, "duplicate_key", invalid, None),
        (6, Ask::text(CHAT, r#"{"model":"alps/m"}"#), 400, "invalid_request", invalid, Some("messages")),
        (6, Ask::text(CHAT, deep), 400, "invalid_request", invalid, None),
        (6, body(json!({"max_tokens": -1})), 400, "invalid_request", invalid, Some("max_tokens")),
        (6, body(json!({"provider": {}})), 400, "unsupported_parameter", invalid, Some("provider")),
        (6, body(json!({"store": true})), 400, "unsupported_parameter", invalid, Some("store")),
        (6, body(json!({"top_k": 4})).phi(), 400, "unsupported_parameter", invalid, Some("top_k")),
        (8, Ask::chat("nobody/m"), 404, "model_not_found", invalid, Some("model")),
        (9, m().header("x-region", "EU"), 422, "no_route", invalid, Some("model")),
        (9, Ask::chat("chalet/unpriced"), 422, "no_route", invalid, Some("model")),
        (9, body(json!({"top_k": 4})), 400, "unsupported_parameter", invalid, Some("top_k")),
        (9, body(json!({"logprobs": true})), 400, "unsupported_parameter", invalid, Some("logprobs")),
        (10, Ask::chat("chalet/m").phi(), 403, "phi_blocked", denied, Some("X-PHI")),
        (10, m().phi().header("x-region", "WORLD"), 403, "phi_blocked", denied, Some("X-PHI")),
        (10, Ask::chat("local/m").phi().token(&tokens.test), 403, "phi_blocked", denied, Some("X-PHI")),
        (11, m().token(&tokens.test), 403, "policy_denied", denied, None),
    ]
}

#[tokio::test]
async fn each_row_of_the_table_refuses_as_it_says_and_is_recorded() {
    let stand = Setup { settings: SMALL, ..Setup::default() }.up().await;
    let tokens = Tokens::of(&stand).await;
    for (number, (step, ask, status, code, kind, param)) in rows(&tokens).into_iter().enumerate() {
        // So many a second are written down for each agent.
        stand.clock.advance(Duration::from_secs(1));
        let reply = stand.ask(ask).await;
        let what = format!("row {number}, step {step}: {reply:?}");
        assert_eq!(reply.refusal(), (status, code.to_owned()), "{what}");
        let error = &reply.json()["error"];
        assert_eq!((error["type"].as_str(), error["param"].as_str()), (Some(kind), param), "{what}");
        assert_eq!(error.as_object().unwrap().len(), 4, "{what}");
        headers_of_a_refusal(&reply, step, &what);
        let refused = stand.refused(reply.id()).await;
        if step < 4 {
            continue;
        }
        let refused = refused.unwrap_or_else(|| panic!("not recorded: {what}"));
        assert_eq!(refused.code.as_str(), code, "{what}");
        assert!(refused.who.is_some() && refused.modality.is_some(), "{what}");
        assert_eq!((refused.region.is_some(), refused.class.is_some()), (step > 5, step > 5), "{what}");
        assert_eq!(refused.model.is_some(), step > 6, "{what}");
    }
    assert_eq!(stand.reached(), Vec::<&str>::new(), "a refused request reached a host");
    assert!(!stand.ledger_text().await.contains(SECRET));
}

fn headers_of_a_refusal(reply: &Reply, step: u8, what: &str) {
    for (name, value) in [
        ("content-type", "application/json"),
        ("cache-control", "no-store"),
        ("x-phi-policy", "none"),
        ("x-phi-attempts", "0"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}: {what}");
    }
    assert_eq!(reply.header("x-phi-tier").is_some(), step > 5, "{what}");
    assert_eq!(reply.header("retry-after").is_some(), step == 4, "{what}");
    assert_eq!(reply.header("x-should-retry"), (step != 4).then_some("false"), "{what}");
    for name in ["x-phi-cost-micro", "x-phi-usage", "x-phi-routed", "x-phi-tools", "x-phi-left-out"] {
        assert_eq!(reply.header(name), None, "{name}: {what}");
    }
}

/// Spoils a request at the step `from` and at every later one, as far as one request can hold it all.
fn spoiled(from: usize, tokens: &Tokens, stand: &Stand) -> Ask {
    let path = if from <= 1 { "/v1/nothing" } else { CHAT };
    let method = if from <= 2 { "DELETE" } else { "POST" };
    let text = match from {
        ..=8 => "u".repeat(5_000),
        9..=10 => format!("{{{SECRET}"),
        11 => r#"{"model":"nobody/m","model":"b"}"#.to_owned(),
        12 => with(chat("nobody/m"), json!({"store": true})).to_string(),
        13 => with(chat("nobody/m"), json!({"logprobs": true})).to_string(),
        14 => with(chat("infomaniak/gemma-4-31b"), json!({"logprobs": true})).to_string(),
        15 => with(chat("chalet/m"), json!({"logprobs": true})).to_string(),
        _ => chat("chalet/m").to_string(),
    };
    let mut ask = Ask::new(method, path, text).header("x-phi", "true");
    ask = match from {
        ..=3 => ask.token("phi_live_nobody"),
        4 => ask.token(&tokens.idle),
        5..=6 => ask.token(&tokens.floor),
        7 => ask.token(&tokens.narrow),
        _ => ask.token(&stand.token),
    };
    if from <= 5 {
        ask = ask.header("x-phi", "false");
    } else if from == 6 {
        ask = ask.without("x-phi").header("x-phi", "false");
    }
    if from <= 7 || from == 14 {
        ask = ask.header("x-region", "EU");
    }
    ask.header("content-type", if from <= 9 { "text/plain" } else { "application/json" })
}

#[tokio::test]
async fn the_first_check_that_fails_answers() {
    let stand = Setup { settings: SMALL, ..Setup::default() }.up().await;
    let tokens = Tokens::of(&stand).await;
    for (from, code) in [
        (1, Code::NotFound),
        (2, Code::MethodNotAllowed),
        (3, Code::InvalidApiKey),
        (4, Code::RateLimited),
        (5, Code::AmbiguousHeader),
        (6, Code::ClassFloor),
        (7, Code::RegionFloor),
        (8, Code::RequestTooLarge),
        (9, Code::UnsupportedMediaType),
        (10, Code::InvalidJson),
        (11, Code::DuplicateKey),
        (12, Code::UnsupportedParameter),
        (13, Code::ModelNotFound),
        (14, Code::NoRoute),
        (15, Code::UnsupportedParameter),
        (16, Code::PhiBlocked),
    ] {
        let reply = stand.ask(spoiled(from, &tokens, &stand)).await;
        assert_eq!(reply.refusal().1, code.as_str(), "from {from}: {reply:?}");
    }
    stand.gateway.end();
    let reply = stand.ask(spoiled(1, &tokens, &stand)).await;
    assert_eq!(reply.refusal(), (503, "draining".to_owned()));
    assert_eq!((reply.header("retry-after"), reply.header("x-should-retry")), (Some("2"), None));
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn one_request_too_many_is_overloaded_until_another_ends() {
    let stand = Setup { settings: "[gateway]\nrunning = 1\n", ..Setup::default() }.up().await;
    stand.host("alps-a").next([Fault::Stall { after: Some(3) }]);
    let coming = stand.begin(Ask::stream("alps/m")).await;
    let refused = stand.ask(Ask::chat("nobody/m").bare()).await;
    assert_eq!(refused.refusal(), (503, "overloaded".to_owned()), "before every other check");
    assert_eq!((refused.header("retry-after"), refused.header("x-should-retry")), (Some("1"), None));
    drop(coming);
    wait_until("its place is given back", async || stand.gateway.running() == 0).await;
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 200);
}

#[tokio::test]
async fn bad_credentials_are_all_alike() {
    let stand = Stand::up().await;
    let good = &stand.token;
    let mut wrong = good.clone().into_bytes();
    let last = wrong.last_mut().unwrap();
    *last = if *last == b'a' { b'b' } else { b'a' };
    let wrong = String::from_utf8(wrong).unwrap();
    let far = stand.token_of("far", "", "--from 10.0.0.0/8").await;
    let short = stand.token_of("short", "", "--expires 1m").await;
    let gone = stand.phi("agent create gone --org clinic").await;
    assert!(gone["id"].is_string());
    let revoked = stand.phi("token create --org clinic --agent gone").await;
    stand.phi(&format!("token revoke {}", text(&revoked["id"]))).await;
    stand.clock.advance(Duration::from_secs(61));
    let m = || Ask::chat("alps/m");
    let asks = [
        ("missing", m().bare()),
        ("malformed", m().token("phi_live_x")),
        ("another scheme", m().bare().header("authorization", format!("Basic {good}"))),
        ("wrong", m().token(&wrong)),
        ("unknown", m().token("phi_live_0000000000000000_0000000000000000000000000000000000000000000000000")),
        ("revoked", m().token(&text(&revoked["token"]))),
        ("expired", m().token(&short)),
        ("from elsewhere", m().token(&far)),
        ("two", m().header("x-api-key", &wrong)),
        ("twice", m().bare().header("x-api-key", good).header("x-api-key", good)),
        ("underscored", m().header("x_api_key", good)),
        ("not ASCII", m().bare().header("x-api-key", b"phi_live_\xe9")),
    ];
    let mut first = None;
    for (what, ask) in asks {
        let mut reply = stand.ask(ask).await;
        assert_eq!(reply.refusal(), (401, "invalid_api_key".to_owned()), "{what}");
        let id = reply.headers.remove("x-request-id");
        reply.headers.remove("date");
        let shown = (reply.status, reply.headers, reply.body);
        assert_eq!(*first.get_or_insert_with(|| shown.clone()), shown, "{what}");
        assert!(id.is_some(), "{what}");
    }
    for ask in [
        m(),
        m().header("x-api-key", good),
        m().bare().header("x-api-key", good),
        m().bare().header("authorization", format!("bearer {good}")),
        m().token(&text(&stand.phi("token create --org clinic --agent writer").await["agent_token"])),
    ] {
        assert_eq!(stand.ask(ask).await.status, 200, "the same credential twice counts once");
    }
}
