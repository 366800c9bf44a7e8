//! HTTP/2 towards callers (RFC 9113). The library keeps the protocol; what it leaves open is bounded here: frames that
//! carry no work, heads that never end, callers who never read, connections that never end.

mod counted;
mod frames;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod head;
mod streams;

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use self::counted::Counted;
use self::streams::{Paced, Streams};
use crate::framing::HEAD_BYTES;
use crate::opening::Opening;
use crate::patient::Patient;
use crate::places::Seat;
use crate::request::Gateway;
use crate::serve::{Edge, Stop};

/// What a connection begins with (RFC 9113, section 3.4).
pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Bytes of a body that may come before they are read: of one stream, and of a connection.
const STREAM_WINDOW: u32 = (1 << 16) - 1;
const CONNECTION_WINDOW: u32 = 1 << 20;
const FRAME_BYTES: u32 = 1 << 14;
/// More than a head may have: it is ours to refuse, and beyond this the library's.
const HEADER_LIST_BYTES: u32 = 2 * HEAD_BYTES as u32;
/// Bytes of an answer that wait for the caller to read, of one stream.
const SEND_BYTES: usize = 1 << 16;
/// Streams that the caller took back before they were looked at, and that were ended for errors of his.
const TAKEN_BACK: usize = 20;
const ENDED: usize = 100;

impl Gateway {
    /// Serves one connection, of which the opening was read already.
    pub(crate) async fn http2<S>(
        self: Arc<Self>,
        stream: S,
        opening: Opening,
        peer: IpAddr,
        stop: Stop,
        seat: Arc<Seat>,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let edge = self.bounds.edge;
        let (streams, open) = Streams::new(seat, edge.write);
        let stream = Counted::new(Patient::new(stream, edge.write), opening.bytes, Arc::clone(&self));
        let service = service_fn(move |request: Request<Incoming>| {
            let gateway = Arc::clone(&self);
            async move {
                let response = match head::plain(request) {
                    Ok(request) => gateway.answer(peer, request).await,
                    Err(fault) => gateway.turn_away(peer, fault.into()).await,
                };
                Ok::<_, Infallible>(response.map(Paced::new))
            }
        });
        let mut builder = http2::Builder::new(streams);
        builder
            .timer(TokioTimer::new())
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(FRAME_BYTES)
            .max_header_list_size(HEADER_LIST_BYTES)
            .max_concurrent_streams(edge.streams)
            .max_send_buf_size(SEND_BYTES)
            .max_pending_accept_reset_streams(TAKEN_BACK)
            .max_local_error_reset_streams(ENDED)
            // Who was silent for so long is asked whether he is there; who does not answer reads nothing.
            .keep_alive_interval(edge.idle)
            .keep_alive_timeout(edge.write);
        let mut connection = std::pin::pin!(builder.serve_connection(TokioIo::new(stream), service));
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = over(edge, open.clone(), stop) => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection.as_mut() => ended,
                    // Who neither says goodbye nor reads what is left is not waited for.
                    () = quiet(open, edge.write) => return,
                }
            }
        };
        if let Err(error) = ended {
            tracing::debug!(error = %error, "a connection ended early");
        }
    }
}

/// Resolves when nothing new is to be begun.
async fn over(edge: Edge, open: watch::Receiver<usize>, mut stop: Stop) {
    tokio::select! {
        () = stop.wait_leaving() => {}
        () = sleep(edge.lifetime) => {}
        () = quiet(open, edge.idle) => {}
    }
}

/// Resolves when no stream has been open for so long.
async fn quiet(mut open: watch::Receiver<usize>, long: Duration) {
    // An error would say that the connection is gone, and this with it.
    while open.wait_for(|open| *open == 0).await.is_ok() {
        if timeout(long, open.wait_for(|open| *open > 0)).await.is_err() {
            return;
        }
    }
}
