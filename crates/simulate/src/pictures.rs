use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::ServerConfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::wire::Wire;

/// A stand-in of a place on the internet that keeps pictures: it says byte for byte what it was told to, and remembers what
/// it was asked. Dropping it closes its port.
#[derive(Debug)]
pub struct Pictures {
    address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct State {
    /// What is said, and whether nothing follows it.
    replies: Mutex<HashMap<String, (Vec<u8>, bool)>>,
    asked: Mutex<Vec<String>>,
    connections: AtomicU64,
}

impl Pictures {
    /// One that speaks TLS on a free port, as [`crate::Ca::identity`] says.
    ///
    /// # Errors
    /// Where the port cannot be opened.
    pub async fn start(identity: Arc<ServerConfig>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (address, state) = (listener.local_addr()?, Arc::new(State::default()));
        let mut tasks = JoinSet::new();
        tasks.spawn(listen(listener, identity, Arc::clone(&state)));
        Ok(Self { address, state, _tasks: tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on `reply` is all that it says when it is asked for `target`; then it closes. Of other targets it says
    /// nothing, for ever.
    pub fn says(&self, target: &str, reply: impl Into<Vec<u8>>) {
        lock(&self.state.replies).insert(target.to_owned(), (reply.into(), true));
    }

    /// The same, but it does not close.
    pub fn hangs(&self, target: &str, reply: impl Into<Vec<u8>>) {
        lock(&self.state.replies).insert(target.to_owned(), (reply.into(), false));
    }

    /// The same with a whole answer of status 200.
    pub fn keeps(&self, target: &str, kind: &str, bytes: &[u8]) {
        let length = bytes.len();
        let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {length}\r\n\r\n");
        self.says(target, [head.as_bytes(), bytes].concat());
    }

    /// The heads of all requests so far.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.state.asked).clone()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }
}

async fn listen(listener: TcpListener, identity: Arc<ServerConfig>, state: Arc<State>) {
    let mut connections = JoinSet::new();
    while let Ok((tcp, _)) = listener.accept().await {
        state.connections.fetch_add(1, Ordering::SeqCst);
        connections.spawn(serve(tcp, Arc::clone(&identity), Arc::clone(&state)));
    }
}

async fn serve(tcp: TcpStream, identity: Arc<ServerConfig>, state: Arc<State>) -> io::Result<()> {
    let mut wire = Wire::accept(tcp, Some(identity)).await?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(wire.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    lock(&state.asked).push(head);
    let reply = lock(&state.replies).get(&target).cloned();
    if let Some((reply, ends)) = reply {
        wire.write_all(&reply).await?;
        wire.flush().await?;
        if ends {
            return wire.shutdown().await;
        }
    }
    // Until the other side has enough.
    wire.read_u8().await.map(drop)
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
