//! A host that reads no more of a request than where it ends, and answers each the same.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::head::Head;

const MOST_HEAD_BYTES: usize = 16 << 10;
/// Usage and end follow the frame before them at once, as vLLM and llama.cpp send them.
const UNPACED_AT_END: usize = 2;

/// What a host says to every request, made beforehand.
#[derive(Debug)]
pub struct Answer {
    /// Each is a write of its own, as servers of models write: the head, then every frame.
    writes: Vec<Bytes>,
    /// How long it waits before each frame but the last two.
    pace: Duration,
}

impl Answer {
    /// A JSON document, in one write.
    pub fn whole(json: &[u8]) -> Self {
        let head =
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n", json.len());
        Self { writes: vec![[head.as_bytes(), json].concat().into()], pace: Duration::ZERO }
    }

    /// Server-sent events, each of them a chunk; an empty line ends an event.
    pub fn stream(events: &[u8], pace: Duration) -> Self {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
        let mut writes = vec![Bytes::from(head)];
        let mut rest = events;
        while let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
            let (event, more) = rest.split_at(end + 2);
            let last = if more.is_empty() { "0\r\n\r\n" } else { "" };
            let size = format!("{:x}\r\n", event.len());
            writes.push([size.as_bytes(), event, b"\r\n", last.as_bytes()].concat().into());
            rest = more;
        }
        Self { writes, pace }
    }

    async fn write(&self, to: &mut TcpStream) -> io::Result<()> {
        let began = Instant::now();
        let paced = self.writes.len().saturating_sub(UNPACED_AT_END);
        for (number, piece) in (0..).zip(&self.writes) {
            if number > 0 && (number as usize) < paced && !self.pace.is_zero() {
                tokio::time::sleep_until(began + self.pace * number).await;
            }
            to.write_all(piece).await?;
        }
        Ok(())
    }
}

/// Answers whoever connects, for ever.
///
/// # Errors
/// That nobody can be let in any more.
pub async fn serve(listener: TcpListener, answer: Arc<Answer>) -> io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await?;
        connections.spawn(connection(stream, Arc::clone(&answer)));
        while connections.try_join_next().is_some() {}
    }
}

async fn connection(mut stream: TcpStream, answer: Arc<Answer>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut read = vec![0; MOST_HEAD_BYTES];
    let mut filled = 0;
    loop {
        let Some(head) = Head::parse(&read[..filled]) else {
            match stream.read(&mut read[filled..]).await? {
                0 => return Ok(()),
                more => filled += more,
            }
            continue;
        };
        let whole = head.bytes + head.length;
        let mut missing = whole.saturating_sub(filled);
        read.copy_within(whole.min(filled)..filled, 0);
        filled = filled.saturating_sub(whole);
        while missing > 0 {
            let most = missing.min(read.len());
            match stream.read(&mut read[..most]).await? {
                0 => return Ok(()),
                more => missing -= more,
            }
        }
        answer.write(&mut stream).await?;
    }
}
