use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::sync::oneshot;

use crate::fault::{AppendError, Fault};
use crate::format::Position;

/// What becomes of a record.
pub(crate) type Answer = Result<Position, AppendError>;

/// A record on its way to the disk: resolves once it counts as written. Dropping it does not call the record back.
#[must_use = "a record counts as written only once this has resolved"]
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Answer>);

impl Pending {
    /// One that waits for what the writer answers.
    pub(crate) fn new() -> (oneshot::Sender<Answer>, Self) {
        let (answer, pending) = oneshot::channel();
        (answer, Self(pending))
    }

    /// One that fails at once.
    pub(crate) fn failed(error: AppendError) -> Self {
        let (answer, pending) = Self::new();
        // The receiver is at hand, so this cannot fail.
        let _ = answer.send(Err(error));
        pending
    }
}

impl Future for Pending {
    type Output = Result<Position, AppendError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.0).poll(context));
        Poll::Ready(answer.unwrap_or(Err(AppendError::Unavailable(Fault::Stopped))))
    }
}
