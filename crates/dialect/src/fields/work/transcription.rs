use crate::fields::{Row, checks, invalid};

/// The formats of a transcript.
pub(crate) const FORMATS: &[&str] = &["json", "text", "srt", "vtt", "verbose_json"];

/// The fields of `POST /audio/transcriptions` beside the file (OpenAI's specification 2.3.0, `CreateTranscriptionRequest`).
pub(crate) const TABLE: &[Row] = &[
    Row::ours("model", |value, _| checks::text("model", value)),
    Row::ours("response_format", |value, _| checks::one_of("response_format", value, FORMATS)),
    Row::ours("stream", |value, _| checks::boolean("stream", value)),
    Row::translated("language", |value, _| checks::text("language", value)),
    Row::translated("prompt", |value, _| checks::text("prompt", value)),
    Row::translated("temperature", |value, _| checks::number("temperature", value, 0.0, 1.0)),
    Row::ours("timestamp_granularities", |value, _| {
        let rule = "must be `word`, `segment` or both";
        let mut items = value.items().ok_or_else(|| invalid("timestamp_granularities", rule))?;
        let fits = items.all(|item| item.is_text("word") || item.is_text("segment"));
        if fits { Ok(()) } else { Err(invalid("timestamp_granularities", rule)) }
    }),
    Row::moot("chunking_strategy", |value, _| checks::moot("chunking_strategy", value, &["\"auto\""])),
    Row::moot("store", |value, _| checks::moot("store", value, &["false"])),
    Row::rewritten("user", |value, _| checks::text("user", value)),
];
