use super::{Row, checks};

/// The fields of `POST /embeddings` (OpenAI's specification 2.3.0, `CreateEmbeddingRequest`).
pub(crate) const TABLE: &[Row] = &[
    Row::ours("model", |value, _| checks::text("model", value)),
    // What it holds is read by the question itself.
    Row::ours("input", |_, _| Ok(())),
    Row::ours("encoding_format", |value, _| checks::one_of("encoding_format", value, &["float", "base64"])),
    Row::moot("store", |value, _| checks::moot("store", value, &["false"])),
    Row::moot("background", |value, _| checks::moot("background", value, &["false"])),
    Row::moot("service_tier", |value, _| checks::moot("service_tier", value, &["\"auto\"", "\"default\""])),
    Row::moot("stream", |value, _| checks::moot("stream", value, &["false"])),
    Row::translated("dimensions", |value, _| checks::whole("dimensions", value, 1, 65_536)),
    Row::rewritten("user", |value, _| checks::text("user", value)),
    Row::rewritten("safety_identifier", |value, _| checks::text("safety_identifier", value)),
    Row::rewritten("prompt_cache_key", |value, _| checks::text("prompt_cache_key", value)),
    Row::rewritten("metadata", |value, _| checks::metadata("metadata", value)),
];
