//! How callers are spoken to: each way in has its own format of an answer.

use std::collections::VecDeque;
use std::sync::Arc;

use phi_words::{Completion, MicroUsd, ModelName, Refusal, Usage};

use crate::middle::{Answer, Facts, Said};
use crate::openai::Speaker;
use crate::responses::Setting;
use crate::{Question, Way, messages, responses};

/// Says one answer to one caller.
pub(crate) enum Voice {
    Chat { speaker: Speaker, include_usage: bool },
    Messages(messages::Speaker),
    Responses(Box<responses::Speaker>),
}

impl Voice {
    /// For the caller of a question, of the model of this catalogue name, at this Unix time; `facts` as far as they are known
    /// when the first thing is said.
    pub(crate) fn new(question: &Asked, name: ModelName, facts: &Facts, made: u64) -> Self {
        if let Some(setting) = &question.setting {
            return Self::Responses(Box::new(responses::Speaker::new(Arc::clone(setting), name, made)));
        }
        match question.way {
            Way::Chat | Way::Embeddings | Way::Work(_) | Way::Responses => {
                let speaker = Speaker::new(name, facts.id.as_deref(), made);
                Self::Chat { speaker, include_usage: question.include_usage }
            }
            Way::Messages => {
                Self::Messages(messages::Speaker::new(name, facts.id.as_deref(), question.estimated_input))
            }
        }
    }

    /// Adds the frames that something said comes to.
    pub(crate) fn say(&mut self, said: &Said, frames: &mut VecDeque<Completion>) {
        match self {
            Self::Chat { speaker, .. } => frames.extend(speaker.chunk(said)),
            Self::Messages(speaker) => speaker.say(said, frames),
            Self::Responses(speaker) => speaker.say(said, frames),
        }
    }

    /// What is said once an answer is whole.
    pub(crate) fn closing(&self, usage: &Usage, charged: MicroUsd) -> Vec<Completion> {
        match self {
            Self::Chat { include_usage: false, .. } => Vec::new(),
            Self::Chat { speaker, .. } => vec![speaker.usage_chunk(usage, Some(charged))],
            Self::Messages(speaker) => speaker.closing(usage),
            Self::Responses(speaker) => speaker.closing(usage, charged),
        }
    }

    /// What is said where an answer was cut; nothing where that is the same whatever was said before.
    pub(crate) fn failing(&self, refusal: &Refusal) -> Vec<Completion> {
        match self {
            Self::Chat { .. } | Self::Messages(_) => Vec::new(),
            Self::Responses(speaker) => speaker.failing(refusal),
        }
    }

    /// A whole answer.
    pub(crate) fn whole(&self, answer: &Answer) -> Completion {
        match self {
            Self::Chat { speaker, .. } => speaker.whole(answer),
            Self::Messages(speaker) => speaker.whole(answer),
            Self::Responses(speaker) => speaker.whole(answer),
        }
    }
}

/// What has to be known of a question to answer it.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) way: Way,
    /// Whether the caller asked to be told what it consumed.
    pub(crate) include_usage: bool,
    /// Tokens of input, estimated.
    pub(crate) estimated_input: u64,
    /// Of [`Way::Responses`] alone.
    pub(crate) setting: Option<Arc<Setting>>,
}

impl From<&Question> for Asked {
    fn from(question: &Question) -> Self {
        let (include_usage, estimated_input) = (question.include_usage(), question.estimated_input());
        let setting = match question {
            Question::Responses(responses) => Some(Arc::clone(responses.setting())),
            Question::Chat(_) | Question::Messages(_) | Question::Embeddings(_) | Question::Work(_) => None,
        };
        Self { way: question.way(), include_usage, estimated_input, setting }
    }
}
