use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::answer::{self, Script};
use crate::fault::Fault;
use crate::says::Says;
use crate::seen::{Ended, Seen};
use crate::wire::{Asked, Wire};
use crate::{http1, http2};

/// How many requests a host remembers: the last ones.
const MOST_SEEN: usize = 4_096;

/// A stand-in of a provider's endpoint on loopback. Dropping it closes its port and its connections.
#[derive(Debug)]
pub struct Host {
    address: SocketAddr,
    state: Arc<State>,
    _tasks: JoinSet<()>,
}

#[derive(Debug)]
pub(crate) struct State {
    tls: Option<Arc<ServerConfig>>,
    conduct: Mutex<Conduct>,
    seen: watch::Sender<VecDeque<Seen>>,
    requests: AtomicU64,
    connections: AtomicU64,
    shut: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct Conduct {
    says: Says,
    next: VecDeque<Option<Fault>>,
    always: Option<Fault>,
}

impl Host {
    /// A host that speaks plain HTTP on a free port.
    ///
    /// # Errors
    /// Where the port cannot be opened.
    pub async fn start() -> io::Result<Self> {
        Self::start_at(0, None).await
    }

    /// A host that speaks TLS on a free port, as [`crate::Ca::identity`] says.
    ///
    /// # Errors
    /// Where the port cannot be opened.
    pub async fn start_tls(identity: Arc<ServerConfig>) -> io::Result<Self> {
        Self::start_at(0, Some(identity)).await
    }

    /// A host on a port of one's choice; 0 is a free one.
    ///
    /// # Errors
    /// Where the port cannot be opened.
    pub async fn start_at(port: u16, tls: Option<Arc<ServerConfig>>) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            tls,
            conduct: Mutex::default(),
            seen: watch::Sender::new(VecDeque::new()),
            requests: AtomicU64::new(0),
            connections: AtomicU64::new(0),
            shut: watch::Sender::new(false),
        });
        let mut tasks = JoinSet::new();
        tasks.spawn(Arc::clone(&state).listen(listener, address));
        Ok(Self { address, state, _tasks: tasks })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next answers misbehave, one fault each, in this order.
    pub fn next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.conduct().next.extend(faults.into_iter().map(Some));
    }

    /// The next answer behaves, whatever [`Host::always`] says; for mixing with [`Host::next`].
    pub fn next_behaves(&self) {
        self.state.conduct().next.push_back(None);
    }

    /// All answers misbehave in this way, but for those that [`Host::next`] speaks of; or none any more.
    pub fn always(&self, fault: Option<Fault>) {
        self.state.conduct().always = fault;
    }

    /// Forgets every fault.
    pub fn behave(&self) {
        let mut conduct = self.state.conduct();
        conduct.next.clear();
        conduct.always = None;
    }

    /// Changes what it says while it behaves.
    pub fn says(&self, says: Says) {
        self.state.conduct().says = says;
    }

    /// Closes the port and all connections: from now on connecting is refused.
    pub fn shut(&self) {
        self.state.shut.send_replace(true);
    }

    /// Opens the same port again.
    pub fn open(&self) {
        self.state.shut.send_replace(false);
    }

    /// What reached it so far, the last 4,096 requests.
    pub fn seen(&self) -> Vec<Seen> {
        self.state.seen.borrow().iter().cloned().collect()
    }

    /// How many connections were made so far.
    pub fn connections(&self) -> u64 {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Forgets what it has seen.
    pub fn forget(&self) {
        self.state.seen.send_modify(VecDeque::clear);
    }

    /// Waits until what it has seen satisfies `enough`, and gives that; `None` where it does not within `at_most`.
    pub async fn wait_for(&self, at_most: Duration, enough: impl Fn(&[Seen]) -> bool) -> Option<Vec<Seen>> {
        let mut seen = self.state.seen.subscribe();
        let waiting = seen.wait_for(|seen| enough(&seen.iter().cloned().collect::<Vec<_>>()));
        let found = tokio::time::timeout(at_most, waiting).await.ok()?.ok()?;
        Some(found.iter().cloned().collect())
    }
}

impl State {
    fn conduct(&self) -> MutexGuard<'_, Conduct> {
        self.conduct.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn listen(self: Arc<Self>, listener: TcpListener, address: SocketAddr) {
        let mut shut = self.shut.subscribe();
        let mut bound = Some(listener);
        loop {
            match bound.take() {
                Some(listener) => self.accept(&listener, &mut shut).await,
                None => tokio::time::sleep(Duration::from_millis(5)).await,
            }
            if shut.wait_for(|shut| !shut).await.is_err() {
                return;
            }
            bound = TcpListener::bind(address).await.ok();
        }
    }

    /// Accepts until the host is shut; then listener and connections are dropped.
    async fn accept(self: &Arc<Self>, listener: &TcpListener, shut: &mut watch::Receiver<bool>) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    if let Ok((tcp, _)) = accepted {
                        connections.spawn(Arc::clone(self).connection(tcp));
                    }
                }
                Some(_) = connections.join_next() => {}
                _ = shut.wait_for(|shut| *shut) => return,
            }
        }
    }

    async fn connection(self: Arc<Self>, tcp: TcpStream) {
        let connection = self.connections.fetch_add(1, Ordering::SeqCst);
        let Ok(wire) = Wire::accept(tcp, self.tls.clone()).await else { return };
        if wire.is_http2() {
            http2::serve(&self, connection, wire).await;
        } else {
            http1::serve(&self, connection, wire).await;
        }
    }

    /// What to do upon a request.
    pub(crate) fn script(&self, asked: &Asked) -> Script {
        let mut conduct = self.conduct();
        let fault = conduct.next.pop_front().unwrap_or_else(|| conduct.always.clone());
        answer::script(asked, &conduct.says, fault.as_ref())
    }

    /// How many requests it takes at once on a connection by HTTP/2.
    pub(crate) fn streams(&self) -> u32 {
        self.conduct().says.streams
    }

    /// Remembers a request, and gives the number of it.
    pub(crate) fn arrived(&self, connection: u64, asked: &mut Asked) -> u64 {
        let number = self.requests.fetch_add(1, Ordering::SeqCst);
        let line = asked.head.split(|byte| *byte == b'\r').next().unwrap_or_default().to_vec();
        asked.before = self.seen.borrow().iter().filter(|seen| seen.head.starts_with(&line)).count();
        self.seen.send_modify(|seen| {
            if seen.len() >= MOST_SEEN {
                seen.pop_front();
            }
            seen.push_back(Seen {
                number,
                connection,
                at: SystemTime::now(),
                head: asked.head.clone(),
                body: asked.body.clone(),
                ended: Ended::Running,
            });
        });
        number
    }

    /// Remembers how a request ended.
    pub(crate) fn ended(&self, number: u64, ended: Ended) {
        self.seen.send_modify(|seen| {
            if let Some(one) = seen.iter_mut().rev().find(|one| one.number == number) {
                one.ended = ended;
            }
        });
    }
}
