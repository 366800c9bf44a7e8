//! The walk along a plan: one route after the other, until one answers. It takes nothing but an opened entry with all inside
//! that it names, and no route that is not in the plan.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use http::StatusCode;
use phi_catalog::Row;
use phi_crypto::{Purpose, Root, hex};
use phi_dialect::job::Begin;
use phi_dialect::{Begun, Framing, HostFault, Listener, Question, Rendered, Speaks, gemini, openai};
use phi_police::Terms;
use phi_record::{Ended, Entry, Incident, Outcome, Reach};
use phi_route::health::{Sign, Way};
use phi_route::{Health, Planned, Scene};
use phi_vault::Vault;
use phi_words::{Capability, Clock, Modality, RouteId};
use tokio::time::Instant;

use crate::budget::Budget;
use crate::client::{Arrived, Client, Sending, Sent};
use crate::ending::{End, Ending};
use crate::farewell::Farewells;
use crate::hosts::Target;
use crate::keys::{Keys, Shown};
use crate::outcome::{Verdict, after_all, spent};
use crate::place::{self, Told};
use crate::turn::{Tally, Turn};
use crate::work::{Worked, Worker};
use crate::{Answer, Failure, Fetched, Fetching, Frames, Reply, Restraint};

/// The longest answer that is held whole, and the longest error that is read, in bytes.
pub(crate) const LONGEST_ANSWER: usize = 64 << 20;
const LONGEST_ERROR: usize = 64 << 10;
const JSON: &str = "application/json";
/// How long the body of an error is waited for.
const SLOWEST_ERROR: Duration = Duration::from_secs(5);

/// The hand that reaches out to hosts.
#[derive(Debug)]
pub struct Upstream {
    pub(crate) client: Client,
    pub(crate) keys: Keys,
    pub(crate) root: Root,
    pub(crate) fetching: Option<Fetching>,
    clock: Clock,
    scene: ArcSwap<Scene>,
    health: Arc<Health>,
    budget: Budget,
    tally: Arc<Tally>,
    end: End,
    farewells: Farewells,
}

impl Upstream {
    /// A hand that shows hosts the keys of `vault`, or tokens of the time of `clock`, and pseudonyms that are keyed by
    /// `root`. Each attempt has to hold in `scene`.
    pub fn new(
        client: Client,
        vault: Arc<Vault>,
        root: Root,
        clock: Clock,
        restraint: Restraint,
        scene: Arc<Scene>,
    ) -> Self {
        Self {
            scene: ArcSwap::new(scene),
            client,
            keys: Keys::new(vault, clock.clone()),
            root,
            fetching: None,
            health: Arc::new(Health::new(restraint.waiting)),
            budget: Budget::new(restraint, clock.now()),
            tally: Arc::default(),
            end: End::new(),
            farewells: Farewells::default(),
            clock,
        }
    }

    /// The same with the operator's leave to fetch images, if there is one.
    #[must_use]
    pub fn fetching(self, fetching: Option<Fetching>) -> Self {
        Self { fetching, ..self }
    }

    /// From now on each attempt has to hold in this scene, those of requests that are on their way too.
    pub fn judge_by(&self, scene: Arc<Scene>) {
        self.scene.store(scene);
        self.keys.forget();
    }

    /// The health of the routes, as attempts have shown it.
    pub fn health(&self) -> &Arc<Health> {
        &self.health
    }

    /// Ends every walk, and every stream whose reader listens to [`Upstream::ending`].
    pub fn end(&self) {
        self.end.now();
    }

    /// Whether it was told to end.
    pub fn is_ending(&self) -> bool {
        self.end.is_now()
    }

    /// Hears of [`Upstream::end`].
    pub fn ending(&self) -> Ending {
        self.end.ending()
    }

    /// Waits until hosts are told to delete what they keep of jobs that are over, and no longer than that.
    pub async fn farewells(&self, within: Duration) {
        self.farewells.over(within).await;
    }

    /// How many attempts ended how, by route.
    pub fn attempts(&self) -> Vec<(RouteId, Ended, u64)> {
        self.tally.all()
    }

    /// How many further attempts the budget had nothing left for.
    pub fn retries_refused(&self) -> u64 {
        self.budget.refused()
    }

    /// Walks the plan of an opened entry until a host answers. Payloads leave by this function alone.
    ///
    /// # Errors
    /// What the caller is told where nobody answered; the entry is closed.
    pub async fn walk(&self, fetched: Fetched) -> Result<Reply, Failure> {
        let Fetched { permit, routes, mut entry, question } = fetched;
        let question = question.as_ref().unwrap_or_else(|| permit.ask().question());
        let org = permit.ask().terms().caller().org().id;
        let until = Instant::now() + self.client.deadlines().total;
        let (mut verdicts, mut unfit) = (Vec::new(), Vec::new());
        let mut refusal = None;
        let (mut tried, mut ending) = (Vec::new(), self.end.ending());
        for planned in &routes {
            let route = &planned.row().route;
            // An alias may name a model twice.
            if tried.contains(&route) {
                continue;
            }
            let now = self.clock.now();
            // Since it was planned an agreement may have lapsed, or an operator has taken something back.
            if !planned.is_upheld(&permit, &self.scene.load(), now) {
                tracing::warn!(id = %entry.id(), %route, "a route may not be taken any more");
                continue;
            }
            let trial = match self.health.begin(route, Way { org, credential: planned.key() }, now) {
                Ok(trial) if planned.row().host.params().is_empty() => trial,
                Ok(trial) => trial.at_own_address(),
                Err(why) => {
                    unfit.push(why);
                    continue;
                }
            };
            if verdicts.is_empty() {
                self.budget.first(now);
            } else if !self.budget.further(org, now) {
                refusal = Some(spent(&verdicts));
                break;
            }
            tried.push(route);
            let turn = Turn::new(route.clone(), trial, self.clock.clone(), Arc::clone(&self.tally));
            entry.begin(planned);
            let attempted = tokio::select! {
                biased;
                attempted = self.attempt((permit.ask().terms(), question), planned, &mut entry, until, turn) => attempted,
                () = ending.wait() => {
                    refusal = Some(Ending::refusal());
                    break;
                }
            };
            match attempted {
                Ok((answer, left_out)) => {
                    let left_out: Vec<String> = left_out.into_iter().map(str::to_owned).collect();
                    entry.left_out(left_out.iter().cloned());
                    let row = planned.row();
                    let tools = (row.modality == Modality::Chat).then(|| row.capabilities.contains(&Capability::Tools));
                    let (_, judge) = permit.into_parts();
                    return Ok(Reply { route: row.route.clone(), tools, left_out, judge, entry, answer });
                }
                Err(verdict) => {
                    tracing::warn!(id = %entry.id(), %route, ended = ?verdict.ended, "a route did not answer");
                    verdict.obstacle.into_iter().for_each(|obstacle| entry.obstacle(obstacle));
                    entry.end(verdict.ended);
                    verdicts.push(verdict);
                }
            }
            if verdicts.last().is_some_and(|verdict| !verdict.goes_on) {
                break;
            }
        }
        let refusal = refusal.unwrap_or_else(|| after_all(&verdicts, &unfit));
        let receipt = entry.close(Outcome::Failed(refusal.code)).await;
        Err(Failure { refusal, receipt: Some(Box::new(receipt)) })
    }

    /// One attempt. `turn` ends with it, or with the end of a stream; dropped meanwhile, the caller left.
    async fn attempt(
        &self,
        asked: Asked<'_>,
        planned: &Planned,
        entry: &mut Entry,
        until: Instant,
        mut turn: Turn,
    ) -> Result<(Answer, Vec<&'static str>), Verdict> {
        match self.ask(asked, planned, entry, until).await {
            Ok((Answer::Stream(frames), left_out)) => {
                turn.answers();
                Ok((Answer::Stream(Box::new(frames.ending(turn))), left_out))
            }
            Ok((Answer::Flow(flow), left_out)) => {
                turn.answers();
                Ok((Answer::Flow(Box::new(flow.ending(turn))), left_out))
            }
            Ok((whole @ Answer::Whole { .. }, left_out)) => {
                turn.end(Ended::Ok, Sign::Good);
                Ok((whole, left_out))
            }
            Err(verdict) => {
                turn.end(verdict.ended, verdict.sign);
                Err(verdict)
            }
        }
    }

    async fn ask(
        &self,
        asked: Asked<'_>,
        planned: &Planned,
        entry: &mut Entry,
        until: Instant,
    ) -> Result<(Answer, Vec<&'static str>), Verdict> {
        let (row, question) = (planned.row(), asked.1);
        let key = self.key(planned).await?;
        let target = Target::of(&row.host, planned.address()).map_err(|error| Verdict::of_trouble(&error.into()))?;
        let Rendered { body, left_out } = match self.begin(asked, planned) {
            Begun::Body(rendered) => rendered,
            Begun::Job(Begin { job, left_out }) => {
                let speaks = planned.carry().speaks;
                let to = (self.client.clone(), target, key);
                let worker = Worker::new(job, row, speaks, to, until, self.farewells.clone());
                // In a place of its own: a chat does not carry the room of a job along.
                let run = Box::pin(worker.run(entry)).await?;
                return Ok((worked(run, row, entry), left_out));
            }
        };
        let path = phi_dialect::path(question, planned.carry());
        let sending =
            Sending { target: &target, path: &path, key: key.as_ref(), body, stream: question.stream(), until };
        let arrived = {
            let leaving = Leaving { entry, sent: Sent::default() };
            self.client.send(sending, &leaving.sent).await
        };
        let arrived = arrived.map_err(|trouble| {
            tracing::warn!(id = %entry.id(), error = &trouble as &dyn std::error::Error, "a host gave no answer");
            Verdict::of_trouble(&trouble)
        })?;
        entry.reach(Reach::Answered);
        if is_elsewhere(entry, row, arrived.told().region.as_deref().map(Told::Header)) {
            return Err(Verdict::elsewhere());
        }
        if arrived.status() != StatusCode::OK {
            return Err(refused(arrived, planned.carry().speaks).await);
        }
        Ok((self.answer(question, planned, entry, arrived).await?, left_out))
    }

    /// The key that the host of a route is shown; `None` where it wants none.
    async fn key(&self, planned: &Planned) -> Result<Option<Shown>, Verdict> {
        let host = &planned.row().host;
        self.keys.lease(host, planned.credential()).await.map_err(|error| {
            tracing::error!(host = %host.name, error = &error as &dyn std::error::Error, "a key was not leased");
            Verdict::no_key()
        })
    }

    async fn answer(
        &self,
        question: &Question,
        planned: &Planned,
        entry: &mut Entry,
        arrived: Arrived,
    ) -> Result<Answer, Verdict> {
        let row = planned.row();
        if question.stream() {
            let speaks = planned.carry().speaks;
            let listener = Listener::new(question, speaks, row.model.clone(), self.made());
            let mut frames = Frames::new(arrived, row, Framing::of(speaks), listener);
            let first = frames.first().await;
            frames.incident().into_iter().for_each(|incident| entry.incident(incident));
            first.map_err(|cut| {
                tracing::warn!(error = &cut as &dyn std::error::Error, "a host's stream was cut before its first word");
                Verdict::from(&cut)
            })?;
            frames.measure(&mut entry.meter);
            compare_model(entry, row, frames.host_model());
            return Ok(Answer::Stream(Box::new(frames)));
        }
        let body = arrived.whole(LONGEST_ANSWER).await.map_err(|trouble| Verdict::of_trouble(&trouble))?;
        let whole = match question {
            Question::Chat(_) | Question::Messages(_) | Question::Responses(_) => {
                phi_dialect::read_reply(question, &body, planned.carry().speaks, &row.model, self.made())
            }
            Question::Embeddings(question) => {
                openai::embeddings::read_reply(&body, question, planned.carry(), &row.model)
            }
            // Jobs hear their answers themselves.
            Question::Work(_) => Err(HostFault::Malformed("the answer is of a job")),
        };
        let place = whole.as_ref().map_or_else(|_| openai::place(&body), |whole| whole.place.clone());
        if is_elsewhere(entry, row, place.as_deref().map(Told::Usage)) {
            return Err(Verdict::elsewhere());
        }
        let whole = whole.map_err(|fault| Verdict::of_fault(&fault))?;
        entry.meter.stated = whole.usage;
        entry.meter.delivered = whole.output_chars;
        compare_model(entry, row, whole.host_model.as_deref());
        Ok(Answer::Whole { body: whole.body, media_type: JSON })
    }

    /// When an answer is made, in seconds since 1970.
    fn made(&self) -> u64 {
        u64::try_from(self.clock.now().as_second()).unwrap_or_default()
    }

    fn begin(&self, (terms, question): Asked<'_>, planned: &Planned) -> Begun {
        let org = terms.caller().org().id;
        let key = self.root.derive(Purpose::Pseudonym(org));
        // Thirty-two characters: within every host's bounds for a user's name, and too many to collide.
        let pseudonym =
            |name: &str| hex(&key.tag(&[planned.row().provider.as_str().as_bytes(), name.as_bytes()])).split_off(32);
        question.begin(planned.carry(), &pseudonym, terms.class())
    }
}

/// What a job has come to, as an answer.
fn worked(worked: Worked, row: &Row, entry: &mut Entry) -> Answer {
    match worked {
        Worked::Whole(made) => {
            entry.meter.stated = made.usage;
            entry.meter.delivered = made.body.len() as u64;
            compare_model(entry, row, made.host_model.as_deref());
            Answer::Whole { body: made.body, media_type: made.media_type }
        }
        Worked::Flow(flow) => {
            flow.measure(&mut entry.meter);
            Answer::Flow(flow)
        }
    }
}

/// What is asked, and under which terms.
type Asked<'a> = (&'a Terms, &'a Question);

/// Whether a reply says that it was made elsewhere than planned; of that the operator hears.
fn is_elsewhere(entry: &mut Entry, row: &Row, told: Option<Told<'_>>) -> bool {
    let is_elsewhere = told.is_some_and(|told| place::differs(told, &row.host.processes_in));
    if is_elsewhere {
        entry.incident(Incident::Region { route: row.route.clone() });
    }
    is_elsewhere
}

/// A reply of another model than the row's is delivered, and the operator hears of it.
fn compare_model(entry: &mut Entry, row: &Row, told: Option<&str>) {
    if told.is_some_and(|told| !row.replies_as(told)) {
        entry.incident(Incident::Model { route: row.route.clone() });
    }
}

/// What another status than 200 means. Of the host's words only the kind is kept; without them the status has to do.
pub(crate) async fn refused(arrived: Arrived, speaks: Speaks) -> Verdict {
    let (status, retry_after, named) =
        (arrived.status(), arrived.told().retry_after, arrived.told().error_type.clone());
    let read = tokio::time::timeout(SLOWEST_ERROR, arrived.whole(LONGEST_ERROR)).await;
    let body = read.ok().and_then(Result::ok).unwrap_or_default();
    // Google's hosts say it in the body, those that speak OpenAI's and Anthropic's too.
    let retry_after = retry_after.or_else(|| gemini::retry_delay(body.expose_bytes()));
    Verdict::of_status(status, &phi_dialect::read_error(body.expose_bytes(), named.as_deref(), speaks), retry_after)
}

/// A request on its way: whatever becomes of it, dropped futures included, the entry knows whether any of it left.
pub(crate) struct Leaving<'a> {
    pub(crate) entry: &'a mut Entry,
    pub(crate) sent: Sent,
}

impl Drop for Leaving<'_> {
    fn drop(&mut self) {
        if self.sent.has_left() {
            self.entry.reach(Reach::Sent);
        }
    }
}
