//! The streams of a connection: each runs on its own, and ends when its caller reads nothing of it for a while.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::body::Body;
use crate::patient::SLOWEST;
use crate::places::Seat;

/// Where the streams of a connection are run, and counted.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    open: watch::Sender<usize>,
    seat: Arc<Seat>,
    within: Duration,
}

/// One of them.
struct Open {
    open: watch::Sender<usize>,
    _seat: Arc<Seat>,
}

impl Streams {
    /// `within` is the patience with each; the receiver tells how many are open.
    pub(super) fn new(seat: Arc<Seat>, within: Duration) -> (Self, watch::Receiver<usize>) {
        let (open, receiver) = watch::channel(0);
        (Self { open, seat, within }, receiver)
    }
}

impl<F: Future<Output = ()> + Send + 'static> hyper::rt::Executor<F> for Streams {
    #[expect(clippy::disallowed_methods, reason = "a listener waits until all seats are given back")]
    fn execute(&self, stream: F) {
        self.open.send_modify(|open| *open += 1);
        let counted = Open { open: self.open.clone(), _seat: Arc::clone(&self.seat) };
        let patience = Arc::new(Patience::new(self.within));
        tokio::spawn(async move {
            patiently(Box::pin(stream), patience).await;
            drop(counted);
        });
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.open.send_modify(|open| *open -= 1);
    }
}

/// Runs a stream until it ends, or until patience with its reader does: dropping it tells both sides.
async fn patiently<F: Future<Output = ()>>(stream: Pin<Box<F>>, patience: Arc<Patience>) {
    let mut stream = std::pin::pin!(PATIENCE.scope(Arc::clone(&patience), stream));
    let mut end: Option<Pin<Box<Sleep>>> = None;
    std::future::poll_fn(|cx| {
        if stream.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        let Some(due) = patience.due() else {
            end = None;
            return Poll::Pending;
        };
        let end = end.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if end.deadline() != due {
            end.as_mut().reset(due);
        }
        end.as_mut().poll(cx)
    })
    .await;
}

tokio::task_local! {
    /// Of the stream that is run: the library stands between it and its body, and hands nothing through.
    static PATIENCE: Arc<Patience>;
}

/// Patience with one reader, spent and earned back as [`crate::patient::Patient`] does with a connection: his windows may
/// be shut while the connection is not.
#[derive(Debug, Default)]
struct Patience {
    within: Duration,
    state: Mutex<Spending>,
}

#[derive(Debug, Default)]
struct Spending {
    spent: Duration,
    /// A piece that has no room yet, of so many bytes.
    waiting: Option<(Instant, usize)>,
}

impl Patience {
    fn new(within: Duration) -> Self {
        Self { within, state: Mutex::default() }
    }

    fn handed(&self, bytes: usize, now: Instant) {
        self.state().waiting = Some((now, bytes));
    }

    fn taken(&self, now: Instant) {
        let mut state = self.state();
        if let Some((since, bytes)) = state.waiting.take() {
            let earned = Duration::from_millis(bytes as u64 * 1_000 / SLOWEST);
            state.spent = (state.spent + (now.saturating_duration_since(since))).saturating_sub(earned);
        }
    }

    fn due(&self) -> Option<Instant> {
        let state = self.state();
        state.waiting.map(|(since, _)| since + self.within.saturating_sub(state.spent))
    }

    fn state(&self) -> std::sync::MutexGuard<'_, Spending> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A body in pieces, so that its end leaves only when its reader has taken what came before it.
#[derive(Debug)]
pub(super) struct Paced {
    body: Body,
    rest: Bytes,
    patience: Arc<Patience>,
}

/// A frame's worth.
const PIECE: usize = 1 << 14;

impl Paced {
    pub(super) fn new(body: Body) -> Self {
        Self { body, rest: Bytes::new(), patience: PATIENCE.try_with(Arc::clone).unwrap_or_default() }
    }
}

impl http_body::Body for Paced {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        this.patience.taken(Instant::now());
        if this.rest.is_empty() {
            match std::task::ready!(Pin::new(&mut this.body).poll_frame(cx)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => this.rest = data,
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                end => return Poll::Ready(end),
            }
        }
        let piece = this.rest.split_to(PIECE.min(this.rest.len()));
        this.patience.handed(piece.len(), Instant::now());
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.rest.is_empty() { self.body.size_hint() } else { SizeHint::default() }
    }
}

#[cfg(test)]
mod tests {
    use http_body::Body as _;
    use http_body_util::BodyExt;

    use super::*;

    const WITHIN: Duration = Duration::from_millis(100);

    #[tokio::test]
    async fn who_takes_no_piece_is_given_up_and_who_takes_all_is_not() {
        let never = Box::pin(async {
            let mut body = Paced::new(Body::from(Bytes::from(vec![0; 3 * PIECE])));
            assert_eq!(body.frame().await.expect("a piece").expect("data").into_data().expect("data").len(), PIECE);
            std::future::pending::<()>().await;
        });
        patiently(never, Arc::new(Patience::new(WITHIN))).await;
        let all = Box::pin(async {
            let body = Paced::new(Body::from(Bytes::from(vec![7; 3 * PIECE + 1])));
            assert_eq!(body.size_hint().exact(), Some(3 * PIECE as u64 + 1));
            assert_eq!(body.collect().await.expect("all").to_bytes(), vec![7; 3 * PIECE + 1]);
        });
        patiently(all, Arc::new(Patience::new(Duration::ZERO))).await;
    }

    #[test]
    fn patience_is_earned_by_reading() {
        let (patience, mut now) = (Patience::new(Duration::from_secs(10)), Instant::now());
        let mut waited = |bytes, seconds| {
            patience.handed(bytes, now);
            now += Duration::from_secs(seconds);
            let is_left = patience.due().is_some_and(|due| due > now);
            patience.taken(now);
            assert_eq!(patience.due(), None);
            is_left
        };
        assert!((0..20).all(|_| waited(8 << 10, 7)), "8 KiB in 7 seconds");
        assert!(waited(1, 7));
        assert!(!waited(1, 4), "two bytes in 11 seconds");
    }
}
