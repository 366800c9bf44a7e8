use phi_words::{Capability, Refusal};

use super::responses::input::pdf;
use super::{Found, invalid, unsupported};
use crate::json::{Kind, List, Object, Value};
use crate::remote::Shape;

/// What becomes of one key of a message; `null` counts as absent for all but the content.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Role,
    Content,
    Text,
    ToolCalls,
    /// What a host said beside its answer, which clients send back with it: no host needs it, few take it.
    Dropped(&'static str),
    Refused,
    Unknown,
}

/// The keys of a message, in every role.
const KEYS: &[&str] = &[
    "role",
    "content",
    "name",
    "refusal",
    "tool_calls",
    "tool_call_id",
    "audio",
    "function_call",
    "annotations",
    "reasoning",
    "reasoning_content",
];

fn key(role: &str, key: &str) -> Key {
    match (role, key) {
        (_, "role") => Key::Role,
        (_, "content") => Key::Content,
        ("system" | "developer" | "user" | "assistant", "name") => Key::Text,
        ("tool", "tool_call_id") | ("assistant", "refusal") => Key::Text,
        ("assistant", "tool_calls") => Key::ToolCalls,
        ("assistant", "annotations") => Key::Dropped("messages.annotations"),
        ("assistant", "reasoning") => Key::Dropped("messages.reasoning"),
        ("assistant", "reasoning_content") => Key::Dropped("messages.reasoning_content"),
        _ if KEYS.contains(&key) => Key::Refused,
        _ => Key::Unknown,
    }
}

/// Checks `messages`, down to the parts of their content.
pub(super) fn check(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let items = value.items().ok_or_else(|| invalid("messages", "must be a list"))?;
    let mut count = 0_usize;
    for (index, message) in items.enumerate() {
        check_message(&format!("messages[{index}]"), message, found)?;
        count += 1;
    }
    if count == 0 { Err(invalid("messages", "must not be empty")) } else { Ok(()) }
}

fn check_message(path: &str, message: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let members = message.members().ok_or_else(|| invalid(path.to_owned(), "must be an object"))?;
    let role = message.member("role").and_then(Value::text).unwrap_or_default();
    if !["system", "developer", "user", "assistant", "tool"].contains(&&*role) {
        let rule = "must be `system`, `developer`, `user`, `assistant` or `tool`";
        return Err(invalid(format!("{path}.role"), rule));
    }
    let mut answers = false;
    for (name, value) in members {
        let kind = key(&role, &name);
        if kind == Key::Unknown {
            found.unknown(path, &name, KEYS.iter().copied())?;
            continue;
        }
        if value.is_null() {
            continue;
        }
        match kind {
            Key::Role | Key::Dropped(_) | Key::Unknown => {}
            Key::Content => check_content(&format!("{path}.content"), &role, value, found)?,
            Key::Text if value.kind() == Kind::Text => {}
            Key::Text => return Err(invalid(format!("{path}.{name}"), "must be a string")),
            Key::ToolCalls => check_tool_calls(&format!("{path}.tool_calls"), value, found)?,
            Key::Refused => {
                return Err(unsupported(
                    format!("{path}.{name}"),
                    "has no place in a message of this role",
                    "take it out",
                ));
            }
        }
        answers |= matches!(&*name, "content" | "tool_calls" | "refusal");
    }
    if !answers && role != "assistant" {
        return Err(invalid(format!("{path}.content"), "is missing"));
    }
    if role == "tool" && message.member("tool_call_id").is_none() {
        return Err(invalid(format!("{path}.tool_call_id"), "is missing"));
    }
    Ok(())
}

/// Content that is a string or a list of texts.
pub(super) fn plain_content(path: &str, value: Value<'_>) -> Result<(), Refusal> {
    let is_text = |part: Value<'_>| {
        part.member("type").and_then(Value::text).is_some_and(|kind| kind == "text")
            && part.member("text").is_some_and(|text| text.kind() == Kind::Text)
            && part.members().is_some_and(|members| members.count() == 2)
    };
    let fits = match value.items() {
        Some(mut items) => items.all(is_text),
        None => value.kind() == Kind::Text,
    };
    if fits { Ok(()) } else { Err(invalid(path.to_owned(), "must be a string or a list of texts")) }
}

fn check_content(path: &str, role: &str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    if value.kind() == Kind::Text {
        return Ok(());
    }
    let rule = "must be a string, or a list of parts that is not empty";
    let items = value.items().ok_or_else(|| invalid(path.to_owned(), rule))?;
    let mut count = 0_usize;
    for (index, part) in items.enumerate() {
        check_part(&format!("{path}[{index}]"), role, part, found)?;
        count += 1;
    }
    if count == 0 { Err(invalid(path.to_owned(), rule)) } else { Ok(()) }
}

fn check_part(path: &str, role: &str, part: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let members = part.members().ok_or_else(|| invalid(path.to_owned(), "must be an object"))?;
    let kind = part.member("type").and_then(Value::text);
    let body = match (role, kind.as_deref()) {
        (_, Some("text")) => "text",
        ("assistant", Some("refusal")) => "refusal",
        ("user", Some("image_url")) => "image_url",
        ("user", Some("input_audio")) => "input_audio",
        ("user", Some("file")) => "file",
        (_, Some(_)) => {
            let hint = "use `text`, and in messages of the user `image_url`, `input_audio` and `file`";
            return Err(unsupported(path.to_owned(), "has a type that is not supported here", hint));
        }
        (_, None) => return Err(invalid(path.to_owned(), "must have a `type`")),
    };
    let mut filled = false;
    for (key, value) in members {
        if key == body {
            filled = true;
            match body {
                "image_url" => check_image(&format!("{path}.image_url"), value, found)?,
                "input_audio" => check_audio(&format!("{path}.input_audio"), value, found)?,
                "file" => check_file(&format!("{path}.file"), value, found)?,
                _ if value.kind() == Kind::Text => {}
                _ => return Err(invalid(format!("{path}.{body}"), "must be a string")),
            }
        } else if key != "type" {
            found.unknown(path, &key, ["type", body])?;
        }
    }
    if filled { Ok(()) } else { Err(invalid(format!("{path}.{body}"), "is missing")) }
}

/// An image inside the request, or where it stands if it may stand elsewhere: no host is ever told an address.
fn check_image(path: &str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    found.needs(Capability::Vision);
    let members = value.members().ok_or_else(|| invalid(path.to_owned(), "must be an object"))?;
    let mut there = false;
    for (key, value) in members {
        match &*key {
            "url" => {
                there = true;
                if !is_inline_image(value) {
                    found.remote(format!("{path}.url"), value, (value, Shape::Url))?;
                }
            }
            "detail" if matches!(value.kind(), Kind::Text | Kind::Null) => {}
            "detail" => return Err(invalid(format!("{path}.detail"), "must be a string")),
            _ => found.unknown(path, &key, ["url", "detail"])?,
        }
    }
    if there { Ok(()) } else { Err(invalid(format!("{path}.url"), "is missing")) }
}

pub(super) fn is_inline_image(value: Value<'_>) -> bool {
    let Some(url) = value.text() else { return false };
    let types = ["png", "jpeg", "jpg", "gif", "webp"];
    let data =
        types.iter().find_map(|kind| url.strip_prefix("data:image/")?.strip_prefix(kind)?.strip_prefix(";base64,"));
    data.is_some_and(|data| {
        !data.is_empty() && data.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
    })
}

pub(super) fn check_audio(path: &str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    found.needs(Capability::Audio);
    let members = value.members().ok_or_else(|| invalid(path.to_owned(), "must be an object"))?;
    for (key, value) in members {
        match &*key {
            "data" if value.kind() == Kind::Text => {}
            "format" if value.text().is_some_and(|format| format == "wav" || format == "mp3") => {}
            "data" | "format" => {
                return Err(invalid(path.to_owned(), "must have base64 `data`, and a `format` of `wav` or `mp3`"));
            }
            _ => found.unknown(path, &key, ["data", "format"])?,
        }
    }
    match (value.member("data"), value.member("format")) {
        (Some(_), Some(_)) => Ok(()),
        _ => Err(invalid(path.to_owned(), "must have `data` and `format`")),
    }
}

/// A PDF inside the request: no file that a host keeps, and none that stands elsewhere.
fn check_file(path: &str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let hint = "send the document itself: `file_data` of `data:application/pdf;base64,…`";
    for (key, value) in value.members().ok_or_else(|| invalid(path.to_owned(), "must be an object"))? {
        match (&*key, value.kind()) {
            ("file_id", Kind::Null) | ("filename", Kind::Text | Kind::Null) => {}
            ("file_data", _) if pdf(value).is_some() => {}
            ("file_id" | "file_data", _) => {
                return Err(unsupported(format!("{path}.{key}"), "is not a PDF inside the request", hint));
            }
            ("filename", _) => return Err(invalid(format!("{path}.filename"), "must be a string")),
            _ => found.unknown(path, &key, ["file_id", "file_data", "filename"])?,
        }
    }
    match value.member("file_data") {
        Some(_) => Ok(()),
        None => Err(invalid(format!("{path}.file_data"), "is missing")),
    }
}

/// Whether messages hold documents.
pub(crate) fn has_files(messages: Value<'_>) -> bool {
    let is_file = |part: Value<'_>| part.member("type").is_some_and(|kind| kind.is_text("file"));
    let has_file = |content: Value<'_>| content.items().is_some_and(|mut parts| parts.any(is_file));
    let mut contents = messages.items().into_iter().flatten().filter_map(|message| message.member("content"));
    contents.any(has_file)
}

fn check_tool_calls(path: &str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let rule = "must be a list of calls, each with `id`, `type` `function`, and a `function` of `name` and `arguments`";
    for call in value.items().ok_or_else(|| invalid(path.to_owned(), rule))? {
        let is_text = |value: Option<Value<'_>>| value.is_some_and(|value| value.kind() == Kind::Text);
        let function = call.member("function");
        let typed = call.member("type").and_then(Value::text).is_some_and(|kind| kind == "function");
        let named = is_text(function.and_then(|function| function.member("name")));
        let called = is_text(function.and_then(|function| function.member("arguments")));
        if !(typed && named && called && is_text(call.member("id"))) {
            return Err(invalid(path.to_owned(), rule));
        }
        let known = ["id", "type", "function", EXTRA];
        for (key, value) in call.members().into_iter().flatten() {
            if key == EXTRA && !value.is_null() {
                check_extra(&format!("{path}.{EXTRA}"), value)?;
            } else if !known.contains(&&*key) {
                found.unknown(path, &key, known)?;
            }
        }
        let (path, known) = (format!("{path}.function"), ["name", "arguments"]);
        let members = function.and_then(Value::members).into_iter().flatten();
        for (key, _) in members.filter(|(key, _)| !known.contains(&&**key)) {
            found.unknown(&path, &key, known)?;
        }
    }
    Ok(())
}

/// What Google puts into a call: its seal of the thought behind it, which has to come back
/// (<https://ai.google.dev/gemini-api/docs/thought-signatures>).
const EXTRA: &str = "extra_content";

fn check_extra(path: &str, extra: Value<'_>) -> Result<(), Refusal> {
    let seal = extra.member("google").and_then(|google| google.member("thought_signature"));
    let alone = |value: Value<'_>| value.members().is_some_and(|members| members.count() == 1);
    let stands = seal.is_some_and(|seal| seal.kind() == Kind::Text) && alone(extra);
    if stands && extra.member("google").is_some_and(alone) {
        return Ok(());
    }
    Err(unsupported(path.to_owned(), "is not the seal of a call", "give back `google.thought_signature` as it came"))
}

/// Writes checked messages anew, and names what it leaves out. Only an open body takes keys that we do not know.
pub(crate) fn render(list: &mut List, value: Value<'_>, takes: Takes, left_out: &mut Vec<&'static str>) {
    for message in value.items().into_iter().flatten() {
        list.object(|object| render_message(object, message, takes, left_out));
    }
}

/// What a host takes in messages beside what all take.
#[derive(Clone, Copy)]
pub(crate) struct Takes {
    /// Keys that we do not know.
    pub(crate) unknown: bool,
    /// Seals of calls.
    pub(crate) seals: bool,
}

fn render_message(object: &mut Object, message: Value<'_>, takes: Takes, left_out: &mut Vec<&'static str>) {
    let mut leave_out = |field| {
        if !left_out.contains(&field) {
            left_out.push(field);
        }
    };
    let role = message.member("role").and_then(Value::text).unwrap_or_default();
    for (name, value) in message.members().into_iter().flatten() {
        let kept = match key(&role, &name) {
            Key::Content => true,
            Key::Unknown => takes.unknown,
            Key::ToolCalls if !takes.seals && is_sealed(value) => {
                leave_out("messages.tool_calls.extra_content");
                object.list(&name, |list| {
                    value.items().into_iter().flatten().for_each(|call| list.object(|out| unsealed(out, call)));
                });
                false
            }
            Key::Role | Key::Text | Key::ToolCalls => !value.is_null(),
            Key::Dropped(field) => {
                if !value.is_null() {
                    leave_out(field);
                }
                false
            }
            Key::Refused => false,
        };
        if kept {
            object.raw(&name, value.raw());
        }
    }
}

fn is_sealed(calls: Value<'_>) -> bool {
    calls.items().into_iter().flatten().any(|call| call.member(EXTRA).is_some())
}

fn unsealed(out: &mut Object, call: Value<'_>) {
    for (key, value) in call.members().into_iter().flatten().filter(|(key, _)| key != EXTRA) {
        out.raw(&key, value.raw());
    }
}
