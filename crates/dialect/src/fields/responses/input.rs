use phi_words::{Capability, Refusal};

use super::super::{Found, invalid, messages, unsupported};
use crate::json::{Kind, Value};
use crate::remote::Shape;

/// `input`: a text, or a list of items.
pub(super) fn check(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    if value.kind() == Kind::Text {
        return Ok(());
    }
    let items = value.items().ok_or_else(|| invalid("input", "must be a string or a list of items"))?;
    let mut count = 0_usize;
    for (index, item) in items.enumerate() {
        check_item(&format!("input[{index}]"), item, found)?;
        count += 1;
    }
    if count == 0 { Err(invalid("input", "must not be empty")) } else { Ok(()) }
}

/// What an item may hold, by its type. `id`, `status` and `phase` mean nothing to us, but stand in what clients send back.
fn check_item(path: &str, item: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    if item.kind() != Kind::Object {
        return Err(invalid(path.to_owned(), "must be an object"));
    }
    let kind = item.member("type").and_then(Value::text);
    let (texts, others): (&[&str], &[&str]) = match kind.as_deref() {
        Some("message") | None => (&[], &["role", "content"]),
        Some("function_call") => (&["call_id", "name", "arguments"], &[]),
        Some("function_call_output") => (&["call_id"], &["output"]),
        Some("reasoning") => (&[], &["summary"]),
        Some("item_reference") => (&["id"], &[]),
        Some(_) => {
            let hint = "use `message`, `function_call`, `function_call_output`, `reasoning` or `item_reference`";
            return Err(unsupported(format!("{path}.type"), "is not an item that is taken", hint));
        }
    };
    let (is_reasoning, is_call) = (kind.as_deref() == Some("reasoning"), kind.as_deref() == Some("function_call"));
    if let Some(missing) = texts.iter().chain(others).find(|name| item.member(name).is_none() && !is_reasoning) {
        return Err(invalid(format!("{path}.{missing}"), "is missing"));
    }
    for (key, value) in item.members().into_iter().flatten() {
        let is_text = matches!(value.kind(), Kind::Text);
        match &*key {
            name if texts.contains(&name) && is_text => {}
            name if texts.contains(&name) => return Err(invalid(format!("{path}.{key}"), "must be a string")),
            "type" => {}
            "id" | "status" | "phase" if is_text || value.is_null() => {}
            "namespace" if is_call && (is_text || value.is_null()) => {}
            "encrypted_content" if is_reasoning && (is_text || value.is_null()) => {}
            "content" if is_reasoning && value.is_null() => {}
            "content" if is_reasoning => check_texts(&format!("{path}.content"), value, "reasoning_text")?,
            "summary" if is_reasoning => check_texts(&format!("{path}.summary"), value, "summary_text")?,
            "role" if others.contains(&"role") => check_role(path, value)?,
            "content" if others.contains(&"content") => {
                let is_answer = item.member("role").and_then(Value::text).is_some_and(|role| role == "assistant");
                check_content(&format!("{path}.content"), value, is_answer, found)?;
            }
            "output" if others.contains(&"output") => check_content(&format!("{path}.output"), value, false, found)?,
            "id" | "status" | "phase" | "encrypted_content" | "namespace" => {
                return Err(invalid(format!("{path}.{key}"), "has no place here, or must be a string"));
            }
            _ => {
                let known = ["type", "id", "status", "phase", "encrypted_content"].iter().chain(texts).chain(others);
                found.unknown(path, &key, known.copied())?;
            }
        }
    }
    Ok(())
}

fn check_role(path: &str, role: Value<'_>) -> Result<(), Refusal> {
    match role.text().as_deref() {
        Some("user" | "assistant" | "system" | "developer") => Ok(()),
        Some(_) | None => Err(invalid(format!("{path}.role"), "must be `user`, `assistant`, `system` or `developer`")),
    }
}

/// A list of texts of one type.
fn check_texts(path: &str, value: Value<'_>, kind: &str) -> Result<(), Refusal> {
    let is_one = |item: Value<'_>| {
        item.member("type").and_then(Value::text).is_some_and(|word| word == kind)
            && item.member("text").is_some_and(|text| text.kind() == Kind::Text)
    };
    match value.items().is_some_and(|mut items| items.all(is_one)) {
        true => Ok(()),
        false => Err(invalid(path.to_owned(), &format!("must be a list of `{kind}`"))),
    }
}

/// A text, or a list of parts.
fn check_content(path: &str, value: Value<'_>, is_answer: bool, found: &mut Found) -> Result<(), Refusal> {
    if value.kind() == Kind::Text {
        return Ok(());
    }
    let parts = value.items().ok_or_else(|| invalid(path.to_owned(), "must be a string or a list of parts"))?;
    for (index, part) in parts.enumerate() {
        check_part(&format!("{path}[{index}]"), part, is_answer, found)?;
    }
    Ok(())
}

fn check_part(path: &str, part: Value<'_>, is_answer: bool, found: &mut Found) -> Result<(), Refusal> {
    let kind = part.member("type").and_then(Value::text);
    let (needed, known): (&str, &[&str]) = match (kind.as_deref(), is_answer) {
        (Some("input_text"), _) => ("text", &["type", "text"]),
        // Where the text was from, and how likely it was: a host does not take these back.
        (Some("output_text"), _) => ("text", &["type", "text", "annotations", "logprobs"]),
        (Some("refusal"), true) => ("refusal", &["type", "refusal"]),
        (Some("input_image"), false) => {
            found.needs(Capability::Vision);
            ("image_url", &["type", "image_url", "detail"])
        }
        (Some("input_file"), false) => ("file_data", &["type", "file_data", "filename"]),
        (Some("input_audio"), false) => ("input_audio", &["type", "input_audio"]),
        (Some(_), _) => {
            let hint = if is_answer {
                "use `output_text` or `refusal`"
            } else {
                "use `input_text`, `input_image` or `input_file`"
            };
            return Err(unsupported(format!("{path}.type"), "is not a part that is taken here", hint));
        }
        (None, _) => return Err(invalid(path.to_owned(), "must be an object with a `type`")),
    };
    for (key, value) in part.members().into_iter().flatten() {
        match (&*key, value.kind()) {
            ("file_id" | "file_url", Kind::Null) => {}
            ("file_id" | "file_url", _) => {
                let hint = "send the bytes themselves: `image_url` or `file_data` of `data:…;base64,…`";
                return Err(unsupported(format!("{path}.{key}"), "is not inside the request", hint));
            }
            (name, _) if !known.contains(&name) => found.unknown(path, &key, known.iter().copied())?,
            ("type" | "annotations" | "logprobs", _) | ("text" | "refusal", Kind::Text) => {}
            ("detail" | "filename", Kind::Text | Kind::Null) => {}
            ("image_url", _) if messages::is_inline_image(value) => {}
            ("image_url", _) => found.remote(format!("{path}.image_url"), value, (value, Shape::Url))?,
            ("file_data", _) if pdf(value).is_some() => {}
            ("file_data", _) => {
                let hint = "send the document itself: `data:application/pdf;base64,…`";
                return Err(unsupported(format!("{path}.file_data"), "is not a PDF inside the request", hint));
            }
            ("input_audio", _) => messages::check_audio(&format!("{path}.input_audio"), value, found)?,
            _ => return Err(invalid(format!("{path}.{key}"), "is of the wrong type")),
        }
    }
    if part.member(needed).is_some() { Ok(()) } else { Err(invalid(format!("{path}.{needed}"), "is missing")) }
}

/// The base64 of a PDF in a data URL.
pub(crate) fn pdf(value: Value<'_>) -> Option<String> {
    let url = value.text()?;
    let data = url.strip_prefix("data:application/pdf;base64,")?;
    let is_base64 =
        !data.is_empty() && data.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'='));
    is_base64.then(|| data.to_owned())
}
