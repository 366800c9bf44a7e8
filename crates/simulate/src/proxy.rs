use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::io::{AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::http1;
use crate::wire::Asked;

/// A stand-in of an HTTP proxy on loopback, which knows `CONNECT` and nothing else. Dropping it closes its port and its
/// connections.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

/// One way in which a proxy fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProxyFault {
    /// It answers with this status.
    Status(u16),
    /// It says nothing.
    Hang,
    /// It closes the connection.
    Cut,
    /// It answers with what is no HTTP.
    Garbage,
    /// Its answer's head has no end.
    LongHead,
    /// It opens the way and says something itself before the host does.
    Meddle,
}

#[derive(Debug)]
struct State {
    /// Where the names that it knows lead, `NAME:PORT`.
    ways: HashMap<String, SocketAddr>,
    next: Mutex<VecDeque<ProxyFault>>,
    asked: Mutex<Vec<String>>,
}

impl Proxy {
    /// A proxy that leads these names, `NAME:PORT`, where they say, on a free port.
    ///
    /// # Errors
    /// Where the port cannot be opened.
    pub async fn start(ways: HashMap<String, SocketAddr>) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State { ways, next: Mutex::default(), asked: Mutex::default() });
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&state).listen(listener));
        Ok(Self { address, state, _tasks: tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next requests fail, one fault each, in this order.
    pub fn next(&self, faults: impl IntoIterator<Item = ProxyFault>) {
        lock(&self.state.next).extend(faults);
    }

    /// The heads of all requests so far, to the byte.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.state.asked).clone()
    }
}

impl State {
    async fn listen(self: Arc<Self>, listener: TcpListener) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    if let Ok((tcp, _)) = accepted {
                        let state = Arc::clone(&self);
                        connections.spawn(async move { drop(state.connection(tcp).await) });
                    }
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn connection(&self, mut tcp: TcpStream) -> io::Result<()> {
        let Some(asked) = http1::read(&mut tcp, &mut BytesMut::new()).await? else { return Ok(()) };
        lock(&self.asked).push(String::from_utf8_lossy(&asked.head).into_owned());
        let fault = lock(&self.next).pop_front();
        let says = match fault {
            None => return self.lead(&asked, tcp, "").await,
            Some(ProxyFault::Meddle) => return self.lead(&asked, tcp, "an advertisement").await,
            Some(ProxyFault::Hang) => return std::future::pending().await,
            Some(ProxyFault::Cut) => return Ok(()),
            Some(ProxyFault::Status(code)) => refusal(code),
            Some(ProxyFault::Garbage) => "220 mail.host.test ESMTP\r\n\r\n".to_owned(),
            Some(ProxyFault::LongHead) => format!("HTTP/1.1 200 OK\r\nx-long: {}", "a".repeat(1 << 20)),
        };
        tcp.write_all(says.as_bytes()).await
    }

    async fn lead(&self, asked: &Asked, mut tcp: TcpStream, says: &str) -> io::Result<()> {
        let way = self.ways.get(asked.path()).filter(|_| asked.method() == "CONNECT");
        let Some(way) = way else { return tcp.write_all(refusal(502).as_bytes()).await };
        let mut host = TcpStream::connect(way).await?;
        tcp.write_all(format!("HTTP/1.1 200 Connection established\r\n\r\n{says}").as_bytes()).await?;
        copy_bidirectional(&mut tcp, &mut host).await.map(drop)
    }
}

/// A refusal with a page of the proxy's own, which repeats what it likes.
fn refusal(code: u16) -> String {
    format!("HTTP/1.1 {code} Refused\r\ncontent-length: 6\r\n\r\nleaked")
}

fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}
