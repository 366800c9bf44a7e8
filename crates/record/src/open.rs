use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use phi_ledger::Durability;
use phi_police::Slot;
use phi_route::{Plan, Planned};
use phi_words::{Code, MicroUsd, Modality, OrgId, Prompt, Quality, Refusal, RequestId, RouteId, Usage};

use crate::charge::Bill;
use crate::entry::{
    Attempt, ClosedRecord, Ended, Incident, KeyedHash, Obstacle, OpenedRecord, Reach, Record, Share, Status, Who,
};
use crate::meter::Meter;
use crate::recorder::{RecordError, Recorder};

/// Proof that a call's entry is durable. Nothing goes upstream without one, and only [`Recorder::open`] makes it:
///
/// ```compile_fail
/// fn forge(plan: phi_route::Plan, entry: phi_record::Entry) -> phi_record::Opened {
///     phi_record::Opened { plan, entry }
/// }
/// ```
/// ```
/// async fn open(recorder: std::sync::Arc<phi_record::Recorder>, id: phi_words::RequestId, plan: phi_route::Plan, slot: phi_police::Slot)
///     -> Result<phi_record::Opened, phi_words::Refusal> {
///     recorder.open(id, None, plan, slot, std::time::Instant::now()).await
/// }
/// ```
#[derive(Debug)]
pub struct Opened {
    plan: Plan,
    entry: Entry,
}

impl Opened {
    /// The plan, and the entry that must be closed. A route that is not in the plan cannot be tried.
    pub fn into_parts(self) -> (Plan, Entry) {
        (self.plan, self.entry)
    }
}

/// The open entry of one call. Whoever holds it must [`Entry::close`] it; dropping it closes it as `caller_left`.
#[derive(Debug)]
pub struct Entry {
    recorder: Arc<Recorder>,
    id: RequestId,
    who: Who,
    modality: Modality,
    slot: Option<Slot>,
    bill: Bill,
    started: Instant,
    first_byte: Option<Instant>,
    attempts: Vec<Attempt>,
    attempt_started: Instant,
    answering: Option<Planned>,
    /// What is consumed.
    pub meter: Meter,
    left_out: Vec<String>,
    interventions: Vec<String>,
    incidents: Vec<Incident>,
    closed: bool,
}

/// A longer payload than this is hashed apart, in bytes.
const AT_ONCE: usize = 64 << 10;

/// How a call ended, to be written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The whole answer is about to go to the caller.
    Answered,
    /// No host answered; this is what the caller is told.
    Failed(Code),
    /// The host stopped in the middle; this is what the caller is told.
    Truncated(Code),
    /// A rule ended the answer.
    Stopped,
}

/// What was written down of a call when it was closed.
#[derive(Debug, Clone)]
pub struct Receipt {
    /// The call.
    pub id: RequestId,
    /// How it ended.
    pub status: Status,
    /// What was consumed.
    pub usage: Usage,
    /// How far that can be trusted.
    pub quality: Quality,
    /// What is charged, margin included.
    pub cost: MicroUsd,
    /// How many routes were tried.
    pub attempts: u32,
    /// How far the request got with any host.
    pub reach: Reach,
    /// The route that answered.
    pub route: Option<RouteId>,
    /// What the host could not be given.
    pub left_out: Vec<String>,
}

impl Recorder {
    /// Makes the entry of a planned call durable. What it returns is the only thing that `upstream` takes.
    ///
    /// # Errors
    /// `ledger_unavailable`: nothing was sent anywhere.
    pub async fn open(
        self: &Arc<Self>,
        id: RequestId,
        parent: Option<RequestId>,
        plan: Plan,
        slot: Slot,
        started: Instant,
    ) -> Result<Opened, Refusal> {
        let (org, body) = (plan.permit().ask().terms().caller().org().id, plan.permit().ask().body().clone());
        let commitment = self.committed(org, body).await;
        let record = self.opened(id, parent, &plan, commitment);
        let question = plan.permit().ask().question();
        // The entry is there before its record is on its way: a caller who leaves meanwhile drops it, which closes it.
        let mut entry = Entry {
            recorder: Arc::clone(self),
            id,
            who: record.who.clone(),
            modality: record.modality,
            slot: Some(slot),
            bill: Bill::of(&plan),
            started,
            first_byte: None,
            attempts: Vec::new(),
            attempt_started: started,
            answering: None,
            meter: Meter { counted: question.estimate(0), by_tokens: question.is_by_tokens(), ..Meter::default() },
            left_out: Vec::new(),
            interventions: Vec::new(),
            incidents: Vec::new(),
            closed: false,
        };
        let opened = async { self.in_time(self.send(&Record::Opened(Box::new(record)))?).await };
        match opened.await {
            Ok(()) => {
                self.outage.worked();
                Ok(Opened { plan, entry })
            }
            Err(error) => {
                self.outage.failed(&error, self.clock.now());
                entry.unopened(&error);
                Err(Refusal::from(&error))
            }
        }
    }

    /// The commitment to the payload. That to a long one is made on a thread of its own, so that others do not wait for it.
    async fn committed(self: &Arc<Self>, org: OrgId, body: Prompt) -> KeyedHash {
        if body.len() <= AT_ONCE {
            return self.commitment(org, &body);
        }
        let (this, held) = (Arc::clone(self), body.clone());
        let committing = tokio::task::spawn_blocking(move || this.commitment(org, &held));
        committing.await.unwrap_or_else(|_| self.commitment(org, &body))
    }

    fn opened(&self, id: RequestId, parent: Option<RequestId>, plan: &Plan, commitment: KeyedHash) -> OpenedRecord {
        let permit = plan.permit();
        let (terms, question) = (permit.ask().terms(), permit.ask().question());
        let org = terms.caller().org().id;
        let marks = terms.marks();
        let person = |what, mark: &Option<phi_police::Mark>| {
            mark.as_ref().map(|mark| self.person(org, what, mark.expose_text()))
        };
        OpenedRecord {
            id,
            parent,
            who: Who::from(terms.caller()),
            modality: question.modality(),
            model: question.model().to_string(),
            region: terms.region().clone(),
            class: terms.class(),
            data_classes: Vec::new(),
            stream: question.stream(),
            rules: Vec::new(),
            policy: permit.policy().to_owned(),
            catalogue: plan.catalogue().version().to_owned(),
            snapshot: plan.snapshot(),
            routes: plan.routes().iter().map(|planned| planned.row().route.clone()).collect(),
            body_bytes: question.body_len() as u64,
            commitment,
            actor: person("actor", &marks.actor),
            subject: person("subject", &marks.subject),
            purpose: person("purpose", &marks.purpose),
            durability: durability(self.ledger.durability()).to_owned(),
        }
    }
}

impl Entry {
    /// The call.
    pub fn id(&self) -> RequestId {
        self.id
    }

    /// What kind of work it is.
    pub fn modality(&self) -> Modality {
        self.modality
    }

    /// How many routes were tried so far.
    pub fn attempts(&self) -> u32 {
        u32::try_from(self.attempts.len()).unwrap_or(u32::MAX)
    }

    /// Begins an attempt: nothing of the request has left yet.
    pub fn begin(&mut self, planned: &Planned) {
        self.attempt_started = Instant::now();
        self.answering = Some(planned.clone());
        self.attempts.push(Attempt {
            route: planned.row().route.clone(),
            reach: Reach::NotSent,
            ended: Ended::Running,
            obstacle: None,
            ms: 0,
        });
    }

    /// Notes how far the request got with the host of this attempt; it never gets less far.
    pub fn reach(&mut self, reach: Reach) {
        if reach == Reach::Answered {
            self.first_byte.get_or_insert_with(Instant::now);
        }
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.reach = attempt.reach.max(reach);
        }
    }

    /// Ends the attempt.
    pub fn end(&mut self, ended: Ended) {
        let ms = millis(self.attempt_started);
        if ended != Ended::Ok {
            self.answering = None;
        }
        if let Some(attempt) = self.attempts.last_mut() {
            (attempt.ended, attempt.ms) = (ended, ms);
        }
    }

    /// Notes what keeps the connection of this attempt from being made.
    pub fn obstacle(&mut self, obstacle: Obstacle) {
        if let Some(attempt) = self.attempts.last_mut() {
            attempt.obstacle = Some(obstacle);
        }
    }

    /// Notes something that the operator must look into.
    pub fn incident(&mut self, incident: Incident) {
        tracing::warn!(id = %self.id, ?incident, "an incident");
        self.incidents.push(incident);
    }

    /// Notes fields that the host cannot be given.
    pub fn left_out(&mut self, fields: impl IntoIterator<Item = String>) {
        self.left_out = fields.into_iter().collect();
    }

    /// Notes what a rule did to the answer, or what was done for the request beside asking hosts.
    pub fn intervention(&mut self, what: &str) {
        self.interventions.push(what.to_owned());
    }

    /// Closes the entry and waits until that is durable. Where the ledger cannot take it now it is kept and written as
    /// soon as it can.
    pub async fn close(mut self, outcome: Outcome) -> Receipt {
        let (status, code) = match outcome {
            Outcome::Answered => (Status::Answered, None),
            Outcome::Failed(code) => (Status::Failed, Some(code)),
            Outcome::Truncated(code) => (Status::Truncated, Some(code)),
            Outcome::Stopped => (Status::Stopped, Some(Code::PolicyDenied)),
        };
        let (record, receipt) = self.settle(status, code);
        if let Some(kept) = self.keep(record)
            && let Err(error) = kept.await
        {
            self.recorder.outage.failed(&error, self.recorder.clock.now());
        }
        receipt
    }

    /// Its record was not taken, so nothing leaves. What was never opened is not closed; what may yet be written, because
    /// the disk is late with it, is.
    fn unopened(&mut self, error: &RecordError) {
        match error {
            RecordError::Late => {
                let (record, _) = self.settle(Status::Failed, Some(Code::LedgerUnavailable));
                drop(self.keep(record));
            }
            RecordError::Ledger(_) | RecordError::Words(_) => {
                self.closed = true;
                self.recorder.standing().carried.calls.remove(&self.id);
            }
        }
    }

    fn settle(&mut self, status: Status, code: Option<Code>) -> (ClosedRecord, Receipt) {
        self.closed = true;
        if let Some(attempt) = self.attempts.last_mut()
            && attempt.ended == Ended::Running
        {
            let ended = match status {
                Status::Answered | Status::Stopped => Ended::Ok,
                Status::Truncated | Status::Failed => Ended::Truncated,
                Status::CallerLeft | Status::Panicked | Status::Unknown => Ended::CallerLeft,
            };
            (attempt.ended, attempt.ms) = (ended, millis(self.attempt_started));
        }
        let reach = self.attempts.iter().map(|attempt| attempt.reach).max().unwrap_or(Reach::NotSent);
        let (usage, quality) = self.meter.settle(status, owed_for(&self.attempts));
        let row = self.answering.as_ref().map(|planned| Arc::clone(planned.row()));
        let (list_cost, cost) = self.bill.amounts(row.as_deref(), &usage);
        if let Some(slot) = self.slot.take() {
            slot.settle(usage.tokens());
        }
        let charge =
            if cost == MicroUsd::ZERO { Vec::new() } else { vec![Share { account: self.who.org, micro_usd: cost }] };
        let record = ClosedRecord {
            id: self.id,
            status,
            code,
            route: row.as_ref().map(|row| row.route.clone()),
            host: row.as_ref().map(|row| row.host.name.clone()),
            attempts: self.attempts.clone(),
            first_byte_ms: self.first_byte.map(|at| between(self.started, at)),
            latency_ms: millis(self.started),
            usage,
            quality,
            list_cost,
            charge,
            margin_bp: Some(self.bill.margin_bp()),
            prices: self.bill.version().to_owned(),
            left_out: self.left_out.clone(),
            interventions: std::mem::take(&mut self.interventions),
            incidents: std::mem::take(&mut self.incidents),
        };
        let receipt = Receipt {
            id: self.id,
            status,
            usage,
            quality,
            cost,
            attempts: self.attempts(),
            reach,
            route: record.route.clone(),
            left_out: std::mem::take(&mut self.left_out),
        };
        (record, receipt)
    }

    fn keep(&self, record: ClosedRecord) -> Option<phi_ledger::Pending> {
        match self.recorder.send(&Record::Closed(Box::new(record))) {
            Ok(pending) => Some(pending),
            Err(error) => {
                tracing::error!(id = %self.id, error = &error as &dyn std::error::Error, "an entry could not be closed");
                None
            }
        }
    }
}

impl Drop for Entry {
    /// The caller left, and the request's future or body was dropped; or a bug unwound it, which is an alarm.
    fn drop(&mut self) {
        if self.closed {
            return;
        }
        let status = if std::thread::panicking() {
            self.recorder.counters.alarms.fetch_add(1, Ordering::Relaxed);
            tracing::error!(id = %self.id, "a bug unwound a request; its entry is closed as `panicked`");
            Status::Panicked
        } else {
            Status::CallerLeft
        };
        let (record, _) = self.settle(status, None);
        drop(self.keep(record));
    }
}

/// How far the request got with the host that would be paid: the one at hand. Those before it failed, and a failed
/// attempt costs nothing.
fn owed_for(attempts: &[Attempt]) -> Reach {
    attempts.last().map_or(Reach::NotSent, |attempt| attempt.reach)
}

/// The word in the record.
fn durability(durability: Durability) -> &'static str {
    match durability {
        Durability::Disk => "disk",
        Durability::Process => "process",
    }
}

fn millis(since: Instant) -> u64 {
    between(since, Instant::now())
}

fn between(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(route: &str, reach: Reach, ended: Ended) -> Attempt {
        Attempt { route: route.parse().expect("a route"), reach, ended, obstacle: None, ms: 1 }
    }

    #[test]
    fn a_caller_who_leaves_owes_nothing_for_a_host_that_failed_before() {
        assert_eq!(owed_for(&[]), Reach::NotSent);
        let failed = attempt("a", Reach::Answered, Ended::HostError);
        let connecting = attempt("b", Reach::NotSent, Ended::Running);
        let owed = owed_for(&[failed.clone(), connecting]);
        let meter = Meter { counted: Usage { input: 10, ..Usage::default() }, by_tokens: true, ..Meter::default() };
        assert_eq!(meter.settle(Status::CallerLeft, owed), (Usage::default(), Quality::None));
        assert_eq!(owed_for(&[failed, attempt("b", Reach::Sent, Ended::Running)]), Reach::Sent);
    }
}
