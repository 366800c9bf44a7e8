//! Checks 21, 22, 23 and 27: slow callers, long and packed bodies, and many connections.

use std::net::SocketAddr;

use phi_simulate::Fault;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::ask::{Ask, chat};
use crate::operations::probe;
use crate::setup::Setup;
use crate::stand::{SOON, Stand, wait_until};

const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n";

/// What comes until the gateway closes.
async fn rest(tcp: &mut TcpStream) -> String {
    let mut got = Vec::new();
    // A connection that is closed while we still send is reset; what came before counts.
    let _ = tokio::time::timeout(SOON, tcp.read_to_end(&mut got)).await.expect("the connection is closed");
    String::from_utf8(got).unwrap()
}

/// Reads on until the text holds `what`.
async fn until(tcp: &mut TcpStream, what: &str) -> String {
    let mut text = String::new();
    while !text.contains(what) {
        let mut piece = [0; 1_024];
        let read = tokio::time::timeout(SOON, tcp.read(&mut piece)).await.expect("an answer").unwrap();
        assert!(read > 0, "no `{what}` in {text}");
        text.push_str(std::str::from_utf8(&piece[..read]).unwrap());
    }
    text
}

/// Asks for health on a connection that is kept, and gives the answer.
pub(crate) async fn answer(tcp: &mut TcpStream, ask: &[u8]) -> String {
    tcp.write_all(ask).await.unwrap();
    until(tcp, "{\"status\":\"ok\"}\n").await
}

#[tokio::test]
async fn check_21_a_head_comes_in_time_or_is_refused_and_an_idle_connection_is_closed() {
    let stand = Setup { settings: "[listen]\nhead_seconds = 1\nidle_seconds = 1\n", ..Setup::default() }.up().await;
    let mut silent = TcpStream::connect(stand.address()).await.unwrap();
    let mut half = TcpStream::connect(stand.address()).await.unwrap();
    half.write_all(b"POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\n").await.unwrap();
    let mut later = TcpStream::connect(stand.address()).await.unwrap();
    later.write_all(HEALTH).await.unwrap();
    until(&mut later, "{\"status\":\"ok\"}\n").await;
    later.write_all(b"GET /hea").await.unwrap();
    let mut idle = TcpStream::connect(stand.address()).await.unwrap();
    idle.write_all(HEALTH).await.unwrap();
    until(&mut idle, "{\"status\":\"ok\"}\n").await;
    assert_eq!((rest(&mut silent).await, rest(&mut idle).await), (String::new(), String::new()));
    for begun in [&mut half, &mut later] {
        let reply = rest(begun).await;
        assert!(reply.starts_with("HTTP/1.1 400 ") && reply.contains("stopped coming"), "{reply}");
        assert!(reply.contains("\"code\":\"invalid_request\"") && reply.contains("x-request-id"), "{reply}");
    }
}

#[tokio::test]
async fn check_22_a_packed_body_is_not_unpacked() {
    let stand = Stand::up().await;
    for coding in ["gzip", "br", "zstd", "deflate", "gzip, gzip", "identity", ""] {
        let ask = Ask::text("/v1/chat/completions", vec![0x1f, 0x8b, 8, 0]).header("content-encoding", coding);
        assert_eq!(stand.ask(ask).await.refusal(), (415, "unsupported_media_type".to_owned()), "{coding}");
    }
    assert_eq!(stand.ask(Ask::text("/v1/embeddings", vec![0x1f, 0x8b, 8, 0])).await.refusal().1, "invalid_json");
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

#[tokio::test]
async fn check_23_a_body_is_asked_for_only_of_who_may_send_it() {
    let stand = Setup { settings: "[gateway]\nbody_bytes = 4096\n", ..Setup::default() }.up().await;
    let idle = stand.token_of("idle", "--requests 0", "").await;
    let body = chat("alps/m").to_string();
    let head = |token: &str, length: usize, more: &str| {
        format!(
            "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n\
             expect: 100-continue\r\nconnection: close\r\ncontent-length: {length}\r\n{more}\r\n"
        )
    };
    let json = "content-type: application/json\r\n";
    for (what, head, status) in [
        ("a stranger", head("phi_live_x", body.len(), json), "401"),
        ("one too many", head(&idle, body.len(), json), "429"),
        ("another region", head(&stand.token, body.len(), &format!("{json}x-region: MARS\r\n")), "400"),
        ("too long", head(&stand.token, 4_097, json), "413"),
        ("far too long", head(&stand.token, 1 << 40, json), "413"),
        ("another type", head(&stand.token, body.len(), "content-type: text/plain\r\n"), "415"),
    ] {
        let mut tcp = TcpStream::connect(stand.address()).await.unwrap();
        tcp.write_all(head.as_bytes()).await.unwrap();
        let reply = rest(&mut tcp).await;
        assert!(reply.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {reply}");
    }
    let mut tcp = TcpStream::connect(stand.address()).await.unwrap();
    tcp.write_all(head(&stand.token, body.len(), json).as_bytes()).await.unwrap();
    assert_eq!(until(&mut tcp, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    tcp.write_all(body.as_bytes()).await.unwrap();
    assert!(rest(&mut tcp).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn check_23_each_kind_of_work_has_its_longest_body() {
    let settings = "[gateway]\nbody_bytes = 8192\nembeddings_bytes = 4096\n";
    let stand = Setup { settings, ..Setup::default() }.up().await;
    let padded = |body: Value, length: usize| {
        let text = body.to_string();
        text.clone() + &" ".repeat(length - text.len())
    };
    let embed = json!({"model": "alps/e", "input": "a"});
    for (path, body, most, setting) in [
        ("/v1/chat/completions", chat("alps/m"), 8_192, "gateway.body_bytes"),
        ("/v1/embeddings", embed, 4_096, "gateway.embeddings_bytes"),
    ] {
        assert_eq!(stand.ask(Ask::text(path, padded(body.clone(), most))).await.status, 200, "{path}");
        let reply = stand.ask(Ask::text(path, padded(body, most + 1))).await;
        assert_eq!(reply.refusal(), (413, "request_too_large".to_owned()), "{path}");
        assert!(reply.text().contains(setting), "{reply:?}");
    }
}

#[tokio::test]
async fn check_23_bodies_together_have_a_bound_and_are_given_back() {
    let settings = "[gateway]\nbody_bytes = 4096\nembeddings_bytes = 4096\nbodies_bytes = 5000\n";
    let stand = Setup { settings, ..Setup::default() }.up().await;
    stand.host("alps-a").next([Fault::Stall { after: None }]);
    let body = chat("alps/m").to_string();
    let body = body.clone() + &" ".repeat(3_000 - body.len());
    let mut first = TcpStream::connect(stand.address()).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: 3000\r\n\r\n{body}",
        stand.token
    );
    first.write_all(head.as_bytes()).await.unwrap();
    wait_until("the host has the first", async || !stand.host("alps-a").seen().is_empty()).await;
    let ask = || Ask::text("/v1/chat/completions", body.clone());
    let refused = stand.ask(ask()).await;
    assert_eq!(refused.refusal(), (503, "overloaded".to_owned()));
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(stand.ask(Ask::chat("alps/m")).await.status, 200, "a short one still fits");
    drop(first);
    wait_until("its bytes are given back", async || stand.ask(ask()).await.status == 200).await;
}

#[tokio::test]
async fn check_23_a_body_without_end_is_refused_at_its_bound() {
    let stand = Setup { settings: "[gateway]\nbody_bytes = 4096\n", ..Setup::default() }.up().await;
    let mut tcp = TcpStream::connect(stand.address()).await.unwrap();
    let head = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        stand.token
    );
    tcp.write_all(head.as_bytes()).await.unwrap();
    let (mut reading, mut writing) = tcp.split();
    let chunk = format!("400\r\n{}\r\n", " ".repeat(1_024));
    // Once the connection is closed nothing can be written, and what was said before is still to be read.
    let endless = async {
        while writing.write_all(chunk.as_bytes()).await.is_ok() {}
        std::future::pending::<()>().await;
    };
    let mut piece = [0; 4_096];
    let reply = tokio::select! {
        () = endless => unreachable!("it waits for ever"),
        read = tokio::time::timeout(SOON, reading.read(&mut piece)) => read.expect("an answer").unwrap(),
    };
    let reply = std::str::from_utf8(&piece[..reply]).unwrap();
    assert!(reply.starts_with("HTTP/1.1 413 ") && reply.contains("connection: close"), "{reply}");
    assert_eq!(stand.reached(), Vec::<&str>::new());
}

async fn from(address: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{address}:0").parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

/// Whether a connection from there is served.
async fn is_served(address: &str, to: SocketAddr) -> bool {
    let mut tcp = from(address, to).await;
    let _ = tcp.write_all(b"GET /health HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await;
    rest(&mut tcp).await.starts_with("HTTP/1.1 200 ")
}

#[tokio::test]
async fn check_27_nobody_takes_all_connections_from_one_address() {
    let stand =
        Setup { settings: "[listen]\nconnections = 3\nconnections_per_address = 2\n", ..Setup::default() }.up().await;
    let to = stand.address();
    let held = [from("127.0.0.1", to).await, from("127.0.0.1", to).await];
    let mut third = from("127.0.0.1", to).await;
    assert_eq!(rest(&mut third).await, "", "closed at once");
    assert!(is_served("127.0.0.2", to).await, "others are served");
    let other = from("127.0.0.2", to).await;
    wait_until("all places are taken", async || !is_served("127.0.0.3", to).await).await;
    let metrics = probe(&stand, "/metrics").await.text();
    for line in ["phi_connections_refused_total{limit=\"address\"} 1", "phi_connections_refused_total{limit=\"all\"}"] {
        assert!(metrics.contains(line), "{line}: {metrics}");
    }
    drop((held, other));
    wait_until("places are given back", async || is_served("127.0.0.1", to).await).await;
}

#[tokio::test]
async fn check_27_a_thousand_connections_from_one_address_are_those_that_it_may_have() {
    let stand = Stand::up().await;
    let to = stand.address();
    let mut held = Vec::new();
    for _ in 0..1_000 {
        held.push(from("127.0.0.1", to).await);
    }
    let refused = async || probe(&stand, "/metrics").await.text().contains("refused_total{limit=\"address\"} 488\n");
    wait_until("the others are closed", refused).await;
    assert!(is_served("127.0.0.2", to).await, "others are served");
    drop(held);
    wait_until("places are given back", async || is_served("127.0.0.1", to).await).await;
}
