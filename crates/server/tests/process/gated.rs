//! A host that answers one streamed chat request, and goes on only when it is told to.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinSet;

use crate::call::has;

/// A host that stops in the middle of each stream until [`Gated::go`].
#[derive(Debug)]
pub(crate) struct Gated {
    pub(crate) address: SocketAddr,
    go: Option<oneshot::Sender<()>>,
    _task: JoinSet<()>,
}

/// What it says before the gate, and after it.
pub(crate) const BEFORE: &str = "before";
pub(crate) const AFTER: &str = "after";

impl Gated {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (go, gate) = oneshot::channel();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a connection");
            let mut asked = Vec::new();
            // Only the body of a request holds a list of messages.
            while !has(&asked, b"}]") && stream.read_buf(&mut asked).await.is_ok_and(|read| read > 0) {}
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n";
            stream.write_all(format!("{head}{}", word(BEFORE)).as_bytes()).await.expect("written");
            if gate.await.is_ok() {
                let usage = r#""choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}"#;
                let end = r#""choices":[{"index":0,"delta":{},"finish_reason":"stop"}]"#;
                let rest = format!("{}{}{}data: [DONE]\n\n", word(AFTER), frame(end), frame(usage));
                stream.write_all(rest.as_bytes()).await.expect("written");
            }
        });
        Self { address, go: Some(go), _task: task }
    }

    /// Opens the gate.
    pub(crate) fn go(&mut self) {
        let go = self.go.take().expect("once");
        go.send(()).expect("the stream waits");
    }
}

fn word(word: &str) -> String {
    frame(&format!(r#""choices":[{{"index":0,"delta":{{"content":"{word}"}},"finish_reason":null}}]"#))
}

fn frame(rest: &str) -> String {
    format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"own-plain\",{rest}}}\n\n"
    )
}
