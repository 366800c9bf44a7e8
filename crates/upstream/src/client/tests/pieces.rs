//! What came together, by HTTP/1.1.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use super::*;

/// A client, and a host on the premises that says these bytes at once to whoever connects, and closes if it is to.
async fn said(text: String, closes: bool) -> (Set, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let mut task = JoinSet::new();
    task.spawn(async move {
        let (mut tcp, _) = listener.accept().await.expect("a connection");
        let mut came = Vec::new();
        while !came.ends_with(STREAM.as_bytes()) {
            tcp.read_buf(&mut came).await.expect("read");
        }
        tcp.write_all(text.as_bytes()).await.expect("written");
        if !closes {
            let _ = tcp.read_buf(&mut came).await;
        }
    });
    let client = Client::new(None, None, quick()).expect("a client");
    let host = Host::start().await.expect("a host");
    (Set { host, client, target: target(&address, true) }, task)
}

fn chunks(end: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{}{end}", "1\r\na\r\n".repeat(30))
}

#[tokio::test]
async fn what_came_with_a_piece_is_there_without_a_wait_and_the_end_is_told_to_who_waits() {
    for (end, closes) in [("0\r\n\r\n", false), ("0\r\n\r\n", true), ("", true), ("nonsense", false)] {
        let (set, _host) = said(chunks(end), closes).await;
        let mut arrived = set.send(STREAM).await.expect("a stream");
        assert_eq!(arrived.next().await.expect("a piece").expect("more"), "a");
        for _ in 1..30 {
            assert_eq!(arrived.ready().expect("a piece"), "a");
        }
        assert_eq!((arrived.ready(), arrived.ready()), (None, None));
        match arrived.next().await {
            Ok(None) => assert!(end.starts_with('0')),
            Err(Trouble::CutShort) => assert_eq!((end, closes), ("", true)),
            Err(Trouble::Broken(_)) => assert_eq!(end, "nonsense"),
            other => panic!("{end:?}: {other:?}"),
        }
    }
}

#[tokio::test]
async fn who_looked_for_a_piece_in_vain_is_told_when_it_is_late() {
    let (set, _host) = said(chunks(""), false).await;
    let mut arrived = set.send(STREAM).await.expect("a stream");
    arrived.next().await.expect("a piece");
    while arrived.ready().is_some() {}
    assert!(matches!(arrived.next().await, Err(Trouble::Late(Late::Idle))));
}
