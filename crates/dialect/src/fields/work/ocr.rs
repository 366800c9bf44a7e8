use crate::fields::{Row, checks};

/// The fields of `POST /ocr` (<https://docs.mistral.ai/api/endpoint/ocr>).
pub(crate) const TABLE: &[Row] = &[
    Row::ours("model", |value, _| checks::text("model", value)),
    // What it holds is read by the question itself.
    Row::ours("document", |_, _| Ok(())),
    Row::ours("pages", |_, _| Ok(())),
    Row::translated("include_image_base64", |value, _| checks::boolean("include_image_base64", value)),
    Row::translated("image_limit", |value, _| checks::whole("image_limit", value, 0, 10_000)),
    Row::translated("image_min_size", |value, _| checks::whole("image_min_size", value, 0, 100_000)),
    Row::translated("table_format", |value, _| checks::one_of("table_format", value, &["markdown", "html"])),
    Row::moot("store", |value, _| checks::moot("store", value, &["false"])),
];
