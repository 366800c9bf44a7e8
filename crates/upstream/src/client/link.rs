//! One connection to a host, by whichever protocol the host chose.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::uri::Uri;
use http::{Request, Response, header};
use hyper::body::{Body, Incoming};
use hyper::client::conn::{TrySendError, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::Outgoing;
use super::pipe::Pipe;
use super::single::Single;

/// How long the head of an answer may be, in bytes; by HTTP/1.1, one that comes in one piece may be up to twice as long.
pub(super) const LONGEST_HEAD: usize = 64 << 10;
/// How many requests share a connection by HTTP/2 at most, where the host does not want fewer: one that breaks or is
/// lost takes no more than these along.
const STREAMS: usize = 16;
/// How much of an answer a host may send before it is read, and of all answers on a connection: as much as all together
/// may, so that nobody who reads slowly holds up those beside him. A window that grows with the connection's pace, which
/// hyper offers, is the same for both and would let one answer take it all.
const STREAM_WINDOW: u32 = 256 << 10;
const WINDOW: u32 = 16 * STREAM_WINDOW;

/// When a silent host is asked whether it is still there (HTTP/2 alone can ask).
#[derive(Debug, Clone, Copy)]
pub(super) struct Ping {
    /// After so long a silence while an answer is due.
    pub(super) after: Duration,
    /// It must reply within this.
    pub(super) within: Duration,
}

/// A connection that takes requests.
pub(super) enum Link {
    /// By HTTP/1.1: one request at a time.
    Single(Single),
    /// By HTTP/2: several at once.
    Shared(Shared),
}

/// A connection by HTTP/2.
#[derive(Clone)]
pub(super) struct Shared {
    requests: http2::SendRequest<Outgoing>,
    load: Arc<Load>,
}

/// What a connection by HTTP/2 carries.
struct Load {
    open: Mutex<usize>,
    /// How many requests may be open at once.
    room: AtomicUsize,
    retired: AtomicBool,
    answered: Notify,
}

/// A request that came back. Where it is still whole inside, nothing of it has left.
pub(super) type Refused = TrySendError<Request<Outgoing>>;

/// The next piece of a body; `None` at its end.
pub(super) type Piece = Result<Option<Bytes>, hyper::Error>;

/// The right to one request on a connection by HTTP/2, until it is dropped.
pub(super) struct Place(Arc<Load>);

impl Link {
    /// Agrees on HTTP with a host that was just connected to.
    pub(super) async fn open(pipe: Pipe, ping: Ping) -> Result<Self, hyper::Error> {
        if pipe.is_http2() {
            Shared::open(pipe, ping).await.map(Self::Shared)
        } else {
            Single::open(pipe).await.map(Self::Single)
        }
    }
}

/// Runs what belongs to a connection. It writes no record, so that shutdown need not wait for it; without a runtime there
/// is no connection any more.
pub(super) fn run(task: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        runtime.spawn(task);
    }
}

/// Reads a body. What is no data is a trailer, and nothing of that is wanted.
pub(super) fn poll_piece(cx: &mut Context<'_>, body: &mut Incoming) -> Poll<Piece> {
    loop {
        match ready!(Pin::new(&mut *body).poll_frame(cx)?) {
            None => return Poll::Ready(Ok(None)),
            Some(frame) => {
                if let Ok(data) = frame.into_data() {
                    return Poll::Ready(Ok(Some(data)));
                }
            }
        }
    }
}

impl Shared {
    async fn open(pipe: Pipe, ping: Ping) -> Result<Self, hyper::Error> {
        let (requests, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(WINDOW)
            .max_header_list_size(LONGEST_HEAD as u32)
            .keep_alive_interval(ping.after)
            .keep_alive_timeout(ping.within)
            // Until the host has said how many it takes: a host refuses what is more.
            .initial_max_send_streams(1)
            .handshake(TokioIo::new(pipe))
            .await?;
        let load = Arc::new(Load {
            open: Mutex::new(0),
            room: AtomicUsize::new(1),
            retired: AtomicBool::new(false),
            answered: Notify::new(),
        });
        run(drive(connection, Arc::clone(&load)));
        Ok(Self { requests, load })
    }

    /// Whether it may still be given requests, now or later.
    pub(super) fn is_good(&self) -> bool {
        !self.requests.is_closed() && !self.load.retired.load(Ordering::Acquire)
    }

    /// Whether it carries none.
    pub(super) fn is_idle(&self) -> bool {
        *self.load.open() == 0
    }

    /// A place on it, if there is one.
    pub(super) fn place(&self) -> Option<Place> {
        let mut open = self.load.open();
        let is_free = self.is_good() && *open < self.load.room.load(Ordering::Acquire);
        is_free.then(|| {
            *open += 1;
            Place(Arc::clone(&self.load))
        })
    }

    /// Sends a request on it, for which there is a place.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Outgoing>,
        uri: &Uri,
    ) -> Result<Response<Incoming>, Box<Refused>> {
        request.headers_mut().remove(header::HOST);
        *request.uri_mut() = uri.clone();
        let response = self.requests.try_send_request(request).await;
        self.load.answered.notify_one();
        response.map_err(Box::new)
    }
}

/// Runs a connection to its end. What the host allows stands before its first answer, so it is looked up after each.
async fn drive(connection: http2::Connection<TokioIo<Pipe>, Outgoing, TokioExecutor>, load: Arc<Load>) {
    let mut connection = std::pin::pin!(connection);
    loop {
        tokio::select! {
            // What it failed of, the requests that it carried have been told.
            _ = &mut connection => return,
            () = load.answered.notified() => {}
        }
        load.room.store(connection.current_max_send_streams().min(STREAMS), Ordering::Release);
    }
}

impl Load {
    fn open(&self) -> MutexGuard<'_, usize> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Gives the connection no further requests.
    pub(super) fn retire(&self) {
        self.0.retired.store(true, Ordering::Release);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.0.open();
        *open = open.saturating_sub(1);
    }
}
