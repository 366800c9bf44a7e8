//! Whisper at Infomaniak: what is sent is put in a queue, and asked for until it is there
//! (<https://developer.infomaniak.com/docs/api/post/1/ai/%7Bproduct_id%7D/openai/audio/transcriptions>).

use std::time::Duration;

use super::one::{Read, lacking};
use super::{asking, misfit, openai, upload};
use crate::job::{Begin, Heard, Job, Made, Message, Step, Steps, Verb};
use crate::json::{Document, Value};
use crate::openai::errors;
use crate::question::{Fields, Recording};
use crate::transcript::{self, EVENTS, Wish};
use crate::{Carry, HostFault, Misfit};

/// How long is waited before it is asked for, the first time and at most.
const FIRST: Duration = Duration::from_millis(500);
const LAST: Duration = Duration::from_secs(5);

struct Batch {
    wish: Wish,
    state: State,
}

enum State {
    /// It is to be sent.
    Ready(Box<Message>),
    /// It was sent, and how it is called is not known yet.
    Sent,
    /// So long is to be waited, and then it is to be asked for.
    Waiting {
        id: String,
        wait: Duration,
    },
    /// It is to be asked for; if it is not there yet, so long is to be waited.
    Asking {
        id: String,
        next: Duration,
    },
    Made(Made),
    Over,
}

pub(super) fn fits(fields: &Fields) -> Result<(), Misfit> {
    if fields.field("context_bias").is_some() { misfit("context_bias") } else { Ok(()) }
}

pub(super) fn begin(fields: &Fields, recording: &Recording, carry: &Carry) -> Begin {
    let texts = openai::asked(fields, recording, carry);
    let texts: Vec<_> = texts.iter().map(|(name, text)| (&**name, &**text)).collect();
    let message = upload("/openai/audio/transcriptions", "application/json", &texts, "file", recording);
    let message = Message { answers: &[200, 201, 202], ..message };
    let batch = Batch { wish: recording.wish.clone(), state: State::Ready(Box::new(message)) };
    Begin { job: Job::new(batch, EVENTS), left_out: asking(fields, &["user"]) }
}

impl Steps for Batch {
    fn next(&mut self) -> Step {
        let (step, state) = match std::mem::replace(&mut self.state, State::Over) {
            State::Ready(message) => (Step::Ask(*message), State::Sent),
            State::Waiting { id, wait } => (Step::Wait(wait), State::Asking { id, next: (wait * 3 / 2).min(LAST) }),
            State::Asking { id, next } => (Step::Ask(result(&id)), State::Waiting { id, wait: next }),
            State::Made(made) => (Step::Done(made), State::Over),
            State::Sent | State::Over => (Step::Said, State::Over),
        };
        self.state = state;
        step
    }

    fn hear(&mut self, heard: Heard) -> Result<(), HostFault> {
        let document = Document::parse(heard.body.expose_into_bytes());
        let document = document.map_err(|_| HostFault::Malformed("the body is not JSON"))?;
        let root = document.root();
        if let State::Sent = self.state {
            let told = root.member("batch_id").or_else(|| root.member("data")?.member("batch_id"));
            let id =
                told.and_then(Value::text).filter(|id| is_plain(id)).ok_or_else(|| lacking(root, "it has no id"))?;
            self.state = State::Waiting { id: id.into_owned(), wait: FIRST };
            return Ok(());
        }
        match root.member("status").and_then(Value::text).as_deref() {
            // It goes on waiting.
            Some("pending") => Ok(()),
            Some("success") => {
                let (transcript, heard) = finished(root)?;
                self.state = State::Made(transcript::written(transcript, &self.wish, heard));
                Ok(())
            }
            Some("error") => Err(HostFault::Stated(errors::read_error_value(root))),
            Some(_) => Err(HostFault::Malformed("the state of the batch is none that we know")),
            None => Err(lacking(root, "the batch has no state")),
        }
    }
}

/// What came of it stands in a text that is JSON itself.
fn finished(root: Value<'_>) -> Read {
    let data = root.member("data").and_then(Value::text).ok_or(HostFault::Malformed("there is no transcript"))?;
    openai::read(data.into_owned().into())
}

/// Nothing that leads anywhere else than to a result.
fn is_plain(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

fn result(id: &str) -> Message {
    Message {
        verb: Verb::Get,
        path: format!("/results/{id}").into(),
        accept: "application/json",
        headers: Vec::new(),
        content_type: None,
        body: Vec::new(),
        answers: &[200],
    }
}
