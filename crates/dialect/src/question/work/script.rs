use std::fmt;

use phi_words::{Prompt, Refusal};

use super::{Fields, Task};
use crate::fields::invalid;
use crate::fields::work::speech::TABLE;
use crate::json::Value;
use crate::remote::Reading;

/// Text that is to be spoken.
#[derive(Clone)]
pub(crate) struct Script {
    /// The text.
    pub(crate) text: String,
    /// The voice as the caller calls it.
    pub(crate) voice: String,
    /// What the sound is to be written as.
    pub(crate) format: SoundFormat,
    /// Whether it comes as events.
    pub(crate) events: bool,
    /// How fast, in thousandths of the usual.
    pub(crate) speed: u32,
}

/// What sound is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SoundFormat {
    /// MPEG audio layer III.
    Mp3,
    /// Opus in Ogg.
    Opus,
    /// AAC in ADTS.
    Aac,
    /// FLAC.
    Flac,
    /// PCM of 16 bits in RIFF.
    Wav,
    /// PCM of 16 bits at 24 kHz, mono, without a header.
    Pcm,
}

impl SoundFormat {
    /// Its media type.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Mp3 => "audio/mpeg",
            Self::Opus => "audio/ogg",
            Self::Aac => "audio/aac",
            Self::Flac => "audio/flac",
            Self::Wav => "audio/wav",
            Self::Pcm => "audio/pcm",
        }
    }

    /// As it is written in a body.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Mp3 => "mp3",
            Self::Opus => "opus",
            Self::Aac => "aac",
            Self::Flac => "flac",
            Self::Wav => "wav",
            Self::Pcm => "pcm",
        }
    }
}

impl Script {
    /// How many characters are spoken: Unicode scalar values.
    pub(super) fn characters(&self) -> u64 {
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
    let format = match fields.field("response_format").and_then(Value::text).as_deref() {
        None | Some("mp3") => SoundFormat::Mp3,
        Some("opus") => SoundFormat::Opus,
        Some("aac") => SoundFormat::Aac,
        Some("flac") => SoundFormat::Flac,
        Some("wav") => SoundFormat::Wav,
        Some(_) => SoundFormat::Pcm,
    };
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
