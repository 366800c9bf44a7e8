//! A connection that a caller keeps from one request to the next, until an answer says that it is the last one.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::call::{Ask, Reply, has};
use crate::serving::PATIENCE;

#[derive(Debug)]
pub(crate) struct Kept {
    stream: TcpStream,
    got: Vec<u8>,
}

impl Kept {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        Self { stream: TcpStream::connect(to).await.expect("connected"), got: Vec::new() }
    }

    /// Sends a request, and reads nothing yet.
    pub(crate) async fn send(&mut self, ask: &Ask) {
        self.stream.write_all(&ask.to_bytes()).await.expect("written");
        self.got.clear();
    }

    /// Reads on until the answer holds `text`; whether it ever did.
    pub(crate) async fn until(&mut self, text: &str) -> bool {
        while !has(&self.got, text.as_bytes()) {
            if !self.more().await {
                return false;
            }
        }
        true
    }

    /// Reads the answer to its end, or to where it breaks off.
    pub(crate) async fn rest(&mut self) -> Reply {
        loop {
            let reply = Reply::read(&self.got);
            if reply.whole || !self.more().await {
                return reply;
            }
        }
    }

    pub(crate) async fn ask(&mut self, ask: &Ask) -> Reply {
        self.send(ask).await;
        self.rest().await
    }

    /// Waits until the other side has closed it.
    pub(crate) async fn closed(mut self) {
        assert!(!self.more().await, "an answer that nobody asked for");
    }

    async fn more(&mut self) -> bool {
        let read = timeout(PATIENCE, self.stream.read_buf(&mut self.got)).await.expect("an answer in time");
        read.is_ok_and(|read| read > 0)
    }
}

impl Reply {
    /// Whether nothing more can be asked on its connection.
    pub(crate) fn is_last(&self) -> bool {
        self.header("connection") == Some("close")
    }
}
