use std::borrow::Cow;
use std::fmt::Write as _;

use bytes::Bytes;
use phi_words::Capability;

use super::{must, part};
use crate::json::{Document, Kind, List, Object, Value};
use crate::middle::{Choice, Conversation, Tool};
use crate::{Carry, Misfit, schema};

/// Whether functions fit. That arguments have to fit their schema is promised by models alone that answer by a schema too.
pub(crate) fn fits(asked: &Conversation, carry: &Carry) -> Result<(), Misfit> {
    if asked.tools.is_empty() {
        return must(!matches!(asked.choice, Some(Choice::Any | Choice::Named(_))), "tool_choice");
    }
    must(carry.capabilities.contains(&Capability::Tools) && !carry.lacks.contains("tools"), "tools")?;
    let strict = carry.capabilities.contains(&Capability::JsonSchema);
    let is_good = |tool: &Tool| is_name(&tool.name) && has_schema(tool) && (strict || tool.strict != Some(true));
    must(asked.tools.iter().all(is_good), "tools")?;
    let is_known = |name: &String| asked.tools.iter().any(|tool| tool.name == *name);
    let names = match &asked.choice {
        Some(Choice::Named(name)) => is_known(name),
        Some(Choice::Auto | Choice::Never | Choice::Any) | None => true,
    };
    let chooses = matches!(asked.choice, Some(Choice::Never | Choice::Any | Choice::Named(_)));
    let demands = matches!(asked.choice, Some(Choice::Any | Choice::Named(_)));
    let lacks = |name: &str| carry.lacks.contains(name);
    must(names && !(chooses && lacks("tool_choice")) && !(demands && lacks("tool_choice.required")), "tool_choice")?;
    must(!(asked.parallel == Some(false) && carry.lacks.contains("parallel_tool_calls")), "parallel_tool_calls")
}

/// Writes the functions and how they are chosen. Without functions there is nothing to choose.
pub(crate) fn write(out: &mut Object, asked: &Conversation) {
    if asked.tools.is_empty() {
        return;
    }
    out.list("tools", |list| asked.tools.iter().for_each(|tool| write_tool(list, tool)));
    let alone = asked.parallel == Some(false);
    let kind = match &asked.choice {
        None | Some(Choice::Auto) if !alone => return,
        None | Some(Choice::Auto) => "auto",
        Some(Choice::Never) => "none",
        Some(Choice::Any) => "any",
        Some(Choice::Named(_)) => "tool",
    };
    out.object("tool_choice", |out| {
        out.text("type", kind);
        if let Some(Choice::Named(name)) = &asked.choice {
            out.text("name", name);
        }
        if alone && kind != "none" {
            out.raw("disable_parallel_tool_use", b"true");
        }
    });
}

fn write_tool(list: &mut List, tool: &Tool) {
    list.object(|out| {
        out.text("name", &tool.name);
        if let Some(description) = tool.description.as_ref().filter(|description| !description.is_empty()) {
            out.text("description", description);
        }
        write_bound(out, "input_schema", tool);
        if tool.strict == Some(true) {
            out.raw("strict", b"true");
        }
        part::mark(out, tool.cache);
    });
}

/// Writes the schema of the arguments for Anthropic's models: one that binds says that objects have no other keys.
pub(crate) fn write_bound(out: &mut Object, key: &str, tool: &Tool) {
    if tool.strict != Some(true) {
        return write_schema(out, key, tool);
    }
    let mut told = Object::new();
    write_schema(&mut told, key, tool);
    let told = Document::parse(told.finish().into()).ok();
    if let Some(told) = told.as_ref().and_then(|told| told.root().member(key)) {
        out.raw(key, &schema::close(told));
    }
}

/// Writes the schema of the arguments, which says that they are an object.
pub(crate) fn write_schema(out: &mut Object, key: &str, tool: &Tool) {
    let document = parsed(tool);
    match document.as_ref().map(Document::root) {
        Some(root) if root.member("type").is_some() => {
            out.raw(key, root.raw());
        }
        root => out.object(key, |out| {
            out.text("type", "object");
            for (key, value) in root.into_iter().flat_map(Value::members).flatten() {
                if key != "type" {
                    out.raw(&key, value.raw());
                }
            }
        }),
    }
}

/// Whether the arguments are an object, or nothing else at least: `type` has to say so, and is added where it is not said. At the
/// top Anthropic takes no choice of schemas (`input_schema does not support oneOf, allOf, or anyOf at the top level`), and one
/// that binds keeps to its subset, but may have no arguments.
fn has_schema(tool: &Tool) -> bool {
    let Some(document) = parsed(tool) else { return tool.parameters.is_none() };
    let root = document.root();
    let is_object = root.kind() == Kind::Object && root.member("type").is_none_or(|kind| kind.is_text("object"));
    let chooses = ["oneOf", "allOf", "anyOf"].iter().any(|keyword| root.member(keyword).is_some());
    let is_bare = root.member("properties").is_none() && root.member("additionalProperties").is_none();
    let binds = tool.strict != Some(true) || is_bare || schema::binds_anthropic(root);
    is_object && !chooses && binds
}

fn parsed(tool: &Tool) -> Option<Document> {
    let parameters = tool.parameters.as_ref()?;
    Document::parse(Bytes::copy_from_slice(parameters.0.as_bytes())).ok()
}

/// Whether Anthropic takes a name of a function: 1 to 128 letters, digits, `_` and `-` (it says so when it refuses another:
/// `tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`).
pub(crate) fn is_name(name: &str) -> bool {
    (1..=128).contains(&name.len()) && is_plain(name)
}

/// The id of a call. Anthropic takes letters, digits, `_` and `-` (it says so when it refuses another: `tool_use.id: String
/// should match pattern '^[a-zA-Z0-9_-]+$'`); an id of another host's that has something else is told as
/// its bytes in hexadecimal, so that two ids stay two.
pub(crate) fn id(id: &str) -> Cow<'_, str> {
    if is_plain(id) {
        return Cow::Borrowed(id);
    }
    let mut hex = "call_".to_owned();
    for byte in id.bytes() {
        let _ = write!(hex, "{byte:02x}");
    }
    Cow::Owned(hex)
}

fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}
