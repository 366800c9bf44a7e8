use std::collections::VecDeque;
use std::fmt;

use phi_catalog::{Extent, Row};
use phi_dialect::{Framing, HostFault, Listener};
use phi_record::{Ended, Incident, Meter};
use phi_route::health::Sign;
use phi_words::{Completion, MicroUsd, Refusal, RouteId, Usage};

use crate::client::{Arrived, Trouble};
use crate::outcome::Verdict;
use crate::place::{self, Told};
use crate::turn::Turn;

/// How many bytes that are here already are read at once at most, before the frames in them are handed on.
const TOGETHER: usize = 16 << 10;

/// The frames of a streamed answer, as they come from the host. Dropping them closes the host's connection.
pub struct Frames {
    /// Until the dialect's end; then the connection may be used again.
    body: Option<Arrived>,
    framing: Framing,
    stream: Listener,
    /// Frames that were read and not handed on yet.
    ready: VecDeque<Completion>,
    /// What ended the stream early: said once the frames before it are handed on, for they are counted.
    cut: Option<Cut>,
    done: bool,
    route: RouteId,
    processes_in: Extent,
    /// The attempt that this is the answer of, from its first content to its end.
    turn: Option<Turn>,
}

/// Why a stream ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    /// Nothing came any more, or not in time.
    #[error("the host's stream broke")]
    Trouble(#[source] Trouble),
    /// What came.
    #[error("the host's stream made no sense")]
    Fault(#[source] HostFault),
    /// It is made elsewhere than planned.
    #[error("the host's stream says that it is made outside of where its host processes")]
    Elsewhere,
}

impl Frames {
    /// The stream of the body of a row's host, who takes it apart, and who follows it.
    pub(crate) fn new(body: Arrived, row: &Row, framing: Framing, stream: Listener) -> Self {
        Self {
            body: Some(body),
            framing,
            stream,
            ready: VecDeque::new(),
            cut: None,
            done: false,
            route: row.route.clone(),
            processes_in: row.host.processes_in.clone(),
            turn: None,
        }
    }

    /// The same, ending the attempt with its own end.
    pub(crate) fn ending(mut self, turn: Turn) -> Self {
        self.turn = Some(turn);
        self.end();
        self
    }

    /// Reads up to the first content, so that a host that fails before it can still be followed by another. The frames
    /// until there are kept and handed on first.
    pub(crate) async fn first(&mut self) -> Result<(), Cut> {
        while !self.stream.has_content() && !self.done {
            self.read().await?;
        }
        self.let_go().await;
        Ok(())
    }

    /// The next frame; `None` once the answer is whole.
    ///
    /// # Errors
    /// What the caller is told where the host stopped in the middle.
    pub async fn next(&mut self) -> Result<Option<Completion>, Refusal> {
        loop {
            if let Some(frame) = self.ready.pop_front() {
                return Ok(Some(frame));
            }
            if let Some(cut) = &self.cut {
                tracing::warn!(error = cut as &dyn std::error::Error, "a host's stream was cut");
                return Err(Refusal::from(cut));
            }
            if self.done {
                return Ok(None);
            }
            self.cut = self.read().await.and_then(|()| self.read_ready()).err();
            self.let_go().await;
            self.end();
        }
    }

    /// The next frame of those that are here already.
    pub fn ready(&mut self) -> Option<Completion> {
        self.ready.pop_front()
    }

    /// Tells the meter what came so far.
    pub fn measure(&self, meter: &mut Meter) {
        meter.delivered = self.stream.output_chars();
        meter.stated = self.stream.usage();
    }

    /// What the operator must hear of: that the answer is made elsewhere than planned.
    pub fn incident(&self) -> Option<Incident> {
        let told = self.stream.place()?;
        place::differs(Told::Usage(told), &self.processes_in).then(|| Incident::Region { route: self.route.clone() })
    }

    /// What is said at the end of an answer that is whole: what it consumed, to callers who asked, or who are always told.
    pub fn closing(&self, usage: &Usage, charged: MicroUsd) -> Vec<Completion> {
        self.stream.closing(usage, charged)
    }

    /// What is said at the end of an answer that was cut, where that depends on what was said before.
    pub fn failing(&self, refusal: &Refusal) -> Vec<Completion> {
        self.stream.failing(refusal)
    }

    /// The model that the host says is answering.
    pub(crate) fn host_model(&self) -> Option<&str> {
        self.stream.host_model()
    }

    /// Tells the attempt's end, once there is one.
    fn end(&mut self) {
        match &self.cut {
            Some(cut) => {
                let Verdict { ended, sign, .. } = Verdict::from(cut);
                self.turn.iter_mut().for_each(|turn| turn.end(ended, sign));
            }
            None if self.done => self.turn.iter_mut().for_each(|turn| turn.end(Ended::Ok, Sign::Good)),
            None => {}
        }
    }

    async fn read(&mut self) -> Result<(), Cut> {
        let piece = match &mut self.body {
            Some(body) => body.next().await.map_err(Cut::Trouble)?,
            None => None,
        };
        let Some(bytes) = piece else {
            self.stream.finish().map_err(Cut::Fault)?;
            self.done = true;
            return Ok(());
        };
        self.take(&bytes)
    }

    /// Reads what is here already, so that it is handed on together.
    fn read_ready(&mut self) -> Result<(), Cut> {
        let mut bytes = 0;
        while !self.done
            && bytes < TOGETHER
            && let Some(piece) = self.body.as_mut().and_then(Arrived::ready)
        {
            bytes += piece.len();
            self.take(&piece)?;
        }
        Ok(())
    }

    /// Takes a piece of the body apart.
    fn take(&mut self, piece: &[u8]) -> Result<(), Cut> {
        let events = self.framing.feed(piece).map_err(Cut::Fault)?;
        for event in &events {
            let before = self.ready.len();
            let fed = self.stream.feed(event, &mut self.ready);
            if self.incident().is_some() {
                self.ready.truncate(before);
                return Err(Cut::Elsewhere);
            }
            fed.map_err(Cut::Fault)?;
            self.done = self.stream.is_done();
            if self.done {
                break;
            }
        }
        Ok(())
    }

    /// Once the dialect has reached its end, nothing more of the body is wanted.
    async fn let_go(&mut self) {
        if self.done
            && let Some(body) = self.body.take()
        {
            body.finish().await;
        }
    }
}

impl From<&Cut> for Refusal {
    /// In mid-answer there is one thing to say, whatever broke: what came so far is not the whole of it.
    fn from(cut: &Cut) -> Self {
        match cut {
            Cut::Trouble(_) | Cut::Fault(_) => Self::from(&HostFault::Truncated),
            Cut::Elsewhere => Verdict::elsewhere().refusal,
        }
    }
}

impl From<&Cut> for Verdict {
    fn from(cut: &Cut) -> Self {
        match cut {
            Cut::Trouble(trouble) => Self::of_trouble(trouble),
            Cut::Fault(fault) => Self::of_fault(fault),
            Cut::Elsewhere => Self::elsewhere(),
        }
    }
}

impl fmt::Debug for Frames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Frames").field("ready", &self.ready.len()).field("done", &self.done).finish_non_exhaustive()
    }
}
