//! A transcript, whoever made it, and the five ways to write it (OpenAI's `response_format`).

mod written;

use std::fmt;

pub(crate) use written::written;

/// What was said in a recording. Times are in milliseconds from its beginning.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Transcript {
    /// All of it.
    pub(crate) text: String,
    /// The language, as the host names it.
    pub(crate) language: Option<String>,
    /// How long the recording is.
    pub(crate) millis: Option<u64>,
    /// It in pieces, in order.
    pub(crate) segments: Vec<Segment>,
    /// Each word, where that was asked for and the host gives it.
    pub(crate) words: Vec<Word>,
}

/// One piece of a transcript.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Segment {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) text: String,
}

/// One word of a transcript.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Word {
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) text: String,
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcript").field("segments", &self.segments.len()).finish_non_exhaustive()
    }
}
