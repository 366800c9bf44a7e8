use phi_police::Judge;
use phi_record::{Entry, Receipt};
use phi_words::{Completion, Refusal, RouteId};

use crate::{Flow, Frames};

/// A host's reply, on its way to the caller. Whoever holds it must close its entry.
#[derive(Debug)]
pub struct Reply {
    /// The route that answers.
    pub route: RouteId,
    /// Whether its model can be given tools; `None` where that is no question.
    pub tools: Option<bool>,
    /// The fields that asked for something and that the host was not given.
    pub left_out: Vec<String>,
    /// Who judges the answer.
    pub judge: Judge,
    /// The entry.
    pub entry: Entry,
    /// The answer.
    pub answer: Answer,
}

/// What a host answers.
#[derive(Debug)]
pub enum Answer {
    /// All at once.
    Whole {
        /// The body.
        body: Completion,
        /// What it is.
        media_type: &'static str,
    },
    /// Frame by frame.
    Stream(Box<Frames>),
    /// Piece by piece, to be passed on as they are.
    Flow(Box<Flow>),
}

/// Nobody answered. Where there was an entry it is closed.
#[derive(Debug)]
pub struct Failure {
    /// What the caller is told.
    pub refusal: Refusal,
    /// What was written down, where the request got as far as an entry.
    pub receipt: Option<Box<Receipt>>,
}

impl Failure {
    /// A request that was turned away before it had an entry.
    pub fn before(refusal: Refusal) -> Self {
        Self { refusal, receipt: None }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::before(refusal)
    }
}
