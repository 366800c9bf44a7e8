//! Checks 19, 20 and 26: framing, HTTP/2, upgrades and odd methods.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::ask::{chat, raw};
use crate::hostile::Random;
use crate::operations::console;
use crate::setup::Setup;
use crate::stand::{SOON, Stand, wait_until};

const CHAT: &str = "/v1/chat/completions";

/// What comes back for these bytes, until the gateway closes.
async fn sent(stand: &Stand, bytes: &[u8]) -> String {
    tokio::time::timeout(SOON, raw(stand.address(), bytes)).await.expect("the connection is closed")
}

fn statuses(replies: &str) -> Vec<&str> {
    replies.split("HTTP/1.1 ").skip(1).filter_map(|reply| reply.get(..3)).collect()
}

/// A refusal of step 2, as the contract has it: ours, with an id, on a connection that ends, and recorded.
async fn is_refused(stand: &Stand, what: &str, reply: &str) {
    assert!(reply.starts_with("HTTP/1.1 400 "), "{what}: {reply}");
    for part in ["\r\nconnection: close\r\n", "\r\ncontent-type: application/json\r\n", "\"code\":\"invalid_request\""]
    {
        assert!(reply.contains(part), "{what}: {part}: {reply}");
    }
    let id = reply.split("x-request-id: ").nth(1).expect("an id")[..36].parse().unwrap();
    // Nobody waits for the disk with this record.
    wait_until(what, async || {
        stand.refused(id).await.is_some_and(|refused| refused.code.as_str() == "invalid_request")
    })
    .await;
    stand.clock.advance(Duration::from_secs(1));
}

#[tokio::test]
async fn check_19_framing_that_two_servers_could_read_in_two_ways_is_refused_in_our_words() {
    let stand = Stand::up().await;
    let (token, body) = (&stand.token, chat("alps/m").to_string());
    let length = format!("content-length: {}\r\n", body.len());
    let post = |line: &str, more: &str| {
        let auth = format!("authorization: Bearer {token}\r\ncontent-type: application/json\r\n");
        format!("{line}\r\n{auth}{more}\r\n{body}")
    };
    let line = format!("POST {CHAT} HTTP/1.1");
    let good = |more: &str| post(&line, &format!("host: a\r\n{length}{more}"));
    let long = format!("x-long: {}\r\n", "a".repeat(40 << 10));
    for (what, text) in [
        ("length and coding", good("transfer-encoding: chunked\r\n")),
        ("the same length twice", good(&length)),
        ("another length", good("content-length: 5\r\n")),
        ("a coding after a vertical tab", post(&line, "host: a\r\ntransfer-encoding: \u{b}chunked\r\n")),
        ("two codings", post(&line, "host: a\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n")),
        ("a coding before chunked", post(&line, "host: a\r\ntransfer-encoding: identity, chunked\r\n")),
        ("bare line feeds", good("").replace("\r\n", "\n")),
        ("one bare line feed", good("x-a: b\nx-c: d\r\n")),
        ("a bare return", good("x-a: b\rx-c: d\r\n")),
        ("a zero byte", good("x-a: b\0\r\n")),
        ("a folded line", good("x-a: b\r\n c\r\n")),
        ("a space before the colon", good("x-phi : true\r\n")),
        ("no name", good(": a\r\n")),
        ("a second spelling", good("content_length: 5\r\n")),
        ("no host", post(&line, &length)),
        ("two hosts", good("host: b\r\n")),
        ("an empty host", post(&line, &format!("host:\r\n{length}"))),
        ("a whole URL", post(&format!("POST http://b{CHAT} HTTP/1.1"), &format!("host: a\r\n{length}"))),
        (
            "an old version that keeps",
            post(&format!("POST {CHAT} HTTP/1.0"), &format!("host: a\r\nconnection: keep-alive\r\n{length}")),
        ),
        ("no such version", post(&format!("POST {CHAT} HTTP/1.2"), &format!("host: a\r\n{length}"))),
        ("an empty line before", format!("\r\n{}", good(""))),
        ("too many headers", good(&"x: a\r\n".repeat(101))),
        ("too long a head", good(&long)),
        ("no HTTP", "\u{16}\u{3}\u{1}\r\n\r\n".to_owned()),
    ] {
        let reply = sent(&stand, text.as_bytes()).await;
        is_refused(&stand, what, &reply).await;
        assert_eq!(statuses(&reply).len(), 1, "{what}: {reply}");
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
    assert_eq!(statuses(&sent(&stand, good("connection: close\r\n").as_bytes()).await), ["200"]);
}

#[tokio::test]
async fn check_19_a_bad_head_is_answered_in_its_turn_and_nothing_after_it() {
    let stand = Stand::up().await;
    let (token, body) = (&stand.token, chat("alps/m").to_string());
    let good = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let bad = "GET /health HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n";
    let replies = sent(&stand, (good.clone() + bad + &good).as_bytes()).await;
    assert_eq!(statuses(&replies), ["200", "400"], "{replies}");
    assert_eq!(stand.host("alps-a").seen().len(), 1, "what follows is nobody's request");
    // Byte by byte, as a slow network brings it.
    let mut tcp = tokio::net::TcpStream::connect(stand.address()).await.unwrap();
    tcp.set_nodelay(true).unwrap();
    for byte in (good + bad).bytes() {
        tokio::io::AsyncWriteExt::write_all(&mut tcp, &[byte]).await.unwrap();
    }
    let mut got = String::new();
    tokio::io::AsyncReadExt::read_to_string(&mut tcp, &mut got).await.unwrap();
    assert_eq!(statuses(&got), ["200", "400"], "{got}");
}

#[tokio::test]
async fn check_19_chunks_that_two_servers_could_read_in_two_ways_are_refused() {
    let stand = Stand::up().await;
    let (token, body) = (&stand.token, chat("alps/m").to_string());
    let head = format!(
        "POST {CHAT} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\n"
    );
    let size = body.len();
    let good = format!("{size:x}\r\n{body}\r\n0\r\n\r\n");
    for (what, chunks) in [
        ("an extension", good.replacen("\r\n", ";a=b\r\n", 1)),
        ("a quoted extension", good.replacen("\r\n", ";a=\"\r\n0\r\n\"\r\n", 1)),
        ("a prefix", format!("0x{good}")),
        ("a sign", format!("+{good}")),
        ("a space", good.replacen("\r\n", " \r\n", 1)),
        ("a bare line feed", good.replacen("\r\n", "\n", 1)),
        ("a chunk that goes on", good.replacen("}\r\n", "}x\r\n", 1)),
        ("no size", format!("\r\n{good}")),
        ("a size that overflows", format!("fffffffffffffffff\r\n{body}\r\n0\r\n\r\n")),
        ("a length in a trailer", good.replacen("0\r\n\r\n", "0\r\ncontent-length: 5\r\n\r\n", 1)),
        ("a trailer without end", good.replacen("0\r\n\r\n", &format!("0\r\nx: {}", "a".repeat(5_000)), 1)),
    ] {
        let reply = sent(&stand, (head.clone() + &chunks).as_bytes()).await;
        assert_eq!(statuses(&reply), ["400"], "{what}: {reply}");
        assert!(
            reply.contains("\"code\":\"invalid_request\"") && reply.contains("connection: close"),
            "{what}: {reply}"
        );
    }
    assert_eq!(stand.reached(), Vec::<&str>::new());
    let last = "GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
    assert_eq!(statuses(&sent(&stand, (head + &good + last).as_bytes()).await), ["200", "200"]);
}

#[tokio::test]
async fn check_19_the_console_reads_as_exactly_and_speaks_http_1_alone() {
    let stand = Stand::up().await;
    let (address, _serving) = console(&stand).await;
    let good = "GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n";
    for (what, text) in [
        ("length and coding", good.replace("\r\n\r\n", "\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n")),
        ("two hosts", good.replace("host: a", "host: a\r\nhost: b")),
        ("a bare line feed", good.replace("a\r\n", "a\n")),
        ("a whole URL", good.replace("/healthz", "http://b/healthz")),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned()),
    ] {
        let reply = raw(address, (good.to_owned() + &text + good).as_bytes()).await;
        assert_eq!(statuses(&reply), ["200", "400"], "{what}: {reply}");
        assert!(reply.contains("connection: close"), "{what}: {reply}");
    }
}

#[tokio::test]
async fn check_20_nobody_is_upgraded_to_http_2() {
    let stand = Stand::up().await;
    for preface in ["PRI * HTTP/2.0\r\nhost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nMS\r\n\r\n"] {
        let reply = sent(&stand, preface.as_bytes()).await;
        is_refused(&stand, "nearly the preface", &reply).await;
    }
    let offered = "GET /health HTTP/1.1\r\nhost: a\r\nconnection: close, Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n\
                   http2-settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n\r\n";
    let reply = sent(&stand, offered.as_bytes()).await;
    assert!(statuses(&reply) == ["200"] && !reply.contains("upgrade"), "the offer is not taken up: {reply}");
}

#[tokio::test]
async fn check_26_nothing_is_upgraded_tunnelled_or_traced() {
    let stand = Stand::up().await;
    let token = &stand.token;
    let upgrade = "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n";
    for (line, more, status) in [
        ("GET /v1/chat/completions", upgrade, "400"),
        ("POST /v1/chat/completions", upgrade, "400"),
        ("CONNECT api.infomaniak.com:443", "", "400"),
        ("OPTIONS *", "", "400"),
        ("CONNECT /v1/models", "connection: close\r\n", "405"),
        ("TRACE /v1/models", "connection: close\r\n", "405"),
        ("OPTIONS /v1/chat/completions", "connection: close\r\norigin: https://elsewhere.example\r\n", "405"),
    ] {
        let text = format!("{line} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n{more}\r\n");
        let reply = sent(&stand, text.as_bytes()).await;
        assert_eq!(statuses(&reply), [status], "{line}: {reply}");
        assert!(reply.contains("x-request-id: ") && !reply.contains(token.as_str()), "{line}: {reply}");
    }
}

/// Pieces that servers have stumbled over.
const PIECES: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\t",
    b":",
    b",",
    b"\xff",
    b"0\r\n\r\n",
    b"host: b\r\n",
    b"content-length: 3\r\n",
    b"transfer-encoding: chunked\r\n",
    b"connection: close\r\n",
    b"HTTP/1.0",
    b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    b"/%",
    b"?a=b",
];

#[tokio::test]
async fn check_19_whatever_bytes_come_every_answer_is_ours() {
    let settings = "[listen]\nhead_seconds = 1\nidle_seconds = 1\n[gateway]\nbody_idle_seconds = 1\n";
    let stand = Arc::new(Setup { settings, ..Setup::default() }.up().await);
    let body = chat("alps/m").to_string();
    let head = |more: &str| {
        format!(
            "POST {CHAT} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n{more}\r\n",
            stand.token
        )
    };
    let whole = [
        head(&format!("content-length: {}\r\n", body.len())) + &body,
        head("transfer-encoding: chunked\r\n") + &format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len()),
        "GET /v1/models HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(),
    ];
    let mut random = Random(0x0dd_f4a1_5eed);
    let mut asked = JoinSet::new();
    for number in 0..200 {
        let mut bytes: Vec<u8> = (0..2).flat_map(|_| random.pick(&whole).clone().into_bytes()).collect();
        for _ in 0..1 + random.below(3) {
            let at = random.below(bytes.len());
            let end = (at + random.below(3)).min(bytes.len());
            bytes.splice(at..end, random.pick(PIECES).iter().copied());
        }
        let stand = Arc::clone(&stand);
        asked.spawn(async move { (number, sent(&stand, &bytes).await) });
    }
    let mut refused = 0;
    for (number, replies) in asked.join_all().await {
        for reply in replies.split("HTTP/1.1 ").skip(1) {
            assert!(reply.contains("x-request-id: "), "{number}: an answer that is not ours: {replies}");
            assert!(reply.starts_with("200 ") || reply.contains("\"code\":\""), "{number}: {replies}");
            refused += usize::from(reply.contains("\"code\":\"invalid_request\""));
        }
    }
    assert!(refused > 50, "{refused} of them: the rest is not spoiled");
}
