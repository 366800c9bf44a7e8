//! The only door out.

mod arrived;
mod connect;
mod pipe;
mod public;
mod roots;
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
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper_util::client::legacy;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use phi_words::{Prompt, ProviderKey};
use rustls::pki_types::CertificateDer;
use tokio::time::{Instant, timeout_at};

use crate::deadline::Deadlines;
use crate::hosts::Target;
use connect::{Connector, Law, Names};

pub(crate) use arrived::Arrived;
pub use roots::ClientError;
pub(crate) use trouble::Trouble;

/// How long the head of an answer may be, in bytes; one that comes in one piece may be up to twice as long.
const LONGEST_HEAD: usize = 64 << 10;
/// Connections to one host that are kept for the next request, and for how long. Providers close theirs after a minute
/// or more; a short time keeps the chance small that one is closed just as it is used again.
const IDLE_CONNECTIONS: usize = 256;
const IDLE: Duration = Duration::from_secs(20);

type Pool = legacy::Client<Connector, Outgoing>;

/// Speaks HTTP/1.1 to hosts of the catalogue. Connections are kept and used again; those to premises and those to
/// anywhere else never mix.
#[derive(Clone)]
pub struct Client {
    public: Pool,
    premises: Pool,
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
    pub(crate) key: Option<&'a ProviderKey>,
    /// What it is asked.
    pub(crate) body: Prompt,
    /// Whether the answer is to come as a stream of events.
    pub(crate) stream: bool,
    /// When everything must be over.
    pub(crate) until: Instant,
}

impl Client {
    /// The client of a running deployment: names are resolved by the system, certificates are judged by the system's
    /// roots and those in `ca_file` (PEM).
    ///
    /// # Errors
    /// Where `ca_file` holds no certificates.
    pub fn new(ca_file: Option<&Path>, deadlines: Deadlines) -> Result<Self, ClientError> {
        let mut roots = roots::system();
        if let Some(path) = ca_file {
            roots::add_file(&mut roots, path)?;
        }
        Self::build(roots, &Names::System, deadlines)
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
        Self::build(roots, &Names::Given(Arc::new(hosts)), deadlines)
    }

    fn build(roots: rustls::RootCertStore, names: &Names, deadlines: Deadlines) -> Result<Self, ClientError> {
        let tls = roots::tls(roots)?;
        let pool = |law| {
            legacy::Client::builder(TokioExecutor::new())
                .pool_timer(TokioTimer::new())
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(IDLE_CONNECTIONS)
                .http1_max_buf_size(LONGEST_HEAD)
                .build(Connector::new(names.clone(), law, tls.clone(), deadlines.connect))
        };
        Ok(Self { public: pool(Law::PublicOnly), premises: pool(Law::Premises), deadlines })
    }

    /// How long hosts may take.
    pub fn deadlines(&self) -> &Deadlines {
        &self.deadlines
    }

    /// Sends a request and waits for the head of the answer. `sent` tells meanwhile, and after, whether anything of the
    /// request may have left. Where the future is dropped the host's connection is closed at once.
    /// Any status is an answer.
    pub(crate) async fn send(&self, sending: Sending<'_>, sent: &Sent) -> Result<Arrived, Trouble> {
        let Sending { target, path, key, body, stream, until } = sending;
        let outgoing = Outgoing { bytes: Some(body.expose_into_bytes()), sent: sent.clone() };
        let request = target.request(path, key, stream, outgoing)?;
        let until = self.deadlines.until(until, !stream);
        let pool = if target.is_premises() { &self.premises } else { &self.public };
        let (due, late) = until.head();
        let response = match timeout_at(due, pool.request(request)).await {
            Err(_) => return Err(Trouble::Late(late)),
            Ok(Err(error)) => return Err(Trouble::from_sending(error)),
            Ok(Ok(response)) => response,
        };
        Arrived::new(response, until)
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
}

/// The body of a request. It is asked for when the head has been composed and before a byte is written, so the moment
/// when it is asked is the last at which nothing has left.
struct Outgoing {
    bytes: Option<Bytes>,
    sent: Sent,
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.sent.0.store(true, Ordering::Release);
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}
