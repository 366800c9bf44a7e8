use bytes::Bytes;

use crate::HostFault;
use crate::job::{Begin, Heard, Job, Made, Message, Step, Steps};
use crate::openai::errors;
use crate::transcript::{self, EVENTS, Transcript, Wish};

/// What a host has said: the transcript, and how much it says that it heard, in milliseconds.
pub(super) type Read = Result<(Transcript, Option<u64>), HostFault>;

/// One question, and one answer that is the transcript.
pub(super) struct One {
    pub(super) wish: Wish,
    pub(super) message: Option<Message>,
    pub(super) made: Option<Made>,
    pub(super) read: fn(Bytes) -> Read,
}

/// Begins such a job.
pub(super) fn begin(wish: &Wish, message: Message, read: fn(Bytes) -> Read, left_out: Vec<&'static str>) -> Begin {
    let one = One { wish: wish.clone(), message: Some(message), made: None, read };
    Begin { job: Job::new(one, EVENTS), left_out }
}

impl Steps for One {
    fn next(&mut self) -> Step {
        match (self.message.take(), self.made.take()) {
            (Some(message), _) => Step::Ask(message),
            (None, Some(made)) => Step::Done(made),
            (None, None) => Step::Said,
        }
    }

    fn hear(&mut self, heard: Heard) -> Result<(), HostFault> {
        let (transcript, heard) = (self.read)(heard.body.expose_into_bytes())?;
        self.made = Some(transcript::written(transcript, &self.wish, heard));
        Ok(())
    }
}

/// What is wrong with an answer in which something is missing: the host may have said so itself.
pub(super) fn lacking(root: crate::json::Value<'_>, what: &'static str) -> HostFault {
    match root.member("error") {
        Some(error) if !error.is_null() => HostFault::Stated(errors::read_error_value(root)),
        Some(_) | None => HostFault::Malformed(what),
    }
}
