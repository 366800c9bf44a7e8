use phi_words::{Capability, Refusal};

use super::super::{Found, checks, invalid, tools, unsupported};
use super::kind;
use crate::json::{Kind, Value};

/// `thinking`: how the model thinks.
pub(super) fn thinking(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    const NAME: &str = "thinking";
    let kind = kind(NAME, value)?;
    let known: &[&str] = match &*kind {
        "enabled" => &["type", "budget_tokens", "display"],
        "adaptive" => &["type", "display"],
        "disabled" | "between_tools" => &["type"],
        _ => {
            return Err(unsupported(
                NAME,
                "has a type that is not supported",
                "use `adaptive`, `enabled` or `disabled`",
            ));
        }
    };
    for (key, value) in value.members().into_iter().flatten() {
        match (&*key, known.contains(&&*key)) {
            ("budget_tokens", true) => checks::whole("thinking.budget_tokens", value, 1_024, checks::MAX_TOKENS)?,
            ("display", true) if !value.is_null() => {
                checks::one_of("thinking.display", value, &["summarized", "omitted"])?;
            }
            (_, true) => {}
            (_, false) => found.unknown(NAME, &key, known.iter().copied())?,
        }
    }
    match (&*kind, value.member("budget_tokens")) {
        ("enabled", None) => Err(invalid("thinking.budget_tokens", "is missing")),
        _ => Ok(()),
    }
}

/// `output_config`: how hard to think, and what the answer has to be.
pub(super) fn output(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    const NAME: &str = "output_config";
    for (key, value) in value.members().ok_or_else(|| invalid(NAME, "must be an object"))? {
        match &*key {
            "effort" | "format" if value.is_null() => {}
            "effort" => {
                checks::one_of("output_config.effort", value, &["low", "medium", "high", "xhigh", "max"])?;
            }
            "format" => format("output_config.format", value, found)?,
            _ => found.unknown(NAME, &key, ["effort", "format"])?,
        }
    }
    Ok(())
}

/// JSON of a schema.
pub(super) fn format(name: &'static str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    if kind(name, value)? != "json_schema" {
        return Err(unsupported(name, "has a type that is not supported", "use `json_schema`"));
    }
    found.needs(Capability::JsonSchema);
    for (key, value) in value.members().into_iter().flatten() {
        match &*key {
            "type" => {}
            "schema" => tools::schema(&format!("{name}.schema"), value)?,
            _ => found.unknown(name, &key, ["type", "schema"])?,
        }
    }
    match value.member("schema") {
        Some(_) => Ok(()),
        None => Err(invalid(format!("{name}.schema"), "is missing")),
    }
}

/// What Anthropic would take out of a long conversation before its model reads it.
const EDITS: &[&str] = &["clear_tool_uses_20250919", "clear_thinking_20251015", "compact_20260112"];

/// `context_management`: no host is told of it, so that nothing is taken out.
pub(super) fn context_management(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    const NAME: &str = "context_management";
    for (key, value) in value.members().ok_or_else(|| invalid(NAME, "must be an object"))? {
        match &*key {
            "edits" if value.is_null() => {}
            "edits" => {
                let edits = value.items().ok_or_else(|| invalid("context_management.edits", "must be a list"))?;
                for edit in edits {
                    let kind = kind("context_management.edits", edit)?;
                    if !EDITS.contains(&&*kind) {
                        let hint = "use one that Anthropic's SDK has; no host is told of it";
                        return Err(unsupported("context_management.edits", "has an edit that is not known", hint));
                    }
                }
            }
            _ => found.unknown(NAME, &key, ["edits"])?,
        }
    }
    Ok(())
}

/// `diagnostics`: which answer of the past to compare with. No host is told.
pub(super) fn diagnostics(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    const NAME: &str = "diagnostics";
    for (key, value) in value.members().ok_or_else(|| invalid(NAME, "must be an object"))? {
        match (&*key, value.kind()) {
            ("previous_message_id", Kind::Text | Kind::Null) => {}
            ("previous_message_id", _) => {
                return Err(invalid("diagnostics.previous_message_id", "must be a string"));
            }
            _ => found.unknown(NAME, &key, ["previous_message_id"])?,
        }
    }
    Ok(())
}

/// `metadata`: who asks.
pub(super) fn metadata(value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    const NAME: &str = "metadata";
    for (key, value) in value.members().ok_or_else(|| invalid(NAME, "must be an object"))? {
        match (&*key, value.kind()) {
            ("user_id", Kind::Text | Kind::Null) => {}
            ("user_id", _) => return Err(invalid("metadata.user_id", "must be a string")),
            _ => found.unknown(NAME, &key, ["user_id"])?,
        }
    }
    Ok(())
}
