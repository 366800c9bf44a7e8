use phi_words::{Capability, Refusal};

use super::super::{Found, invalid, unsupported};
use super::{cache, kind};
use crate::json::{Kind, Value};
use crate::remote::Shape;

/// Where a block stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    System,
    User,
    Assistant,
    /// In the result of a tool.
    Result,
}

/// `messages`, down to the blocks of their content.
pub(super) fn messages(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let mut count = 0_usize;
    for (index, message) in value.items().ok_or_else(|| invalid("messages", "must be a list"))?.enumerate() {
        check_message(&format!("messages[{index}]"), message, found)?;
        count += 1;
    }
    if count == 0 { Err(invalid("messages", "must not be empty")) } else { Ok(()) }
}

/// `system`: a text or a list of texts.
pub(super) fn system(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    content("system", Place::System, value, found)
}

fn check_message(path: &str, message: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let members = message.members().ok_or_else(|| invalid(path.to_owned(), "must be an object"))?;
    let place = match message.member("role").and_then(Value::text).as_deref() {
        Some("user") => Place::User,
        Some("assistant") => Place::Assistant,
        Some("system") => Place::System,
        Some(_) | None => {
            return Err(invalid(format!("{path}.role"), "must be `user`, `assistant` or `system`"));
        }
    };
    for (key, value) in members {
        match &*key {
            "role" => {}
            "content" => content(&format!("{path}.content"), place, value, found)?,
            _ => found.unknown(path, &key, ["role", "content"])?,
        }
    }
    match message.member("content") {
        Some(_) => Ok(()),
        None => Err(invalid(format!("{path}.content"), "is missing")),
    }
}

fn content(path: &str, place: Place, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    if value.kind() == Kind::Text {
        return Ok(());
    }
    let items = value.items().ok_or_else(|| invalid(path.to_owned(), "must be a string or a list of blocks"))?;
    for (index, block) in items.enumerate() {
        check_block(&format!("{path}[{index}]"), place, block, found)?;
    }
    Ok(())
}

/// The keys of a block of this type, of which those of `needed` must be there; `None` where there is no such block here.
fn keys(place: Place, kind: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match (place, kind) {
        (_, "text") => (&["type", "text", "cache_control", "citations"], &["text"]),
        (Place::User | Place::Result, "image") => {
            (&["type", "source", "cache_control", "transformations"], &["source"])
        }
        (Place::User | Place::Result, "document") => {
            (&["type", "source", "title", "context", "citations", "cache_control"], &["source"])
        }
        (Place::User, "tool_result") => {
            (&["type", "tool_use_id", "content", "is_error", "toolset_name", "cache_control"], &["tool_use_id"])
        }
        (Place::User, "mid_conv_system") => (&["type", "content", "cache_control"], &["content"]),
        (Place::Assistant, "thinking") => (&["type", "thinking", "signature"], &["thinking"]),
        (Place::Assistant, "redacted_thinking") => (&["type", "data"], &["data"]),
        (Place::Assistant, "tool_use") => {
            (&["type", "id", "name", "input", "caller", "toolset_name", "cache_control"], &["id", "name", "input"])
        }
        _ => return None,
    })
}

fn check_block(path: &str, place: Place, block: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let kind = kind(path, block)?;
    let Some((known, needed)) = keys(place, &kind) else {
        let hint =
            "use `text`, of the user `image`, `document` and `tool_result`, of the assistant `tool_use` and `thinking`";
        return Err(unsupported(path.to_owned(), "has a type that is not supported here", hint));
    };
    if let Some(missing) = needed.iter().find(|name| block.member(name).is_none()) {
        return Err(invalid(format!("{path}.{missing}"), "is missing"));
    }
    for (key, value) in block.members().into_iter().flatten() {
        if !known.contains(&&*key) {
            found.unknown(path, &key, known.iter().copied())?;
        } else if !value.is_null() {
            check_key(&format!("{path}.{key}"), &kind, &key, value, found)?;
        }
    }
    Ok(())
}

fn check_key(path: &str, block: &str, key: &str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let (fits, rule) = match (block, key) {
        (_, "type") => return Ok(()),
        (_, "cache_control") => return cache(path, value, found),
        ("image", "source") => return image(path, value, found),
        ("document", "source") => return document(path, value, found),
        ("tool_use" | "tool_result", "toolset_name") => {
            return Err(unsupported(path.to_owned(), "names tools of the host's own", "leave it out"));
        }
        ("image", "transformations") => {
            let is_none =
                value.members().is_some_and(|mut members| members.all(|(_, value)| value.is_text("downsize")));
            if !is_none {
                return Err(unsupported(
                    path.to_owned(),
                    "is not supported",
                    "send the image as small as it has to be",
                ));
            }
            return Ok(());
        }
        ("document", "context") => {
            let hint = "say it as a text beside the document";
            return Err(unsupported(path.to_owned(), "is not supported", hint));
        }
        ("document", "citations") => {
            if value.member("enabled").and_then(Value::truth) == Some(true) {
                return Err(unsupported(path.to_owned(), "is not supported", "leave `citations` out"));
            }
            (value.kind() == Kind::Object, "must be an object")
        }
        // What an answer cited, which is given back with it.
        ("text", "citations") => (value.kind() == Kind::List, "must be a list"),
        ("tool_result", "content") => return content(path, Place::Result, value, found),
        ("mid_conv_system", "content") => return content(path, Place::System, value, found),
        ("tool_result", "is_error") => (value.truth().is_some(), "must be a boolean"),
        ("tool_use", "input") => (value.kind() == Kind::Object, "must be an object"),
        ("tool_use", "caller") => {
            let is_model = value.member("type").is_some_and(|kind| kind.is_text("direct"));
            (is_model, "must be of type `direct`: hosts run no tools here")
        }
        ("tool_use", "id" | "name") | ("tool_result", "tool_use_id") => {
            let is_short = value.text().is_some_and(|text| (1..=256).contains(&text.len()));
            (is_short, "must be a string of 1 to 256 bytes")
        }
        _ => (value.kind() == Kind::Text, "must be a string"),
    };
    if fits { Ok(()) } else { Err(invalid(path.to_owned(), rule)) }
}

/// Where bytes stand: within the request. An address is refused: somebody would have to fetch it, and so learn of the
/// request; and so is a file that a host keeps.
fn source<'d>(path: &str, value: Value<'d>, found: &mut Found) -> Result<std::borrow::Cow<'d, str>, Refusal> {
    let kind = kind(path, value)?;
    if !matches!(&*kind, "base64" | "text") {
        let hint = "send what it holds, in base64";
        return Err(unsupported(path.to_owned(), "is not inside the request", hint));
    }
    let known = ["type", "media_type", "data"];
    for (key, value) in value.members().into_iter().flatten() {
        match (&*key, value.kind()) {
            ("type" | "media_type" | "data", Kind::Text) => {}
            ("media_type" | "data", _) => return Err(invalid(format!("{path}.{key}"), "must be a string")),
            _ => found.unknown(path, &key, known)?,
        }
    }
    Ok(kind)
}

fn image(path: &str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    found.needs(Capability::Vision);
    if value.member("type").is_some_and(|kind| kind.is_text("url")) {
        return address(path, value, found);
    }
    let kind = source(path, value, found)?;
    let types = ["image/jpeg", "image/png", "image/gif", "image/webp"];
    let is_image = value.member("media_type").is_some_and(|media| types.iter().any(|kind| media.is_text(kind)));
    if kind == "base64" && is_image && value.member("data").is_some_and(is_base64) {
        return Ok(());
    }
    Err(invalid(path.to_owned(), "must be a jpeg, png, gif or webp in base64"))
}

/// An image that stands elsewhere: its source gives way to the image itself.
fn address(path: &str, source: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    if source.members().into_iter().flatten().any(|(key, _)| !["type", "url"].contains(&&*key)) {
        return Err(unsupported(
            path.to_owned(),
            "has a field beside those of an address",
            "send `type` and `url` alone",
        ));
    }
    let url = source.member("url").ok_or_else(|| invalid(format!("{path}.url"), "is missing"))?;
    found.remote(path.to_owned(), url, (source, Shape::Source))
}

fn document(path: &str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let kind = source(path, value, found)?;
    let is_of = |media: &str| value.member("media_type").is_some_and(|kind| kind.is_text(media));
    let fits = match &*kind {
        "base64" => is_of("application/pdf") && value.member("data").is_some_and(is_base64),
        _ => is_of("text/plain") && value.member("data").is_some(),
    };
    if fits { Ok(()) } else { Err(invalid(path.to_owned(), "must be a PDF in base64, or a plain text")) }
}

fn is_base64(value: Value<'_>) -> bool {
    let data = value.bytes();
    !data.is_empty() && data.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/' | b'='))
}
