//! A connection of which only framing that is read in one way is handed on. What must not be handed on becomes a refusal
//! in its turn: a request of ours takes its place, so that it is answered after what came before it.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::framing::{Fault, Framing};
use crate::opening::Opening;

/// Which head of a connection was not handed on, and why.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    refused: OnceLock<(u64, Fault)>,
    answered: AtomicU64,
    broken: AtomicBool,
}

impl Verdict {
    /// Whether a body was cut off for its framing: the connection has no use any more.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::SeqCst)
    }

    /// Why the next request is refused. To be asked once for each request, in their order.
    pub(crate) fn next(&self) -> Option<Fault> {
        let number = self.answered.fetch_add(1, Ordering::SeqCst);
        self.refused.get().filter(|(at, _)| *at == number).map(|(_, fault)| *fault)
    }
}

/// A connection that is read strictly, each head within a time.
#[derive(Debug)]
pub(crate) struct Strict<S> {
    stream: S,
    framing: Framing,
    verdict: Arc<Verdict>,
    /// What was read and not handed on.
    raw: BytesMut,
    /// How much of it may be handed on.
    good: usize,
    /// Nothing more is read.
    over: bool,
    within: Duration,
    /// When the head at hand must be whole.
    due: Option<Pin<Box<Sleep>>>,
    /// Runs once we have said all.
    lingering: Option<Pin<Box<Sleep>>>,
    discarded: usize,
}

/// What takes the place of a head that is refused.
const PLACE: &[u8] = b"GET / HTTP/1.1\r\nhost: phi\r\nconnection: close\r\n\r\n";
const READ: usize = 8 << 10;
/// Who still sends when he was refused hears of it if he reads within this time; what he sends is thrown away, to a bound.
const LINGER: Duration = Duration::from_secs(1);
const DISCARD: usize = 1 << 20;

impl<S> Strict<S> {
    /// `within` is the time for a head, from its first byte on; of the first head, from now on.
    pub(crate) fn new(stream: S, within: Duration, verdict: Arc<Verdict>) -> Self {
        Self {
            stream,
            framing: Framing::new(),
            verdict,
            raw: BytesMut::new(),
            good: 0,
            over: false,
            within,
            due: None,
            lingering: None,
            discarded: 0,
        }
    }

    /// The same where its first bytes were read already.
    pub(crate) fn after(mut self, opening: Opening) -> Self {
        (self.raw, self.due) = (opening.bytes, opening.due);
        self
    }

    fn refuse(&mut self, fault: Fault) {
        let _ = self.verdict.refused.set((self.framing.heads(), fault));
        self.raw = BytesMut::from(PLACE);
        (self.good, self.over, self.due) = (PLACE.len(), true, None);
    }

    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let awaited = self.framing.at_head() && (!self.raw.is_empty() || self.framing.heads() == 0);
        let within = self.within;
        awaited && self.due.get_or_insert_with(|| Box::pin(sleep(within))).as_mut().poll(cx).is_ready()
    }
}

impl<S: AsyncRead + Unpin> Strict<S> {
    fn poll_more(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.raw.reserve(READ);
        let polled = pin!(self.stream.read_buf(&mut self.raw)).poll(cx);
        if polled.is_pending() && self.raw.is_empty() {
            // Most connections are idle: no memory waits for what they may say.
            self.raw = BytesMut::new();
        }
        polled
    }

    /// A connection that is closed while the other side still sends is reset, and takes our last word with it.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.over && self.framing.at_head() && self.raw.is_empty() {
            return Poll::Ready(());
        }
        let lingering = self.lingering.get_or_insert_with(|| Box::pin(sleep(LINGER)));
        if lingering.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        while self.discarded < DISCARD {
            self.raw.clear();
            match ready!(self.poll_more(cx)) {
                Ok(0) | Err(_) => break,
                Ok(read) => self.discarded += read,
            }
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Strict<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        loop {
            if this.good > 0 {
                let count = this.good.min(into.remaining());
                into.put_slice(&this.raw[..count]);
                this.raw.advance(count);
                this.good -= count;
                return Poll::Ready(Ok(()));
            }
            if this.over {
                return Poll::Pending;
            }
            if !this.raw.is_empty() {
                match this.framing.look(&this.raw) {
                    Ok(0) => {}
                    Ok(good) => {
                        (this.good, this.due) = (good, None);
                        continue;
                    }
                    Err(fault) if this.framing.at_head() => {
                        this.refuse(fault);
                        continue;
                    }
                    Err(_) => {
                        // Whoever reads the body refuses it; nobody else can be told.
                        this.over = true;
                        this.verdict.broken.store(true, Ordering::SeqCst);
                        return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
                    }
                }
            }
            if this.is_late(cx) {
                if this.raw.is_empty() {
                    this.over = true;
                    return Poll::Ready(Ok(()));
                }
                this.refuse(Fault::Slow);
                continue;
            }
            if ready!(this.poll_more(cx))? == 0 {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Strict<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.lingering.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        }
        self.poll_linger(cx).map(Ok)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
