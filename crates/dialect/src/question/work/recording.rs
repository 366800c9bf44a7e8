use std::fmt;

use bytes::Bytes;
use phi_words::{Prompt, Refusal};

use super::form::Form;
use super::{Fields, Task};
use crate::container::{self, Contained};
use crate::fields::work::transcription::TABLE;
use crate::fields::{self, invalid};
use crate::json::Value;
use crate::multipart::Wrapping;
use crate::remote::Reading;
use crate::transcript::{Language, Wish};

/// Sound that is to become text.
#[derive(Clone)]
pub(crate) struct Recording {
    /// The upload, not copied.
    pub(crate) sound: Bytes,
    /// What it is. Of a request that is explained alone nothing is known: there it is none.
    pub(crate) contained: Option<Contained>,
    /// What is wanted of it.
    pub(crate) wish: Wish,
}

/// How a transcript is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// The text, in JSON.
    Json,
    /// The text alone.
    Text,
    /// `SubRip`.
    Srt,
    /// `WebVTT`.
    Vtt,
    /// Text, language, length, segments and, where asked for, words.
    VerboseJson,
}

impl Recording {
    /// How long the sound is, in milliseconds, as its container tells.
    pub(super) fn millis(&self) -> u64 {
        self.contained.map_or(0, |contained| contained.millis)
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording")
            .field("contained", &self.contained)
            .field("bytes", &self.sound.len())
            .finish_non_exhaustive()
    }
}

/// Reads a body. One that is JSON is to be explained alone, and has no sound.
pub(super) fn read(wrapping: &Wrapping, body: Prompt, reading: Reading) -> Result<(Fields, Task), Refusal> {
    let (fields, sound) = match wrapping {
        Wrapping::Json => (body, None),
        Wrapping::Form(boundary) => {
            let form = Form::read(body.expose_bytes(), boundary, &["temperature", "stream"])?;
            (form.fields, Some(form.file.ok_or_else(|| invalid("file", "is missing"))?))
        }
    };
    let fields = Fields::read(TABLE, fields, reading)?;
    let contained = sound.as_ref().map(|sound| container::read(sound)).transpose();
    let contained = contained.map_err(|what| invalid("file", what))?;
    let wish = wish(&fields, contained.map_or(0, |contained| contained.millis))?;
    Ok((fields, Task::Transcription(Recording { sound: sound.unwrap_or_default(), contained, wish })))
}

fn wish(fields: &Fields, counted: u64) -> Result<Wish, Refusal> {
    let format = match fields.field("response_format").and_then(Value::text).as_deref() {
        None | Some("json") => Format::Json,
        Some("text") => Format::Text,
        Some("srt") => Format::Srt,
        Some("vtt") => Format::Vtt,
        Some(_) => Format::VerboseJson,
    };
    let asks = |what: &str| {
        let mut items = fields.field("timestamp_granularities").and_then(Value::items);
        items.as_mut().is_some_and(|all| all.any(|one| one.is_text(what)))
    };
    let words = asks("word");
    if words && format != Format::VerboseJson {
        return Err(invalid("timestamp_granularities", "asks for words, which `verbose_json` alone has"));
    }
    let stream = fields.field("stream").and_then(Value::truth).unwrap_or(false);
    if stream && format != Format::Json {
        let hint = "leave `response_format` out, or `stream`";
        return Err(fields::unsupported("stream", "goes with `response_format` `json` alone", hint));
    }
    let language = fields.field("language").and_then(Value::text);
    let language = language.and_then(|text| Language::parse(&text));
    // As OpenAI has it: segments are there unless words alone are asked for.
    Ok(Wish { format, stream, segments: !words || asks("segment"), words, language, counted })
}
