//! Jobs: one host asked in one request or several, as the dialect says, until the answer is there or begins to come.

use std::collections::VecDeque;
use std::fmt;

use phi_catalog::{Extent, Row};
use phi_dialect::job::{Heard, Job, Made, Message, Step};
use phi_dialect::{HostFault, Speaks};
use phi_record::{Ended, Entry, Incident, Meter, Reach};
use phi_route::health::Sign;
use phi_words::{Completion, Refusal, RouteId};
use tokio::time::Instant;

use crate::client::{Arrived, Client, Sent, Trouble};
use crate::deadline::Late;
use crate::farewell::{Addressee, Farewells};
use crate::hosts::Target;
use crate::keys::Shown;
use crate::outcome::Verdict;
use crate::place::{self, Told};
use crate::turn::Turn;
use crate::walk::{LONGEST_ANSWER, Leaving, refused};

/// More steps than any job takes: a host that is never done is given up.
const MOST_STEPS: usize = 10_000;

/// What a job has come to.
pub(crate) enum Worked {
    /// All of the answer.
    Whole(Made),
    /// Its beginning.
    Flow(Box<Flow>),
}

/// Drives one job at one host.
pub(crate) struct Worker {
    pub(crate) client: Client,
    pub(crate) target: Target,
    pub(crate) key: Option<Shown>,
    pub(crate) speaks: Speaks,
    pub(crate) until: Instant,
    route: RouteId,
    processes_in: Extent,
    job: Job,
    steps: usize,
    farewells: Farewells,
}

impl Worker {
    /// For a job on a row's host.
    pub(crate) fn new(
        job: Job,
        row: &Row,
        speaks: Speaks,
        (client, target, key): (Client, Target, Option<Shown>),
        until: Instant,
        farewells: Farewells,
    ) -> Self {
        let (route, processes_in) = (row.route.clone(), row.host.processes_in.clone());
        Self { client, target, key, speaks, until, route, processes_in, job, steps: 0, farewells }
    }

    /// Works until the answer is whole, or the first of it is here.
    pub(crate) async fn run(mut self, entry: &mut Entry) -> Result<Worked, Verdict> {
        loop {
            match self.step().map_err(|fault| Verdict::of_fault(&fault))? {
                Step::Ask(message) => self.ask(message, Some(entry)).await?,
                Step::Follow(message) => {
                    let arrived = self.send(message, false, Some(entry)).await?;
                    let mut flow = Flow {
                        worker: self,
                        body: Some(arrived),
                        ready: VecDeque::new(),
                        cut: None,
                        done: false,
                        delivered: 0,
                        turn: None,
                    };
                    flow.first().await?;
                    return Ok(Worked::Flow(Box::new(flow)));
                }
                Step::Wait(wait) => self.rest(wait).await?,
                Step::Done(made) => return Ok(Worked::Whole(made)),
                Step::Said => return Err(Verdict::of_fault(&HostFault::Truncated)),
            }
        }
    }

    fn step(&mut self) -> Result<Step, HostFault> {
        self.steps += 1;
        if self.steps > MOST_STEPS {
            return Err(HostFault::TooLong);
        }
        Ok(self.job.step())
    }

    async fn rest(&self, wait: std::time::Duration) -> Result<(), Verdict> {
        if Instant::now() + wait >= self.until {
            return Err(Verdict::of_trouble(&Trouble::Late(Late::Total)));
        }
        tokio::time::sleep(wait).await;
        Ok(())
    }

    /// One question whose answer is held whole.
    async fn ask(&mut self, message: Message, entry: Option<&mut Entry>) -> Result<(), Verdict> {
        let arrived = self.send(message, true, entry).await?;
        let (status, retry_after) = (arrived.status().as_u16(), arrived.told().retry_after);
        let location = arrived.told().location.clone();
        let body = arrived.whole(LONGEST_ANSWER).await.map_err(|trouble| Verdict::of_trouble(&trouble))?;
        self.job.hear(Heard { status, location, retry_after, body }).map_err(|fault| Verdict::of_fault(&fault))
    }

    /// Sends a message, and judges the head of its answer.
    async fn send(&self, message: Message, whole: bool, entry: Option<&mut Entry>) -> Result<Arrived, Verdict> {
        let answers = message.answers;
        let (arrived, entry) = match entry {
            Some(entry) => {
                let arrived = {
                    let leaving = Leaving { entry, sent: Sent::default() };
                    self.tell(message, whole, &leaving.sent).await?
                };
                entry.reach(Reach::Answered);
                (arrived, Some(entry))
            }
            None => (self.tell(message, whole, &Sent::default()).await?, None),
        };
        let region = arrived.told().region.as_deref();
        if region.is_some_and(|told| place::differs(Told::Header(told), &self.processes_in)) {
            if let Some(entry) = entry {
                entry.incident(self.elsewhere());
            }
            return Err(Verdict::elsewhere());
        }
        if !answers.contains(&arrived.status().as_u16()) {
            return Err(refused(arrived, self.speaks).await);
        }
        Ok(arrived)
    }

    async fn tell(&self, message: Message, whole: bool, sent: &Sent) -> Result<Arrived, Verdict> {
        let sending = self.client.tell(&self.target, message, self.key.as_ref(), (self.until, whole), sent);
        sending.await.map_err(|trouble| {
            tracing::warn!(route = %self.route, error = &trouble as &dyn std::error::Error, "a host gave no answer");
            Verdict::of_trouble(&trouble)
        })
    }

    fn elsewhere(&self) -> Incident {
        Incident::Region { route: self.route.clone() }
    }
}

/// However it ends, and if the caller has left in the middle: what the host keeps of the job is to be deleted.
impl Drop for Worker {
    fn drop(&mut self) {
        if let Some(farewell) = self.job.farewell() {
            let (client, target, key) = (self.client.clone(), self.target.clone(), self.key.clone());
            self.farewells.say(Addressee { client, target, key, route: self.route.clone() }, farewell);
        }
    }
}

/// An answer that comes as it is made, to be passed on as it is. Dropping it closes the host's connection.
pub struct Flow {
    worker: Worker,
    body: Option<Arrived>,
    ready: VecDeque<Completion>,
    /// What ended it early: said once what came before is handed on.
    cut: Option<Verdict>,
    done: bool,
    delivered: u64,
    turn: Option<Turn>,
}

impl Flow {
    /// What it is.
    pub fn media_type(&self) -> &'static str {
        self.worker.job.media_type()
    }

    /// The same, ending the attempt with its own end.
    pub(crate) fn ending(mut self, turn: Turn) -> Self {
        self.turn = Some(turn);
        self.end();
        self
    }

    async fn first(&mut self) -> Result<(), Verdict> {
        while self.ready.is_empty() && !self.done {
            self.read().await?;
        }
        if self.ready.is_empty() { Err(Verdict::of_fault(&HostFault::Truncated)) } else { Ok(()) }
    }

    /// The next piece; `None` once the answer is whole.
    ///
    /// # Errors
    /// What the caller is told, where he can be told anything, if the host stopped in the middle.
    pub async fn next(&mut self) -> Result<Option<Completion>, Refusal> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                self.delivered += piece.len() as u64;
                return Ok(Some(piece));
            }
            if self.cut.is_some() {
                return Err(Refusal::from(&HostFault::Truncated));
            }
            if self.done {
                return Ok(None);
            }
            self.cut = self.read().await.err();
            self.end();
        }
    }

    /// The next piece of those that are here already.
    pub fn ready(&mut self) -> Option<Completion> {
        let piece = self.ready.pop_front()?;
        self.delivered += piece.len() as u64;
        Some(piece)
    }

    /// Tells the meter what came so far.
    pub fn measure(&self, meter: &mut Meter) {
        meter.delivered = self.delivered;
        meter.stated = self.worker.job.usage();
    }

    /// What the operator must hear of: that the answer is made elsewhere than planned.
    pub fn incident(&self) -> Option<Incident> {
        let elsewhere = self.cut.as_ref().is_some_and(|cut| cut.ended == Ended::Mismatch);
        elsewhere.then(|| self.worker.elsewhere())
    }

    async fn read(&mut self) -> Result<(), Verdict> {
        let fault = |fault: HostFault| Verdict::of_fault(&fault);
        if let Some(body) = &mut self.body {
            let piece = body.next().await.map_err(|trouble| Verdict::of_trouble(&trouble))?;
            return match piece {
                Some(piece) => self.worker.job.piece(piece, &mut self.ready).map_err(fault),
                None => {
                    self.body = None;
                    self.worker.job.end(&mut self.ready).map_err(fault)
                }
            };
        }
        match self.worker.step().map_err(fault)? {
            Step::Ask(message) => self.worker.ask(message, None).await?,
            Step::Follow(message) => self.body = Some(self.worker.send(message, false, None).await?),
            Step::Wait(wait) => self.worker.rest(wait).await?,
            // Whoever has begun to speak ends by what he says.
            Step::Done(_) | Step::Said => self.done = true,
        }
        Ok(())
    }

    /// Tells the attempt's end, once there is one.
    fn end(&mut self) {
        match &self.cut {
            Some(Verdict { ended, sign, .. }) => self.turn.iter_mut().for_each(|turn| turn.end(*ended, *sign)),
            None if self.done => self.turn.iter_mut().for_each(|turn| turn.end(Ended::Ok, Sign::Good)),
            None => {}
        }
    }
}

impl fmt::Debug for Flow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flow").field("delivered", &self.delivered).field("done", &self.done).finish_non_exhaustive()
    }
}
