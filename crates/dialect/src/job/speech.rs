//! Jobs that speak: a text is asked for in one request or in several, and its sound is told as it comes, as it is, or written
//! anew.

mod azure;
mod mistral;
mod openai;
mod parts;
mod telling;
#[cfg(test)]
mod tests;
mod watch;

use std::collections::VecDeque;

use bytes::Bytes;
use phi_words::Completion;

use self::mistral::Events;
use self::telling::Telling;
use self::watch::{Limit, Watch};
use super::{Begin, Job, Message, Step, Steps};
use crate::json::Value;
use crate::question::{Fields, Script, WorkQuestion};
use crate::sound::{self, Flac, Sound};
use crate::{Carry, Field, HostFault, Misfit, Service, Speaks};

/// Whether a route can speak a text as it is asked to.
pub(super) fn fits(question: &WorkQuestion, script: &Script, carry: &Carry) -> Result<(), Misfit> {
    // What we do not know no host is told, whatever its row says.
    if let Some(field) = question.unknown().first() {
        return Err(Misfit { field: Field::Theirs(field.clone()) });
    }
    let misfit = |field: &'static str| Err(Misfit { field: field.into() });
    let lacks = |name: &str| carry.lacks.contains(name);
    if given(script.format, carry).is_none() {
        return misfit("response_format");
    }
    if lacks("speed") && script.speed != USUAL {
        return misfit("speed");
    }
    if lacks("instructions") && !instructions(question.fields()).is_empty() {
        return misfit("instructions");
    }
    match carry.speaks {
        Speaks::OpenAi | Speaks::Mistral => Ok(()),
        Speaks::Service(Service::AzureSpeech) => azure::fits(script, carry),
        Speaks::Service(Service::AzureDocuments | Service::Fal | Service::InfomaniakBatch)
        | Speaks::Anthropic(_)
        | Speaks::Gemini
        | Speaks::Bedrock => misfit("model"),
    }
}

/// Begins to speak on a route that the text fits.
pub(super) fn begin(fields: &Fields, script: &Script, carry: &Carry) -> Begin {
    let format = given(script.format, carry).unwrap_or(script.format);
    let (messages, events, limit) = match carry.speaks {
        Speaks::Service(_) => (azure::messages(script, carry, format), None, azure::limit(format)),
        Speaks::Mistral => (vec![mistral::message(script, carry, format)], Some(Events::new(format)), Limit::None),
        Speaks::OpenAi | Speaks::Anthropic(_) | Speaks::Gemini | Speaks::Bedrock => {
            (vec![openai::message(fields, script, carry, format)], None, Limit::None)
        }
    };
    let telling = if script.events { Telling::events(script) } else { Telling::Sound };
    let media_type = telling.media_type(script.format);
    let (messages, making) = (messages.into(), Making::of(format, script.format));
    let steps = Speech { messages, events, watch: Watch::new(format, limit), making, telling };
    let left_out = fields.field("user").map(|_| "user").into_iter().collect();
    Begin { job: Job::new(steps, media_type), left_out }
}

/// The speed of a voice, in thousandths.
const USUAL: u32 = 1_000;

/// What a host is asked for, so that the caller can be given what he asked for: just that, or samples to make it of.
fn given(asked: Sound, carry: &Carry) -> Option<Sound> {
    let has = |sound| carry.sounds.contains(&sound);
    match asked {
        asked if has(asked) => Some(asked),
        Sound::Wav | Sound::Flac => has(Sound::Pcm).then_some(Sound::Pcm),
        Sound::Mp3 | Sound::Opus | Sound::Aac | Sound::Pcm => None,
    }
}

/// How the host calls a voice.
fn voice<'a>(script: &'a Script, carry: &'a Carry) -> &'a str {
    carry.voices.get(&script.voice).unwrap_or(&script.voice)
}

fn instructions(fields: &Fields) -> std::borrow::Cow<'_, str> {
    fields.field("instructions").and_then(Value::text).unwrap_or_default()
}

struct Speech {
    /// What is yet to be asked.
    messages: VecDeque<Message>,
    /// Reads the sound of events, where a host has it in them.
    events: Option<Events>,
    watch: Watch,
    making: Making,
    telling: Telling,
}

impl Steps for Speech {
    fn next(&mut self) -> Step {
        self.messages.pop_front().map_or(Step::Said, Step::Follow)
    }

    fn piece(&mut self, piece: Bytes, out: &mut VecDeque<Completion>) -> Result<(), HostFault> {
        let sound = match &mut self.events {
            Some(events) => events.feed(&piece)?,
            None => piece,
        };
        let sound = self.watch.see(sound)?;
        self.telling.tell(self.making.push(sound), out);
        Ok(())
    }

    fn end(&mut self, out: &mut VecDeque<Completion>) -> Result<(), HostFault> {
        if let Some(events) = &self.events {
            events.end()?;
        }
        self.watch.end()?;
        if self.messages.is_empty() {
            self.telling.tell(self.making.finish(), out);
            self.telling.end(out);
        }
        Ok(())
    }
}

/// What becomes of a host's sound.
enum Making {
    /// It is what was asked for.
    Nothing,
    /// Samples get a header, where they have none yet.
    Wav { has_begun: bool },
    /// Samples are encoded.
    Flac(Box<Flac>),
}

impl Making {
    fn of(given: Sound, asked: Sound) -> Self {
        match asked {
            Sound::Wav if given == Sound::Pcm => Self::Wav { has_begun: false },
            Sound::Flac if given == Sound::Pcm => Self::Flac(Box::new(Flac::new())),
            Sound::Mp3 | Sound::Opus | Sound::Aac | Sound::Flac | Sound::Wav | Sound::Pcm => Self::Nothing,
        }
    }

    fn push(&mut self, sound: Bytes) -> Bytes {
        match self {
            _ if sound.is_empty() => sound,
            Self::Nothing | Self::Wav { has_begun: true } => sound,
            Self::Wav { has_begun } => {
                *has_begun = true;
                [sound::wav_header(), sound.into()].concat().into()
            }
            Self::Flac(flac) => {
                let mut out = Vec::new();
                flac.push(&sound, &mut out);
                out.into()
            }
        }
    }

    fn finish(&mut self) -> Bytes {
        let mut out = Vec::new();
        match self {
            Self::Nothing | Self::Wav { .. } => {}
            Self::Flac(flac) => flac.finish(&mut out),
        }
        out.into()
    }
}
