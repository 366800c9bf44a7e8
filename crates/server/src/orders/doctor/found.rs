use phi_catalog::Row;
use phi_record::entry::ClosedRecord;
use phi_record::{Ended, Incident, Reach, Status};
use phi_words::Quality;
use serde::Serialize;

use super::asking::{Asked, PATIENCE};

/// One thing that differs from what the catalogue says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Found {
    /// A code, which never changes its meaning.
    pub(super) what: &'static str,
    /// The same as a sentence without its subject, the host.
    pub(super) says: String,
}

impl Found {
    pub(super) fn new(what: &'static str, says: impl Into<String>) -> Self {
        Self { what, says: says.into() }
    }
}

/// What differs at a host, by what was written down of the request. Where nothing does, nothing.
pub(super) fn found(row: &Row, asked: &Asked) -> Vec<Found> {
    let mut found = Vec::new();
    match (&asked.answered, &asked.closed) {
        (None, _) => found.push(Found::new("late", format!("did not answer within {} seconds", PATIENCE.as_secs()))),
        (Some(Err(refusal)), None) => {
            found.push(Found::new("not_asked", format!("was not asked: {}", refusal.message)))
        }
        (Some(Err(refusal)), Some(closed)) => match closed.attempts.last() {
            Some(attempt) => found.extend(ended(row, attempt.ended, attempt.reach)),
            None => found.push(Found::new("not_asked", format!("was not asked: {}", refusal.message))),
        },
        (Some(Ok(_)), _) => {}
    }
    if let Some(closed) = &asked.closed {
        noted(row, closed, &mut found);
    }
    found
}

/// How an attempt ended that gave no answer.
fn ended(row: &Row, ended: Ended, reach: Reach) -> Option<Found> {
    let far = match reach {
        Reach::NotSent => "before anything was sent",
        Reach::Sent => "after the request was sent",
        Reach::Answered => "in the middle of its answer",
    };
    let (what, says) = match ended {
        Ended::Ok => return None,
        Ended::Connect => (
            "unreachable",
            "cannot be reached: its name, its port, its certificate or the way there; the server's log says which"
                .into(),
        ),
        Ended::Timeout => ("late", format!("did not answer in time, {far}")),
        Ended::Broken => ("broken", format!("broke the connection {far}")),
        Ended::NoKey => ("no_key", "was not asked: the vault did not give its key".into()),
        Ended::Account => ("key_refused", "refuses the key, or the account behind it".into()),
        Ended::Row => ("model_unknown", format!("does not know `{}`, or not for this account", row.own)),
        Ended::RateLimited => ("rate_limited", "has no room for this account now".into()),
        Ended::HostError => ("host_error", "answers with an error of its own".into()),
        Ended::Redirect => ("redirect", "sends us elsewhere, which is not followed".into()),
        Ended::Rejected => {
            ("field_refused", "refuses a plain request: a field that the catalogue says it takes, or its value".into())
        }
        Ended::Malformed => ("malformed", "gives an answer that is none in its dialect".into()),
        Ended::Truncated => ("truncated", "stops in the middle of its answer".into()),
        Ended::Mismatch => ("elsewhere", elsewhere()),
        Ended::Running | Ended::CallerLeft => ("unfinished", "was not heard to the end".into()),
    };
    Some(Found { what, says })
}

fn elsewhere() -> String {
    "says that it answered from outside of where the catalogue has it; the route is withdrawn until `phi catalog accept`".into()
}

/// What the entry notes beside how it ended.
fn noted(row: &Row, closed: &ClosedRecord, found: &mut Vec<Found>) {
    for incident in &closed.incidents {
        match incident {
            Incident::Region { .. } if found.iter().any(|one| one.what == "elsewhere") => {}
            Incident::Region { .. } => found.push(Found::new("elsewhere", elsewhere())),
            Incident::Model { .. } => {
                let known: Vec<&str> = row.replies_as.iter().map(|name| name.as_str()).collect();
                let says = format!("answers as another model than `replies_as` has: {}", known.join(", "));
                found.push(Found::new("other_model", says));
            }
            Incident::Usage { .. } => found.push(Found::new("no_usage", NO_USAGE)),
        }
    }
    if closed.status == Status::Answered && closed.quality == Quality::Estimated {
        found.push(Found::new("no_usage", NO_USAGE));
    }
    if !closed.left_out.is_empty() {
        found.push(Found::new("left_out", format!("could not be given {}", closed.left_out.join(", "))));
    }
}

const NO_USAGE: &str = "states no usage, or figures that cannot be, so that calls are charged by an estimate";
