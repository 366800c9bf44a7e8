use crate::fields::{Row, checks};

/// The formats of sound.
pub(crate) const FORMATS: &[&str] = &["mp3", "opus", "aac", "flac", "wav", "pcm"];

/// The fields of `POST /audio/speech` (OpenAI's specification 2.3.0, `CreateSpeechRequest`).
pub(crate) const TABLE: &[Row] = &[
    Row::ours("model", |value, _| checks::text("model", value)),
    Row::ours("input", |value, _| checks::text("input", value)),
    Row::ours("voice", |value, _| checks::text("voice", value)),
    Row::ours("response_format", |value, _| checks::one_of("response_format", value, FORMATS)),
    Row::ours("stream_format", |value, _| checks::one_of("stream_format", value, &["audio", "sse"])),
    Row::translated("speed", |value, _| checks::number("speed", value, 0.25, 4.0)),
    Row::translated("instructions", |value, _| checks::text("instructions", value)),
    Row::moot("store", |value, _| checks::moot("store", value, &["false"])),
    Row::rewritten("user", |value, _| checks::text("user", value)),
];
