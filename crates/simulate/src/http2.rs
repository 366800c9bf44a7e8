//! A host by HTTP/2. One task runs the connection and all its streams in turn, so that what was said before a fault has
//! left when the fault comes.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;

use crate::answer::{Head, Step};
use crate::host::State;
use crate::seen::Ended;
use crate::wire::{Asked, Wire};

/// How much a peer may send ahead.
const WINDOW: u32 = 1 << 20;

/// What a stream does to its whole connection.
enum Order {
    Close,
    Reset,
    GoAway(u32),
    Mute,
}

/// Answers the requests of a connection.
pub(crate) async fn serve(state: &State, connection: u64, wire: Wire) {
    let whim = Arc::new(Whim::default());
    let wire = Whimsical { wire, whim: Arc::clone(&whim) };
    let mut builder = Builder::new();
    builder.max_concurrent_streams(state.streams()).initial_window_size(WINDOW).initial_connection_window_size(WINDOW);
    let Ok(mut peer) = builder.handshake::<_, Bytes>(wire).await else { return };
    let (order, mut orders) = mpsc::unbounded_channel();
    let mut streams = FuturesUnordered::new();
    loop {
        tokio::select! {
            // What streams have said is sent by this, so it comes before what they order.
            biased;
            accepted = peer.accept() => match accepted {
                Some(Ok((request, respond))) => streams.push(stream(state, connection, request, respond, order.clone())),
                Some(Err(_)) | None => break,
            },
            Some(ordered) = orders.recv() => match ordered {
                Order::Close => break,
                Order::Reset => {
                    whim.resets.store(true, Ordering::SeqCst);
                    break;
                }
                Order::GoAway(0) => peer.graceful_shutdown(),
                Order::GoAway(code) => peer.abrupt_shutdown(Reason::from(code)),
                Order::Mute => whim.mute.store(true, Ordering::SeqCst),
            },
            Some(()) = streams.next() => {}
        }
    }
    drop(peer);
    // Each hears that its connection is gone.
    while streams.next().await.is_some() {}
}

async fn stream(
    state: &State,
    connection: u64,
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    order: mpsc::UnboundedSender<Order>,
) {
    let (head, mut from) = request.into_parts();
    let mut body = BytesMut::new();
    while let Some(data) = from.data().await {
        let Ok(data) = data else { return };
        let _ = from.flow_control().release_capacity(data.len());
        body.extend_from_slice(&data);
    }
    let mut asked = Asked { head: as_http1(&head), body: body.freeze(), before: 0 };
    let number = state.arrived(connection, &mut asked);
    let script = state.script(&asked);
    let mut said = Said { respond: &mut respond, body: None, drip: script.drip, order };
    let mut ended = Ended::Answered;
    for step in &script.steps {
        let breaks = matches!(step, Step::Close | Step::Reset | Step::ResetStream(_))
            || matches!(step, Step::GoAway(code) if *code != 0);
        match said.step(step).await {
            Ok(()) if breaks => ended = Ended::BrokenOff,
            Ok(()) => continue,
            Err(HungUp) => ended = Ended::HungUp,
        }
        break;
    }
    state.ended(number, ended);
}

/// An answer that is being given.
struct Said<'a> {
    respond: &'a mut SendResponse<Bytes>,
    body: Option<SendStream<Bytes>>,
    drip: bool,
    order: mpsc::UnboundedSender<Order>,
}

/// The peer reset the stream, or the connection is gone.
struct HungUp;

impl From<h2::Error> for HungUp {
    fn from(_: h2::Error) -> Self {
        Self
    }
}

impl Said<'_> {
    async fn step(&mut self, step: &Step) -> Result<(), HungUp> {
        match step {
            Step::Head(head) => {
                let response = response(head).ok_or(HungUp)?;
                self.body = Some(self.respond.send_response(response, false)?);
                return Ok(());
            }
            Step::Data(data) if self.drip => {
                for at in 0..data.len() {
                    self.send(data.slice(at..=at)).await?;
                }
                return Ok(());
            }
            Step::Data(data) => return self.send(data.clone()).await,
            Step::End => {
                if let Some(body) = &mut self.body {
                    body.send_data(Bytes::new(), true)?;
                }
                return Ok(());
            }
            Step::Wait(pause) => {
                return tokio::select! {
                    () = self.gone() => Err(HungUp),
                    () = tokio::time::sleep(*pause) => Ok(()),
                };
            }
            Step::Stall => {}
            Step::Close => self.order(Order::Close).await,
            Step::Reset => self.order(Order::Reset).await,
            Step::GoAway(code) => {
                self.order(Order::GoAway(*code)).await;
                if *code == 0 {
                    return Ok(());
                }
            }
            Step::Mute => self.order(Order::Mute).await,
            Step::ResetStream(code) => {
                settle().await;
                match &mut self.body {
                    Some(body) => body.send_reset(Reason::from(*code)),
                    None => self.respond.send_reset(Reason::from(*code)),
                }
                return Ok(());
            }
        }
        self.gone().await;
        let is_ours = matches!(step, Step::Close | Step::Reset | Step::GoAway(_));
        if is_ours { Ok(()) } else { Err(HungUp) }
    }

    async fn order(&self, order: Order) {
        settle().await;
        let _ = self.order.send(order);
    }

    /// Sends as the peer has room.
    async fn send(&mut self, mut data: Bytes) -> Result<(), HungUp> {
        let Some(body) = &mut self.body else { return Ok(()) };
        while !data.is_empty() {
            body.reserve_capacity(data.len());
            while body.capacity() == 0 {
                poll_fn(|cx| body.poll_capacity(cx)).await.ok_or(HungUp)??;
            }
            let room = body.capacity().min(data.len());
            body.send_data(data.split_to(room), false)?;
        }
        Ok(())
    }

    /// Until the peer has reset the stream, or the connection is gone.
    async fn gone(&mut self) {
        let _ = match &mut self.body {
            Some(body) => poll_fn(|cx| body.poll_reset(cx)).await,
            None => poll_fn(|cx| self.respond.poll_reset(cx)).await,
        };
    }
}

/// Lets the connection send what was said so far.
async fn settle() {
    for _ in 0..2 {
        tokio::task::yield_now().await;
    }
}

fn response(head: &Head) -> Option<Response<()>> {
    let mut response = Response::builder().status(head.status);
    for (name, value) in &head.headers {
        response = response.header(*name, value);
    }
    if let Some(length) = head.length {
        response = response.header("content-length", length);
    }
    response.body(()).ok()
}

fn as_http1(head: &http::request::Parts) -> Bytes {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut text = format!("{} {path} HTTP/2\r\n", head.method).into_bytes();
    if let Some(authority) = head.uri.authority() {
        text.extend_from_slice(format!("host: {authority}\r\n").as_bytes());
    }
    for (name, value) in &head.headers {
        text.extend_from_slice(&[name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    text.extend_from_slice(b"\r\n");
    text.into()
}

/// What has become of a connection.
#[derive(Default)]
struct Whim {
    /// What is written reaches nobody any more.
    mute: AtomicBool,
    /// Its close is a reset.
    resets: AtomicBool,
}

struct Whimsical {
    wire: Wire,
    whim: Arc<Whim>,
}

impl Drop for Whimsical {
    fn drop(&mut self) {
        if self.whim.resets.load(Ordering::SeqCst) {
            let _ = self.wire.will_reset();
        }
    }
}

impl AsyncRead for Whimsical {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_read(cx, buf)
    }
}

impl AsyncWrite for Whimsical {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.whim.mute.load(Ordering::SeqCst) {
            return Poll::Ready(Ok(buf.len()));
        }
        Pin::new(&mut self.wire).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}
