//! Requests: heads that are none, and those that are held to what HTTP/1.1 is held to.

use std::time::Duration;

use super::peer::*;
use super::words::client;
use crate::ask::{Ask, chat};
use crate::stand::{Stand, text, wait_until};

/// RFC 9113, section 8.1 to 8.3: malformed, so the stream is reset and nobody hears of it.
#[tokio::test]
async fn what_is_no_request_is_reset() {
    let stand = Stand::up().await;
    let get = head("GET", "/health");
    let without = |name: &str| get.iter().copied().filter(|(other, _)| *other != name).collect::<Vec<_>>();
    let with = |more: &[(&'static str, &'static str)]| [&get[..], more].concat();
    for (what, fields) in [
        ("no method", without(":method")),
        ("no scheme", without(":scheme")),
        ("no path", without(":path")),
        ("two methods", with(&[(":method", "GET")])),
        ("two schemes", with(&[(":scheme", "http")])),
        ("two paths", with(&[(":path", "/health")])),
        ("two authorities", with(&[(":authority", "phi.example")])),
        ("an empty path", [&without(":path")[..], &[(":path", "")]].concat()),
        ("a status", with(&[(":status", "200")])),
        ("a protocol", with(&[(":protocol", "websocket")])),
        ("a pseudo-header after others", [&without(":path")[..], &[("x-a", "b"), (":path", "/health")]].concat()),
        ("connection", with(&[("connection", "close")])),
        ("keep-alive", with(&[("keep-alive", "5")])),
        ("proxy-connection", with(&[("proxy-connection", "close")])),
        ("transfer-encoding", with(&[("transfer-encoding", "chunked")])),
        ("upgrade", with(&[("upgrade", "h2c")])),
        ("te that is not trailers", with(&[("te", "trailers, deflate")])),
        ("a length of nothing that came", with(&[("content-length", "3")])),
        ("a length that is no number", with(&[("content-length", "a")])),
        ("lengths that differ", with(&[("content-length", "0"), ("content-length", "1")])),
    ] {
        let mut peer = Peer::open(&stand).await;
        peer.send(&frame(HEADERS, WHOLE, 1, &block(&fields))).await;
        assert_eq!(peer.became(1).await, Became::Reset(PROTOCOL_ERROR), "{what}");
        peer.send(&health(3)).await;
        assert_eq!(peer.became(3).await, answered(), "{what}: the connection goes on");
    }
}

/// What HTTP/1.1 refuses in our words is refused in our words, with an id and a record.
#[tokio::test]
async fn what_can_be_read_in_two_ways_is_refused_as_by_http_1_1() {
    let stand = Stand::up().await;
    let bearer = format!("Bearer {}", stand.token);
    let (get, body) = (head("GET", "/health"), chat("alps/m").to_string());
    let without = |name: &str| get.iter().copied().filter(|(other, _)| *other != name).collect::<Vec<_>>();
    let with = |more: &[(&'static str, &'static str)]| [&get[..], more].concat();
    let target = |path: &'static str| [&without(":path")[..], &[(":path", path)]].concat();
    for (what, fields) in [
        ("no authority and no host", without(":authority")),
        ("another host", with(&[("host", "elsewhere.example")])),
        ("two hosts", with(&[("host", "phi.example"), ("host", "phi.example")])),
        ("somebody at a host", [&without(":authority")[..], &[(":authority", "me@phi.example")]].concat()),
        ("another scheme", [&without(":scheme")[..], &[(":scheme", "ftp")]].concat()),
        ("a star", target("*")),
        ("braces in a path", target("/v1/{models}")),
        ("half an escape", target("/v1/%6")),
        ("the same length twice", with(&[("content-length", "0"), ("content-length", "0")])),
        ("a length with a zero before", with(&[("content-length", "00")])),
        ("a second spelling", with(&[("content_length", "0")])),
        ("a space before a value", with(&[("x-phi", " true")])),
        ("a space after a value", with(&[("x-phi", "true ")])),
        ("too many headers", with(&[("x-a", "b"); 101])),
        ("a tunnel", vec![(":method", "CONNECT"), (":authority", "api.infomaniak.com:443")]),
    ] {
        let mut peer = Peer::open(&stand).await;
        peer.send(&frame(HEADERS, WHOLE, 1, &block(&fields))).await;
        assert_eq!(peer.became(1).await, refused("invalid_request"), "{what}");
        stand.clock.advance(Duration::from_secs(1));
    }
    wait_until("each is recorded", async || {
        stand.ledger_text().await.matches("\"code\":\"invalid_request\"").count() == 15
    })
    .await;
    let mut peer = Peer::open(&stand).await;
    let fields = [&chat_head(&bearer, &[])[..], &[("host", "PHI.example"), ("te", "trailers")]].concat();
    peer.ask(1, &fields, body.as_bytes()).await;
    assert_eq!(peer.became(1).await, answered());
    assert_eq!(stand.reached(), ["alps-a"]);
}

#[tokio::test]
async fn a_body_is_as_long_as_it_says_and_trailers_say_nothing() {
    let stand = Stand::up().await;
    let (bearer, body) = (format!("Bearer {}", stand.token), chat("alps/m").to_string());
    let (short, long) = ((body.len() - 1).to_string(), (body.len() + 1).to_string());
    for length in [&short, &long] {
        let mut peer = Peer::open(&stand).await;
        peer.ask(1, &chat_head(&bearer, &[("content-length", length)]), body.as_bytes()).await;
        assert_eq!(peer.became(1).await, Became::Reset(PROTOCOL_ERROR), "{length}");
        peer.send(&frame(HEADERS, END_HEADERS, 3, &block(&chat_head(&bearer, &[("content-length", length)])))).await;
        let (first, second) = body.as_bytes().split_at(9);
        peer.send(&[frame(DATA, 0, 3, first), frame(DATA, END_STREAM, 3, second)].concat()).await;
        assert_eq!(peer.became(3).await, Became::Reset(PROTOCOL_ERROR), "{length}, in two pieces");
    }
    for (trailer, expected) in [
        ("x-phi", refused("ambiguous_header")),
        ("X_PHI", Became::Gone(PROTOCOL_ERROR)),
        ("x_phi", refused("ambiguous_header")),
        ("authorization", refused("invalid_api_key")),
        ("content-length", refused("invalid_request")),
        ("host", refused("invalid_request")),
        // The library drops it unread, where RFC 9113 (section 8.1) calls it malformed: it says nothing to anybody.
        (":path", answered()),
    ] {
        let mut peer = Peer::open(&stand).await;
        peer.send(&frame(HEADERS, END_HEADERS, 1, &block(&chat_head(&bearer, &[])))).await;
        peer.send(&frame(DATA, 0, 1, body.as_bytes())).await;
        peer.send(&frame(HEADERS, WHOLE, 1, &block(&[(trailer, "5")]))).await;
        assert_eq!(peer.became(1).await, expected, "{trailer}");
    }
    // A body that is taken back is no body, whatever the reason says, and also where what came is JSON already.
    for why in [NO_ERROR, CANCEL] {
        let mut peer = Peer::open(&stand).await;
        peer.send(&frame(HEADERS, END_HEADERS, 1, &block(&chat_head(&bearer, &[])))).await;
        peer.send(&[frame(DATA, 0, 1, body.as_bytes()), number(RST_STREAM, 1, why), health(3)].concat()).await;
        assert_eq!(peer.became(3).await, answered());
    }
    assert_eq!(stand.host("alps-a").seen().len(), 1, "that with `:path` alone");
}

/// The checks of what a request says, over HTTP/2: none of them knows which protocol brought it.
#[tokio::test]
async fn a_header_says_the_same_by_http_2() {
    let stand = Stand::up().await;
    let other = stand.token_of("other", "", "").await;
    let floored = stand.token_of("floored", "", "--floor phi").await;
    let chat_of = || Ask::chat("alps/m");
    let bearer = format!("Bearer {}", stand.token);
    for (what, ask, status, code) in [
        ("a plain one", chat_of(), 200, ""),
        ("the mark twice", chat_of().header("x-phi", "true").header("x-phi", "true"), 400, "ambiguous_header"),
        ("the mark twice, unlike", chat_of().header("x-phi", "true").header("x-phi", "false"), 400, "ambiguous_header"),
        ("a second spelling", chat_of().header("x_phi", "true"), 400, "ambiguous_header"),
        ("nearly true", chat_of().header("x-phi", "yes"), 400, "invalid_header"),
        ("a lower class", chat_of().token(&floored).header("x-phi", "false"), 403, "class_floor"),
        ("no such region", chat_of().header("x-region", "MARS"), 400, "invalid_header"),
        ("two regions", chat_of().header("x-region", "CH").header("x-region", "CH"), 400, "ambiguous_header"),
        ("no credential", chat_of().bare(), 401, "invalid_api_key"),
        ("two credentials", chat_of().header("x-api-key", &other), 401, "invalid_api_key"),
        (
            "a credential twice",
            chat_of().bare().header("authorization", &bearer).header("authorization", &bearer),
            401,
            "invalid_api_key",
        ),
        ("a query", Ask::json("/v1/chat/completions?x-phi=false", &chat("alps/m")), 400, "invalid_request"),
        ("another path", Ask::json("//v1/chat/completions", &chat("alps/m")), 404, "not_found"),
        ("another method", Ask::get("/v1/chat/completions"), 405, "method_not_allowed"),
        (
            "an override",
            Ask::get("/v1/chat/completions").header("x-http-method-override", "POST"),
            405,
            "method_not_allowed",
        ),
        (
            "another type",
            Ask::new("POST", "/v1/chat/completions", "{}").header("content-type", "text/plain"),
            415,
            "unsupported_media_type",
        ),
        ("a packed body", chat_of().header("content-encoding", "gzip"), 415, "unsupported_media_type"),
        ("a forwarded address", chat_of().header("x-forwarded-for", "10.0.0.1"), 200, ""),
        ("no JSON", Ask::text("/v1/chat/completions", "{"), 400, "invalid_json"),
        (
            "a key twice",
            Ask::text("/v1/chat/completions", r#"{"model":"alps/m","model":"alps/m"}"#),
            400,
            "duplicate_key",
        ),
        ("no such model", Ask::chat("nobody/m"), 404, "model_not_found"),
    ] {
        let one = stand.ask(ask.clone()).await;
        stand.clock.advance(Duration::from_secs(1));
        let two = client(&stand).await.ask(ask.token_or(&stand.token)).await;
        assert_eq!(two.refusal(), (status, code.to_owned()), "{what}");
        assert_eq!(one.refusal(), two.refusal(), "{what}: as by HTTP/1.1");
        let names = |reply: &crate::ask::Reply| {
            let mut names: Vec<String> = reply.headers.keys().map(ToString::to_string).collect();
            names.retain(|name| name != "connection");
            names.sort();
            names
        };
        assert_eq!(names(&one), names(&two), "{what}");
        if status != 200 {
            assert_eq!(text(&one.json()["error"]["message"]), text(&two.json()["error"]["message"]), "{what}");
            // Nobody waits for the disk with these records.
            wait_until(what, async || {
                let (one, two) = (stand.refused(one.id()).await, stand.refused(two.id()).await);
                one.zip(two).is_some_and(|(one, two)| {
                    (one.code.as_str(), one.code, one.modality, one.class) == (code, two.code, two.modality, two.class)
                })
            })
            .await;
        }
        stand.clock.advance(Duration::from_secs(1));
    }
}
