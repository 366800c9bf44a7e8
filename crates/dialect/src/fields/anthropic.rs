//! The fields of `POST /messages`, as Anthropic's SDK has them
//! (<https://github.com/anthropics/anthropic-sdk-python/blob/main/src/anthropic/types/beta/message_create_params.py>).

mod blocks;
mod config;
mod tools;

use phi_words::Refusal;

use super::{Found, Row, checks, invalid};
use crate::json::{Kind, Value};

pub(crate) use tools::choice_among;

/// The fields of a body. Hosts are told of them by way of the middle, so that all of them are translated.
pub(crate) const TABLE: &[Row] = &[
    Row::ours("model", |value, _| checks::text("model", value)),
    Row::ours("stream", |value, _| checks::boolean("stream", value)),
    Row::moot("service_tier", |value, _| checks::moot("service_tier", value, &["\"auto\"", "\"standard_only\""])),
    Row::moot("speed", |value, _| checks::moot("speed", value, &["\"standard\""])),
    Row::moot("mcp_servers", |value, _| checks::moot("mcp_servers", value, &["[]"])),
    // A conversation that the host would keep: nothing is stored. SDKs go on without it (`messages/errors.rs`).
    Row::moot(THREAD, |value, _| checks::moot(THREAD, value, &[])),
    Row::translated("max_tokens", |value, _| checks::whole("max_tokens", value, 1, checks::MAX_TOKENS)),
    Row::translated("messages", blocks::messages),
    Row::translated("system", blocks::system),
    Row::translated("stop_sequences", stops),
    Row::translated("temperature", |value, _| checks::number("temperature", value, 0.0, 1.0)),
    Row::translated("top_p", |value, _| checks::number("top_p", value, 0.0, 1.0)),
    Row::translated("top_k", |value, _| checks::whole("top_k", value, 1, 1_000_000)),
    Row::translated("thinking", config::thinking),
    Row::translated("output_config", config::output),
    Row::translated("output_format", |value, found| config::format("output_format", value, found)),
    Row::translated("tools", tools::tools),
    Row::translated("tool_choice", tools::tool_choice),
    Row::translated("cache_control", |value, found| cache("cache_control", value, found)),
    Row::translated("context_management", config::context_management),
    Row::translated("diagnostics", config::diagnostics),
    Row::rewritten("metadata", config::metadata),
];

/// The field of a conversation that the host keeps.
pub(crate) const THREAD: &str = "thread";

/// `stop_sequences`: up to 16 texts; none is as good as no field.
fn stops(value: Value<'_>, _: &mut Found) -> Result<(), Refusal> {
    let rule = "must be a list of up to 16 strings, none of them empty";
    let stops: Vec<_> = value.items().ok_or_else(|| invalid("stop_sequences", rule))?.take(17).collect();
    let is_filled = |value: &Value<'_>| value.text().is_some_and(|text| !text.is_empty());
    if stops.len() <= 16 && stops.iter().all(is_filled) { Ok(()) } else { Err(invalid("stop_sequences", rule)) }
}

/// A mark that everything up to here is worth keeping: `{"type": "ephemeral", "ttl": "5m" | "1h"}`. Claude Code adds a `scope`
/// of `global` to what is the same for all its users; no host is told of it, so that what is kept is kept for the key alone.
fn cache(path: &str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let rule = "must be of type `ephemeral`, with a `ttl` of `5m` or `1h`";
    let members = value.members().ok_or_else(|| invalid(path.to_owned(), rule))?;
    let mut typed = false;
    for (key, value) in members {
        match &*key {
            "type" => typed = value.is_text("ephemeral"),
            "ttl" if value.is_null() || value.is_text("5m") || value.is_text("1h") => {}
            "ttl" => return Err(invalid(format!("{path}.ttl"), "must be `5m` or `1h`")),
            "scope" if matches!(value.kind(), Kind::Text | Kind::Null) => {}
            "scope" => return Err(invalid(format!("{path}.scope"), "must be a string")),
            _ => found.unknown(path, &key, ["type", "ttl", "scope"])?,
        }
    }
    if typed { Ok(()) } else { Err(invalid(path.to_owned(), rule)) }
}

/// What a value of one of several types says that it is.
fn kind<'d>(path: &str, value: Value<'d>) -> Result<std::borrow::Cow<'d, str>, Refusal> {
    let kind = value.member("type").and_then(Value::text);
    kind.ok_or_else(|| invalid(path.to_owned(), "must be an object with a `type`"))
}
