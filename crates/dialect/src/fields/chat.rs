use phi_words::Capability;

use super::{Row, checks, format, messages, tools};
use crate::json::Kind as JsonKind;

/// The fields of `POST /chat/completions` (OpenAI's specification 2.3.0, `CreateChatCompletionRequest`). Fields that are in
/// neither this table nor the list of steering fields are unknown.
pub(crate) const TABLE: &[Row] = &[
    Row::ours("model", |value, _| checks::text("model", value)),
    Row::ours("stream", |value, _| checks::boolean("stream", value)),
    Row::ours("stream_options", format::stream_options),
    Row::moot("store", |value, _| checks::moot("store", value, &["false"])),
    Row::moot("background", |value, _| checks::moot("background", value, &["false"])),
    Row::moot("service_tier", |value, _| checks::moot("service_tier", value, &["\"auto\"", "\"default\""])),
    Row::moot("modalities", |value, _| checks::moot("modalities", value, &["[\"text\"]"])),
    Row::moot("audio", |value, _| checks::moot("audio", value, &[])),
    Row::translated("messages", messages::check),
    Row::translated("max_tokens", |value, _| checks::whole("max_tokens", value, 1, checks::MAX_TOKENS)),
    Row::translated("max_completion_tokens", |value, _| {
        checks::whole("max_completion_tokens", value, 1, checks::MAX_TOKENS)
    }),
    Row::known("temperature", |value, _| checks::number("temperature", value, 0.0, 2.0)),
    Row::known("top_p", |value, _| checks::number("top_p", value, 0.0, 1.0)),
    Row::known("frequency_penalty", |value, _| checks::number("frequency_penalty", value, -2.0, 2.0))
        .neutral(checks::is_zero),
    Row::known("presence_penalty", |value, _| checks::number("presence_penalty", value, -2.0, 2.0))
        .neutral(checks::is_zero),
    Row::known("seed", |value, _| checks::seed("seed", value)),
    Row::known("stop", |value, _| checks::stop("stop", value)),
    Row::known("n", |value, _| checks::whole("n", value, 1, 128)).neutral(|value| value.whole() == Some(1)),
    Row::known("logit_bias", |value, _| checks::logit_bias("logit_bias", value)).neutral(checks::is_empty),
    Row::known("logprobs", |value, _| checks::boolean("logprobs", value))
        .needs(Capability::Logprobs)
        .neutral(|value| value.kind() == JsonKind::False),
    Row::known("top_logprobs", |value, _| checks::whole("top_logprobs", value, 0, 20))
        .needs(Capability::Logprobs)
        .neutral(checks::is_zero),
    Row::translated("response_format", format::response_format),
    Row::known("tools", tools::tools).needs(Capability::Tools).neutral(checks::is_empty),
    Row::known("tool_choice", tools::tool_choice).neutral(|value| value.text().is_some_and(|word| word == "auto")),
    Row::known("parallel_tool_calls", |value, _| checks::boolean("parallel_tool_calls", value))
        .neutral(|value| value.kind() == JsonKind::True),
    Row::known("reasoning_effort", |value, _| {
        let efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"];
        checks::one_of("reasoning_effort", value, &efforts)
    })
    .needs(Capability::Reasoning)
    .neutral(|value| value.text().is_some_and(|effort| effort == "none")),
    Row::known("verbosity", |value, _| checks::one_of("verbosity", value, &["low", "medium", "high"]))
        .neutral(|value| value.text().is_some_and(|verbosity| verbosity == "medium")),
    Row::known("prediction", |value, found| checks::prediction("prediction", value, found)),
    Row::rewritten("user", |value, _| checks::text("user", value)),
    Row::rewritten("safety_identifier", |value, _| checks::text("safety_identifier", value)),
    Row::rewritten("prompt_cache_key", |value, _| checks::text("prompt_cache_key", value)),
    Row::rewritten("metadata", |value, _| checks::metadata("metadata", value)),
];
