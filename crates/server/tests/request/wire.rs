//! What goes over a caller's connection, byte by byte: framing, bodies in pieces, and one request after another.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::ask::{Ask, SECRET, chat, raw};
use crate::setup::Setup;
use crate::stand::{SOON, Stand};

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn framing_that_two_servers_could_read_in_two_ways_is_refused() {
    let stand = Stand::up().await;
    let (token, body) = (&stand.token, chat("alps/m").to_string());
    let length = body.len();
    let head = |target: &str, more: &str| {
        format!(
            "POST {target} HTTP/1.1\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\nconnection: close\r\n{more}\r\n"
        )
    };
    let whole = |target: &str, more: &str| head(target, more) + &body;
    let length = format!("content-length: {length}\r\n");
    for (what, text) in [
        ("no host", whole(CHAT, &length)),
        ("two hosts", whole(CHAT, &format!("host: a\r\nhost: b\r\n{length}"))),
        ("a whole URL", whole(&format!("http://elsewhere{CHAT}"), &format!("host: elsewhere\r\n{length}"))),
        ("two lengths", whole(CHAT, &format!("host: a\r\ncontent-length: 5\r\n{length}"))),
        ("a space before a colon", whole(CHAT, &format!("host: a\r\nx-phi : true\r\n{length}"))),
        ("an unknown coding", whole(CHAT, "host: a\r\ntransfer-encoding: chunked, gzip\r\n")),
        ("a size that is none", head(CHAT, "host: a\r\ntransfer-encoding: chunked\r\n") + "zz\r\n" + &body),
    ] {
        let reply = tokio::time::timeout(SOON, raw(stand.address(), text.as_bytes())).await.unwrap();
        assert!(reply.starts_with("HTTP/1.1 400 "), "{what}: {reply}");
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
    let good = raw(stand.address(), whole(CHAT, &format!("host: a\r\n{length}")).as_bytes()).await;
    assert!(good.starts_with("HTTP/1.1 200 "), "{good}");
}

fn head(stand: &Stand, more: &str) -> String {
    let token = &stand.token;
    format!(
        "POST {CHAT} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n{more}\r\n"
    )
}

#[tokio::test]
async fn a_body_in_pieces_is_read_to_its_bound() {
    let stand = Setup { settings: "[gateway]\nbody_bytes = 4096\n", ..Setup::default() }.up().await;
    let chunked = |body: &str, size: usize| {
        let pieces = body
            .as_bytes()
            .chunks(size)
            .map(|piece| format!("{:x}\r\n{}\r\n", piece.len(), std::str::from_utf8(piece).unwrap()));
        head(&stand, "connection: close\r\ntransfer-encoding: chunked\r\n") + &pieces.collect::<String>() + "0\r\n\r\n"
    };
    let good = chat("alps/m").to_string();
    for size in [1, 7, 4_096] {
        let reply = raw(stand.address(), chunked(&good, size).as_bytes()).await;
        assert!(reply.starts_with("HTTP/1.1 200 "), "{size}: {reply}");
    }
    let fits = good.clone() + &" ".repeat(4_096 - good.len());
    assert!(raw(stand.address(), chunked(&fits, 1_000).as_bytes()).await.starts_with("HTTP/1.1 200 "));
    stand.host("alps-a").forget();
    let over = chunked(&(fits + " "), 1_000);
    let reply = raw(stand.address(), over.as_bytes()).await;
    assert!(reply.starts_with("HTTP/1.1 413 ") && reply.contains("connection: close"), "{reply}");
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn json_is_json_in_utf_8_however_it_is_written() {
    let stand = Stand::up().await;
    let ask = |kind: &str| Ask::new("POST", CHAT, chat("alps/m").to_string()).header("content-type", kind);
    for kind in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
        assert_eq!(stand.ask(ask(kind)).await.status, 200, "{kind}");
    }
    for kind in
        ["", "application/json; charset=latin1", "application/jsonp", "text/json", "application/json, text/plain"]
    {
        assert_eq!(stand.ask(ask(kind)).await.refusal(), (415, "unsupported_media_type".to_owned()), "{kind}");
    }
    assert_eq!(stand.ask(Ask::text("/api/v1/chat/completions", chat("alps/m").to_string())).await.status, 200);
}

#[tokio::test]
async fn a_body_that_stops_coming_is_given_up() {
    let stand = Setup { settings: "[gateway]\nbody_idle_seconds = 1\n", ..Setup::default() }.up().await;
    let mut tcp = TcpStream::connect(stand.address()).await.unwrap();
    let part = head(&stand, "content-length: 1000\r\n") + "{\"model\":";
    tcp.write_all(part.as_bytes()).await.unwrap();
    let mut got = Vec::new();
    tokio::time::timeout(SOON, tcp.read_to_end(&mut got)).await.unwrap().unwrap();
    let reply = String::from_utf8(got).unwrap();
    assert!(reply.starts_with("HTTP/1.1 400 ") && reply.contains("invalid_request"), "{reply}");
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn a_body_is_never_taken_for_a_request() {
    let stand = Stand::up().await;
    let hidden = head(&stand, "content-length: 2\r\n") + "{}";
    let refused = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{hidden}",
        hidden.len()
    );
    let next = "GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let replies = raw(stand.address(), (refused + next).as_bytes()).await;
    assert!(replies.starts_with("HTTP/1.1 401 "), "{replies}");
    let statuses: Vec<&str> =
        replies.split("HTTP/1.1 ").skip(1).map(|reply| reply.split(' ').next().unwrap()).collect();
    assert!(statuses == ["401", "200"] || statuses == ["401"], "{statuses:?}");
}

#[tokio::test]
async fn one_connection_carries_one_request_after_another() {
    let stand = Stand::up().await;
    let body = chat("alps/m").to_string();
    let one = head(&stand, &format!("content-length: {}\r\n", body.len())) + &body;
    let last = "GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    let replies = raw(stand.address(), (one.repeat(3) + last).as_bytes()).await;
    assert_eq!(replies.matches("HTTP/1.1 200 ").count(), 4, "{replies}");
    assert_eq!(stand.host("alps-a").seen().len(), 3);
    let mut ids: Vec<&str> = replies.split("x-request-id: ").skip(1).map(|rest| &rest[..36]).collect();
    ids.dedup();
    assert_eq!(ids.len(), 3, "each has an id of its own");
    assert!(replies.contains("\"status\":\"ok\"") && !replies.contains(SECRET));
}

#[tokio::test]
async fn without_a_credential_health_and_prices_alone_answer() {
    let stand = Stand::up().await;
    let health = stand.ask(Ask::get("/health").bare()).await;
    assert_eq!((health.status, health.text().as_str()), (200, "{\"status\":\"ok\"}\n"));
    assert_eq!(stand.ask(Ask::get("/v1/pricing").bare()).await.status, 200);
    for path in ["/v1/models", "/v1/models/alps/m", "/v1/ping", "/api/v1/models"] {
        assert_eq!(stand.ask(Ask::get(path).bare()).await.refusal(), (401, "invalid_api_key".to_owned()), "{path}");
        assert_eq!(stand.ask(Ask::get(path)).await.status, 200, "{path}");
    }
    for path in ["/healthz", "/readyz", "/metrics", "/", "/pricing", "/v1/pricing/CH"] {
        assert_eq!(stand.ask(Ask::get(path)).await.refusal(), (404, "not_found".to_owned()), "{path}");
    }
}
