use tokio::sync::oneshot;

use crate::fault::{AppendError, Fault};
use crate::format::Position;
use crate::pending::Answer;
use crate::shared::{Kept, Queued};

/// A record that is not written yet.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(super) record: Vec<u8>,
    /// Gone once it was told that the log is unavailable.
    answer: Option<oneshot::Sender<Answer>>,
    pub(super) kept: Option<Kept>,
    /// Counts it for as long as it is here.
    _queued: Queued,
}

impl Waiting {
    pub(crate) fn new(record: Vec<u8>, answer: oneshot::Sender<Answer>, kept: Option<Kept>, queued: Queued) -> Self {
        Self { record, answer: Some(answer), kept, _queued: queued }
    }

    /// Says that the log is unavailable, once. True where the record is to be kept.
    pub(super) fn refuse(&mut self, fault: &Fault) -> bool {
        self.answer(Err(AppendError::Unavailable(fault.clone())));
        self.kept.is_some()
    }

    pub(super) fn written(mut self, position: Position) {
        self.answer(Ok(position));
        self.kept.into_iter().for_each(Kept::written);
    }

    /// It will not be written.
    pub(super) fn given_up(mut self, fault: &Fault) {
        self.answer(Err(AppendError::Unavailable(fault.clone())));
    }

    /// It is not written yet, and somebody else sees to it that it is.
    pub(super) fn passed_on(mut self, fault: &Fault) {
        self.answer(Err(AppendError::Unavailable(fault.clone())));
        self.kept.into_iter().for_each(Kept::written);
    }

    fn answer(&mut self, answer: Answer) {
        if let Some(waits) = self.answer.take() {
            // Who does not wait any more need not be told.
            let _ = waits.send(answer);
        }
    }
}
