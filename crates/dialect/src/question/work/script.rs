use std::fmt;

use phi_words::{Prompt, Refusal};

use super::{Fields, Task};
use crate::fields::invalid;
use crate::fields::work::speech::TABLE;
use crate::json::Value;
use crate::remote::Reading;
use crate::sound::Sound;

/// Text that is to be spoken.
#[derive(Clone)]
pub(crate) struct Script {
    /// The text.
    pub(crate) text: String,
    /// The voice as the caller calls it.
    pub(crate) voice: String,
    /// What the sound is to be written as.
    pub(crate) format: Sound,
    /// Whether it comes as events.
    pub(crate) events: bool,
    /// How fast, in thousandths of the usual.
    pub(crate) speed: u32,
}

impl Script {
    /// How many characters are spoken: Unicode scalar values.
    pub(crate) fn characters(&self) -> u64 {
        self.text.chars().count() as u64
    }
}

impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Script").field("format", &self.format).field("bytes", &self.text.len()).finish_non_exhaustive()
    }
}

/// The most characters of a text, as OpenAI has it.
const LONGEST: usize = 4_096;

pub(super) fn read(body: Prompt, reading: Reading) -> Result<(Fields, Task), Refusal> {
    let fields = Fields::read(TABLE, body, reading)?;
    let text = fields.field("input").and_then(Value::text).ok_or_else(|| invalid("input", "is missing"))?.into_owned();
    if text.trim().is_empty() || text.chars().count() > LONGEST {
        return Err(invalid("input", "must be a text of 1 to 4096 characters"));
    }
    let voice = fields.field("voice").and_then(Value::text).ok_or_else(|| invalid("voice", "is missing"))?.into_owned();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:.".contains(&byte);
    if !(1..=128).contains(&voice.len()) || !voice.bytes().all(plain) {
        return Err(invalid("voice", "must be the name of a voice"));
    }
    if text.chars().any(is_forbidden) {
        return Err(invalid("input", "has a control character, which cannot be spoken"));
    }
    let format = fields.field("response_format").and_then(Value::text);
    let format = format.and_then(|format| Sound::named(&format)).unwrap_or(Sound::Mp3);
    let events = fields.field("stream_format").is_some_and(|format| format.is_text("sse"));
    let speed = fields.field("speed").and_then(Value::number).unwrap_or(1.0);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the table holds it between 0.25 and 4"
    )]
    let speed = (speed * 1_000.0).round() as u32;
    Ok((fields, Task::Speech(Script { text, voice, format, events, speed })))
}

/// What XML 1.0 cannot have, in which hosts are told what to say (section 2.2).
const fn is_forbidden(letter: char) -> bool {
    matches!(letter, '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}')
}
