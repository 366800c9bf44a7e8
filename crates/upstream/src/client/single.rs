//! A connection by HTTP/1.1. No task of its own runs it: whoever waits for an answer drives it, so that no piece of an
//! answer crosses from one task to another.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use http::uri::{self, Uri};
use http::{HeaderValue, Request, Response, header};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::AsyncWrite;

use super::Outgoing;
use super::bell::Bell;
use super::link::{LONGEST_HEAD, Piece, Refused, poll_piece};
use super::pipe::Pipe;

/// A connection by HTTP/1.1: one request at a time. Dropped, it is closed at once.
pub(super) struct Single {
    /// Dropped before the wire.
    requests: http1::SendRequest<Outgoing>,
    wire: Wire,
}

/// What moves the bytes.
struct Wire {
    /// `None` once it has ended.
    connection: Option<Box<http1::Connection<TokioIo<Pipe>, Outgoing>>>,
    bell: Arc<Bell>,
    /// Rings the bell.
    waker: Waker,
    /// Whether what is waited for was not there after the last turn: until it rings, it cannot be.
    is_at_rest: bool,
}

impl Single {
    pub(super) async fn open(pipe: Pipe) -> Result<Self, hyper::Error> {
        let opened = http1::Builder::new().max_buf_size(LONGEST_HEAD).handshake(TokioIo::new(pipe)).await;
        let (mut requests, connection) = opened?;
        let mut wire = Wire::new(connection);
        poll_fn(|cx| wire.poll(cx, |cx| requests.poll_ready(cx))).await?;
        Ok(Self { requests, wire })
    }

    /// Whether it can be given a request. Where the host has closed it meanwhile, that is found out here.
    pub(super) fn is_ready(&mut self) -> bool {
        if self.wire.bell.has_rung() || !self.requests.is_ready() {
            self.wire.turn();
        }
        self.requests.is_ready()
    }

    /// Sends a request, and waits for the head of its answer.
    pub(super) async fn send(
        &mut self,
        mut request: Request<Outgoing>,
        uri: &Uri,
    ) -> Result<Response<Incoming>, Box<Refused>> {
        let mut path = uri::Parts::default();
        path.path_and_query = uri.path_and_query().cloned();
        // Both were parts of a whole address, so neither can fail.
        *request.uri_mut() = Uri::from_parts(path).unwrap_or_default();
        let host = uri.authority().and_then(|authority| HeaderValue::from_str(authority.as_str()).ok());
        if let Some(host) = host {
            request.headers_mut().insert(header::HOST, host);
        }
        // What is waited for now is another thing than before.
        self.wire.is_at_rest = false;
        let mut response = pin!(self.requests.try_send_request(request));
        poll_fn(|cx| self.wire.poll(cx, |cx| response.as_mut().poll(cx))).await.map_err(Box::new)
    }

    /// The next piece of the answer that it carries.
    pub(super) fn poll_piece(&mut self, cx: &mut Context<'_>, body: &mut Incoming) -> Poll<Piece> {
        self.wire.poll(cx, |cx| poll_piece(cx, body))
    }

    /// The same, and nobody is woken for it: whoever waits has to ask again.
    pub(super) fn look(&mut self, body: &mut Incoming) -> Poll<Piece> {
        self.wire.look(&mut |cx| poll_piece(cx, body))
    }
}

impl Wire {
    fn new(connection: http1::Connection<TokioIo<Pipe>, Outgoing>) -> Self {
        let bell = Arc::new(Bell::default());
        let waker = Waker::from(Arc::clone(&bell));
        Self { connection: Some(Box::new(connection)), bell, waker, is_at_rest: false }
    }

    /// Waits for what the connection alone can bring about.
    fn poll<T>(&mut self, cx: &mut Context<'_>, mut outcome: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let found = self.look(&mut outcome);
        if found.is_pending() {
            self.bell.listen(cx.waker());
        }
        found
    }

    /// Looks whether it has brought that about. It does so only where it is driven, here, so nobody need be woken for it.
    fn look<T>(&mut self, outcome: &mut impl FnMut(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let nobody = &mut Context::from_waker(Waker::noop());
        let mut found = if self.is_at_rest { Poll::Pending } else { outcome(nobody) };
        if found.is_pending() && (!self.is_at_rest || self.bell.has_rung()) {
            self.turn();
            found = outcome(nobody);
        }
        self.is_at_rest = found.is_pending();
        if found.is_ready() {
            self.bell.hush();
        }
        found
    }

    /// Moves bytes, both ways, as far as that goes now.
    fn turn(&mut self) {
        self.bell.hush();
        let Some(connection) = &mut self.connection else { return };
        if Pin::new(&mut **connection).poll(&mut Context::from_waker(&self.waker)).is_ready() {
            // What it failed of, the request that it carried has been told. One that it still holds it gives back now.
            self.connection = None;
        }
    }
}

impl Drop for Wire {
    /// Tells the host in TLS that nothing follows, if that can be said at once (RFC 8446, section 6.1).
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        let mut pipe = connection.into_parts().io.into_inner();
        let _ = Pin::new(&mut pipe).poll_shutdown(&mut Context::from_waker(Waker::noop()));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use bytes::Bytes;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::{JoinSet, yield_now};

    use super::super::Sent;
    use super::*;

    /// More than the two sockets hold between them.
    const LONG: usize = 64 << 20;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    async fn pair() -> (Single, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let tcp = TcpStream::connect(listener.local_addr().expect("an address")).await.expect("a connection");
        let (host, _) = listener.accept().await.expect("a connection");
        (Single::open(Pipe::Plain(tcp)).await.expect("HTTP"), host)
    }

    fn request(body_bytes: usize) -> Request<Outgoing> {
        Request::post("/x").body(Outgoing::of(vec![vec![b' '; body_bytes].into()], Sent::default())).expect("one")
    }

    async fn send(single: &mut Single, request: Request<Outgoing>) -> Result<Incoming, Option<Request<Outgoing>>> {
        let sent = single.send(request, &Uri::from_static("http://host.test/x")).await;
        sent.map(Response::into_body).map_err(|mut refused| refused.take_message())
    }

    async fn next(single: &mut Single, body: &mut Incoming) -> Option<Bytes> {
        poll_fn(|cx| single.poll_piece(cx, body)).await.expect("no error")
    }

    /// Reads until so many bytes of a body have come.
    async fn read(host: &mut TcpStream, body_bytes: usize) {
        let (mut seen, mut body, mut buf) = (Vec::new(), None, vec![0; 1 << 20]);
        while body.is_none_or(|body| body < body_bytes) {
            let read = host.read(&mut buf).await.expect("bytes");
            assert_ne!(read, 0, "the connection was closed");
            body = body.map(|body| body + read).or_else(|| {
                seen.extend_from_slice(&buf[..read]);
                seen.windows(4).position(|four| four == b"\r\n\r\n").map(|at| seen.len() - at - 4)
            });
        }
    }

    async fn answer(host: &mut TcpStream, text: &str) {
        host.write_all(text.as_bytes()).await.expect("written");
    }

    #[tokio::test]
    async fn a_host_that_closes_is_found_out_and_what_is_sent_nevertheless_comes_back_whole() {
        let (mut single, host) = pair().await;
        assert!(single.is_ready());
        drop(host);
        while single.is_ready() {
            yield_now().await;
        }
        let (mut single, host) = pair().await;
        drop(host);
        while !single.wire.bell.has_rung() {
            yield_now().await;
        }
        let refused = send(&mut single, request(1)).await.err().flatten();
        assert!(!refused.expect("the whole request").body().has_left());
    }

    #[tokio::test]
    async fn pieces_that_came_together_wake_nobody() {
        let (mut single, mut host) = pair().await;
        let (sent, ()) = tokio::join!(send(&mut single, request(1)), async {
            read(&mut host, 1).await;
            let chunks = "1\r\na\r\n".repeat(30);
            answer(&mut host, &format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")).await;
        });
        let mut body = sent.ok().expect("an answer");
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        let cx = &mut Context::from_waker(&waker);
        let mut pieces = 0;
        while let Poll::Ready(Ok(Some(piece))) = single.poll_piece(cx, &mut body) {
            assert_eq!(piece, "a");
            pieces += 1;
        }
        assert_eq!((pieces, count.0.load(Ordering::Relaxed)), (30, 0));
        assert!(single.is_ready(), "it was read to its end");
    }

    #[tokio::test]
    async fn whoever_waits_last_is_woken() {
        let (mut single, mut host) = pair().await;
        let (sent, ()) = tokio::join!(send(&mut single, request(1)), async {
            read(&mut host, 1).await;
            answer(&mut host, "HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n").await;
        });
        let mut body = sent.ok().expect("an answer");
        assert!(poll_fn(|cx| Poll::Ready(single.poll_piece(cx, &mut body).is_pending())).await);
        let (waits, is_waiting) = tokio::sync::oneshot::channel();
        let mut other = JoinSet::new();
        other.spawn(async move {
            let mut waits = Some(waits);
            let piece = poll_fn(|cx| {
                let piece = single.poll_piece(cx, &mut body);
                waits.take().map(|waits| waits.send(piece.is_pending()));
                piece
            });
            piece.await.expect("no error").expect("a piece")
        });
        assert_eq!(is_waiting.await, Ok(true));
        answer(&mut host, "a").await;
        assert_eq!(other.join_next().await.expect("a task").expect("a piece"), "a");
    }

    #[tokio::test]
    async fn a_request_goes_on_while_its_answer_is_read() {
        let (mut single, mut host) = pair().await;
        let (sent, ()) = tokio::join!(send(&mut single, request(LONG)), async {
            read(&mut host, 1).await;
            answer(&mut host, "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\na").await;
        });
        let mut body = sent.ok().expect("an answer, early");
        assert_eq!(next(&mut single, &mut body).await.expect("a piece"), "a");
        let rest = async {
            let mut buf = vec![0; 1 << 20];
            let mut read = 0;
            // All that the host has not read before.
            while read < LONG - (2 << 20) {
                read += host.read(&mut buf).await.expect("more of the request");
            }
            answer(&mut host, "b").await;
        };
        let (piece, ()) = tokio::join!(next(&mut single, &mut body), rest);
        assert_eq!(piece.expect("a piece"), "b");
    }

    #[tokio::test]
    async fn a_connection_on_which_a_request_is_not_over_with_its_answer_is_closed() {
        let (mut single, mut host) = pair().await;
        let (sent, ()) = tokio::join!(send(&mut single, request(LONG)), async {
            read(&mut host, 1).await;
            answer(&mut host, "HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n").await;
        });
        drop(sent.ok().expect("an answer, early"));
        assert!(!single.is_ready());
        drop(single);
        let mut rest = Vec::new();
        let _ = host.read_to_end(&mut rest).await;
        assert!(rest.len() < LONG, "the rest stays here");
    }
}
