mod conversation;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use phi_words::{Capability, Class, ModelName, Prompt, Refusal};

use super::Fields;
use crate::fields::{self, invalid};
use crate::json::Value;
use crate::middle::{Content, Conversation, Media, Part};
use crate::remote::Reading;
use crate::{Carry, Field, Misfit, Rendered, Speaks, dialects};

/// A body of `POST /messages`, parsed.
#[derive(Debug, Clone)]
pub struct MessagesQuestion {
    fields: Fields,
    stream: bool,
    limit: Option<u64>,
    /// Headers and what stands in the body that no host is told of.
    left_out: Vec<&'static str>,
    conversations: Arc<Conversations>,
}

/// What is asked, in nobody's format; made when the first route is looked at.
#[derive(Debug, Default)]
struct Conversations {
    whole: OnceLock<Conversation>,
    /// The same without a word of thinking, for models that do not think, or not so.
    thoughtless: OnceLock<Conversation>,
}

/// Reads a body of `POST /messages`. Refuses with `invalid_json`, `duplicate_key`, `invalid_request` or
/// `unsupported_parameter`; with PHI, every field that we do not know.
pub fn read_messages(body: Prompt, reading: impl Into<Reading>) -> Result<MessagesQuestion, Refusal> {
    let question = read_counted(body, reading)?;
    match question.limit {
        Some(_) => Ok(question),
        None => Err(invalid("max_tokens", "is missing")),
    }
}

/// Reads a body of `POST /messages/count_tokens`, which may leave `max_tokens` out. Refuses as [`read_messages`] does.
pub fn read_counted(body: Prompt, reading: impl Into<Reading>) -> Result<MessagesQuestion, Refusal> {
    let fields = Fields::read(fields::anthropic::TABLE, body, reading.into())?;
    if fields.field("messages").is_none() {
        return Err(invalid("messages", "is missing"));
    }
    if let Some(choice) = fields.field("tool_choice") {
        fields::anthropic::choice_among(choice, fields.field("tools"))?;
    }
    let limit = fields.field("max_tokens").and_then(Value::whole);
    let budget = fields.field("thinking").and_then(|thinking| thinking.member("budget_tokens")?.whole());
    if let (Some(limit), Some(budget)) = (limit, budget)
        && budget >= limit
    {
        return Err(invalid("thinking.budget_tokens", "must be less than `max_tokens`"));
    }
    let format = fields.field("output_config").and_then(|config| config.member("format"));
    if format.is_some() && fields.field("output_format").is_some() {
        return Err(invalid("output_format", "stands beside `output_config.format`: send one of both"));
    }
    Ok(MessagesQuestion {
        stream: fields.field("stream").and_then(Value::truth).unwrap_or(false),
        limit,
        left_out: conversation::unsaid(fields.document.root()),
        conversations: Arc::default(),
        fields,
    })
}

impl MessagesQuestion {
    /// The model as the caller wrote it.
    pub const fn model(&self) -> &ModelName {
        &self.fields.model
    }

    /// Whether the answer is to come as a stream of events.
    pub const fn stream(&self) -> bool {
        self.stream
    }

    /// What the request needs of a model beyond text. To think is a wish, and no need.
    pub const fn capabilities(&self) -> &BTreeSet<Capability> {
        &self.fields.capabilities
    }

    /// The fields that we do not know, by path.
    pub fn unknown(&self) -> &[Arc<str>] {
        &self.fields.unknown
    }

    /// How many bytes the caller's body has.
    pub fn body_len(&self) -> usize {
        self.fields.document.text().len()
    }

    /// The most output tokens that the caller wants.
    pub const fn output_limit(&self) -> Option<u64> {
        self.limit
    }

    /// How many tokens the input has, estimated: a quarter of the bytes, but 1,600 for an image and one for each
    /// 32 bytes of a document's base64, which say little.
    pub fn count(&self) -> u64 {
        let (mut bytes, mut tokens) = (self.body_len(), 0_u64);
        let parts = self.conversation().turns.iter().flat_map(|turn| &turn.parts);
        for Media { kind, data } in parts.flat_map(media) {
            bytes = bytes.saturating_sub(data.len());
            let is_image = kind.starts_with("image/");
            tokens += if is_image { IMAGE_TOKENS } else { (data.len() as u64).div_ceil(BYTES_OF_DOCUMENT) };
        }
        (bytes as u64).div_ceil(4) + tokens
    }

    pub(super) const fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Leaves out what another question does.
    pub(super) fn leave_out_as(&mut self, other: &Self) {
        self.left_out.clone_from(&other.left_out);
    }

    /// What is asked, in nobody's format.
    pub fn conversation(&self) -> &Conversation {
        let body = self.fields.document.root();
        self.conversations.whole.get_or_init(|| conversation::read(body, self.limit, self.stream))
    }

    fn thoughtless(&self) -> &Conversation {
        let without = || Conversation { thinking: None, ..self.conversation().clone() };
        self.conversations.thoughtless.get_or_init(without)
    }

    /// Whether a route can carry every field; if not, the first that it cannot.
    pub fn fits(&self, carry: &Carry) -> Result<(), Misfit> {
        if let Some(field) = self.unknown().first() {
            return Err(Misfit { field: Field::Theirs(Arc::clone(field)) });
        }
        self.fields.fits(carry).and_then(|()| self.said(carry).map(drop)).map_err(theirs)
    }

    /// What a route is asked: everything, or where its model cannot think as it is asked to, all but that.
    fn said(&self, carry: &Carry) -> Result<&Conversation, Misfit> {
        let whole = self.conversation();
        match (dialects::fits(whole, carry), whole.thinking) {
            (Ok(()), _) => Ok(whole),
            (Err(misfit), None) => Err(misfit),
            (Err(_), Some(_)) => dialects::fits(self.thoughtless(), carry).map(|()| self.thoughtless()),
        }
    }

    /// No host is told of this either.
    pub(super) fn leave_out(&mut self, name: &'static str) {
        self.left_out.push(name);
    }

    /// Writes the body for a route that it fits. See [`crate::Question::begin`].
    pub fn render(&self, carry: &Carry, pseudonym: &dyn Fn(&str) -> String, class: Class) -> Rendered {
        let whole = self.conversation();
        let said = self.said(carry).unwrap_or(whole);
        let Rendered { body, left_out } = dialects::render(said, carry, pseudonym, class);
        let mut names = self.left_out.clone();
        names.extend(left_out.into_iter().map(name));
        if said.thinking.is_none() && whole.thinking.is_some() {
            let asks = ["thinking", "output_config"].into_iter().filter(|name| self.fields.field(name).is_some());
            names.extend(asks.map(|name| if name == "thinking" { name } else { "output_config.effort" }));
        }
        if !keeps(carry.speaks) {
            let is_hidden = |part: &Part| matches!(part.content, Content::Redacted(_));
            let is_hidden = whole.turns.iter().flat_map(|turn| &turn.parts).any(is_hidden);
            names.extend((is_hidden && !names.contains(&"messages.thinking")).then_some("messages.thinking"));
            names.extend(is_marked(whole).then_some("cache_control"));
        }
        Rendered { body, left_out: names }
    }
}

/// Tokens of an image: what Anthropic's models take of one that is as large as they look at
/// (<https://platform.claude.com/docs/en/build-with-claude/vision>).
const IMAGE_TOKENS: u64 = 1_600;
/// Bytes of base64 that a token of a document comes from: pages of text are about so dense.
const BYTES_OF_DOCUMENT: u64 = 32;

/// Whether hosts that speak so are told what is worth keeping, and are given back what they hid.
const fn keeps(speaks: Speaks) -> bool {
    match speaks {
        Speaks::Anthropic(_) | Speaks::Bedrock => true,
        Speaks::OpenAi | Speaks::Mistral | Speaks::Gemini | Speaks::Service(_) => false,
    }
}

fn is_marked(asked: &Conversation) -> bool {
    fn marks(part: &Part) -> bool {
        part.cache.is_some() || matches!(&part.content, Content::Result { parts, .. } if parts.iter().any(marks))
    }
    asked.tools.iter().any(|tool| tool.cache.is_some()) || asked.turns.iter().flat_map(|turn| &turn.parts).any(marks)
}

/// The bytes that a part holds.
fn media(part: &Part) -> Vec<&Media> {
    match &part.content {
        Content::Image { media, .. } | Content::Audio(media) | Content::Document { media, .. } => vec![media],
        Content::Result { parts, .. } => parts.iter().flat_map(media).collect(),
        Content::Text(_)
        | Content::Refusal(_)
        | Content::Thought { .. }
        | Content::Redacted(_)
        | Content::Call { .. } => Vec::new(),
    }
}

/// A field that a route cannot carry, by the name that the caller knows it by.
fn theirs(misfit: Misfit) -> Misfit {
    match misfit.field {
        Field::Ours(field) => Misfit { field: name(field).into() },
        Field::Needed(_) | Field::Theirs(_) => misfit,
    }
}

/// What dialects name as OpenAI's chat does, as this way in names it.
fn name(field: &'static str) -> &'static str {
    match field {
        "user" => "metadata.user_id",
        "stop" => "stop_sequences",
        "reasoning_effort" => "thinking",
        "response_format" => "output_config.format",
        "parallel_tool_calls" => "tool_choice.disable_parallel_tool_use",
        "messages.reasoning_content" => "messages.thinking",
        "messages.file.filename" => "messages.title",
        other => other,
    }
}

#[cfg(test)]
mod tests;
