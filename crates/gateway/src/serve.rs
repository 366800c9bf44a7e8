//! Listening: connections are taken, bounded in number and patience, and drained before the process ends.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr, TcpListener as Listener};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::framing::{HEAD_BYTES, LINES};
use crate::lull::Lull;
use crate::opening::{self, Opening};
use crate::operations;
use crate::patient::Patient;
use crate::places::{Places, Seat};
use crate::request::Gateway;
use crate::strict::{Strict, Verdict};
use crate::tls::{self, Tls};

/// What a listener serves.
#[derive(Clone)]
pub enum Serve {
    /// The API for callers, over TLS where there is a certificate.
    Traffic(Option<Arc<Tls>>),
    /// Probes and metrics for operators.
    Operations,
}

impl std::fmt::Debug for Serve {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Traffic(None) => "Traffic",
            Self::Traffic(Some(_)) => "Traffic(TLS)",
            Self::Operations => "Operations",
        })
    }
}

/// Says when to stop; every listener and connection hears it.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<Told>);

/// Tells every [`Stop`] of it.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Told>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Told {
    Nothing,
    /// Each answer is the last one of its connection.
    Leave,
    /// Another process accepts what comes from now on.
    HandOver,
    /// Nothing new is accepted, and connections without a request are closed.
    Stop,
    End,
}

impl Stop {
    /// A pair of the one who says and the one who hears.
    pub fn pair() -> (Stopper, Self) {
        let (sender, receiver) = watch::channel(Told::Nothing);
        (Stopper(sender), Self(receiver))
    }

    /// Waits until it is time to stop; a stopper that is gone has stopped.
    pub async fn wait(&mut self) {
        self.wait_for(Told::Stop).await;
    }

    /// Waits until each answer is the last one of its connection.
    pub(crate) async fn wait_leaving(&mut self) {
        self.wait_for(Told::Leave).await;
    }

    /// Waits until nothing more is to be accepted.
    pub async fn wait_accepting(&mut self) {
        self.wait_for(Told::HandOver).await;
    }

    /// Whether it is time to stop, and not yet to end.
    fn is_stopping(&self) -> bool {
        *self.0.borrow() == Told::Stop
    }

    /// Whether each answer is the last one of its connection.
    pub(crate) fn is_leaving(&self) -> bool {
        *self.0.borrow() >= Told::Leave
    }

    async fn wait_for(&mut self, least: Told) {
        let _ = self.0.wait_for(|told| *told >= least).await;
    }

    /// Waits until what still runs must end; a stopper that is gone says no more.
    pub async fn wait_end(&mut self) {
        if self.0.wait_for(|told| *told == Told::End).await.is_err() {
            std::future::pending().await
        }
    }
}

impl Stopper {
    /// Goes on, but says with each answer that it is the last one of its connection.
    pub fn leave(&self) {
        self.tell(Told::Leave);
    }

    /// Leaves what listens to another process, and serves the connections that there are as one who leaves.
    pub fn hand_over(&self) {
        self.tell(Told::HandOver);
    }

    /// It is time: nothing new is accepted, and connections are closed once no request of theirs runs.
    pub fn stop(&self) {
        self.tell(Told::Stop);
    }

    /// Time is up: what still runs ends now.
    pub fn end(&self) {
        self.tell(Told::End);
    }

    fn tell(&self, told: Told) {
        self.0.send_if_modified(|before| std::mem::replace(before, told.max(*before)) < told);
    }
}

/// What a listener bears of its callers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// Connections in all; one more is closed at once.
    pub connections: usize,
    /// Connections from one address, which of IPv6 is a /64; one more is closed at once.
    pub connections_per_address: usize,
    /// The time for a head, from its first byte on.
    pub head: Duration,
    /// The time between two requests of a connection.
    pub idle: Duration,
    /// How long whoever reads nothing of an answer is waited for.
    pub write: Duration,
    /// Requests at once on one connection of HTTP/2.
    pub streams: u32,
    /// How old a connection becomes; then what runs on it is answered, and it ends.
    pub lifetime: Duration,
}

impl Default for Edge {
    fn default() -> Self {
        Self {
            connections: 16_384,
            connections_per_address: 512,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            write: Duration::from_secs(60),
            streams: 100,
            lifetime: Duration::from_secs(3_600),
        }
    }
}

/// How long what is said at the very end may take to reach its callers.
const LAST_WORDS: Duration = Duration::from_secs(1);
const TLS_WITHIN: Duration = Duration::from_secs(5);
/// More than the strict reader hands on: it is that one which refuses.
const HYPERS_BYTES: usize = 2 * HEAD_BYTES;

impl Gateway {
    /// Serves a listener until it is told to stop, then until its connections are done or told to end. When it returns
    /// nothing of it runs any more, so every entry is closed.
    pub async fn serve(self: Arc<Self>, listener: TcpListener, what: Serve, mut stop: Stop) {
        let places = Places::new(self.bounds.edge.connections, self.bounds.edge.connections_per_address);
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = stop.wait_accepting() => break,
                Some(_) = connections.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok(accepted) => self.take(accepted, &places, &mut connections, &what, &stop),
                Err(error) => {
                    // Out of file descriptors, mostly: taking a breath lets connections end.
                    tracing::warn!(error = %error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        // Who has connected already is heard; what is handed over is another's to hear.
        let heard = if stop.is_stopping() { waiting(&listener) } else { Vec::new() };
        drop(listener);
        for accepted in heard {
            self.take(accepted, &places, &mut connections, &what, &stop);
        }
        let ended = tokio::select! {
            () = stop.wait_end() => false,
            () = async { while connections.join_next().await.is_some() {} } => true,
        };
        let said = async { while connections.join_next().await.is_some() {} };
        if !ended && tokio::time::timeout(LAST_WORDS, said).await.is_err() {
            connections.shutdown().await;
        }
        // Streams of HTTP/2 run beside their connections, and end with them.
        places.wait_empty().await;
    }

    fn take(
        self: &Arc<Self>,
        (stream, peer): (TcpStream, SocketAddr),
        places: &Arc<Places>,
        connections: &mut JoinSet<()>,
        what: &Serve,
        stop: &Stop,
    ) {
        let peer = peer.ip().to_canonical();
        // One too many is closed before a byte of it is read: neither a handshake nor a head is free.
        let seat = match places.take(peer) {
            Ok(seat) => Arc::new(seat),
            Err(full) => return self.metrics.turned_away(full),
        };
        connections.spawn(Arc::clone(self).connection(stream, peer, what.clone(), stop.clone(), seat));
    }

    async fn connection(
        self: Arc<Self>,
        mut stream: TcpStream,
        peer: IpAddr,
        what: Serve,
        mut stop: Stop,
        seat: Arc<Seat>,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = %error, "a connection ended at once");
            return;
        }
        match what {
            Serve::Traffic(None) => {
                let nothing = Lull::default();
                let opening = tokio::select! {
                    biased;
                    opening = opening::read(&mut stream, self.bounds.edge.head) => opening,
                    () = last_call(&mut stop, &nothing) => return,
                };
                if opening.http2 {
                    self.http2(stream, opening, peer, stop, seat).await;
                } else {
                    self.http1(stream, opening, peer, stop).await;
                }
            }
            Serve::Traffic(Some(tls)) => match tokio::time::timeout(TLS_WITHIN, tls.acceptor().accept(stream)).await {
                Ok(Ok(stream)) if tls::speaks_http2(&stream) => {
                    self.http2(stream, Opening::none(), peer, stop, seat).await;
                }
                Ok(Ok(stream)) => self.http1(stream, Opening::none(), peer, stop).await,
                Ok(Err(_)) | Err(_) => tracing::debug!("a TLS handshake failed"),
            },
            Serve::Operations => {
                let (edge, verdict) = (self.bounds.edge, Arc::new(Verdict::default()));
                let stream = Strict::new(Patient::new(stream, edge.write), edge.head, Arc::clone(&verdict));
                let (lull, leaving) = (Arc::<Lull>::default(), stop.clone());
                let work = Arc::clone(&lull);
                let service = service_fn(move |request: Request<Incoming>| {
                    let work = work.begin();
                    let fault = verdict.next();
                    let mut reply = fault.map_or_else(|| self.operate(&request), operations::turn_away);
                    last_where(fault.is_some() || leaving.is_leaving(), &mut reply);
                    async move { Ok::<_, Infallible>(reply.map(|body| body.during(work))) }
                });
                drive(server(edge).serve_connection(TokioIo::new(stream), service), stop, &lull).await;
            }
        }
    }

    async fn http1<S>(self: Arc<Self>, stream: S, opening: Opening, peer: IpAddr, stop: Stop)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (edge, verdict) = (self.bounds.edge, Arc::new(Verdict::default()));
        let stream = Strict::new(Patient::new(stream, edge.write), edge.head, Arc::clone(&verdict)).after(opening);
        let until = Instant::now() + edge.lifetime;
        let (lull, leaving) = (Arc::<Lull>::default(), stop.clone());
        let work = Arc::clone(&lull);
        let service = service_fn(move |request: Request<Incoming>| {
            let (gateway, verdict, leaving) = (Arc::clone(&self), Arc::clone(&verdict), leaving.clone());
            let work = work.begin();
            async move {
                if let Some(fault) = verdict.next() {
                    return Ok(gateway.turn_away(peer, fault.into()).await);
                }
                let mut response = gateway.answer(peer, request).await;
                let last = verdict.is_broken() || leaving.is_leaving() || Instant::now() >= until;
                last_where(last, &mut response);
                Ok::<_, Infallible>(response.map(|body| body.during(work)))
            }
        });
        drive(server(edge).serve_connection(TokioIo::new(stream), service), stop, &lull).await;
    }
}

/// The time between two requests, and that of a head which begins at its end: heads that take too long are refused before.
fn server(edge: Edge) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(edge.idle + edge.head);
    builder.max_headers(LINES).max_buf_size(HYPERS_BYTES);
    builder
}

/// Says of an answer that it is the last one of its connection.
fn last_where<B>(last: bool, response: &mut Response<B>) {
    if last {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

/// Those who have connected and were not accepted yet.
fn waiting(listener: &TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let Ok(listener) = listener.as_fd().try_clone_to_owned().map(Listener::from) else { return Vec::new() };
    let next = || {
        let (stream, peer) = listener.accept().ok()?;
        stream.set_nonblocking(true).ok()?;
        Some((TcpStream::from_std(stream).ok()?, peer))
    };
    std::iter::from_fn(next).collect()
}

/// Resolves when a connection is to be closed: it is time to stop, and no request runs on it or has been on its way.
async fn last_call(stop: &mut Stop, lull: &Lull) {
    stop.wait().await;
    lull.wait().await;
}

/// Drives a connection to its end. Told to stop, it answers the request at hand and closes: once its caller, who may not
/// have heard of it, was given the time for a last request.
async fn drive<I, S, B>(connection: http1::Connection<I, S>, mut stop: Stop, lull: &Lull)
where
    I: hyper::rt::Read + hyper::rt::Write + Unpin + Send,
    S: hyper::service::HttpService<Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = last_call(&mut stop, lull) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended early");
    }
}
