use phi_words::Refusal;

use crate::fields::{Found, Row, checks, invalid, unsupported};
use crate::json::{Kind, Value};

/// The fields of `POST /ocr` (<https://docs.mistral.ai/api/endpoint/ocr>; `OCRRequest` of the package `mistralai`, 3.7.0).
pub(crate) const TABLE: &[Row] = &[
    Row::ours("model", |value, _| checks::text("model", value)),
    Row::ours("document", document),
    // What they name is read by the question itself.
    Row::ours("pages", |_, _| Ok(())),
    Row::translated("include_image_base64", |value, _| checks::boolean("include_image_base64", value)),
    Row::translated("image_limit", |value, _| checks::whole("image_limit", value, 0, 10_000)),
    Row::translated("image_min_size", |value, _| checks::whole("image_min_size", value, 0, 100_000)),
    Row::translated("table_format", |value, _| checks::one_of("table_format", value, &["markdown", "html"])),
    Row::translated("extract_header", |value, _| checks::boolean("extract_header", value)),
    Row::translated("extract_footer", |value, _| checks::boolean("extract_footer", value)),
    Row::translated("include_blocks", |value, _| checks::boolean("include_blocks", value)),
    Row::translated("confidence_scores_granularity", |value, _| {
        checks::one_of("confidence_scores_granularity", value, &["word", "page", "block"])
    }),
    Row::translated("bbox_annotation_format", |value, found| annotation("bbox_annotation_format", value, found)),
    Row::translated("document_annotation_format", |value, found| {
        annotation("document_annotation_format", value, found)
    }),
    Row::translated("document_annotation_prompt", |value, _| checks::text("document_annotation_prompt", value)),
    // What the caller calls the request: no host is told.
    Row::translated("id", |value, _| checks::text("id", value)),
    Row::moot("store", |value, _| checks::moot("store", value, &["false"])),
];

/// The document: which kind of it, and nothing that we do not know. Where it stands is read by the question itself.
fn document(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let members = value.members().ok_or_else(|| invalid("document", "must be an object"))?;
    let kind = value.member("type").and_then(Value::text);
    let known: &[&str] = match kind.as_deref() {
        Some("document_url") => &["type", "document_url", "document_name"],
        Some("image_url") => &["type", "image_url"],
        Some("file") => {
            let hint = "send the document itself: `data:application/pdf;base64,…`, or a form with `file`";
            return Err(unsupported("document", "names a file that a host keeps", hint));
        }
        Some(_) | None => return Err(invalid("document.type", "must be `document_url` or `image_url`")),
    };
    for (key, value) in members {
        match &*key {
            "image_url" if known.contains(&"image_url") && value.kind() == Kind::Object => image_url(value, found)?,
            "document_name" if known.contains(&"document_name") && !value.is_null() => {
                checks::text("document.document_name", value)?;
            }
            name if known.contains(&name) => {}
            _ => found.unknown("document", &key, known.iter().copied())?,
        }
    }
    Ok(())
}

fn image_url(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    for (key, value) in value.members().into_iter().flatten() {
        match &*key {
            "url" => {}
            "detail" if value.is_null() => {}
            "detail" => checks::one_of("document.image_url.detail", value, &["auto", "low", "high"])?,
            _ => found.unknown("document.image_url", &key, ["url", "detail"])?,
        }
    }
    Ok(())
}

/// A format of annotations: `{"type":"json_schema","json_schema":{"name","schema"}}`.
fn annotation(name: &'static str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let rule = "must be `{\"type\":\"json_schema\",\"json_schema\":{\"name\":…,\"schema\":…}}`";
    let members = value.members().ok_or_else(|| invalid(name, rule))?;
    for (key, _) in members {
        if !["type", "json_schema"].contains(&&*key) {
            found.unknown(name, &key, ["type", "json_schema"])?;
        }
    }
    let is_schema = value.member("type").is_some_and(|kind| kind.is_text("json_schema"));
    let schema = value.member("json_schema").filter(|_| is_schema).ok_or_else(|| invalid(name, rule))?;
    let has = |key: &str, kind: Kind| schema.member(key).is_some_and(|value| value.kind() == kind);
    if !has("name", Kind::Text) || !has("schema", Kind::Object) {
        return Err(invalid(name, rule));
    }
    let known = ["name", "schema", "description", "strict"];
    for (key, _) in schema.members().into_iter().flatten() {
        if !known.contains(&&*key) {
            found.unknown(name, &key, known)?;
        }
    }
    Ok(())
}
