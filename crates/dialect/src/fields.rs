//! The table of body fields: what a body may say, and what becomes of each thing that it says.

pub(crate) mod anthropic;
pub(crate) mod chat;
mod checks;
pub(crate) mod embeddings;
mod format;
pub(crate) mod messages;
mod parameters;
pub(crate) mod responses;
mod tools;
pub(crate) mod work;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use phi_words::{Capability, Class, Code, Refusal};

use crate::json::Value;
use crate::remote::{MOST_IMAGES, Reading, Remote, Shape};
use crate::{Carry, Misfit};

pub(crate) use format::{is_json_object, is_text};
pub use parameters::{Treatment, parameters};
pub(crate) use tools::choice_among;

/// One row of the table: a field by its exact name.
#[derive(Debug)]
pub(crate) struct Row {
    /// As it stands in the body.
    pub(crate) name: &'static str,
    /// What becomes of it.
    pub(crate) kind: Kind,
    /// Whether a value is what the field may hold; notes what else it finds.
    pub(crate) check: fn(Value<'_>, &mut Found) -> Result<(), Refusal>,
}

/// What becomes of a field. `null` always counts as absent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// Read by us; what a host is told about it is ours.
    Ours,
    /// Accepted where it asks for what we do anyway, refused otherwise; no host is told.
    Moot,
    /// It would steer who answers, what is kept or who else is called.
    Refused,
    /// Known, and said to each host in its own way.
    Translated,
    /// Passed as it is.
    Known {
        /// What a value that is not neutral needs of the model.
        needs: Option<Capability>,
        /// Whether a value asks for nothing: then it is left out where the host lacks the field.
        neutral: fn(Value<'_>) -> bool,
    },
    /// Becomes a keyed pseudonym; left out with PHI and where the host lacks it.
    Rewritten,
}

impl Row {
    const fn ours(name: &'static str, check: fn(Value<'_>, &mut Found) -> Result<(), Refusal>) -> Self {
        let kind = Kind::Ours;
        Self { name, kind, check }
    }

    const fn moot(name: &'static str, check: fn(Value<'_>, &mut Found) -> Result<(), Refusal>) -> Self {
        let kind = Kind::Moot;
        Self { name, kind, check }
    }

    const fn rewritten(name: &'static str, check: fn(Value<'_>, &mut Found) -> Result<(), Refusal>) -> Self {
        let kind = Kind::Rewritten;
        Self { name, kind, check }
    }

    const fn translated(name: &'static str, check: fn(Value<'_>, &mut Found) -> Result<(), Refusal>) -> Self {
        let kind = Kind::Translated;
        Self { name, kind, check }
    }

    const fn known(name: &'static str, check: fn(Value<'_>, &mut Found) -> Result<(), Refusal>) -> Self {
        let (needs, neutral): (_, fn(Value<'_>) -> bool) = (None, |_| false);
        let kind = Kind::Known { needs, neutral };
        Self { name, kind, check }
    }

    const fn neutral(mut self, neutral: fn(Value<'_>) -> bool) -> Self {
        if let Kind::Known { needs, .. } = self.kind {
            self.kind = Kind::Known { needs, neutral };
        }
        self
    }

    const fn needs(mut self, capability: Capability) -> Self {
        if let Kind::Known { neutral, .. } = self.kind {
            let needs = Some(capability);
            self.kind = Kind::Known { needs, neutral };
        }
        self
    }

    /// Whether a route carries this value of the field, or may leave it out.
    pub(crate) fn fits(&self, value: Value<'_>, carry: &Carry) -> Result<(), Misfit> {
        match self.kind {
            Kind::Known { needs, neutral } if !neutral(value) => {
                let able = needs.is_none_or(|capability| carry.capabilities.contains(&capability));
                if carry.lacks.contains(self.name) || !able {
                    return Err(Misfit { field: self.name.into() });
                }
                Ok(())
            }
            Kind::Known { .. } | Kind::Translated | Kind::Ours | Kind::Moot | Kind::Refused | Kind::Rewritten => Ok(()),
        }
    }

    /// Whether the host is told of the field at all.
    pub(crate) fn is_carried(&self, carry: &Carry) -> bool {
        let able = match self.kind {
            Kind::Known { needs, .. } => needs.is_none_or(|capability| carry.capabilities.contains(&capability)),
            Kind::Translated | Kind::Rewritten | Kind::Ours | Kind::Moot | Kind::Refused => true,
        };
        able && !carry.lacks.contains(self.name)
    }
}

/// Fields that could steer who answers, where, what is kept, what it costs or who else is called, at any host that takes
/// fields we do not know. They are refused whatever their value, and the list is what makes a row with an open body safe.
pub const STEERING: &[&str] = &[
    "adapter_id",
    "allow_fallbacks",
    "api_base",
    "api_key",
    "attachments",
    "audio_url",
    "base_url",
    "best_of",
    "cache",
    "cache_prompt",
    "cache_salt",
    "cached_content",
    "callback_url",
    "chat_template",
    "connectors",
    "container",
    "context_length_exceeded_behavior",
    "context_management",
    "conversation",
    "data_collection",
    "data_retention",
    "data_sources",
    "debug",
    "deferred",
    "document_url",
    "enable_search",
    "extra_body",
    "extra_headers",
    "extra_query",
    "fallbacks",
    "file_id",
    "file_ids",
    "file_url",
    "function_call",
    "functions",
    "google",
    "guardrails",
    "headers",
    "id_slot",
    "ignore_eos",
    "image_url",
    "inference_geo",
    "kv_transfer_params",
    "logging",
    "logits_processors",
    "lora",
    "lora_adapters",
    "lora_request",
    "max_new_tokens",
    "max_output_tokens",
    "mcp",
    "mcp_servers",
    "mm_processor_kwargs",
    "models",
    "organization",
    "plugins",
    "preset",
    "previous_response_id",
    "priority",
    "project",
    "prompt_cache_retention",
    "prompt_truncate_len",
    "provider",
    "region",
    "request_id",
    "route",
    "safety_model",
    "search_options",
    "search_parameters",
    "session_id",
    "speed",
    "trace",
    "transforms",
    "truncate_prompt_tokens",
    "use_beam_search",
    "vector_store_ids",
    "video_url",
    "vllm_xargs",
    "web_search_options",
    "webhook",
    "webhook_url",
    "zdr",
];

/// The row of a field; a steering field has the row of all such.
pub(crate) fn row(table: &'static [Row], name: &str) -> Option<&'static Row> {
    static REFUSED: Row = Row { name: "", kind: Kind::Refused, check: |_, _| Ok(()) };
    let found = table.iter().find(|row| row.name == name);
    found.or_else(|| STEERING.contains(&name).then_some(&REFUSED))
}

/// What a reading finds besides the fields themselves.
#[derive(Debug)]
pub(crate) struct Found {
    reading: Reading,
    /// What the request needs of a model beyond text.
    pub(crate) capabilities: BTreeSet<Capability>,
    /// The fields that we do not know, by path.
    pub(crate) unknown: Vec<Arc<str>>,
    /// The images that stand elsewhere, in the order of the body.
    pub(crate) remotes: Vec<Remote>,
}

/// How many fields we do not know a body may have.
const MAX_UNKNOWN: usize = 64;

impl Found {
    pub(crate) fn new(reading: Reading) -> Self {
        Self { reading, capabilities: BTreeSet::new(), unknown: Vec::new(), remotes: Vec::new() }
    }

    /// Notes an image that is named by its address at `path`, or refuses it. `place` is what the image takes the place of.
    pub(crate) fn remote(
        &mut self,
        path: String,
        address: Value<'_>,
        place: (Value<'_>, Shape),
    ) -> Result<(), Refusal> {
        let remote = Remote::read(path, address, place, &self.reading)?;
        if self.remotes.len() >= MOST_IMAGES {
            return Err(invalid(remote.path().to_owned(), "is one of more than 8 addresses of images"));
        }
        self.remotes.push(remote);
        Ok(())
    }

    pub(crate) fn needs(&mut self, capability: Capability) {
        self.capabilities.insert(capability);
    }

    /// Notes a field that we do not know, or refuses it: with PHI always, and where a careless reader could take it for one
    /// that we do know.
    pub(crate) fn unknown<'k>(
        &mut self,
        path: &str,
        key: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) -> Result<(), Refusal> {
        let plain =
            (1..=64).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.$".contains(&b));
        if !plain {
            return Err(unsupported(path.to_owned(), "has a key that is not a plain word", "take it out"));
        }
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        let spelled = key.replace('-', "_");
        let steering = STEERING.iter().copied();
        if known.into_iter().chain(steering).any(|name| name.eq_ignore_ascii_case(&spelled)) {
            return Err(unsupported(path, "is not spelled as we know it", "write it in its own spelling"));
        }
        if self.reading.class == Class::Phi {
            return Err(unsupported(path, "is not a field that we know", "leave it out of requests with PHI"));
        }
        if self.unknown.len() >= MAX_UNKNOWN {
            return Err(unsupported(path, "is one of too many fields that we do not know", "leave them out"));
        }
        self.unknown.push(path.into());
        Ok(())
    }
}

/// A refusal for a value that a field cannot have: `rule` says what it must be.
pub(crate) fn invalid(path: impl Into<Cow<'static, str>>, rule: &str) -> Refusal {
    let path = path.into();
    Refusal::new(Code::InvalidRequest, format!("`{path}` {rule}"), "correct the field").at(path)
}

/// A refusal for a field, or a value of it, that is not for a caller to set, or that nobody here serves.
pub(crate) fn unsupported(path: impl Into<Cow<'static, str>>, what: &str, hint: &'static str) -> Refusal {
    let path = path.into();
    let named = if path.is_empty() { "the body".to_owned() } else { format!("`{path}`") };
    Refusal::new(Code::UnsupportedParameter, format!("{named} {what}"), hint).at(path)
}
