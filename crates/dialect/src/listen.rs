use std::collections::VecDeque;
use std::fmt;

use phi_words::{Completion, MicroUsd, ModelName, Refusal, Usage};

use crate::dialects;
use crate::middle::Said;
use crate::openai::{ChatStream, Step, WholeReply, chat};
use crate::sse::Event;
use crate::voice::{Asked, Voice};
use crate::{HostFault, Question, Speaks, Way};

/// Follows a streamed answer of a host, and says it again to the caller: every frame that it gives is complete, and names
/// the model as the catalogue does.
pub struct Listener {
    asked: Asked,
    kind: Kind,
}

enum Kind {
    /// Host and caller speak alike.
    Alike(Box<ChatStream>),
    /// They do not.
    Between(Box<Between>),
}

/// The most characters of an answer that is said again: it may be held as a whole until its end.
const LONGEST: u64 = 16 << 20;

struct Between {
    asked: Asked,
    name: ModelName,
    made: u64,
    host: dialects::Stream,
    /// From the first thing that is said.
    voice: Option<Voice>,
    output_chars: u64,
    has_content: bool,
}

impl Listener {
    /// For the caller of a question: an answer of the model of this catalogue name, of a host that speaks so, begun at this
    /// Unix time.
    pub fn new(question: &Question, speaks: Speaks, name: ModelName, made: u64) -> Self {
        let asked = Asked::from(question);
        let kind = match (asked.way, speaks) {
            (Way::Chat, Speaks::OpenAi) => Kind::Alike(Box::new(ChatStream::new(name))),
            _ => Kind::Between(Box::new(Between {
                asked: asked.clone(),
                name,
                made,
                host: dialects::Stream::new(speaks),
                voice: None,
                output_chars: 0,
                has_content: false,
            })),
        };
        Self { asked, kind }
    }

    /// Takes the next event, and adds the frames that it comes to. After a fault the stream is over; what follows its end
    /// is skipped.
    ///
    /// # Errors
    /// What is wrong with the event.
    pub fn feed(&mut self, event: &Event, frames: &mut VecDeque<Completion>) -> Result<(), HostFault> {
        match &mut self.kind {
            Kind::Alike(stream) => match stream.feed(event)? {
                Step::Frame(frame) => frames.push_back(frame),
                Step::Done | Step::Skip => {}
            },
            Kind::Between(between) => between.feed(event, frames)?,
        }
        Ok(())
    }

    /// Whether the host's end has come: nothing else is awaited.
    pub fn is_done(&self) -> bool {
        match &self.kind {
            Kind::Alike(stream) => stream.is_done(),
            Kind::Between(between) => between.host.is_done(),
        }
    }

    /// To be asked when the host closes.
    ///
    /// # Errors
    /// A stream without its end is [`HostFault::Truncated`].
    pub fn finish(&self) -> Result<(), HostFault> {
        match &self.kind {
            Kind::Alike(stream) => stream.finish(),
            Kind::Between(between) => between.host.finish(),
        }
    }

    /// Whether a frame with content was among those given; until then the walk may still try another route.
    pub fn has_content(&self) -> bool {
        match &self.kind {
            Kind::Alike(stream) => stream.has_content(),
            Kind::Between(between) => between.has_content,
        }
    }

    /// Characters of output in the frames given so far: the ground of an estimate.
    pub fn output_chars(&self) -> u64 {
        match &self.kind {
            Kind::Alike(stream) => stream.output_chars(),
            Kind::Between(between) => between.output_chars,
        }
    }

    /// What the host last said it consumed, if it is sound.
    pub fn usage(&self) -> Option<Usage> {
        match &self.kind {
            Kind::Alike(stream) => stream.usage(),
            Kind::Between(between) => sound(between.host.facts().usage, between.output_chars),
        }
    }

    /// The model that the host says is answering.
    pub fn host_model(&self) -> Option<&str> {
        match &self.kind {
            Kind::Alike(stream) => stream.host_model(),
            Kind::Between(between) => between.host.facts().host_model.as_deref(),
        }
    }

    /// Where the host last said that it answers; also of an event that was a fault.
    pub fn place(&self) -> Option<&str> {
        match &self.kind {
            Kind::Alike(stream) => stream.place(),
            Kind::Between(between) => between.host.facts().place.as_deref(),
        }
    }

    /// What is said once an answer is whole: what it consumed, and was charged, where the way in says so or it was asked for.
    pub fn closing(&self, usage: &Usage, charged: MicroUsd) -> Vec<Completion> {
        match &self.kind {
            Kind::Alike(_) if !self.asked.include_usage => Vec::new(),
            Kind::Alike(stream) => vec![stream.usage_frame(usage, Some(charged))],
            Kind::Between(between) => match &between.voice {
                Some(voice) => voice.closing(usage, charged),
                None => between.voice().closing(usage, charged),
            },
        }
    }

    /// What is said where an answer was cut; nothing where that is the same whatever was said before.
    pub fn failing(&self, refusal: &Refusal) -> Vec<Completion> {
        match &self.kind {
            Kind::Alike(_) => Vec::new(),
            Kind::Between(between) => match &between.voice {
                Some(voice) => voice.failing(refusal),
                None => between.voice().failing(refusal),
            },
        }
    }
}

impl Between {
    fn feed(&mut self, event: &Event, frames: &mut VecDeque<Completion>) -> Result<(), HostFault> {
        let said = self.host.feed(event)?;
        if said.is_empty() {
            return Ok(());
        }
        let mut voice = self.voice.take().unwrap_or_else(|| self.voice());
        for said in &said {
            let chars = said.chars();
            self.output_chars += chars;
            if self.output_chars > LONGEST {
                return Err(HostFault::TooLong);
            }
            self.has_content |= chars > 0;
            voice.say(said, frames);
        }
        self.voice = Some(voice);
        Ok(())
    }

    fn voice(&self) -> Voice {
        Voice::new(&self.asked, self.name.clone(), self.host.facts(), self.made)
    }
}

/// Says a host's whole answer to the caller of a question about a conversation: of the model of this catalogue name, at this
/// Unix time.
///
/// # Errors
/// What is wrong with the answer.
pub fn read_reply(
    question: &Question,
    body: &Completion,
    speaks: Speaks,
    name: &ModelName,
    made: u64,
) -> Result<WholeReply, HostFault> {
    let asked = Asked::from(question);
    if let (Way::Chat, Speaks::OpenAi) = (asked.way, speaks) {
        return chat::read_reply(body, name);
    }
    let mut answer = dialects::read_reply(body, speaks)?;
    let output_chars = answer.said.iter().map(Said::chars).sum();
    answer.facts.usage = sound(answer.facts.usage, output_chars);
    Ok(WholeReply {
        body: Voice::new(&asked, name.clone(), &answer.facts, made).whole(&answer),
        output_chars,
        usage: answer.facts.usage,
        host_model: answer.facts.host_model,
        place: answer.facts.place,
    })
}

/// Where there was output, figures without any are nonsense.
fn sound(usage: Option<Usage>, output_chars: u64) -> Option<Usage> {
    usage.filter(|usage| output_chars == 0 || usage.output_tokens() > 0)
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener").field("output_chars", &self.output_chars()).finish_non_exhaustive()
    }
}
