use phi_words::{Capability, Refusal};

use super::super::tools::schema;
use super::super::{Found, invalid, unsupported};
use super::{cache, kind};
use crate::anthropic::tool::is_name;
use crate::json::{Kind, Value};

/// How many tools a request may bring. Anthropic names no limit; agents bring those of many servers.
const MAX_TOOLS: usize = 1_024;

/// What a name of a tool must be, as Anthropic says when it refuses another. Agents give tools of servers the server's name too.
const NAME_RULE: &str = "must be 1 to 128 of `A-Z a-z 0-9 _ -`";

const KEYS: &[&str] = &[
    "type",
    "name",
    "description",
    "input_schema",
    "strict",
    "cache_control",
    "input_examples",
    "eager_input_streaming",
    "defer_loading",
    "allowed_callers",
];

/// `tools`: functions that the caller runs and describes. Those that a host would run, and those whose schema Anthropic's
/// models alone know, are refused.
pub(super) fn tools(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    for (index, tool) in value.items().ok_or_else(|| invalid("tools", "must be a list"))?.enumerate() {
        if index >= MAX_TOOLS {
            return Err(invalid("tools", "must be 1024 tools at the most"));
        }
        found.needs(Capability::Tools);
        check(&format!("tools[{index}]"), tool, found)?;
    }
    Ok(())
}

fn check(path: &str, tool: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let members = tool.members().ok_or_else(|| invalid(path.to_owned(), "must be an object"))?;
    if tool.member("type").is_some_and(|kind| !kind.is_text("custom")) {
        let hint = "describe the tool by `name`, `description` and `input_schema`, and run it yourself";
        return Err(unsupported(path.to_owned(), "is a tool of the host's own", hint));
    }
    for (key, value) in members {
        let fits = match (&*key, value.kind()) {
            ("name", _) => {
                if !value.text().is_some_and(|name| is_name(&name)) {
                    return Err(invalid(format!("{path}.name"), NAME_RULE));
                }
                true
            }
            (key, Kind::Null) if KEYS.contains(&key) => true,
            ("input_schema", _) => {
                schema(&format!("{path}.input_schema"), value)?;
                value.member("type").is_none_or(|kind| kind.is_text("object"))
            }
            ("cache_control", _) => {
                cache(&format!("{path}.cache_control"), value, found)?;
                true
            }
            ("allowed_callers", Kind::List) => {
                if !value.items().into_iter().flatten().all(|caller| caller.is_text("direct")) {
                    let hint = "leave the field out: tools are called by the model alone";
                    return Err(unsupported(format!("{path}.allowed_callers"), "names other callers", hint));
                }
                true
            }
            ("type" | "description", kind) => kind == Kind::Text,
            ("strict" | "eager_input_streaming" | "defer_loading", kind) => matches!(kind, Kind::True | Kind::False),
            ("input_examples", kind) => kind == Kind::List,
            ("allowed_callers", _) => false,
            _ => found.unknown(path, &key, KEYS.iter().copied()).map(|()| true)?,
        };
        if !fits {
            return Err(invalid(format!("{path}.{key}"), "is of the wrong type"));
        }
    }
    if tool.member("name").is_none() {
        return Err(invalid(format!("{path}.name"), "is missing"));
    }
    match tool.member("input_schema") {
        Some(_) => Ok(()),
        None => Err(invalid(format!("{path}.input_schema"), "is missing")),
    }
}

/// `tool_choice`: whether tools are called, which, and whether several at once.
pub(super) fn tool_choice(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    const NAME: &str = "tool_choice";
    let known: &[&str] = match &*kind(NAME, value)? {
        "auto" | "any" => &["type", "disable_parallel_tool_use"],
        "tool" => &["type", "name", "disable_parallel_tool_use"],
        "none" => &["type"],
        _ => return Err(unsupported(NAME, "has a type that is not supported", "use `auto`, `any`, `tool` or `none`")),
    };
    for (key, value) in value.members().into_iter().flatten() {
        match (&*key, known.contains(&&*key), value.kind()) {
            ("type", _, _) => {}
            ("name", true, Kind::Text) => {}
            ("disable_parallel_tool_use", true, Kind::True | Kind::False | Kind::Null) => {}
            (_, true, _) => return Err(invalid(format!("{NAME}.{key}"), "is of the wrong type")),
            (_, false, _) => found.unknown(NAME, &key, known.iter().copied())?,
        }
    }
    match (known.contains(&"name"), value.member("name")) {
        (true, None) => Err(invalid("tool_choice.name", "is missing")),
        (true, Some(_)) | (false, _) => Ok(()),
    }
}

/// `tool_choice` against the tools that are there.
pub(crate) fn choice_among(choice: Value<'_>, tools: Option<Value<'_>>) -> Result<(), Refusal> {
    let mut tools = tools.and_then(Value::items).into_iter().flatten();
    let stands = match (choice.member("type").and_then(Value::text).as_deref(), choice.member("name")) {
        (Some("any"), _) => tools.next().is_some(),
        (_, Some(name)) => {
            let name = name.text().unwrap_or_default();
            tools.any(|tool| tool.member("name").is_some_and(|known| known.is_text(&name)))
        }
        (_, None) => true,
    };
    if stands { Ok(()) } else { Err(invalid("tool_choice", "must choose among the `tools` of the request")) }
}
