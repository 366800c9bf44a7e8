use crate::fields::{Row, checks};

/// The fields of `POST /images/generations` (OpenAI's specification 2.3.0, `CreateImageRequest`).
pub(crate) const TABLE: &[Row] = &[
    Row::ours("model", |value, _| checks::text("model", value)),
    Row::ours("prompt", |value, _| checks::text("prompt", value)),
    Row::ours("n", |value, _| checks::whole("n", value, 1, 10)),
    Row::ours("size", |value, _| checks::text("size", value)),
    Row::ours("response_format", |value, _| checks::one_of("response_format", value, &["url", "b64_json"])),
    Row::moot("stream", |value, _| checks::moot("stream", value, &["false"])),
    Row::moot("store", |value, _| checks::moot("store", value, &["false"])),
    Row::rewritten("user", |value, _| checks::text("user", value)),
];
