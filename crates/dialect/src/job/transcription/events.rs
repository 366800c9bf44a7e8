//! A transcript that a host gives as it hears: OpenAI's events, and Mistral's, which say the same by other names.

use std::collections::VecDeque;

use bytes::Bytes;
use phi_words::{Completion, Usage};

use super::mistral;
use crate::HostFault;
use crate::job::{Begin, Job, Message, Step, Steps};
use crate::json::{Document, Value};
use crate::openai::errors;
use crate::sse::{Event, Parser};
use crate::transcript::{self, EVENTS, Wish, millis};

/// What is taken for such an answer.
pub(super) const ACCEPT: &str = "text/event-stream";
/// More than anybody says in what may be sent.
const LONGEST: usize = 16 << 20;

struct Events {
    message: Option<Message>,
    parser: Parser,
    /// All that was said.
    text: String,
    counted: u64,
    heard: Option<u64>,
    done: bool,
}

/// Begins such a job.
pub(super) fn begin(wish: &Wish, message: Message, left_out: Vec<&'static str>) -> Begin {
    let events = Events {
        message: Some(message),
        parser: Parser::new(),
        text: String::new(),
        counted: wish.counted,
        heard: None,
        done: false,
    };
    Begin { job: Job::new(events, EVENTS), left_out }
}

impl Steps for Events {
    fn next(&mut self) -> Step {
        self.message.take().map_or(Step::Said, Step::Follow)
    }

    fn piece(&mut self, piece: Bytes, out: &mut VecDeque<Completion>) -> Result<(), HostFault> {
        for event in self.parser.feed(&piece).map_err(|_| HostFault::TooLong)? {
            self.hear(event, out)?;
        }
        Ok(())
    }

    fn end(&mut self, _: &mut VecDeque<Completion>) -> Result<(), HostFault> {
        if self.done { Ok(()) } else { Err(HostFault::Truncated) }
    }

    fn usage(&self) -> Option<Usage> {
        self.heard.map(|audio_ms| Usage { audio_ms, ..Usage::default() })
    }
}

impl Events {
    fn hear(&mut self, event: Event, out: &mut VecDeque<Completion>) -> Result<(), HostFault> {
        let data = event.data.expose_into_bytes();
        if self.done || &*data == b"[DONE]" {
            return Ok(());
        }
        let document = Document::parse(data).map_err(|_| HostFault::Malformed("an event is not JSON"))?;
        let root = document.root();
        let text = |name| root.member(name).and_then(Value::text);
        let kind = text("type").unwrap_or_default();
        if kind == "error" || root.member("error").is_some_and(|error| !error.is_null()) {
            return Err(HostFault::Stated(errors::read_error_value(root)));
        }
        match &*kind {
            "transcript.text.delta" => self.say(&text("delta").unwrap_or_default(), out),
            "transcription.text.delta" => self.say(&text("text").unwrap_or_default(), out),
            "transcript.text.done" | "transcription.done" => {
                let seconds = root.member("usage").and_then(|usage| usage.member("seconds"));
                let billed = seconds.and_then(|seconds| millis(Some(seconds)).ok()).filter(|heard| *heard > 0);
                self.heard = mistral::heard(root).or(billed);
                let all = text("text").unwrap_or_else(|| self.text.as_str().into());
                out.push_back(transcript::done(&all, self.heard.unwrap_or(self.counted)));
                self.done = true;
                Ok(())
            }
            // The language, segments, and what is yet to be thought of.
            _ => Ok(()),
        }
    }

    fn say(&mut self, more: &str, out: &mut VecDeque<Completion>) -> Result<(), HostFault> {
        if self.text.len() + more.len() > LONGEST {
            return Err(HostFault::TooLong);
        }
        if !more.is_empty() {
            self.text.push_str(more);
            out.push_back(transcript::delta(more));
        }
        Ok(())
    }
}
