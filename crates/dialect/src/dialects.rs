//! The dialects of hosts, side by side: each writes a conversation and hears an answer.

use std::borrow::Cow;

use phi_words::{Class, Completion};

use crate::anthropic::At;
use crate::middle::{Answer, Conversation, Facts, Said};
use crate::openai::hear;
use crate::seals::Tag;
use crate::sse::Event;
use crate::{
    Carry, HostError, HostFault, Misfit, Question, Rendered, Service, Speaks, anthropic, bedrock, gemini, job, openai,
};

/// Where below its address a host takes a question.
pub fn path(question: &Question, carry: &Carry) -> Cow<'static, str> {
    match (question, carry.speaks) {
        (Question::Embeddings(_), _) => "/embeddings".into(),
        // A job says itself where.
        (Question::Work(_), _) => "/".into(),
        (_, Speaks::OpenAi | Speaks::Mistral | Speaks::Service(_)) => "/chat/completions".into(),
        (_, Speaks::Anthropic(At::FirstParty { .. })) => "/messages".into(),
        (_, Speaks::Anthropic(At::Vertex)) => anthropic::vertex_path(&carry.own, question.stream()).into(),
        (_, Speaks::Gemini) => gemini::path(&carry.own, question.stream()).into(),
        (_, Speaks::Bedrock) => bedrock::path(&carry.own, question.stream()).into(),
    }
}

/// Whether a route can carry a conversation; if not, the first thing that it cannot.
pub(crate) fn fits(asked: &Conversation, carry: &Carry) -> Result<(), Misfit> {
    let asked = &*Tag::of(carry.speaks).opened(asked);
    match carry.speaks {
        Speaks::OpenAi | Speaks::Mistral => openai::render::fits(asked, carry),
        Speaks::Anthropic(_) => anthropic::fits(asked, carry),
        Speaks::Gemini => gemini::fits(asked, carry),
        Speaks::Bedrock => bedrock::fits(asked, carry),
        // It does not converse.
        Speaks::Service(_) => Err(Misfit { field: "messages".into() }),
    }
}

/// Writes the body of a conversation for a route that it fits.
pub(crate) fn render(
    asked: &Conversation,
    carry: &Carry,
    pseudonym: &dyn Fn(&str) -> String,
    class: Class,
) -> Rendered {
    let asked = &*Tag::of(carry.speaks).opened(asked);
    match carry.speaks {
        Speaks::OpenAi | Speaks::Mistral | Speaks::Service(_) => openai::render::render(asked, carry, pseudonym, class),
        Speaks::Anthropic(at) => anthropic::render(asked, carry, pseudonym, class, at),
        Speaks::Gemini => gemini::render(asked, carry, pseudonym, class),
        Speaks::Bedrock => bedrock::render(asked, carry),
    }
}

/// Hears a whole answer.
pub(crate) fn read_reply(body: &Completion, speaks: Speaks) -> Result<Answer, HostFault> {
    let mut answer = match speaks {
        Speaks::OpenAi | Speaks::Mistral | Speaks::Service(_) => hear::read_reply(body),
        Speaks::Anthropic(_) => anthropic::read_reply(body),
        Speaks::Gemini => gemini::read_reply(body),
        Speaks::Bedrock => bedrock::read_reply(body),
    }?;
    Tag::of(speaks).tag_all(&mut answer.said);
    Ok(answer)
}

/// Reads the body of an error, of which only the kind is kept. `named` is the type that the head of the reply names, if it
/// does.
pub fn read_error(body: &[u8], named: Option<&str>, speaks: Speaks) -> HostError {
    match speaks {
        Speaks::Service(Service::Fal) => job::image::fal::read_error(body),
        Speaks::OpenAi | Speaks::Mistral | Speaks::Service(_) => openai::errors::read_error(body),
        Speaks::Anthropic(_) => anthropic::read_error(body),
        Speaks::Gemini => gemini::read_error(body),
        Speaks::Bedrock => bedrock::read_error(body, named),
    }
}

/// Hears a stream.
pub(crate) enum Stream {
    OpenAi(Box<hear::Stream>),
    Anthropic(Box<anthropic::Stream>),
    Gemini(Box<gemini::Stream>),
    Bedrock(Box<bedrock::Stream>),
}

impl Stream {
    pub(crate) fn new(speaks: Speaks) -> Self {
        match speaks {
            Speaks::OpenAi | Speaks::Mistral | Speaks::Service(_) => Self::OpenAi(Box::default()),
            Speaks::Anthropic(_) => Self::Anthropic(Box::default()),
            Speaks::Gemini => Self::Gemini(Box::default()),
            Speaks::Bedrock => Self::Bedrock(Box::default()),
        }
    }

    pub(crate) fn feed(&mut self, event: &Event) -> Result<Vec<Said>, HostFault> {
        let (said, speaks) = match self {
            Self::OpenAi(stream) => (stream.feed(event), Speaks::OpenAi),
            Self::Anthropic(stream) => (stream.feed(event), Speaks::Anthropic(At::Vertex)),
            Self::Gemini(stream) => (stream.feed(event), Speaks::Gemini),
            Self::Bedrock(stream) => (stream.feed(event), Speaks::Bedrock),
        };
        let mut said = said?;
        Tag::of(speaks).tag_all(&mut said);
        Ok(said)
    }

    pub(crate) fn finish(&self) -> Result<(), HostFault> {
        match self {
            Self::OpenAi(stream) => stream.finish(),
            Self::Anthropic(stream) => stream.finish(),
            Self::Gemini(stream) => stream.finish(),
            Self::Bedrock(stream) => stream.finish(),
        }
    }

    pub(crate) fn is_done(&self) -> bool {
        match self {
            Self::OpenAi(stream) => stream.is_done(),
            Self::Anthropic(stream) => stream.is_done(),
            Self::Gemini(stream) => stream.is_done(),
            Self::Bedrock(stream) => stream.is_done(),
        }
    }

    pub(crate) fn facts(&self) -> &Facts {
        match self {
            Self::OpenAi(stream) => stream.facts(),
            Self::Anthropic(stream) => stream.facts(),
            Self::Gemini(stream) => stream.facts(),
            Self::Bedrock(stream) => stream.facts(),
        }
    }
}
