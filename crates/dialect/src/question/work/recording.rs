use std::fmt;

use bytes::Bytes;
use phi_words::{Prompt, Refusal};

use super::form::Form;
use super::{Fields, Task};
use crate::fields::work::transcription::TABLE;
use crate::fields::{self, invalid};
use crate::json::Value;
use crate::multipart::Wrapping;
use crate::remote::Reading;

/// Sound that is to become text.
#[derive(Clone)]
pub(crate) struct Recording {
    /// The upload, not copied.
    pub(crate) sound: Bytes,
    /// How the transcript is to be written.
    pub(crate) format: Format,
    /// Whether it comes as it is heard.
    pub(crate) stream: bool,
    /// Whether each word is to have its time.
    pub(crate) words: bool,
}

/// How a transcript is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// The text, in JSON.
    Json,
    /// The text alone.
    Text,
    /// SubRip.
    Srt,
    /// WebVTT.
    Vtt,
    /// Text, language, length, segments and, where asked for, words.
    VerboseJson,
}

impl Recording {
    /// How long the sound is, in milliseconds, as far as its container tells.
    pub(super) fn millis(&self) -> u64 {
        0
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("format", &self.format)
            .field("bytes", &self.sound.len())
            .finish_non_exhaustive()
    }
}

/// Reads a body. One that is JSON is to be explained alone, and has no sound.
pub(super) fn read(wrapping: &Wrapping, body: Prompt, reading: Reading) -> Result<(Fields, Task), Refusal> {
    let (fields, sound) = match wrapping {
        Wrapping::Json => (body, Bytes::new()),
        Wrapping::Form(boundary) => {
            let form = Form::read(body.expose_bytes(), boundary, &["temperature", "stream"])?;
            let file = form.file.ok_or_else(|| invalid("file", "is missing"))?;
            if file.is_empty() {
                return Err(invalid("file", "is empty"));
            }
            (form.fields, file)
        }
    };
    let fields = Fields::read(TABLE, fields, reading)?;
    let format = match fields.field("response_format").and_then(Value::text).as_deref() {
        None | Some("json") => Format::Json,
        Some("text") => Format::Text,
        Some("srt") => Format::Srt,
        Some("vtt") => Format::Vtt,
        Some(_) => Format::VerboseJson,
    };
    let granularities = fields.field("timestamp_granularities").and_then(Value::items);
    let words = granularities.is_some_and(|mut all| all.any(|one| one.is_text("word")));
    if words && format != Format::VerboseJson {
        return Err(invalid("timestamp_granularities", "asks for words, which `verbose_json` alone has"));
    }
    let stream = fields.field("stream").and_then(Value::truth).unwrap_or(false);
    if stream && format != Format::Json {
        let hint = "leave `response_format` out, or `stream`";
        return Err(fields::unsupported("stream", "goes with `response_format` `json` alone", hint));
    }
    Ok((fields, Task::Transcription(Recording { sound, format, stream, words })))
}
