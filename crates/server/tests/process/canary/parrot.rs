//! A host that says a marker wherever a host can say anything, in answers that are right and in answers that are not.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::{ODD, PLAIN, marked};
use crate::call::has;

/// A listener that gives each connection the answer that is next, and closes it.
#[derive(Debug)]
pub(super) struct Parrot {
    pub(super) address: SocketAddr,
    next: Arc<Mutex<Vec<u8>>>,
    asked: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl Parrot {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (next, asked) = (Arc::<Mutex<Vec<u8>>>::default(), Arc::<AtomicUsize>::default());
        let mut task = JoinSet::new();
        let (answer, count) = (Arc::clone(&next), Arc::clone(&asked));
        task.spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let bytes = answer.lock().unwrap_or_else(PoisonError::into_inner).clone();
                if answered(stream, &bytes).await {
                    count.fetch_add(1, Ordering::SeqCst);
                }
            }
        });
        Self { address, next, asked, _task: task }
    }

    /// What it says from now on.
    pub(super) fn says(&self, answer: Vec<u8>) {
        *self.next.lock().unwrap_or_else(PoisonError::into_inner) = answer;
    }

    /// How many requests it has answered.
    pub(super) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

/// Whether there was a request, which then has had its answer.
async fn answered(mut stream: TcpStream, bytes: &[u8]) -> bool {
    let mut got = Vec::new();
    // The gateway's body is its last JSON: everything that is asked here ends with a brace.
    while !(has(&got, b"\r\n\r\n") && (got.ends_with(b"}") || got.starts_with(b"GET"))) {
        if stream.read_buf(&mut got).await.unwrap_or(0) == 0 {
            return false;
        }
    }
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    true
}

/// Everything that it can say, for a whole answer and for a stream.
pub(super) fn sayings() -> Vec<Vec<u8>> {
    let heads = format!(
        "{PLAIN}: {PLAIN}\r\nserver: {ODD}\r\nset-cookie: {PLAIN}={PLAIN}\r\nx-request-id: {PLAIN}\r\nvia: {PLAIN}\r\n\
         x-ratelimit-remaining-requests: {PLAIN}\r\nopenai-processing-ms: {PLAIN}\r\nwarning: 199 {PLAIN} \"{PLAIN}\"\r\n"
    );
    let whole = |line: &str, more: &str, body: &str| {
        let length = body.len();
        format!("HTTP/1.1 {line}\r\n{heads}{more}content-length: {length}\r\nconnection: close\r\n\r\n{body}")
            .into_bytes()
    };
    let stream = |more: &str, body: &str| {
        let kind = format!("content-type: text/event-stream; charset={PLAIN}\r\n{more}");
        format!("HTTP/1.1 200 {PLAIN}\r\n{heads}{kind}transfer-encoding: chunked\r\n\r\n{body}").into_bytes()
    };
    let (json, right, frames) = ("content-type: application/json\r\n", right().to_string(), frames());
    let framed =
        |frames: &str| format!("{:x};{PLAIN}={PLAIN}\r\n{frames}\r\n0\r\n{PLAIN}: {PLAIN}\r\n\r\n", frames.len());
    let mut all = vec![
        whole(&format!("200 {PLAIN}"), json, &right),
        whole("200 OK", json, &right[..right.len() - 9]),
        whole("200 OK", json, &marked("no JSON")),
        whole("200 OK", &format!("{json}x-ms-region: {PLAIN}\r\n"), &right),
        whole("200 OK", &format!("content-type: {PLAIN}/{PLAIN}\r\n"), &right),
        whole("200 OK", &format!("{json}content-encoding: {PLAIN}\r\n"), &right),
        whole("302 Found", &format!("location: http://{PLAIN}.example/{PLAIN}?{PLAIN}\r\n"), ""),
        whole("401 Unauthorized", &format!("www-authenticate: Bearer realm=\"{PLAIN}\"\r\n"), &marked("who")),
        stream("", &framed(&frames)),
        stream("", &framed(&frames[..frames.len() / 2])),
        stream("", &format!("{PLAIN}\r\n{frames}\r\n")),
        stream("", &framed(&format!("data: {{\"{PLAIN}\": {PLAIN}\n\n"))),
        stream("", &framed(&format!("event: error\ndata: {}\n\n", json!({"error": {PLAIN: marked("error")}})))),
        format!("HTTP/1.1 103 {PLAIN}\r\nlink: <{PLAIN}>\r\n\r\n").into_bytes(),
        format!("HTTP/9.9 200 {PLAIN}\r\n\r\n{PLAIN}").into_bytes(),
        format!("{PLAIN} {ODD}\r\n\r\n{PLAIN}").into_bytes(),
        format!("HTTP/1.1 200 OK\r\n{PLAIN} {ODD}\r\n\r\n").into_bytes(),
        format!("HTTP/1.1 200 OK\r\ncontent-length: {PLAIN}\r\n\r\n{PLAIN}").into_bytes(),
        format!("HTTP/1.1 200 OK\r\ntransfer-encoding: {PLAIN}\r\n\r\n{PLAIN}").into_bytes(),
    ];
    for status in [400, 404, 409, 418, 429, 500, 529] {
        let error =
            json!({"error": {"message": marked("error"), "type": PLAIN, "code": PLAIN, "param": PLAIN, PLAIN: ODD}});
        all.push(whole(&format!("{status} {PLAIN}"), &format!("{json}retry-after: {PLAIN}\r\n"), &error.to_string()));
    }
    all
}

/// A chat answer with a marker in each of its fields.
fn right() -> Value {
    let call = json!({"id": PLAIN, "type": "function", "function": {"name": PLAIN, "arguments": marked("arguments")}});
    json!({
        "id": PLAIN, "object": PLAIN, "created": PLAIN, "model": PLAIN, "system_fingerprint": PLAIN,
        "service_tier": PLAIN, PLAIN: {PLAIN: marked("unknown")},
        "choices": [{
            "index": 0, "finish_reason": PLAIN, "logprobs": {PLAIN: PLAIN}, PLAIN: PLAIN,
            "message": {
                "role": PLAIN, "content": marked("content"), "refusal": marked("refusal"), "tool_calls": [call],
                "reasoning": marked("reasoning"), "reasoning_content": marked("reasoning"), "annotations": [{PLAIN: PLAIN}],
                PLAIN: PLAIN,
            },
        }],
        "usage": {"prompt_tokens": 5, "completion_tokens": 7, "total_tokens": 12, PLAIN: PLAIN, "inference_geo": PLAIN},
    })
}

/// A stream with a marker in each field of its frames, and in lines that are none.
fn frames() -> String {
    let mut chunk = right();
    chunk["choices"][0]["delta"] = chunk["choices"][0]["message"].take();
    format!(
        ": {PLAIN}\nevent: {PLAIN}\nid: {PLAIN}\nretry: {PLAIN}\n{PLAIN}: {ODD}\ndata: {chunk}\n\ndata: [DONE]\n\n{PLAIN}"
    )
}
