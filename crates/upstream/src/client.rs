//! The only door out.

mod alarm;
mod arrived;
mod bell;
mod connect;
mod image;
mod link;
mod pipe;
mod pool;
mod proxy;
mod public;
mod roots;
mod single;
#[cfg(test)]
mod tests;
mod trouble;

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use phi_dialect::job::Message;
use phi_words::Prompt;
use rustls::pki_types::CertificateDer;
use tokio::time::Instant;

use crate::deadline::{Deadlines, Until};
use crate::hosts::Target;
use crate::keys::Shown;
use connect::{Connector, Law, Names};
use link::Ping;
use pool::Pool;

pub(crate) use arrived::Arrived;
pub use proxy::{Proxy, ProxyError};
pub use roots::ClientError;
pub(crate) use trouble::Trouble;

/// Speaks HTTP to hosts of the catalogue: HTTP/2 where a host offers it with TLS, else HTTP/1.1. Connections are kept and
/// used again; those to premises and those to anywhere else never mix.
#[derive(Clone)]
pub struct Client {
    public: Pool,
    premises: Pool,
    /// The way to images, which is nobody else's: no connection is kept, and no proxy leads there.
    images: Connector,
    deadlines: Deadlines,
}

/// One request, to be sent.
#[derive(Debug)]
pub(crate) struct Sending<'a> {
    /// To whom.
    pub(crate) target: &'a Target,
    /// What follows the path of its address; begins with `/`.
    pub(crate) path: &'a str,
    /// What it is shown.
    pub(crate) key: Option<&'a Shown>,
    /// What it is asked.
    pub(crate) body: Prompt,
    /// Whether the answer is to come as a stream of events.
    pub(crate) stream: bool,
    /// When everything must be over.
    pub(crate) until: Instant,
}

impl Client {
    /// The client of a running deployment: names are resolved by the system, certificates are judged by the system's
    /// roots and those in `ca_file` (PEM), and hosts that do not stand on the premises are reached through `proxy`.
    ///
    /// # Errors
    /// Where `ca_file` holds no certificates, or the file of the proxy's login no login.
    pub fn new(ca_file: Option<&Path>, proxy: Option<&Proxy>, deadlines: Deadlines) -> Result<Self, ClientError> {
        let mut roots = roots::system();
        if let Some(path) = ca_file {
            roots::add_file(&mut roots, path)?;
        }
        Self::build(roots, &Names::System, proxy, deadlines)
    }

    /// The client of a test: `hosts` are the only names there are, and lead where they say; `root` is trusted beside
    /// nobody. No setting leads here, so what a test proves is the law of real hosts.
    ///
    /// # Errors
    /// Where `root` is no certificate.
    pub fn with_hosts(
        hosts: HashMap<String, SocketAddr>,
        root: CertificateDer<'_>,
        deadlines: Deadlines,
    ) -> Result<Self, ClientError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(root.into_owned())?;
        Self::build(roots, &Names::Given(Arc::new(hosts)), None, deadlines)
    }

    fn build(
        roots: rustls::RootCertStore,
        names: &Names,
        proxy: Option<&Proxy>,
        deadlines: Deadlines,
    ) -> Result<Self, ClientError> {
        let roots = Arc::new(roots);
        let tls = roots::tls(Arc::clone(&roots), &["h2", "http/1.1"])?;
        let ping = Ping { after: deadlines.idle / 4, within: deadlines.connect };
        let connector = |law| Connector::new(names.clone(), law, tls.clone(), deadlines.connect);
        let public = connector(Law::PublicOnly).through(proxy.map(Proxy::tunnel).transpose()?);
        let premises = connector(Law::Premises);
        let tls = roots::tls(roots, &["http/1.1"])?;
        let images = Connector::new(names.clone(), Law::PublicOnly, tls, deadlines.connect);
        Ok(Self { public: Pool::new(public, ping), premises: Pool::new(premises, ping), images, deadlines })
    }

    /// How long hosts may take.
    pub fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// Sends a request and waits for the head of the answer. `sent` tells meanwhile, and after, whether anything of the
    /// request may have left. Where the future is dropped the host's connection is closed at
    /// once, or by HTTP/2 its stream is reset. Any status is an answer.
    pub(crate) async fn send(&self, sending: Sending<'_>, sent: &Sent) -> Result<Arrived, Trouble> {
        let Sending { target, path, key, body, stream, until } = sending;
        let bytes = body.expose_into_bytes();
        let outgoing = Outgoing { bytes: Some(bytes.clone()), more: Vec::new().into_iter(), sent: sent.clone() };
        let request = target.request(path, key, stream, &bytes, outgoing)?;
        self.exchange(target, request, self.deadlines.until(until, !stream)).await
    }

    /// Sends a message of a job, and waits for the head of the answer, which is to come whole or as it is made. As
    /// [`Client::send`] in all else.
    pub(crate) async fn tell(
        &self,
        target: &Target,
        mut message: Message,
        key: Option<&Shown>,
        (until, whole): (Instant, bool),
        sent: &Sent,
    ) -> Result<Arrived, Trouble> {
        let pieces = std::mem::take(&mut message.body);
        let request = target.message(&message, key, Outgoing::of(pieces, sent.clone()))?;
        self.exchange(target, request, self.deadlines.until(until, whole)).await
    }

    /// Sends a request that carries nothing, and waits for the head of the answer.
    pub(crate) async fn look(
        &self,
        target: &Target,
        path: &str,
        key: Option<&Shown>,
        until: Instant,
    ) -> Result<Arrived, Trouble> {
        let request = target.look(path, key, Outgoing::of(Vec::new(), Sent::default()))?;
        self.exchange(target, request, self.deadlines.until(until, false)).await
    }

    async fn exchange(&self, target: &Target, request: Request<Outgoing>, until: Until) -> Result<Arrived, Trouble> {
        let pool = if target.is_premises() { &self.premises } else { &self.public };
        let (response, hold) = pool.send(request, until.head()).await?;
        Ok(Arrived::new(response, hold, until))
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("deadlines", &self.deadlines).finish_non_exhaustive()
    }
}

/// Whether anything of a request may have left. It never says no once something has.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent(Arc<AtomicBool>);

impl Sent {
    /// Whether anything may have left.
    pub(crate) fn has_left(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn leave(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// The body of a request. It is asked how long it is while the head is composed, and that is before a byte is written: so
/// the moment when it is asked is the last at which nothing has left. (By HTTP/2 another task writes, and may have
/// written the head before the body itself is asked for.)
struct Outgoing {
    bytes: Option<Bytes>,
    /// What follows; of most requests nothing does.
    more: std::vec::IntoIter<Bytes>,
    sent: Sent,
}

impl Outgoing {
    fn of(pieces: Vec<Bytes>, sent: Sent) -> Self {
        let mut more = pieces.into_iter();
        Self { bytes: more.next(), more, sent }
    }

    fn has_left(&self) -> bool {
        self.sent.has_left()
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.sent.leave();
        let next = self.more.next();
        Poll::Ready(std::mem::replace(&mut self.bytes, next).map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.sent.leave();
        SizeHint::with_exact(self.bytes.iter().chain(self.more.as_slice()).map(|bytes| bytes.len() as u64).sum())
    }
}
