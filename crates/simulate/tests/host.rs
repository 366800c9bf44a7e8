//! A host over a real socket, spoken to byte by byte.

use std::time::Duration;

use phi_simulate::{Ended, Fault, Host, Says};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const SOON: Duration = Duration::from_secs(5);
const BODY: &str = r#"{"model":"m","messages":[]}"#;

fn request(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: h\r\nX-Odd: Kept\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

async fn dial(host: &Host, text: &str) -> TcpStream {
    let mut tcp = TcpStream::connect(host.address()).await.expect("connected");
    tcp.write_all(text.as_bytes()).await.expect("written");
    tcp
}

async fn read_to(tcp: &mut TcpStream, end: &str) -> String {
    let mut got = Vec::new();
    while !String::from_utf8_lossy(&got).ends_with(end) && tcp.read_buf(&mut got).await.expect("read") > 0 {}
    String::from_utf8_lossy(&got).into_owned()
}

#[tokio::test]
async fn what_comes_is_remembered_to_the_byte_and_the_connection_is_kept() {
    let host = Host::start().await.expect("started");
    let text = request("/v1/chat/completions", BODY);
    let mut tcp = dial(&host, &text).await;
    assert!(read_to(&mut tcp, "}").await.starts_with("HTTP/1.1 200 "));
    tcp.write_all(text.as_bytes()).await.expect("written");
    assert!(read_to(&mut tcp, "}").await.starts_with("HTTP/1.1 200 "));
    let seen = host.wait_for(SOON, |seen| seen.iter().filter(|s| s.ended == Ended::Answered).count() == 2).await;
    let seen = seen.expect("both answered");
    assert_eq!([seen[0].head.as_ref(), seen[0].body.as_ref()].concat(), text.as_bytes());
    assert_eq!(seen[0].header("x-odd").as_deref(), Some("Kept"));
    assert_eq!((seen[0].connection, seen[1].connection), (0, 0));
}

#[tokio::test]
async fn a_peer_that_hangs_up_is_noticed() {
    let host = Host::start().await.expect("started");
    host.next([Fault::Stall { after: Some(0) }]);
    drop(dial(&host, &request("/v1/chat/completions", BODY)).await);
    let seen = host.wait_for(SOON, |seen| seen.iter().any(|s| s.ended == Ended::HungUp)).await;
    assert!(seen.is_some(), "{:?}", host.seen());
}

#[tokio::test]
async fn a_reset_is_a_reset_and_a_queue_of_faults_runs_out() {
    let host = Host::start().await.expect("started");
    host.always(Some(Fault::status(500)));
    host.next([Fault::Reset { after: None }]);
    host.next_behaves();
    let text = request("/v1/embeddings", r#"{"model":"m","input":"a"}"#);
    let mut tcp = dial(&host, &text).await;
    let mut byte = [0];
    let error = tcp.read(&mut byte).await.expect_err("reset");
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    assert!(read_to(&mut dial(&host, &text).await, "}").await.starts_with("HTTP/1.1 200 "));
    assert!(read_to(&mut dial(&host, &text).await, "}}").await.starts_with("HTTP/1.1 500 "));
    host.behave();
    assert!(read_to(&mut dial(&host, &text).await, "}").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_shut_host_refuses_and_comes_back_on_its_port() {
    let host = Host::start().await.expect("started");
    host.shut();
    while TcpStream::connect(host.address()).await.is_ok() {
        tokio::task::yield_now().await;
    }
    host.open();
    while TcpStream::connect(host.address()).await.is_err() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    host.says(Says { text: "back again".to_owned(), ..Says::default() });
    let mut tcp = dial(&host, &request("/v1/chat/completions", BODY)).await;
    assert!(read_to(&mut tcp, "}").await.contains("back again"));
}

#[tokio::test]
async fn faults_are_switched_by_the_control_path() {
    let host = Host::start().await.expect("started");
    let address = host.address();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("bound");
    let control = listener.local_addr().expect("bound");
    let hosts = std::sync::Arc::new([("a".to_owned(), host)].into());
    let mut tasks = tokio::task::JoinSet::new();
    tasks.spawn(phi_simulate::control::serve(listener, hosts));
    let say = async |text: String| {
        let mut tcp = TcpStream::connect(control).await.expect("connected");
        tcp.write_all(text.as_bytes()).await.expect("written");
        tcp.shutdown().await.expect("half closed");
        let mut got = String::new();
        tcp.read_to_string(&mut got).await.expect("read");
        got
    };
    assert!(say(request("/a/next", r#"[{"fault":"status","code":418}]"#)).await.starts_with("HTTP/1.1 200 "));
    assert!(say(request("/a/next", r#"[{"fault":"nonsense"}]"#)).await.starts_with("HTTP/1.1 400 "));
    assert!(say(request("/b/next", "[]")).await.starts_with("HTTP/1.1 404 "));
    let mut tcp = TcpStream::connect(address).await.expect("connected");
    tcp.write_all(request("/v1/chat/completions", BODY).as_bytes()).await.expect("written");
    assert!(read_to(&mut tcp, "}}").await.starts_with("HTTP/1.1 418 "));
    assert!(say("GET /a/seen HTTP/1.1\r\n\r\n".to_owned()).await.contains("X-Odd: Kept"));
}
