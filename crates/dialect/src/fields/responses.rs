pub(crate) mod input;
mod settings;
pub(crate) mod spaces;

use super::{Row, checks};

pub(crate) use settings::choice_among;

/// The fields of `POST /responses` (OpenAI's specification 2.3.0, `CreateResponse`). What would need something stored, or a
/// tool that the host runs, is refused. Fields that are in neither this table nor the list of steering fields are unknown.
pub(crate) const TABLE: &[Row] = &[
    Row::ours("model", |value, _| checks::text("model", value)),
    Row::ours("stream", |value, _| checks::boolean("stream", value)),
    Row::ours("stream_options", settings::stream_options),
    Row::ours("include", settings::include),
    // It counts calls of tools that a host runs, and there are none.
    Row::ours("max_tool_calls", |value, _| checks::whole("max_tool_calls", value, 1, checks::MAX_TOKENS)),
    Row::moot("store", |value, _| checks::moot("store", value, &["false"])),
    Row::moot("background", |value, _| checks::moot("background", value, &["false"])),
    Row::moot("previous_response_id", |value, _| checks::moot("previous_response_id", value, &[])),
    Row::moot("conversation", |value, _| checks::moot("conversation", value, &[])),
    Row::moot("prompt", |value, _| checks::moot("prompt", value, &[])),
    Row::moot("service_tier", |value, _| checks::moot("service_tier", value, &["\"auto\"", "\"default\""])),
    Row::moot("truncation", |value, _| checks::moot("truncation", value, &["\"disabled\""])),
    Row::moot("top_logprobs", |value, _| checks::moot("top_logprobs", value, &["0"])),
    Row::translated("input", input::check),
    Row::translated("instructions", |value, _| checks::text("instructions", value)),
    Row::translated("max_output_tokens", |value, _| checks::whole("max_output_tokens", value, 16, checks::MAX_TOKENS)),
    Row::translated("temperature", |value, _| checks::number("temperature", value, 0.0, 2.0)),
    Row::translated("top_p", |value, _| checks::number("top_p", value, 0.0, 1.0)),
    Row::translated("text", settings::text),
    Row::translated("tools", settings::tools),
    Row::translated("tool_choice", settings::tool_choice),
    Row::translated("parallel_tool_calls", |value, _| checks::boolean("parallel_tool_calls", value)),
    Row::translated("reasoning", settings::reasoning),
    Row::rewritten("user", |value, _| checks::text("user", value)),
    Row::rewritten("safety_identifier", |value, _| checks::text("safety_identifier", value)),
    Row::rewritten("prompt_cache_key", |value, _| checks::text("prompt_cache_key", value)),
    Row::rewritten("metadata", |value, _| checks::metadata("metadata", value)),
    // OpenAI's own agent tells in it where it runs (https://github.com/openai/codex). No host is told.
    Row::rewritten("client_metadata", |value, _| checks::metadata("client_metadata", value)),
];
