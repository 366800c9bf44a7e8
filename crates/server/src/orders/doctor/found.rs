use phi_catalog::Row;
use phi_record::entry::ClosedRecord;
use phi_record::{Attempt, Ended, Incident, Obstacle, Reach, Status};
use phi_words::Quality;
use serde::Serialize;

use super::asking::{Asked, PATIENCE};

/// One thing that differs from what the catalogue says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Found {
    /// A code, which never changes its meaning.
    pub(super) what: &'static str,
    /// Of a host that cannot be reached, what keeps a connection from being made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) obstacle: Option<Obstacle>,
    /// Whether an operator has to mend it: otherwise time or the host does.
    pub(super) to_mend: bool,
    /// The same as a sentence without its subject, the host.
    pub(super) says: String,
}

impl Found {
    /// Something that an operator has to mend.
    pub(super) fn new(what: &'static str, says: impl Into<String>) -> Self {
        Self { what, obstacle: None, to_mend: true, says: says.into() }
    }

    /// Something that time mends, or the host.
    pub(super) fn passing(what: &'static str, says: impl Into<String>) -> Self {
        Self { to_mend: false, ..Self::new(what, says) }
    }
}

/// What differs at a host, by what was written down of the request. Where nothing does, nothing.
pub(super) fn found(row: &Row, asked: &Asked) -> Vec<Found> {
    let mut found = Vec::new();
    match (&asked.answered, &asked.closed) {
        (None, _) => {
            found.push(Found::passing("late", format!("did not answer within {} seconds", PATIENCE.as_secs())))
        }
        (Some(Err(refusal)), None) => {
            found.push(Found::new("not_asked", format!("was not asked: {}", refusal.message)))
        }
        (Some(Err(refusal)), Some(closed)) => match closed.attempts.last() {
            Some(attempt) => found.extend(ended(row, attempt)),
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
fn ended(row: &Row, attempt: &Attempt) -> Option<Found> {
    let far = match attempt.reach {
        Reach::NotSent => "before anything was sent",
        Reach::Sent => "after the request was sent",
        Reach::Answered => "in the middle of its answer",
    };
    Some(match attempt.ended {
        Ended::Ok => return None,
        Ended::Connect => {
            let says = attempt.obstacle.map_or("cannot be reached; the server's log says why", unreachable);
            Found { obstacle: attempt.obstacle, ..Found::new("unreachable", says) }
        }
        Ended::Timeout => Found::passing("late", format!("did not answer in time, {far}")),
        Ended::Broken => Found::passing("broken", format!("broke the connection {far}")),
        Ended::NoKey => Found::new("no_key", "was not asked: the vault did not give its key"),
        Ended::Account => Found::new("key_refused", "refuses the key, or the account behind it"),
        Ended::Row => Found::new("model_unknown", format!("does not know `{}`, or not for this account", row.own)),
        Ended::RateLimited => Found::passing("rate_limited", "has no room for this account now"),
        Ended::HostError => Found::passing("host_error", "answers with an error of its own"),
        Ended::Redirect => Found::new("redirect", "sends us elsewhere, which is not followed"),
        Ended::Rejected => Found::new(
            "field_refused",
            "refuses a plain request: a field that the catalogue says it takes, or its value",
        ),
        Ended::Malformed => Found::new("malformed", "gives an answer that is none in its dialect"),
        Ended::Truncated => Found::passing("truncated", "stops in the middle of its answer"),
        Ended::Mismatch => Found::new("elsewhere", elsewhere()),
        Ended::Running | Ended::CallerLeft => Found::passing("unfinished", "was not heard to the end"),
    })
}

/// What keeps a connection from being made, and where to look.
fn unreachable(obstacle: Obstacle) -> &'static str {
    match obstacle {
        Obstacle::Name => "cannot be reached: its name does not resolve; look at its address and at this machine's DNS",
        Obstacle::Address => {
            "cannot be reached: its name leads to an address that such a host cannot have, a private one where it is not on \
             the premises, or a public one where it is"
        }
        Obstacle::Plain => "cannot be reached: its address is plain HTTP, which is for premises alone",
        Obstacle::Refused => "cannot be reached: nobody listens at its port, or a firewall refuses the connection",
        Obstacle::Network => "cannot be reached: there is no way to its address; look at routes and firewalls",
        Obstacle::Timeout => "cannot be reached: it did not take the connection in time; a firewall may swallow it",
        Obstacle::Tls => {
            "cannot be reached: its certificate does not prove who it is, or TLS cannot be agreed on; a root of your own goes \
             into `upstream.ca_file`"
        }
        Obstacle::Proxy => {
            "cannot be reached: the proxy of `upstream.proxy` opens no way to it; the server's log says why"
        }
        Obstacle::Silent => "cannot be reached: it takes the connection and speaks no HTTP on it, or closes it",
        Obstacle::Ours => "was not reached: this machine has no files, ports or memory left",
    }
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
