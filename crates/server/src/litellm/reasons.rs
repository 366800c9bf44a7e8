//! Why something of a LiteLLM proxy's settings has no place here, and what does its work instead.

/// Parts of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// The file itself.
    File,
    /// `model_list[]`.
    Entry,
    /// `litellm_params`.
    Params,
    /// `model_info`.
    Info,
    /// `general_settings`.
    General,
    /// `litellm_settings`.
    Library,
    /// `router_settings`.
    Router,
}

impl Part {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::File => "",
            Self::Entry => "model_list.",
            Self::Params => "litellm_params.",
            Self::Info => "model_info.",
            Self::General => "general_settings.",
            Self::Library => "litellm_settings.",
            Self::Router => "router_settings.",
        }
    }
}

/// Why a field is not taken.
pub(super) fn reason(part: Part, field: &str) -> &'static str {
    match (part, field) {
        (_, "master_key") => "callers show tokens of agents: `phi org create`, `phi agent create`, `phi token create`",
        (_, "database_url") => {
            "identities stand in the data folder: `phi org create`, `phi agent create`, `phi token create`"
        }
        (_, "rpm" | "tpm" | "max_parallel_requests" | "weight" | "order") => {
            "no host has limits here, roles have: `phi role create --requests`"
        }
        (
            _,
            "timeout" | "stream_timeout" | "request_timeout" | "max_retries" | "num_retries" | "allowed_fails"
            | "cooldown_time",
        ) => "deadlines and health are settings for all hosts: `upstream` in `phi.example.toml`",
        (_, "cache" | "cache_params" | "cache_responses") => "no answer is kept, and none is given to another request",
        (
            _,
            "callbacks" | "success_callback" | "failure_callback" | "service_callbacks" | "alerting" | "guardrails"
            | "prompts",
        ) => "nothing of a request is told to anybody but its host",
        (_, "set_verbose" | "json_logs" | "turn_off_message_logging" | "store_prompts_in_spend_logs") => {
            "no prompt and no answer ever stands in a log"
        }
        (_, "drop_params" | "additional_drop_params" | "modify_params") => {
            "what becomes of each field of a body is not set: see the contract, section 5"
        }
        (
            Part::Params,
            "aws_access_key_id" | "aws_secret_access_key" | "aws_session_token" | "aws_role_name" | "aws_profile_name",
        ) => "keys of AWS are not taken from here: `phi vault put bedrock-us`",
        (Part::Params, "api_version") => "the host's address says which version is spoken",
        (Part::Params | Part::Info, field) if field.contains("cost") => {
            "prices stand in the catalogue with their source: write `[price.ROUTE]` into `catalog.d`"
        }
        (
            Part::Params,
            "temperature" | "max_tokens" | "top_p" | "seed" | "stop" | "extra_body" | "extra_headers" | "headers",
        ) => "a request goes on as the application wrote it: set it there",
        (Part::Info, _) => "what a model is and can do stands in the catalogue: `phi catalog show NAME`",
        (Part::Router, "routing_strategy" | "routing_strategy_args" | "enable_pre_call_checks") => {
            "the order of routes is not set: see the contract, section 6"
        }
        (_, "context_window_fallbacks" | "content_policy_fallbacks" | "default_fallbacks") => {
            "a named model never becomes another: name `auto`, or an alias that names both"
        }
        (Part::File, "environment_variables") => {
            "keys go into the vault, and nothing else is read from the environment"
        }
        (Part::File, "include") => "another file is not opened: import each of its files",
        (_, _) => "there is nothing like it here",
    }
}
