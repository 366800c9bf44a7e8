mod conversation;

use std::collections::BTreeSet;
use std::sync::Arc;

use phi_words::{Capability, Class, ModelName, Prompt, Refusal};

use super::Fields;
use crate::fields::{self, invalid};
use crate::json::Value;
use crate::middle::Conversation;
use crate::remote::Reading;
use crate::responses::Setting;
use crate::{Carry, Field, Misfit, Rendered, Sealer, dialects};

/// A body of `POST /responses`, parsed.
#[derive(Debug, Clone)]
pub struct ResponsesQuestion {
    fields: Fields,
    stream: bool,
    conversation: Arc<Conversation>,
    setting: Arc<Setting>,
}

/// Reads a body of `POST /responses`, in which items may be sealed by `sealer`. Refuses with `invalid_json`,
/// `duplicate_key`, `invalid_request` or `unsupported_parameter`; with PHI, every field that we do not know.
pub fn read_responses(
    body: Prompt,
    reading: impl Into<Reading>,
    sealer: &Sealer,
) -> Result<ResponsesQuestion, Refusal> {
    let fields = Fields::read(fields::responses::TABLE, body, reading.into())?;
    if fields.field("input").is_none() {
        return Err(invalid("input", "is missing"));
    }
    let stream = fields.field("stream").and_then(Value::truth).unwrap_or(false);
    if fields.field("stream_options").is_some() && !stream {
        return Err(invalid("stream_options", "stands only where `stream` is true"));
    }
    if let Some(choice) = fields.field("tool_choice") {
        fields::responses::choice_among(choice, fields.field("tools"))?;
    }
    let root = fields.document.root();
    let conversation = Arc::new(conversation::read(root, stream, sealer)?);
    let setting = Arc::new(Setting::new(root, sealer.clone()));
    Ok(ResponsesQuestion { stream, conversation, setting, fields })
}

impl ResponsesQuestion {
    /// The model as the caller wrote it.
    pub const fn model(&self) -> &ModelName {
        &self.fields.model
    }

    /// Whether the answer is to come as a stream of events.
    pub const fn stream(&self) -> bool {
        self.stream
    }

    /// What the request needs of a model beyond text.
    pub const fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.fields.capabilities
    }

    /// The fields that we do not know, by path. No route carries them.
    pub fn unknown(&self) -> &[Arc<str>] {
        &self.fields.unknown
    }

    /// How many bytes the caller's body has.
    pub fn body_len(&self) -> usize {
        self.fields.document.text().len()
    }

    /// The most output tokens that the caller wants.
    pub fn output_limit(&self) -> Option<u64> {
        self.conversation.limit
    }

    pub(super) const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// What is asked, in nobody's format.
    pub fn conversation(&self) -> &Conversation {
        &self.conversation
    }

    /// How it is to be answered.
    pub(crate) fn setting(&self) -> &Arc<Setting> {
        &self.setting
    }

    /// Whether a route can carry every field; if not, the first that it cannot.
    pub fn fits(&self, carry: &Carry) -> Result<(), Misfit> {
        if let Some(field) = self.fields.unknown.first() {
            return Err(Misfit { field: Field::Theirs(Arc::clone(field)) });
        }
        if let Some(capability) = self.fields.capabilities.difference(&carry.capabilities).next() {
            return Err(Misfit { field: field_of(*capability).into() });
        }
        dialects::fits(&self.conversation, carry).map_err(|misfit| Misfit { field: named(misfit.field) })
    }

    /// Writes the body for a route that it fits. See [`crate::Question::begin`].
    pub fn render(&self, carry: &Carry, pseudonym: &dyn Fn(&str) -> String, class: Class) -> Rendered {
        let mut rendered = dialects::render(&self.conversation, carry, pseudonym, class);
        rendered.left_out.iter_mut().for_each(|name| *name = ours(name));
        let untold = ["prompt_cache_key", "metadata", "client_metadata"];
        rendered.left_out.extend(untold.into_iter().filter(|name| self.fields.field(name).is_some()));
        if self.fields.field("reasoning").is_some_and(|reasoning| reasoning.member("summary").is_some()) {
            rendered.left_out.push("reasoning.summary");
        }
        let is_told = |space: Value<'_>| space.member("tools").is_some() && space.member("description").is_some();
        if self.fields.field("tools").and_then(Value::items).is_some_and(|mut tools| tools.any(is_told)) {
            rendered.left_out.push("tools.description");
        }
        rendered
    }
}

/// Where in a body a need shows.
const fn field_of(capability: Capability) -> &'static str {
    match capability {
        Capability::Tools => "tools",
        Capability::JsonObject | Capability::JsonSchema => "text.format",
        Capability::Vision | Capability::Audio => "input",
        Capability::Reasoning => "reasoning",
        Capability::Logprobs => "top_logprobs",
    }
}

/// The name that a field has here, of its name in a body of chat.
fn named(field: Field) -> Field {
    match field {
        Field::Ours(name) => Field::Ours(ours(name)),
        other @ (Field::Needed(_) | Field::Theirs(_)) => other,
    }
}

fn ours(name: &'static str) -> &'static str {
    match name {
        "messages" => "input",
        "max_tokens" | "max_completion_tokens" => "max_output_tokens",
        "response_format" => "text.format",
        "verbosity" => "text.verbosity",
        "reasoning_effort" => "reasoning.effort",
        "messages.reasoning_content" | "messages.reasoning" => "input.reasoning",
        "messages.image_url.detail" => "input.image_url.detail",
        "messages.file.filename" => "input.filename",
        "response_format.json_schema.description" => "text.format.description",
        _ => name,
    }
}

#[cfg(test)]
mod tests;
