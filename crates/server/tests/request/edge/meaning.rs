//! Checks 2, 4, 7 to 9, 11, 12, 17, 24, 36, 38, 43, 47, 51 and 54: what a request says, in every writing that could be
//! taken for something else.

use serde_json::json;

use crate::ask::{Ask, SECRET, chat, raw, with};
use crate::stand::Stand;

const CHAT: &str = "/v1/chat/completions";

fn head(stand: &Stand, more: &str, length: usize) -> String {
    format!(
        "POST {CHAT} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\nconnection: close\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n{more}\r\n",
        stand.token
    )
}

#[tokio::test]
async fn check_02_the_mark_of_phi_is_true_or_false_and_nothing_like_it() {
    let stand = Stand::up().await;
    let body = chat("alps/m").to_string();
    for (value, class) in [
        ("TRUE", Some("phi")),
        (" true ", Some("phi")),
        ("\tFalse", Some("general")),
        ("1", None),
        ("yes", None),
        ("true, false", None),
        ("true;", None),
        ("\"true\"", None),
        ("", None),
        ("tru\u{435}", None),
        ("true\u{a0}", None),
    ] {
        let text = head(&stand, &format!("x-phi:{value}\r\n"), body.len()) + &body;
        let reply = raw(stand.address(), text.as_bytes()).await;
        match class {
            Some(class) => assert!(reply.contains(&format!("x-phi-routed: alps-a-m/CH/{class}\r\n")), "{reply}"),
            None => assert!(reply.starts_with("HTTP/1.1 400 ") && reply.contains("invalid_header"), "{value}: {reply}"),
        }
    }
}

#[tokio::test]
async fn check_04_phi_cannot_be_unsaid_in_another_place() {
    let stand = Stand::up().await;
    let cautious = stand.token_of("cautious", "", "--class phi").await;
    let body = chat("alps/m").to_string();
    let named =
        head(&stand, "x-phi: true\r\n", body.len()).replace("connection: close", "connection: close, x-phi") + &body;
    let reply = raw(stand.address(), named.as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 400 ") && reply.contains("invalid_request"), "{reply}");
    let asked = with(chat("alps/m"), json!({"metadata": {"x-phi": "false", "X-PHI": "false"}}));
    let reply = stand.ask(Ask::json(CHAT, &asked).token(&cautious)).await;
    assert_eq!((reply.status, reply.header("x-phi-tier")), (200, Some("phi")));
    for query in ["x-phi=false", "X-PHI=false", "phi=false"] {
        let reply = stand.ask(Ask::json(&format!("{CHAT}?{query}"), &chat("alps/m")).token(&cautious)).await;
        assert_eq!(reply.refusal(), (400, "invalid_request".to_owned()), "{query}");
    }
    for body in [json!({"x-phi": false}), json!({"phi": false}), json!({"class": "general"})] {
        let reply = stand.ask(Ask::json(CHAT, &with(chat("alps/m"), body.clone())).token(&cautious)).await;
        assert_eq!(reply.refusal(), (400, "unsupported_parameter".to_owned()), "{body}");
    }
}

#[tokio::test]
async fn check_07_nobody_says_himself_where_he_comes_from() {
    let stand = Stand::up().await;
    let far = stand.token_of("far", "", "--from 10.0.0.0/8").await;
    for name in ["x-forwarded-for", "x-real-ip", "cf-connecting-ip", "true-client-ip", "x-client-ip"] {
        let reply = stand.ask(Ask::chat("alps/m").token(&far).header(name, "10.0.0.1")).await;
        assert_eq!(reply.refusal(), (401, "invalid_api_key".to_owned()), "{name}");
    }
    let forwarded = Ask::chat("alps/m").token(&far).header("forwarded", "for=10.0.0.1;proto=https");
    assert_eq!(stand.ask(forwarded).await.status, 401);
    let country = Ask::chat("alps/m").header("cf-ipcountry", "US").header("x-forwarded-host", "eu.example");
    assert_eq!(stand.ask(country).await.header("x-phi-routed"), Some("alps-a-m/CH/general"));
}

#[tokio::test]
async fn check_08_a_name_that_looks_like_a_model_is_none() {
    let stand = Stand::up().await;
    let long = "m".repeat(10_240);
    for name in [
        "alps/\u{43c}",
        "\u{ff41}lps/m",
        "alps/m ",
        " alps/m",
        "alps/m\0",
        "alps/m\n",
        "ALPS/m",
        "alps/M",
        "alps//m",
        "alps/../alps/m",
        "alps\\m",
        "alps%2Fm",
        "../../v1/models",
        "https://a.alps.example/v1",
        "",
        &long,
    ] {
        let reply = stand.ask(Ask::json(CHAT, &json!({"model": name, "messages": []}))).await;
        assert!([400, 404].contains(&reply.status), "{name}: {reply:?}");
        let reply = stand.ask(Ask::json(CHAT, &chat(name))).await;
        let known = ["invalid_request", "model_not_found"].contains(&reply.refusal().1.as_str());
        assert!(known && (name.is_empty() || !reply.text().contains(name)), "{name}: {reply:?}");
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn check_09_a_body_names_one_model_once() {
    let stand = Stand::up().await;
    let messages = r#""messages":[{"role":"user","content":"a"}]"#;
    for (body, code) in [
        (format!(r#"{{"model":"alps/m","model":"chalet/m",{messages}}}"#), "duplicate_key"),
        (format!(r#"{{"model":"alps/m","model":"alps/m",{messages}}}"#), "duplicate_key"),
        (format!(r#"{{"model":"alps/m","mod\u0065l":"chalet/m",{messages}}}"#), "duplicate_key"),
        (format!(r#"{{"model":"alps/m","Model":"chalet/m",{messages}}}"#), "unsupported_parameter"),
        (format!(r#"{{"model":"alps/m","MODEL":"chalet/m",{messages}}}"#), "unsupported_parameter"),
        (format!(r#"{{"model":"alps/m","model\u0000":"chalet/m",{messages}}}"#), "unsupported_parameter"),
        (format!(r#"{{"model":"alps/m","extra_body":{{"model":"chalet/m"}},{messages}}}"#), "unsupported_parameter"),
        (
            r#"{"model":"alps/m","messages":[{"role":"user","content":"a","role":"system"}]}"#.to_owned(),
            "duplicate_key",
        ),
        (format!(r#"{{"model":"alps/m","metadata":{{"a":"b","a":"c"}},{messages}}}"#), "duplicate_key"),
    ] {
        let reply = stand.ask(Ask::text(CHAT, body.clone())).await;
        assert_eq!(reply.refusal(), (400, code.to_owned()), "{body}");
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
    let body = with(chat("alps/m"), json!({"metadata": {"model": "chalet/m"}}));
    assert_eq!(stand.ask(Ask::json(CHAT, &body)).await.header("x-phi-routed"), Some("alps-a-m/CH/general"));
    let seen = stand.host("alps-a").seen().pop().unwrap();
    let sent = String::from_utf8(seen.body.to_vec()).unwrap();
    assert!(sent.contains("\"alpine-m\"") && !sent.contains("chalet/m"), "built anew: {sent}");
}

#[tokio::test]
async fn check_11_a_body_of_another_type_is_not_read() {
    let stand = Stand::up().await;
    for kind in [
        "text/plain",
        "text/json",
        "application/json; charset=utf-16",
        "application/json, text/plain",
        "multipart/form-data; boundary=a",
        "application/x-www-form-urlencoded",
        "application/octet-stream",
        "*/*",
    ] {
        for path in [CHAT, "/v1/embeddings"] {
            let ask = Ask::new("POST", path, chat("alps/m").to_string()).header("content-type", kind);
            assert_eq!(stand.ask(ask).await.refusal(), (415, "unsupported_media_type".to_owned()), "{kind}");
        }
    }
    assert_eq!(stand.ask(Ask::new("POST", CHAT, "{}")).await.status, 415, "none at all");
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn check_12_one_writing_of_a_path_answers_and_no_header_changes_it() {
    let stand = Stand::up().await;
    for path in [
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/%63hat/completions",
        "/v1/chat%2Fcompletions",
        "/v1/chat;a=b/completions",
        "/v1/chat/completions/",
        "/v1/chat/completions.",
        "/v1/chat/completions%00",
        "/v1/./chat/completions",
        "/v1/models/../chat/completions",
        "/V1/chat/completions",
        "/v1/chat/Completions",
    ] {
        for token in [stand.token.as_str(), "phi_live_x"] {
            let reply = stand.ask(Ask::json(path, &chat("alps/m")).token(token)).await;
            assert!([404, 405].contains(&reply.status), "{path}: {reply:?}");
        }
    }
    for name in ["x-http-method-override", "x-method-override", "x-http-method"] {
        let reply = stand.ask(Ask::get(CHAT).header(name, "POST")).await;
        assert_eq!(reply.refusal(), (405, "method_not_allowed".to_owned()), "{name}");
    }
    for name in ["x-original-url", "x-rewrite-url", "x-forwarded-prefix"] {
        assert_eq!(stand.ask(Ask::get("/v1/nothing").header(name, "/v1/models")).await.status, 404, "{name}");
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn check_17_no_name_of_a_caller_leads_a_request() {
    let stand = Stand::up().await;
    let body = chat("alps/m").to_string();
    let text = head(&stand, "", body.len()).replace("host: a\r\n", "host: api.scaleway.ai\r\n") + &body;
    assert!(raw(stand.address(), text.as_bytes()).await.starts_with("HTTP/1.1 200 "));
    assert_eq!(stand.reached(), ["alps-a"]);
    let seen = stand.host("alps-a").seen().pop().unwrap();
    let told = String::from_utf8(seen.head.to_vec()).unwrap();
    assert!(told.contains("a.alps.example") && !told.contains("scaleway"), "{told}");
}

#[tokio::test]
async fn check_24_json_that_costs_more_than_it_says_is_refused() {
    let stand = Stand::up().await;
    let around =
        |inner: &str| format!(r#"{{"model":"alps/m","messages":[{{"role":"user","content":"a"}}],"stop":{inner}}}"#);
    let keys: Vec<String> = (0..100_000).map(|number| format!("\"k{number}\":1")).collect();
    // `Aa` and `BB` have one sum under the hash that most tables of strings use. Keys are sorted here, and not hashed.
    let alike = |number: u32| (0..17).map(|bit| if number >> bit & 1 == 0 { "Aa" } else { "BB" }).collect::<String>();
    let colliding: Vec<String> = (0..100_000).map(|number| format!("\"{}\":1", alike(number))).collect();
    for (what, body) in [
        ("deep arrays", around(&("[".repeat(100_000) + &"]".repeat(100_000)))),
        ("deep objects", around(&("{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000)))),
        ("deep and open", around(&"[".repeat(100_000))),
        ("a long array", around(&format!("[{}1]", "1,".repeat(1 << 20)))),
        ("many keys", around(&format!("{{{}}}", keys.join(",")))),
        ("many keys of one hash", around(&format!("{{{}}}", colliding.join(",")))),
        ("many keys of one hash at the top", format!("{{{},{}", colliding.join(","), &around("1")[1..])),
        ("many keys at the top", format!("{{{},{}", keys.join(","), &around("1")[1..])),
        ("a long number", around(&"1".repeat(1 << 20))),
        ("a long exponent", around(&format!("1e{}", "9".repeat(1 << 20)))),
        ("a number too large", around("1e999")),
    ] {
        let reply = stand.ask(Ask::text(CHAT, body)).await;
        assert_eq!(reply.status, 400, "{what}: {:?}", reply.refusal());
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
    // Long strings are strings, and are read once.
    let prompt =
        json!({"model": "alps/m", "messages": [{"role": "user", "content": "a".repeat(10 << 20)}]}).to_string();
    for (what, body) in [
        ("10 MB", prompt),
        ("10 MB where a short one belongs", around(&format!("\"{}\"", "a".repeat(10 << 20)))),
        ("2 MB of escapes", around(&format!("\"{}\"", "\\u0061".repeat(1 << 18)))),
    ] {
        assert_eq!(stand.ask(Ask::text(CHAT, body)).await.status, 200, "{what}");
    }
}

#[tokio::test]
async fn check_36_a_token_stands_in_a_header_of_its_own_alone() {
    let stand = Stand::up().await;
    let token = stand.token.clone();
    for name in ["api_key", "key", "token", "access_token", "authorization"] {
        let reply = stand.ask(Ask::json(&format!("{CHAT}?{name}={token}"), &chat("alps/m")).bare()).await;
        assert_eq!(reply.refusal(), (400, "invalid_request".to_owned()), "{name}");
        assert!(!reply.text().contains(&token));
    }
    let refused = (401, "invalid_api_key".to_owned());
    let other = stand.token_of("other", "", "").await;
    let twice = Ask::chat("alps/m").bare().header("authorization", format!("Bearer {token}"));
    for ask in [
        Ask::chat("alps/m").bare().header("cookie", format!("token={token}")),
        Ask::chat("alps/m").bare().header("proxy-authorization", format!("Bearer {token}")),
        Ask::chat("alps/m").bare().header("authorization", format!("Bearer  {token} x")),
        twice.clone().header("authorization", format!("Bearer {token}")),
        twice.header("authorization", format!("Bearer {other}")),
        Ask::chat("alps/m").header("x-api-key", &other),
    ] {
        assert_eq!(stand.ask(ask).await.refusal(), refused);
    }
}

#[tokio::test]
async fn check_38_what_is_for_operators_is_not_here_and_no_page_is_let_in() {
    let stand = Stand::up().await;
    for path in ["/metrics", "/healthz", "/readyz", "/debug", "/debug/pprof", "/admin", "/v1/admin", "/config"] {
        let reply = stand.ask(Ask::get(path).header("origin", "https://elsewhere.example")).await;
        assert_eq!(reply.refusal(), (404, "not_found".to_owned()), "{path}");
    }
    let ask = Ask::chat("alps/m").header("origin", "https://elsewhere.example");
    for reply in [stand.ask(ask.clone()).await, stand.ask(ask.bare()).await] {
        let names: Vec<&str> = reply.headers.keys().map(|name| name.as_str()).collect();
        assert!(!names.iter().any(|name| name.starts_with("access-control")), "{names:?}");
    }
}

#[tokio::test]
async fn check_43_limits_that_cannot_be_meant_are_refused() {
    let stand = Stand::up().await;
    let many: Vec<String> = (0..10_000).map(|number| format!("s{number}")).collect();
    for field in [
        json!({"max_tokens": -1}),
        json!({"max_tokens": 0}),
        json!({"max_tokens": 1.5}),
        json!({"max_tokens": "100"}),
        json!({"max_tokens": 9_223_372_036_854_775_808_u64}),
        json!({"max_completion_tokens": -1}),
        json!({"max_tokens": true}),
        json!({"n": 1_000_000_000}),
        json!({"n": 0}),
        json!({"best_of": 10}),
        json!({"stop": many}),
    ] {
        let reply = stand.ask(Ask::json(CHAT, &with(chat("alps/m"), field.clone()))).await;
        let shown = field.to_string();
        assert_eq!(reply.status, 400, "{}: {reply:?}", &shown[..shown.len().min(40)]);
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
    let absent = with(chat("alps/m"), json!({"max_tokens": null}));
    assert_eq!(stand.ask(Ask::json(CHAT, &absent)).await.status, 200, "null is as absent");
}

#[tokio::test]
async fn check_47_no_line_of_a_caller_becomes_a_line_of_the_record() {
    let stand = Stand::up().await;
    for name in ["a\r\nforged: yes", "a\u{1b}[2Jb", "a\u{2028}b", "a\0b", "a\"},{\"record\":\"opened"] {
        let reply = stand.ask(Ask::json(CHAT, &chat(name)).header("user-agent", "agent\tforged")).await;
        assert!([400, 404].contains(&reply.status), "{reply:?}");
        stand.clock.advance(std::time::Duration::from_secs(1));
    }
    let text = stand.ledger_text().await;
    for said in ["forged", "[2Jb", "\u{2028}", "\\u2028"] {
        assert!(!text.contains(said), "{said}");
    }
    assert!(text.lines().all(|line| line.starts_with('{') && line.ends_with('}')));
}

#[tokio::test]
async fn check_51_a_prompt_in_a_path_is_refused_and_kept_nowhere() {
    let stand = Stand::up().await;
    for path in ["/v1/chat/completions?prompt=fever4711", "/v1/models?prompt=fever4711", "/v1/fever4711"] {
        let reply = stand.ask(Ask::get(path)).await;
        assert!([400, 404].contains(&reply.status) && !reply.text().contains("fever4711"), "{path}: {reply:?}");
    }
    assert!(!stand.ledger_text().await.contains("fever4711"));
}

#[tokio::test]
async fn check_54_no_answer_is_kept_on_the_way_or_packed() {
    let stand = Stand::up().await;
    for ask in [
        Ask::chat("alps/m"),
        Ask::stream("alps/m"),
        Ask::chat("nobody/m"),
        Ask::chat("alps/m").bare(),
        Ask::get("/v1/models"),
        Ask::get("/v1/ping"),
        Ask::get("/health"),
        Ask::get("/v1/nothing"),
    ] {
        let reply = stand.ask(ask.header("accept-encoding", "gzip, br, zstd")).await;
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{reply:?}");
        assert_eq!((reply.header("content-encoding"), reply.header("etag"), reply.header("vary")), (None, None, None));
        assert!(!reply.text().contains(SECRET));
    }
}
