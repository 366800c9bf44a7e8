//! What was asked, parsed once.

mod chat;
mod embeddings;
mod messages;
mod responses;
mod work;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use phi_words::{Capability, Class, Code, Modality, ModelName, Prompt, Refusal, Usage};

pub use chat::{ChatQuestion, read_chat};
pub use embeddings::{EmbeddingsQuestion, read_embeddings};
pub use messages::{MessagesQuestion, read_counted, read_messages};
pub use responses::{ResponsesQuestion, read_responses};
pub(crate) use work::{DocumentKind, Format, Image, Pages, Recording, Script, Selection, Task, Wanted};
pub use work::{Work, WorkQuestion};

use crate::fields::{self, Found, Kind, Row};
use crate::job::{self, Begin};
use crate::json::{Document, Object, Value};
use crate::middle::Media;
use crate::multipart::Wrapping;
use crate::remote::{self, Reading, Remote};
use crate::{Carry, Field, Misfit, Rendered, Sealer};

/// By which endpoint a caller asks. It says how he is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// `POST /chat/completions`.
    Chat,
    /// `POST /messages`.
    Messages,
    /// `POST /responses`.
    Responses,
    /// `POST /embeddings`.
    Embeddings,
    /// Work beside conversations and vectors.
    Work(Work),
}

impl Way {
    /// What kind of work he asks for.
    pub const fn modality(self) -> Modality {
        match self {
            Self::Chat | Self::Messages | Self::Responses => Modality::Chat,
            Self::Embeddings => Modality::Embeddings,
            Self::Work(work) => work.modality(),
        }
    }

    /// Reads a body of this endpoint, in which items may be sealed by `sealer`. With a class alone for a reading, no image may
    /// stand elsewhere.
    ///
    /// # Errors
    /// The refusals of step 6 of the contract's section 9.
    pub fn read(self, body: Prompt, reading: impl Into<Reading>, sealer: &Sealer) -> Result<Question, Refusal> {
        match self {
            Self::Chat => read_chat(body, reading).map(Question::Chat),
            Self::Messages => read_messages(body, reading).map(Question::Messages),
            Self::Responses => read_responses(body, reading, sealer).map(Question::Responses),
            Self::Embeddings => read_embeddings(body, reading.into().class).map(Question::Embeddings),
            Self::Work(_) => self.read_wrapped(&Wrapping::Json, body, reading, sealer),
        }
    }

    /// Whether a body of this endpoint may be wrapped so.
    pub const fn takes(self, wrapping: &Wrapping) -> bool {
        match self {
            Self::Chat | Self::Messages | Self::Responses | Self::Embeddings => matches!(wrapping, Wrapping::Json),
            Self::Work(work) => work.takes(wrapping),
        }
    }

    /// Reads a body that is wrapped so, as [`Way::read`] reads one of JSON.
    ///
    /// # Errors
    /// As there.
    pub fn read_wrapped(
        self,
        wrapping: &Wrapping,
        body: Prompt,
        reading: impl Into<Reading>,
        sealer: &Sealer,
    ) -> Result<Question, Refusal> {
        match self {
            Self::Chat | Self::Messages | Self::Responses | Self::Embeddings => self.read(body, reading, sealer),
            Self::Work(work) => work.read(wrapping, body, reading.into()).map(Question::Work),
        }
    }
}

/// What was asked, parsed once: every body field is known to be allowed, and of the right type.
#[derive(Debug, Clone)]
pub enum Question {
    /// `POST /chat/completions`.
    Chat(ChatQuestion),
    /// `POST /messages`.
    Messages(MessagesQuestion),
    /// `POST /responses`.
    Responses(ResponsesQuestion),
    /// `POST /embeddings`.
    Embeddings(EmbeddingsQuestion),
    /// Work beside conversations and vectors.
    Work(WorkQuestion),
}

impl Question {
    /// By which endpoint it was asked.
    pub const fn way(&self) -> Way {
        match self {
            Self::Chat(_) => Way::Chat,
            Self::Messages(_) => Way::Messages,
            Self::Responses(_) => Way::Responses,
            Self::Embeddings(_) => Way::Embeddings,
            Self::Work(work) => work.way(),
        }
    }

    /// What kind of work it is.
    pub const fn modality(&self) -> Modality {
        self.way().modality()
    }

    /// The model as the caller wrote it: `auto`, or a name that the catalogue has to know.
    pub const fn model(&self) -> &ModelName {
        match self {
            Self::Chat(chat) => chat.model(),
            Self::Messages(messages) => messages.model(),
            Self::Responses(responses) => responses.model(),
            Self::Embeddings(embeddings) => embeddings.model(),
            Self::Work(work) => work.model(),
        }
    }

    /// Whether the answer is to come as a stream of events.
    pub const fn stream(&self) -> bool {
        match self {
            Self::Chat(chat) => chat.stream(),
            Self::Messages(messages) => messages.stream(),
            Self::Responses(responses) => responses.stream(),
            Self::Embeddings(_) => false,
            Self::Work(work) => work.stream(),
        }
    }

    /// Whether the caller asked for a usage chunk at the end of the stream.
    pub const fn include_usage(&self) -> bool {
        match self {
            Self::Chat(chat) => chat.include_usage(),
            // It is always told.
            Self::Messages(_) | Self::Responses(_) => true,
            Self::Embeddings(_) | Self::Work(_) => false,
        }
    }

    /// What the request needs of a model beyond text.
    pub const fn capabilities(&self) -> &BTreeSet<Capability> {
        match self {
            Self::Chat(chat) => chat.capabilities(),
            Self::Messages(messages) => messages.capabilities(),
            Self::Responses(responses) => responses.capabilities(),
            Self::Embeddings(embeddings) => embeddings.capabilities(),
            Self::Work(work) => work.capabilities(),
        }
    }

    /// The fields that we do not know, by path; empty with PHI. Only routes with an open body carry them.
    pub fn unknown(&self) -> &[Arc<str>] {
        match self {
            Self::Chat(chat) => chat.unknown(),
            Self::Messages(messages) => messages.unknown(),
            Self::Responses(responses) => responses.unknown(),
            Self::Embeddings(embeddings) => embeddings.unknown(),
            Self::Work(work) => work.unknown(),
        }
    }

    /// The images that the body names by their address. They have to be fetched, and be given to [`Question::furnish`], before
    /// the question is rendered.
    pub fn remotes(&self) -> &[Remote] {
        match self {
            Self::Chat(chat) => &chat.fields().remotes,
            Self::Messages(messages) => &messages.fields().remotes,
            Self::Responses(responses) => &responses.fields().remotes,
            Self::Embeddings(_) | Self::Work(_) => &[],
        }
    }

    /// The same question with these images, one for each of its remotes, in the place of their addresses: the body is written
    /// so and read again, and no address may be left in it.
    ///
    /// # Errors
    /// As [`Way::read`].
    pub fn furnish(&self, images: &[Media], class: Class, sealer: &Sealer) -> Result<Self, Refusal> {
        let text = match self {
            Self::Chat(chat) => chat.fields().document.text(),
            Self::Messages(messages) => messages.fields().document.text(),
            Self::Responses(responses) => responses.fields().document.text(),
            Self::Embeddings(_) | Self::Work(_) => return Ok(self.clone()),
        };
        let mut furnished = self.way().read(remote::furnished(text, self.remotes(), images)?, class, sealer)?;
        if let (Self::Messages(before), Self::Messages(after)) = (self, &mut furnished) {
            after.leave_out_as(before);
        }
        Ok(furnished)
    }

    /// How many bytes the caller's body has.
    pub fn body_len(&self) -> usize {
        match self {
            Self::Chat(chat) => chat.body_len(),
            Self::Messages(messages) => messages.body_len(),
            Self::Responses(responses) => responses.body_len(),
            Self::Embeddings(embeddings) => embeddings.body_len(),
            Self::Work(work) => work.body_len(),
        }
    }

    /// The input in tokens, estimated: a quarter of the bytes, rounded up.
    pub fn estimated_input(&self) -> u64 {
        (self.body_len() as u64).div_ceil(4)
    }

    /// What a call consumed as far as we can count it ourselves, where the host's figures are missing or not sound: a token
    /// is four bytes of the body, or four characters of what was delivered, both rounded up; of other work what the body tells.
    pub fn estimate(&self, output_chars: u64) -> Usage {
        if let Self::Work(work) = self {
            return work.counted();
        }
        Usage { input: self.estimated_input(), output: output_chars.div_ceil(4), ..Usage::default() }
    }

    /// Whether tokens are what it consumes.
    pub const fn is_by_tokens(&self) -> bool {
        match self {
            Self::Chat(_) | Self::Messages(_) | Self::Responses(_) | Self::Embeddings(_) => true,
            Self::Work(_) => false,
        }
    }

    /// The most output tokens that the caller wants, over all choices; `None` where nothing limits them.
    pub fn output_limit(&self) -> Option<u64> {
        match self {
            Self::Chat(chat) => chat.output_limit(),
            Self::Messages(messages) => messages.output_limit(),
            Self::Responses(responses) => responses.output_limit(),
            Self::Embeddings(_) | Self::Work(_) => Some(0),
        }
    }

    /// Notes something beside the body that no host is told of, such as a header; of ways in alone whose headers ask for
    /// anything.
    pub fn leave_out(&mut self, name: &'static str) {
        match self {
            Self::Messages(messages) => messages.leave_out(name),
            Self::Chat(_) | Self::Responses(_) | Self::Embeddings(_) | Self::Work(_) => {}
        }
    }

    /// Whether a route can carry every field; if not, the first that it cannot.
    pub fn fits(&self, carry: &Carry) -> Result<(), Misfit> {
        match self {
            Self::Chat(chat) => chat.fits(carry),
            Self::Messages(messages) => messages.fits(carry),
            Self::Responses(responses) => responses.fits(carry),
            Self::Embeddings(embeddings) => embeddings.fits(carry),
            Self::Work(work) => job::fits(work, carry),
        }
    }

    /// What a host is asked first on a route that it fits, written from the validated fields and never from the caller's bytes
    /// as a whole. `pseudonym` turns what names a person or a session into a keyed pseudonym; with PHI such fields are left out.
    pub fn begin(&self, carry: &Carry, pseudonym: &dyn Fn(&str) -> String, class: Class) -> Begun {
        match self {
            Self::Chat(chat) => Begun::Body(chat.render(carry, pseudonym, class)),
            Self::Messages(messages) => Begun::Body(messages.render(carry, pseudonym, class)),
            Self::Responses(responses) => Begun::Body(responses.render(carry, pseudonym, class)),
            Self::Embeddings(embeddings) => Begun::Body(embeddings.render(carry, pseudonym, class)),
            Self::Work(work) => Begun::Job(job::begin(work, carry, class)),
        }
    }
}

/// What a host is asked.
#[derive(Debug)]
pub enum Begun {
    /// One body, at [`crate::path`].
    Body(Rendered),
    /// One request or several.
    Job(Begin),
}

impl Begun {
    /// The one body, where it is one.
    pub fn into_body(self) -> Option<Rendered> {
        match self {
            Self::Body(rendered) => Some(rendered),
            Self::Job(_) => None,
        }
    }
}

/// A body whose every field has passed the table.
#[derive(Clone)]
pub(crate) struct Fields {
    table: &'static [Row],
    document: Document,
    model: ModelName,
    capabilities: BTreeSet<Capability>,
    unknown: Vec<Arc<str>>,
    remotes: Vec<Remote>,
    /// For each member of the body, its row, if the table knows it and it is not `null`.
    rows: Vec<Option<&'static Row>>,
}

impl Fields {
    fn read(table: &'static [Row], body: Prompt, reading: Reading) -> Result<Self, Refusal> {
        let document = Document::parse(body.expose_into_bytes()).map_err(|error| Refusal::from(&error))?;
        let members = document
            .root()
            .members()
            .ok_or_else(|| Refusal::new(Code::InvalidRequest, "the body is not an object", "send one JSON object"))?;
        let (mut found, mut rows) = (Found::new(reading), Vec::new());
        for (key, value) in members {
            let row = fields::row(table, &key);
            rows.push(row.filter(|_| !value.is_null()));
            match row {
                Some(_) if value.is_null() => {}
                Some(row) => check(row, &key, value, &mut found)?,
                None => found.unknown("", &key, table.iter().map(|row| row.name))?,
            }
        }
        let model = read_model(document.root())?;
        let Found { capabilities, unknown, remotes, .. } = found;
        Ok(Self { table, document, model, capabilities, unknown, remotes, rows })
    }

    /// A field, if it is there and not `null`.
    pub(crate) fn field(&self, name: &str) -> Option<Value<'_>> {
        self.document.root().member(name)
    }

    /// The fields that the table knows, with their rows.
    fn known(&self) -> impl Iterator<Item = (&'static Row, Value<'_>)> {
        let values = self.document.root().values().into_iter().flatten();
        self.rows.iter().zip(values).filter_map(|(row, value)| Some(((*row)?, value)))
    }

    pub(crate) fn fits(&self, carry: &Carry) -> Result<(), Misfit> {
        if let (Some(field), false) = (self.unknown.first(), carry.open_body) {
            return Err(Misfit { field: Field::Theirs(Arc::clone(field)) });
        }
        self.known().try_for_each(|(row, value)| row.fits(value, carry))?;
        match self.capabilities.difference(&carry.capabilities).next() {
            Some(capability) => Err(Misfit { field: field_of(*capability).into() }),
            None => Ok(()),
        }
    }

    /// Writes the fields that are passed as they are or as pseudonyms; those that are ours or
    /// translated are the question's own to write, and those in `moot` mean nothing beside the others.
    pub(crate) fn render(
        &self,
        body: &mut Object,
        left_out: &mut Vec<&'static str>,
        moot: &[&str],
        carry: &Carry,
        pseudonym: &dyn Fn(&str) -> String,
        class: Class,
    ) {
        for (row, value) in self.known() {
            match row.kind {
                Kind::Ours | Kind::Moot | Kind::Refused | Kind::Translated => {}
                Kind::Known { .. } if moot.contains(&row.name) => {}
                Kind::Known { .. } if row.is_carried(carry) => {
                    body.raw(row.name, value.raw());
                }
                Kind::Rewritten if row.is_carried(carry) && class == Class::General => {
                    body.raw(row.name, &pseudonymous(value, pseudonym));
                }
                Kind::Known { .. } | Kind::Rewritten => left_out.push(row.name),
            }
        }
        let open = carry.open_body && class == Class::General;
        for (key, value) in self.document.root().members().into_iter().flatten() {
            if open && fields::row(self.table, &key).is_none() {
                body.raw(&key, value.raw());
            }
        }
    }
}

impl fmt::Debug for Fields {
    /// Names of unknown fields are the caller's words: they stay out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Fields");
        shown.field("capabilities", &self.capabilities).field("unknown", &self.unknown.len());
        shown.finish_non_exhaustive()
    }
}

fn check(row: &'static Row, key: &str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    if let Kind::Refused = row.kind {
        let hint = "leave the field out: it is for the gateway to say who answers, where, and what is kept";
        return Err(fields::unsupported(key.to_owned(), "is not for a body to set", hint));
    }
    (row.check)(value, found)?;
    match row.kind {
        Kind::Known { needs: Some(capability), neutral } if !neutral(value) => found.needs(capability),
        Kind::Known { .. } | Kind::Translated | Kind::Ours | Kind::Moot | Kind::Refused | Kind::Rewritten => {}
    }
    Ok(())
}

fn read_model(root: Value<'_>) -> Result<ModelName, Refusal> {
    let name = root.member("model").and_then(Value::text);
    let name = name.ok_or_else(|| fields::invalid("model", "is missing"))?;
    name.parse().map_err(|_| fields::invalid("model", "must be 1 to 200 visible ASCII characters"))
}

/// The same text, or the same pairs, under keyed pseudonyms.
fn pseudonymous(value: Value<'_>, pseudonym: &dyn Fn(&str) -> String) -> Vec<u8> {
    let hidden = |text: Cow<'_, str>| pseudonym(&text);
    match value.members() {
        Some(members) => {
            let mut object = Object::new();
            for (key, value) in members {
                object.text(&hidden(key), &value.text().map(hidden).unwrap_or_default());
            }
            object.finish()
        }
        None => crate::json::text(&value.text().map(hidden).unwrap_or_default()),
    }
}

/// Where in a body a need shows.
const fn field_of(capability: Capability) -> &'static str {
    match capability {
        Capability::Tools => "tools",
        Capability::JsonObject | Capability::JsonSchema => "response_format",
        Capability::Vision | Capability::Audio => "messages",
        Capability::Reasoning => "reasoning_effort",
        Capability::Logprobs => "logprobs",
    }
}
