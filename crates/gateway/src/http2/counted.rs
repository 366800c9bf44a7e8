//! A connection whose frames are counted as they pass, and which ends where they cost more than they are worth.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::frames::Frames;
use crate::request::Gateway;

/// A connection of HTTP/2, from its preface on.
#[derive(Debug)]
pub(super) struct Counted<S> {
    stream: S,
    /// What was read before this reader was there.
    ahead: BytesMut,
    frames: Frames,
    /// Nothing more is read.
    over: bool,
    /// Our last word, said when all others were.
    farewell: Bytes,
    gateway: Arc<Gateway>,
    due: Option<(u64, Pin<Box<Sleep>>)>,
}

/// Of RFC 9113, section 7: the caller should behave.
const ENHANCE_YOUR_CALM: u32 = 0xb;

impl<S> Counted<S> {
    pub(super) fn new(stream: S, ahead: BytesMut, gateway: Arc<Gateway>) -> Self {
        Self {
            stream,
            ahead,
            frames: Frames::new(Instant::now()),
            over: false,
            farewell: Bytes::new(),
            gateway,
            due: None,
        }
    }

    /// The library is told that this is the end, closes in an orderly way, and the caller hears why.
    fn give_up(&mut self) {
        self.over = true;
        let last = self.frames.last().to_be_bytes();
        let head = [0, 0, 8, 7, 0, 0, 0, 0, 0];
        self.farewell = Bytes::from([&head[..], &last, &ENHANCE_YOUR_CALM.to_be_bytes()].concat());
        self.gateway.metrics.flooded();
    }

    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(awaited) = self.frames.awaited() else {
            self.due = None;
            return false;
        };
        let within = self.gateway.bounds.edge.head;
        let (_, due) = match self.due.take() {
            Some(due) if due.0 == awaited => self.due.insert(due),
            Some(_) | None => self.due.insert((awaited, Box::pin(sleep(within)))),
        };
        due.as_mut().poll(cx).is_ready()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.over {
            return Poll::Ready(Ok(()));
        }
        let before = into.filled().len();
        if this.ahead.is_empty() {
            match Pin::new(&mut this.stream).poll_read(cx, into) {
                Poll::Ready(read) => read?,
                Poll::Pending if this.is_late(cx) => return Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => return Poll::Pending,
            }
        } else {
            let count = this.ahead.len().min(into.remaining());
            into.put_slice(&this.ahead[..count]);
            this.ahead.advance(count);
        }
        if let Err(good) = this.frames.look(&into.filled()[before..], Instant::now()) {
            into.set_filled(before + good);
            this.give_up();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = ready!(Pin::new(&mut self.stream).poll_write(cx, bytes))?;
        self.frames.wrote(wrote);
        Poll::Ready(Ok(wrote))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        while !this.farewell.is_empty() {
            let wrote = ready!(Pin::new(&mut this.stream).poll_write(cx, &this.farewell))?;
            this.farewell.advance(wrote);
        }
        Pin::new(&mut this.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let wrote = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, pieces))?;
        self.frames.wrote(wrote);
        Poll::Ready(Ok(wrote))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
