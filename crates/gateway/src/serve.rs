//! Listening: connections are taken, bounded in number and patience, and drained before the process ends.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use http::{HeaderValue, Request, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::framing::{HEAD_BYTES, LINES};
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
        let _ = self.0.wait_for(|told| *told >= Told::Stop).await;
    }

    /// Waits until each answer is the last one of its connection.
    pub(crate) async fn wait_leaving(&mut self) {
        self.wait().await;
    }

    /// Waits until what still runs must end; a stopper that is gone says no more.
    async fn wait_end(&mut self) {
        if self.0.wait_for(|told| *told == Told::End).await.is_err() {
            std::future::pending().await
        }
    }
}

impl Stopper {
    /// It is time: nothing new is begun.
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
                () = stop.wait() => break,
                Some(_) = connections.join_next() => continue,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let peer = peer.ip().to_canonical();
                    // One too many is closed before a byte of it is read: neither a handshake nor a head is free.
                    let seat = match places.take(peer) {
                        Ok(seat) => Arc::new(seat),
                        Err(full) => {
                            self.metrics.turned_away(full);
                            continue;
                        }
                    };
                    connections.spawn(Arc::clone(&self).connection(stream, peer, what.clone(), stop.clone(), seat));
                }
                Err(error) => {
                    // Out of file descriptors, mostly: taking a breath lets connections end.
                    tracing::warn!(error = %error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        drop(listener);
        tokio::select! {
            () = stop.wait_end() => connections.shutdown().await,
            () = async { while connections.join_next().await.is_some() {} } => {}
        }
        // Streams of HTTP/2 run beside their connections, and end with them.
        places.wait_empty().await;
    }

    async fn connection(
        self: Arc<Self>,
        mut stream: TcpStream,
        peer: IpAddr,
        what: Serve,
        stop: Stop,
        seat: Arc<Seat>,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(error = %error, "a connection ended at once");
            return;
        }
        match what {
            Serve::Traffic(None) => {
                let opening = opening::read(&mut stream, self.bounds.edge.head).await;
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
                let service = service_fn(move |request: Request<Incoming>| {
                    let fault = verdict.next();
                    let mut reply = fault.map_or_else(|| self.operate(&request), operations::turn_away);
                    if fault.is_some() {
                        reply.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                    }
                    async move { Ok::<_, Infallible>(reply) }
                });
                drive(server(edge).serve_connection(TokioIo::new(stream), service), stop).await;
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
        let service = service_fn(move |request: Request<Incoming>| {
            let (gateway, verdict) = (Arc::clone(&self), Arc::clone(&verdict));
            async move {
                if let Some(fault) = verdict.next() {
                    return Ok(gateway.turn_away(peer, fault.into()).await);
                }
                let mut response = gateway.answer(peer, request).await;
                if verdict.is_broken() || Instant::now() >= until {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
        });
        drive(server(edge).serve_connection(TokioIo::new(stream), service), stop).await;
    }
}

/// The time between two requests, and that of a head which begins at its end: heads that take too long are refused before.
fn server(edge: Edge) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(edge.idle + edge.head);
    builder.max_headers(LINES).max_buf_size(HYPERS_BYTES);
    builder
}

/// Drives a connection to its end; told to stop, it answers the request at hand and closes.
async fn drive<I, S, B>(connection: http1::Connection<I, S>, mut stop: Stop)
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
        () = stop.wait() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(error = %error, "a connection ended early");
    }
}
