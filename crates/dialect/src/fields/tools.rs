use phi_words::Refusal;

use super::{Found, invalid, unsupported};
use crate::json::{Kind, Value};

/// What a name of a tool or a schema must be.
pub(super) const NAME_RULE: &str = "must be 1 to 64 of `A-Z a-z 0-9 _ -`";

/// How many tools a request may bring (OpenAI's limit).
const MAX_TOOLS: usize = 128;

/// `tools`: functions alone. What a host would run itself (search, code, remote servers) is refused.
pub(super) fn tools(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let items = value.items().ok_or_else(|| invalid("tools", "must be a list"))?;
    for (index, tool) in items.enumerate() {
        if index >= MAX_TOOLS {
            return Err(invalid("tools", "must be 128 tools at the most"));
        }
        let path = format!("tools[{index}]");
        let kind = tool.member("type").and_then(Value::text);
        match kind.as_deref() {
            Some("function") => {}
            Some(_) => {
                let hint = "use tools of type `function`, and run them yourself";
                return Err(unsupported(path, "is a tool that the host would run", hint));
            }
            None => return Err(invalid(path, "must be an object with a `type`")),
        }
        let mut defined = false;
        for (key, value) in tool.members().into_iter().flatten() {
            match &*key {
                "type" => {}
                "function" => {
                    function(&format!("{path}.function"), value, found)?;
                    defined = true;
                }
                _ => found.unknown(&path, &key, ["type", "function"])?,
            }
        }
        if !defined {
            return Err(invalid(path, "must have a `function`"));
        }
    }
    Ok(())
}

fn function(path: &str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let members = value.members().ok_or_else(|| invalid(path.to_owned(), "must be an object"))?;
    let mut named = false;
    for (key, value) in members {
        let fits = match &*key {
            "name" => {
                named = is_name(value);
                true
            }
            "description" => matches!(value.kind(), Kind::Text | Kind::Null),
            "strict" => matches!(value.kind(), Kind::True | Kind::False | Kind::Null),
            "parameters" => return_if_null(value)
                .map_or(Ok(()), |value| schema(&format!("{path}.parameters"), value))
                .map(|()| true)?,
            _ => found.unknown(path, &key, ["name", "description", "strict", "parameters"]).map(|()| true)?,
        };
        if !fits {
            return Err(invalid(format!("{path}.{key}"), "is of the wrong type"));
        }
    }
    if named { Ok(()) } else { Err(invalid(format!("{path}.name"), NAME_RULE)) }
}

fn return_if_null(value: Value<'_>) -> Option<Value<'_>> {
    (!value.is_null()).then_some(value)
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
    let kind = value.member("type").and_then(Value::text);
    match kind.as_deref() {
        Some("function") => {}
        Some(_) => return Err(unsupported(NAME, "has a type that is not supported", "choose a `function`")),
        None => return Err(invalid(NAME, "must be `none`, `auto`, `required` or a function")),
    }
    for (key, value) in value.members().into_iter().flatten() {
        match &*key {
            "type" => {}
            "function" => {
                for (key, _) in value.members().ok_or_else(|| invalid(NAME, "must name a function"))? {
                    if key != "name" {
                        found.unknown("tool_choice.function", &key, ["name"])?;
                    }
                }
            }
            _ => found.unknown(NAME, &key, ["type", "function"])?,
        }
    }
    chosen(value).map(drop).ok_or_else(|| invalid("tool_choice.function.name", "is missing"))
}

/// `tool_choice` against the tools that are there.
pub(crate) fn choice_among(choice: Value<'_>, tools: Option<Value<'_>>) -> Result<(), Refusal> {
    let mut names = tools
        .and_then(Value::items)
        .into_iter()
        .flatten()
        .filter_map(|tool| tool.member("function")?.member("name")?.text());
    let stands = match (choice.text().as_deref(), chosen(choice)) {
        (Some("required"), _) => names.next().is_some(),
        (_, Some(name)) => names.any(|known| known == name),
        (_, None) => true,
    };
    if stands { Ok(()) } else { Err(invalid("tool_choice", "must choose among the `tools` of the request")) }
}

fn chosen<'d>(choice: Value<'d>) -> Option<std::borrow::Cow<'d, str>> {
    choice.member("function")?.member("name")?.text()
}

/// Whether a value is a name as functions and schemas have it.
pub(super) fn is_name(value: Value<'_>) -> bool {
    value.text().is_some_and(|name| {
        (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    })
}

/// A JSON schema: an object in which nothing is to be fetched from elsewhere.
pub(super) fn schema(path: &str, value: Value<'_>) -> Result<(), Refusal> {
    if value.kind() != Kind::Object {
        return Err(invalid(path.to_owned(), "must be a JSON schema"));
    }
    if fetches(value) {
        let hint = "write the schema out, or refer to its own `$defs` by `#/$defs/…`";
        return Err(unsupported(path.to_owned(), "refers to a schema elsewhere", hint));
    }
    Ok(())
}

fn fetches(value: Value<'_>) -> bool {
    let refers = |key: &str, value: Value<'_>| {
        matches!(key, "$ref" | "$dynamicRef" | "$recursiveRef") && value.text().is_some_and(|to| !to.starts_with('#'))
    };
    let members = value.members().into_iter().flatten();
    let items = value.items().into_iter().flatten();
    members.into_iter().any(|(key, value)| refers(&key, value) || fetches(value)) || items.into_iter().any(fetches)
}
