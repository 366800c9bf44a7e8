//! Jobs: what a host is asked beside conversations and vectors, in one request or in several, as pure functions over bytes.
//!
//! Whoever drives a job asks it for the next [`Step`], does that, and tells it what came back. Nothing of a host's words leads
//! anywhere: a job makes every path itself, of what it has read strictly.

pub(crate) mod image;
pub(crate) mod ocr;
mod speech;
pub(crate) mod transcription;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use phi_words::{Class, Completion, Usage};

use crate::question::{Task, WorkQuestion};
use crate::{Carry, HostFault, Misfit};

/// What is to be done next.
#[derive(Debug)]
pub enum Step {
    /// Ask the host, and tell the job the whole answer by [`Job::hear`].
    Ask(Message),
    /// Ask the host, and tell the job its answer piece by piece, by [`Job::piece`], and at its end by [`Job::end`].
    Follow(Message),
    /// Wait so long.
    Wait(Duration),
    /// Nothing: this is the answer.
    Done(Made),
    /// Nothing: all that there is to say was said by [`Job::piece`].
    Said,
}

/// A request of a job to its host.
pub struct Message {
    /// What is done.
    pub verb: Verb,
    /// Where, below the address of the host, with its query; begins with `/`.
    pub path: Cow<'static, str>,
    /// What is taken for an answer.
    pub accept: &'static str,
    /// Headers beside those that every host is sent.
    pub headers: Vec<(&'static str, Cow<'static, str>)>,
    /// What the body is, where there is one.
    pub content_type: Option<Cow<'static, str>>,
    /// The body, in pieces that follow one another: uploads are not copied.
    pub body: Vec<Bytes>,
    /// The statuses that answer; any other is a failure.
    pub answers: &'static [u16],
}

/// What is done with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// `GET`.
    Get,
    /// `POST`.
    Post,
    /// `PUT`.
    Put,
    /// `DELETE`.
    Delete,
}

/// The last word to a host, such as that it is to delete what it keeps. It carries nothing: no body, and no header of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Farewell {
    /// What is done.
    pub verb: Verb,
    /// Where, below the address of the host, with its query; begins with `/`.
    pub path: String,
}

impl Farewell {
    /// The message that it is.
    pub fn message(&self) -> Message {
        let (verb, path) = (self.verb, self.path.clone().into());
        Message {
            verb,
            path,
            accept: "application/json",
            headers: Vec::new(),
            content_type: None,
            body: Vec::new(),
            answers: &[200, 202, 204, 404],
        }
    }
}

/// A host's whole answer to one message.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Its status, one of those that answer.
    pub status: u16,
    /// `Operation-Location`, or `Location`.
    pub location: Option<String>,
    /// When it wants to be asked again.
    pub retry_after: Option<Duration>,
    /// The body.
    pub body: Completion,
}

/// What was made, for the caller.
#[derive(Debug, Clone)]
pub struct Made {
    /// The body.
    pub body: Completion,
    /// What the body is.
    pub media_type: &'static str,
    /// What the host says it consumed, if it is sound.
    pub usage: Option<Usage>,
    /// The model that the host says has answered.
    pub host_model: Option<Box<str>>,
}

/// A job that has begun.
#[derive(Debug)]
pub struct Begin {
    /// The job.
    pub job: Job,
    /// The fields that asked for something and that the host is not given in any form.
    pub left_out: Vec<&'static str>,
}

/// One job at one host.
pub struct Job {
    steps: Box<dyn Steps>,
    media_type: &'static str,
}

/// What each kind of job at each kind of host does.
pub(crate) trait Steps: Send + Sync {
    /// What is to be done next. It is asked again after each thing that was done.
    fn next(&mut self) -> Step;

    /// Hears a whole answer.
    fn hear(&mut self, _: Heard) -> Result<(), HostFault> {
        Err(HostFault::Malformed("an answer came where none was awaited"))
    }

    /// Hears a piece of an answer, and adds what the caller is to be sent.
    fn piece(&mut self, _: Bytes, _: &mut VecDeque<Completion>) -> Result<(), HostFault> {
        Err(HostFault::Malformed("a piece came where none was awaited"))
    }

    /// Hears that the answer is over, and adds what is left.
    fn end(&mut self, _: &mut VecDeque<Completion>) -> Result<(), HostFault> {
        Ok(())
    }

    /// What the host has said that it consumed.
    fn usage(&self) -> Option<Usage> {
        None
    }

    /// What is to be done at the host once nobody waits for anything any more.
    fn farewell(&mut self) -> Option<Farewell> {
        None
    }
}

impl Job {
    fn new(steps: impl Steps + 'static, media_type: &'static str) -> Self {
        Self { steps: Box::new(steps), media_type }
    }

    /// What the body of an answer that comes in pieces is.
    pub fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// What is to be done next.
    pub fn step(&mut self) -> Step {
        self.steps.next()
    }

    /// Tells it the whole answer to what it asked.
    ///
    /// # Errors
    /// What is wrong with the answer.
    pub fn hear(&mut self, heard: Heard) -> Result<(), HostFault> {
        self.steps.hear(heard)
    }

    /// Tells it a piece of the answer, and adds what the caller is to be sent, as it is.
    ///
    /// # Errors
    /// What is wrong with the answer.
    pub fn piece(&mut self, piece: Bytes, out: &mut VecDeque<Completion>) -> Result<(), HostFault> {
        self.steps.piece(piece, out)
    }

    /// Tells it that the answer is over.
    ///
    /// # Errors
    /// What is wrong with the answer.
    pub fn end(&mut self, out: &mut VecDeque<Completion>) -> Result<(), HostFault> {
        self.steps.end(out)
    }

    /// What the host has said that it consumed, if it is sound.
    pub fn usage(&self) -> Option<Usage> {
        self.steps.usage()
    }

    /// What is to be done at the host once the job is over, however it ended: it is told once.
    pub fn farewell(&mut self) -> Option<Farewell> {
        self.steps.farewell()
    }
}

/// Whether a route can do a job as it is asked; if not, the first field that it cannot carry.
pub(crate) fn fits(question: &WorkQuestion, carry: &Carry) -> Result<(), Misfit> {
    question.fields().fits(carry)?;
    match question.task() {
        Task::Transcription(recording) => transcription::fits(question.fields(), recording, carry),
        Task::Speech(script) => speech::fits(question, script, carry),
        Task::Ocr(pages) => ocr::fits(question, pages, carry),
        Task::Image(image) => image::fits(image, carry),
    }
}

/// Begins a job on a route that it fits. Fields that name a person or a session are told to nobody.
pub(crate) fn begin(question: &WorkQuestion, carry: &Carry, class: Class) -> Begin {
    match question.task() {
        Task::Transcription(recording) => transcription::begin(question, recording, carry, class),
        Task::Speech(script) => speech::begin(question.fields(), script, carry),
        Task::Ocr(pages) => ocr::begin(question.fields(), pages, carry),
        Task::Image(image) => image::begin(image, carry, class),
    }
}

/// A job that no host does: it asks for nothing, and fails. [`fits`] keeps every question from it.
struct Nothing;

impl Steps for Nothing {
    fn next(&mut self) -> Step {
        Step::Said
    }
}

impl Begin {
    pub(crate) fn nothing() -> Self {
        Self { job: Job::new(Nothing, "application/json"), left_out: Vec::new() }
    }
}

impl Message {
    /// A `POST` of JSON that is answered in JSON.
    pub(crate) fn json(path: impl Into<Cow<'static, str>>, body: Vec<u8>) -> Self {
        Self {
            verb: Verb::Post,
            path: path.into(),
            accept: "application/json",
            headers: Vec::new(),
            content_type: Some("application/json".into()),
            body: vec![body.into()],
            answers: &[200],
        }
    }

    /// How long its body is, in bytes.
    pub fn len(&self) -> usize {
        self.body.iter().map(Bytes::len).sum()
    }

    /// Whether it has no body.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("verb", &self.verb).field("bytes", &self.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("media_type", &self.media_type).finish_non_exhaustive()
    }
}
