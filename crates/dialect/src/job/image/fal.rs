//! fal's queue of jobs (<https://docs.fal.ai/model-endpoints/queue>): handed in, asked about until they are done, fetched. A job
//! that failed is done as well: then its result is an error.

mod drawing;
mod errors;

pub(super) use drawing::{begin, fits};
pub(crate) use errors::read_error;

use crate::HostFault;
use crate::job::{Message, Verb};
use crate::json::{Document, Value};

/// Hands a job in. What it is given and gives is not stored; what it makes is deleted after an hour.
fn submit(own: &str, body: Vec<u8>) -> Message {
    let headers = vec![
        ("x-fal-store-io", "0".into()),
        ("x-fal-object-lifecycle-preference", r#"{"expiration_duration_seconds":3600}"#.into()),
    ];
    Message { headers, ..Message::json(format!("/{own}"), body) }
}

/// Looks at a job, by its owner's and its application's name alone.
fn look(own: &str, id: &str, what: &str) -> Message {
    let app = own.splitn(3, '/').take(2).collect::<Vec<_>>().join("/");
    Message {
        verb: Verb::Get,
        path: format!("/{app}/requests/{id}{what}").into(),
        accept: "application/json",
        headers: Vec::new(),
        content_type: None,
        body: Vec::new(),
        answers: &[200, 202],
    }
}

/// The id of a job that was taken.
fn read_id(document: &Document) -> Result<String, HostFault> {
    let id = document.root().member("request_id").and_then(Value::text);
    let plain = |id: &str| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    id.filter(|id| plain(id)).map(Into::into).ok_or(HostFault::Malformed("there is no id of a request"))
}

/// Whether a job is done.
fn is_done(document: &Document) -> Result<bool, HostFault> {
    match document.root().member("status").and_then(Value::text).as_deref() {
        Some("IN_QUEUE" | "IN_PROGRESS") => Ok(false),
        Some("COMPLETED") => Ok(true),
        Some(_) | None => Err(HostFault::Malformed("there is no status of a request")),
    }
}
