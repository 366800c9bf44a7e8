//! What a connection weighs: idle ones, and callers who read nothing of a stream without end. The figures:
//! `cargo nextest run --release -p phi-server --features soak --no-capture what_a`.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use phi_simulate::Host;
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::call::{Ask, has};
use crate::deploy::{Deploy, MODEL};
use crate::serving::{PATIENCE, Serving};

const IDLE: usize = if cfg!(feature = "soak") { 10_000 } else { 500 };
const READERS: usize = if cfg!(feature = "soak") { 256 } else { 32 };
const SETTINGS: &str = "[listen]\nhead_seconds = 600\nidle_seconds = 600\nwrite_seconds = 600\n\
                        connections_per_address = 16384\n[upstream]\nwaiting = 4096\n";

/// The memory that only this process holds, in bytes.
fn resident(serving: &Serving) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", serving.id())).expect("it runs");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).expect("a figure");
    line.trim().trim_end_matches(" kB").parse::<usize>().expect("kilobytes") << 10
}

/// Says how much each of so many things weighs, in bytes, and gives that.
fn weight(what: &str, before: usize, after: usize, count: usize) -> usize {
    let each = after.saturating_sub(before) / count;
    writeln!(std::io::stdout(), "{what:<44} {count:>6} x {each:>8} bytes").expect("said");
    each
}

/// A connection that takes next to nothing which nobody reads.
async fn connect(to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4 << 10).expect("a short buffer");
    socket.connect(to).await.expect("connected")
}

/// A connection that was answered this once, and stays.
async fn answered(to: SocketAddr, ask: &[u8]) -> TcpStream {
    let (mut tcp, mut got) = (connect(to).await, Vec::new());
    tcp.write_all(ask).await.expect("sent");
    while !has(&got, b"}") {
        assert!(timeout(PATIENCE, tcp.read_buf(&mut got)).await.expect("an answer").expect("read") > 0);
    }
    assert!(got.starts_with(b"HTTP/1.1 200 "), "{}", String::from_utf8_lossy(&got));
    tcp
}

/// How many requests and connections there are, once the console says what is awaited.
async fn metric(serving: &Serving, name: &str) -> usize {
    let text = Ask::new("GET", "/metrics").send(serving.console).await.text();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
    value.unwrap_or(0)
}

async fn many(count: usize, mut one: impl AsyncFnMut() -> TcpStream) -> Vec<TcpStream> {
    let mut held = Vec::with_capacity(count);
    for _ in 0..count {
        held.push(one().await);
    }
    held
}

/// The same without what the allocator keeps.
fn restarted(serving: Serving, deploy: &Deploy) -> Serving {
    serving.stop();
    Serving::start(deploy)
}

fn many_files() {
    let mut files = getrlimit(Resource::Nofile);
    files.current = files.maximum;
    setrlimit(Resource::Nofile, files).expect("as many as there may be");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_idle_connection_weighs() {
    many_files();
    let host = Host::start().await.expect("a host");
    let deploy = Deploy::ready(host.address());
    deploy.settings(SETTINGS);
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let health = Ask::new("GET", "/health").to_bytes();
    let text = "x".repeat(1 << 20);
    let long = json!({"model": MODEL, "messages": [{"role": "user", "content": text}]});
    let long = Ask::chat(&token, &long).to_bytes();
    // What the first of each brings stays.
    drop(many(16, async || answered(serving.traffic, &long).await).await);
    drop(answered(serving.traffic, &health).await);

    let mut before = resident(&serving);
    let held = many(IDLE / 20, async || answered(serving.traffic, &long).await).await;
    let grown = weight("a connection after a body of 1 MiB", before, resident(&serving), IDLE / 20);
    before = resident(&serving);
    let held = (held, many(IDLE, async || connect(serving.traffic).await).await);
    // Who is answered now came after all of them.
    drop(answered(serving.traffic, &health).await);
    let silent = weight("a connection that says nothing", before, resident(&serving), IDLE);
    drop(held);

    let serving = restarted(serving, &deploy);
    drop(answered(serving.traffic, &health).await);
    before = resident(&serving);
    let held = many(IDLE, async || answered(serving.traffic, &health).await).await;
    let idle = weight("a connection between two requests", before, resident(&serving), IDLE);
    drop(held);
    assert!(silent.max(idle) <= 32 << 10 && grown <= 256 << 10, "{silent} {idle} {grown}");
    serving.stop();
}

/// A host whose streams have no end. How much it could send so far is counted.
async fn endless(sent: Arc<AtomicUsize>) -> (SocketAddr, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("an address");
    let mut task = JoinSet::new();
    task.spawn(async move {
        let mut streams = JoinSet::new();
        while let Ok((mut tcp, _)) = listener.accept().await {
            let sent = Arc::clone(&sent);
            streams.spawn(async move {
                let mut asked = Vec::new();
                while !has(&asked, b"}]") && tcp.read_buf(&mut asked).await.is_ok_and(|read| read > 0) {}
                let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
                let delta = json!({"content": "word ".repeat(200)});
                let choices = json!([{"index": 0, "delta": delta, "finish_reason": null}]);
                let chunk = json!({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "own-plain",
                    "choices": choices});
                let frame = format!("data: {chunk}\n\n");
                let mut said = tcp.write_all(head.as_bytes()).await;
                while said.is_ok() {
                    said = tcp.write_all(frame.as_bytes()).await;
                    sent.fetch_add(frame.len(), Ordering::SeqCst);
                }
            });
        }
    });
    (address, task)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_caller_who_reads_nothing_weighs() {
    many_files();
    let sent = Arc::<AtomicUsize>::default();
    let (address, _host) = endless(Arc::clone(&sent)).await;
    let deploy = Deploy::ready(address);
    deploy.settings(SETTINGS);
    let (token, _) = deploy.token(&[]);
    let serving = Serving::start(&deploy);
    let stream = json!({"model": MODEL, "stream": true, "messages": [{"role": "user", "content": "on"}]});
    let ask = Ask::chat(&token, &stream).to_bytes();
    let mut first = connect(serving.traffic).await;
    first.write_all(&ask).await.expect("sent");
    stuck(&sent).await;

    let before = resident(&serving);
    let mut held = vec![first];
    for _ in 0..READERS {
        let mut tcp = connect(serving.traffic).await;
        tcp.write_all(&ask).await.expect("sent");
        held.push(tcp);
    }
    let running = async { while metric(&serving, "phi_running_requests ").await <= READERS {} };
    timeout(PATIENCE, running).await.expect("all of them are answered");
    stuck(&sent).await;
    let each = weight("a caller who reads nothing of a stream", before, resident(&serving), READERS);
    assert!(each <= 512 << 10, "{each}");
    drop(held);
    let over = async { while metric(&serving, "phi_running_requests ").await > 0 {} };
    timeout(PATIENCE, over).await.expect("who has left is not waited for");
    serving.stop();
}

/// Waits until the host cannot send any more: nobody reads, and every buffer between is full.
async fn stuck(sent: &AtomicUsize) {
    let (mut last, mut same) = (0, 0);
    while same < 10 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let now = sent.load(Ordering::SeqCst);
        same = if now == last && now > 0 { same + 1 } else { 0 };
        last = now;
    }
}
