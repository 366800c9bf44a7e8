//! A connection with an end to its patience: who reads nothing of what he is sent for a while, or next to nothing for
//! long, has left.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// A connection whose writes fail once patience is spent. It is spent while a write cannot get on, and earned back, never
/// beyond what there was at first, with every [`SLOWEST`] bytes at a second.
#[derive(Debug)]
pub(crate) struct Patient<S> {
    stream: S,
    within: Duration,
    left: Duration,
    /// From the moment when a write could not get on.
    stuck: Option<(Instant, Pin<Box<Sleep>>)>,
}

/// Bytes a second.
pub(crate) const SLOWEST: u64 = 1 << 10;

impl<S> Patient<S> {
    pub(crate) const fn new(stream: S, within: Duration) -> Self {
        Self { stream, within, left: within, stuck: None }
    }

    fn wrote(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let polled = self.patience(cx, polled);
        if let Poll::Ready(Ok(wrote)) = &polled {
            let earned = Duration::from_millis(*wrote as u64 * 1_000 / SLOWEST);
            self.left = self.within.min(self.left + earned);
        }
        polled
    }

    fn patience<T>(&mut self, cx: &mut Context<'_>, polled: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            if let Some((since, _)) = self.stuck.take() {
                self.left = self.left.saturating_sub(since.elapsed());
            }
            return polled;
        }
        let left = self.left;
        let (_, end) = self.stuck.get_or_insert_with(|| (Instant::now(), Box::pin(sleep(left))));
        ready!(end.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, into)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.wrote(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.patience(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.patience(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.wrote(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};
    use tokio::time::timeout;

    use super::*;

    const WITHIN: Duration = Duration::from_millis(200);

    #[tokio::test]
    async fn who_reads_nothing_has_left() {
        let (near, far) = duplex(8);
        let mut near = Patient::new(near, WITHIN);
        let wrote = timeout(WITHIN * 50, near.write_all(&[0; 64])).await.expect("an end");
        assert_eq!(wrote.expect_err("nobody reads").kind(), io::ErrorKind::TimedOut);
        drop(far);
    }

    #[tokio::test]
    async fn who_reads_slowly_is_waited_for() {
        let (near, mut far) = duplex(1 << 10);
        let mut near = Patient::new(near, WITHIN);
        let reading = async {
            let mut piece = [0; 1 << 10];
            for _ in 0..8 {
                sleep(WITHIN / 4).await;
                far.read_exact(&mut piece).await.expect("bytes");
            }
        };
        let (wrote, ()) = tokio::join!(near.write_all(&[0; 8 << 10]), reading);
        wrote.expect("each piece is read within the time");
    }

    #[tokio::test]
    async fn who_reads_next_to_nothing_has_left() {
        let (near, mut far) = duplex(1);
        let mut near = Patient::new(near, WITHIN);
        let reading = async {
            let mut byte = [0; 1];
            while far.read_exact(&mut byte).await.is_ok() {
                sleep(WITHIN / 4).await;
            }
        };
        let writing = async {
            let wrote = near.write_all(&[0; 1 << 10]).await;
            drop(near);
            wrote
        };
        let (wrote, ()) = timeout(WITHIN * 50, async { tokio::join!(writing, reading) }).await.expect("an end");
        assert_eq!(wrote.expect_err("a byte now and then").kind(), io::ErrorKind::TimedOut);
    }
}
