//! A transcript, whoever made it, and the five ways to write it (OpenAI's `response_format`).

mod events;
mod language;
mod written;

use std::fmt;

use crate::HostFault;
use crate::json::{Kind, Value};
use crate::question::Format;

pub(crate) use events::{EVENTS, delta, done};
pub(crate) use language::Language;
pub(crate) use written::written;

/// What was said in a recording. Times are in milliseconds from its beginning.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Transcript {
    /// All of it.
    pub(crate) text: String,
    /// The language that the host heard.
    pub(crate) language: Option<Language>,
    /// How long the recording is, as the host says.
    pub(crate) millis: Option<u64>,
    /// It in pieces.
    pub(crate) segments: Vec<Segment>,
    /// Each word, where that was asked for and the host gives it.
    pub(crate) words: Vec<Word>,
    /// The model that the host says has heard it.
    pub(crate) host_model: Option<Box<str>>,
}

/// One piece of a transcript.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Segment {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) text: String,
    /// How sure the host is of it, in the numbers of [`SURE`], as it wrote them.
    pub(crate) sure: [Option<String>; 4],
}

/// The numbers of a segment that tell how sure a host is of it, as OpenAI names them.
pub(crate) const SURE: [&str; 4] = ["temperature", "avg_logprob", "compression_ratio", "no_speech_prob"];

/// One word of a transcript.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Word {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) text: String,
}

/// What a caller wants of a transcript.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Wish {
    pub(crate) format: Format,
    /// Whether it is to come as events.
    pub(crate) stream: bool,
    /// Whether `verbose_json` is to have segments.
    pub(crate) segments: bool,
    /// Whether it is to have words.
    pub(crate) words: bool,
    /// What the caller says is spoken.
    pub(crate) language: Option<Language>,
    /// How long the recording is by its container.
    pub(crate) counted: u64,
}

impl Wish {
    /// Whether it cannot be written without times.
    pub(crate) const fn is_timed(&self) -> bool {
        match self.format {
            Format::Json | Format::Text => false,
            Format::Srt | Format::Vtt | Format::VerboseJson => true,
        }
    }
}

impl Transcript {
    /// The same with its pieces in order, each ending not before it begins. Pieces may overlap: people interrupt each other.
    #[must_use]
    pub(crate) fn in_order(mut self) -> Self {
        self.segments.sort_by_key(|one| one.start);
        self.words.sort_by_key(|one| one.start);
        self.segments.iter_mut().for_each(|one| one.end = one.end.max(one.start));
        self.words.iter_mut().for_each(|one| one.end = one.end.max(one.start));
        self
    }
}

impl Segment {
    /// With the numbers that a host of OpenAI's shape gives.
    pub(crate) fn sure_as(mut self, segment: Value<'_>) -> Self {
        for (name, number) in SURE.iter().zip(&mut self.sure) {
            let given = segment.member(name).filter(|value| value.kind() == Kind::Number);
            *number = given.and_then(|value| String::from_utf8(value.raw().to_vec()).ok());
        }
        self
    }
}

/// Beyond this nothing is a time of a recording, in seconds: a week.
const LONGEST: f64 = 604_800.0;

/// Seconds, as milliseconds. A time before the beginning is the beginning, as engines make it by rounding.
pub(crate) fn millis(value: Option<Value<'_>>) -> Result<u64, HostFault> {
    let seconds = value.and_then(Value::number).filter(|seconds| *seconds < LONGEST);
    let seconds = seconds.ok_or(HostFault::Malformed("a time is none"))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies within a week")]
    Ok((seconds.max(0.0) * 1_000.0).round() as u64)
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcript").field("segments", &self.segments.len()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Segment").field("start", &self.start).field("end", &self.end).finish_non_exhaustive()
    }
}

impl fmt::Debug for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Word").field("start", &self.start).field("end", &self.end).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
