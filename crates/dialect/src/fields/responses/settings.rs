use std::collections::HashSet;

use phi_words::{Capability, Refusal};

use super::super::tools::{self, NAME_RULE};
use super::super::{Found, checks, invalid, unsupported};
use super::spaces;
use crate::json::{Kind, Value};
use crate::responses::ENCRYPTED;

/// `stream_options`: padding may be switched off, for we never pad.
pub(super) fn stream_options(value: Value<'_>, _: &mut Found) -> Result<(), Refusal> {
    const NAME: &str = "stream_options";
    for (key, value) in value.members().ok_or_else(|| invalid(NAME, "must be an object"))? {
        if !(key == "include_obfuscation" && matches!(value.kind(), Kind::False | Kind::Null)) {
            return Err(unsupported(NAME, "has an option that is not supported", "leave it out"));
        }
    }
    Ok(())
}

/// `include`: thoughts in sealed form. All else is of tools that a host would run, or of figures that are not kept.
pub(super) fn include(value: Value<'_>, _: &mut Found) -> Result<(), Refusal> {
    const NAME: &str = "include";
    for item in value.items().ok_or_else(|| invalid(NAME, "must be a list"))? {
        match item.text() {
            Some(word) if word == ENCRYPTED => {}
            Some(_) => {
                let hint = "`reasoning.encrypted_content` is what can be included";
                return Err(unsupported(NAME, "asks for what is not there", hint));
            }
            None => return Err(invalid(NAME, "must be a list of strings")),
        }
    }
    Ok(())
}

/// `reasoning`: how much is thought. What a host tells of its thoughts is shown, whatever `summary` says.
pub(super) fn reasoning(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    for (key, value) in value.members().ok_or_else(|| invalid("reasoning", "must be an object"))? {
        match &*key {
            "effort" | "summary" if value.is_null() => {}
            "effort" => {
                let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
                checks::one_of("reasoning.effort", value, &efforts)?;
                if value.text().is_some_and(|effort| effort != "none") {
                    found.needs(Capability::Reasoning);
                }
            }
            "summary" => checks::one_of("reasoning.summary", value, &["auto", "concise", "detailed"])?,
            _ => found.unknown("reasoning", &key, ["effort", "summary"])?,
        }
    }
    Ok(())
}

/// `text`: what the answer has to be, and how long.
pub(super) fn text(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    for (key, value) in value.members().ok_or_else(|| invalid("text", "must be an object"))? {
        match &*key {
            "format" | "verbosity" if value.is_null() => {}
            "format" => format(value, found)?,
            "verbosity" => checks::one_of("text.verbosity", value, &["low", "medium", "high"])?,
            _ => found.unknown("text", &key, ["format", "verbosity"])?,
        }
    }
    Ok(())
}

fn format(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    const NAME: &str = "text.format";
    let members = value.members().ok_or_else(|| invalid(NAME, "must be an object"))?;
    let known: &[&str] = match value.member("type").and_then(Value::text).as_deref() {
        Some("text") => &["type"],
        Some("json_object") => {
            found.needs(Capability::JsonObject);
            &["type"]
        }
        Some("json_schema") => {
            found.needs(Capability::JsonSchema);
            &["type", "name", "schema", "description", "strict"]
        }
        Some(_) => {
            let hint = "use `text`, `json_object` or `json_schema`";
            return Err(unsupported(NAME, "has a type that is not supported", hint));
        }
        None => return Err(invalid(NAME, "must have a `type`")),
    };
    for (key, value) in members {
        match (&*key, known.contains(&&*key), value.kind()) {
            (_, false, _) => found.unknown(NAME, &key, known.iter().copied())?,
            ("type", ..) | ("description", _, Kind::Text | Kind::Null) => {}
            ("strict", _, Kind::True | Kind::False | Kind::Null) => {}
            ("name", ..) if tools::is_name(value) => {}
            ("name", ..) => return Err(invalid("text.format.name", NAME_RULE)),
            ("schema", ..) => tools::schema("text.format.schema", value)?,
            _ => return Err(invalid(format!("{NAME}.{key}"), "is of the wrong type")),
        }
    }
    let needed = known.iter().filter(|name| matches!(**name, "name" | "schema"));
    match needed.copied().find(|name| value.member(name).is_none()) {
        Some(name) => Err(invalid(format!("{NAME}.{name}"), "is missing")),
        None => Ok(()),
    }
}

/// How many tools a request may bring (OpenAI's limit).
const MAX_TOOLS: usize = 128;

/// `tools`: functions, also in spaces of their own (`namespace`). What a host would run itself (search, code, remote servers)
/// is refused.
pub(super) fn tools(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let items = value.items().ok_or_else(|| invalid("tools", "must be a list"))?;
    let mut count = 0_usize;
    for (index, tool) in items.enumerate() {
        found.needs(Capability::Tools);
        let path = format!("tools[{index}]");
        match tool.member("type").and_then(Value::text).as_deref() {
            Some("function") => {
                function(&path, tool, found)?;
                count += 1;
            }
            Some("namespace") => count += namespace(&path, tool, found)?,
            Some(_) => {
                let hint = "use tools of type `function`, and run them yourself";
                return Err(unsupported(path, "is a tool that the host would run", hint));
            }
            None => return Err(invalid(path, "must be an object with a `type`")),
        }
        if count > MAX_TOOLS {
            return Err(invalid("tools", "must be 128 tools at the most"));
        }
    }
    let mut names = HashSet::new();
    let mut spaced = spaces::functions(value).filter(|function| function.space.is_some()).peekable();
    if spaced.peek().is_some() && !spaces::functions(value).all(|function| names.insert(function.flat)) {
        return Err(invalid(
            "tools",
            "must have names that differ, also when `__` stands between a namespace and a function",
        ));
    }
    Ok(())
}

/// A space of functions. Returns how many there are.
fn namespace(path: &str, space: Value<'_>, found: &mut Found) -> Result<usize, Refusal> {
    let known = ["type", "name", "description", "tools"];
    for (key, value) in space.members().into_iter().flatten() {
        match (&*key, value.kind()) {
            ("type" | "tools", _) | ("description", Kind::Text | Kind::Null) => {}
            ("name", _) if tools::is_name(value) => {}
            ("name", _) => return Err(invalid(format!("{path}.name"), NAME_RULE)),
            ("description", _) => return Err(invalid(format!("{path}.description"), "is of the wrong type")),
            _ => found.unknown(path, &key, known)?,
        }
    }
    if let Some(missing) = ["name", "tools"].into_iter().find(|name| space.member(name).is_none()) {
        return Err(invalid(format!("{path}.{missing}"), "is missing"));
    }
    let members = space.member("tools").and_then(Value::items);
    let members = members.ok_or_else(|| invalid(format!("{path}.tools"), "must be a list"))?;
    let mut count = 0;
    for (index, tool) in members.enumerate() {
        let path = format!("{path}.tools[{index}]");
        if tool.member("type").and_then(Value::text).is_none_or(|kind| kind != "function") {
            return Err(unsupported(path, "is not a function", "a namespace holds tools of type `function`"));
        }
        function(&path, tool, found)?;
        count += 1;
    }
    if spaces::within(space).all(|function| function.flat.len() <= 64) {
        return Ok(count);
    }
    Err(invalid(
        format!("{path}.name"),
        "must have 62 characters at the most together with the name of a function in it",
    ))
}

fn function(path: &str, tool: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    for (key, value) in tool.members().into_iter().flatten() {
        match (&*key, value.kind()) {
            ("type", _) | ("description" | "parameters", Kind::Null) | ("description", Kind::Text) => {}
            ("strict", Kind::True | Kind::False | Kind::Null) => {}
            ("name", _) if tools::is_name(value) => {}
            ("name", _) => return Err(invalid(format!("{path}.name"), NAME_RULE)),
            ("parameters", _) => tools::schema(&format!("{path}.parameters"), value)?,
            ("description" | "strict", _) => return Err(invalid(format!("{path}.{key}"), "is of the wrong type")),
            _ => found.unknown(path, &key, ["type", "name", "description", "strict", "parameters"])?,
        }
    }
    if tool.member("name").is_some() { Ok(()) } else { Err(invalid(format!("{path}.name"), "is missing")) }
}

/// `tool_choice`: a word, or one function by its name.
pub(super) fn tool_choice(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    const NAME: &str = "tool_choice";
    if let Some(word) = value.text() {
        return match &*word {
            "none" | "auto" | "required" => Ok(()),
            _ => Err(invalid(NAME, "must be `none`, `auto`, `required` or a function")),
        };
    }
    match value.member("type").and_then(Value::text).as_deref() {
        Some("function") => {}
        Some(_) => return Err(unsupported(NAME, "has a type that is not supported", "choose a `function`")),
        None => return Err(invalid(NAME, "must be `none`, `auto`, `required` or a function")),
    }
    for (key, _) in value.members().into_iter().flatten().filter(|(key, _)| !matches!(&**key, "type" | "name")) {
        found.unknown(NAME, &key, ["type", "name"])?;
    }
    match value.member("name") {
        Some(name) if tools::is_name(name) => Ok(()),
        Some(_) | None => Err(invalid("tool_choice.name", NAME_RULE)),
    }
}

/// `tool_choice` against the tools that are there.
pub(crate) fn choice_among(choice: Value<'_>, tools: Option<Value<'_>>) -> Result<(), Refusal> {
    let mut names = tools.into_iter().flat_map(spaces::functions).map(|function| function.flat);
    let stands = match (choice.text().as_deref(), choice.member("name").and_then(Value::text)) {
        (Some("required"), _) => names.next().is_some(),
        (_, Some(name)) => names.any(|known| known == name),
        (_, None) => true,
    };
    if stands { Ok(()) } else { Err(invalid("tool_choice", "must choose among the `tools` of the request")) }
}
