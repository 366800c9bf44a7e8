use phi_words::{Capability, Refusal};

use super::{Found, invalid, tools, unsupported};
use crate::json::{Kind, Value};

/// `response_format`: text, any JSON object, or JSON of a schema.
pub(super) fn response_format(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    const NAME: &str = "response_format";
    let members = value.members().ok_or_else(|| invalid(NAME, "must be an object"))?;
    let format = value.member("type").and_then(Value::text);
    let known: &[&str] = match format.as_deref() {
        Some("text") => &["type"],
        Some("json_object") => {
            found.needs(Capability::JsonObject);
            &["type"]
        }
        Some("json_schema") => {
            found.needs(Capability::JsonSchema);
            &["type", "json_schema"]
        }
        Some(_) => {
            let hint = "use `text`, `json_object` or `json_schema`";
            return Err(unsupported(NAME, "has a type that is not supported", hint));
        }
        None => return Err(invalid(NAME, "must have a `type`")),
    };
    for (key, value) in members {
        match (&*key, known.contains(&&*key)) {
            ("json_schema", true) => json_schema(value, found)?,
            (_, true) => {}
            (_, false) => found.unknown(NAME, &key, known.iter().copied())?,
        }
    }
    if known.contains(&"json_schema") && value.member("json_schema").is_none() {
        return Err(invalid("response_format.json_schema", "is missing"));
    }
    Ok(())
}

fn json_schema(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    const NAME: &str = "response_format.json_schema";
    let members = value.members().ok_or_else(|| invalid(NAME, "must be an object"))?;
    let mut named = false;
    for (key, value) in members {
        match &*key {
            "name" => named = tools::is_name(value),
            "description" if matches!(value.kind(), Kind::Text | Kind::Null) => {}
            "strict" if matches!(value.kind(), Kind::True | Kind::False | Kind::Null) => {}
            "schema" => tools::schema("response_format.json_schema.schema", value)?,
            "description" | "strict" => return Err(invalid(NAME, "has a `description` or `strict` of the wrong type")),
            _ => found.unknown(NAME, &key, ["name", "description", "strict", "schema"])?,
        }
    }
    if named { Ok(()) } else { Err(invalid("response_format.json_schema.name", tools::NAME_RULE)) }
}

/// Whether a format is text, which is what comes anyway.
pub(crate) fn is_text(value: Value<'_>) -> bool {
    format_is(value, "text")
}

/// Whether a format is any JSON object.
pub(crate) fn is_json_object(value: Value<'_>) -> bool {
    format_is(value, "json_object")
}

fn format_is(value: Value<'_>, format: &str) -> bool {
    value.member("type").and_then(Value::text).is_some_and(|text| text == format)
}

/// `stream_options`: `include_usage`, and `include_obfuscation` where it is switched off, for we never pad.
pub(super) fn stream_options(value: Value<'_>, _: &mut Found) -> Result<(), Refusal> {
    const NAME: &str = "stream_options";
    for (key, value) in value.members().ok_or_else(|| invalid(NAME, "must be an object"))? {
        match (&*key, value.kind()) {
            ("include_usage", Kind::True | Kind::False | Kind::Null) => {}
            ("include_usage", _) => return Err(invalid("stream_options.include_usage", "must be a boolean")),
            ("include_obfuscation", Kind::False | Kind::Null) => {}
            _ => return Err(unsupported(NAME, "has an option that is not supported", "use `include_usage` alone")),
        }
    }
    Ok(())
}
