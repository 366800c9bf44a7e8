use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::voice;
use crate::job::Message;
use crate::json::{Document, Object, Value};
use crate::question::Script;
use crate::sound::Sound;
use crate::{Carry, HostFault, openai, sse};

/// Mistral's request (<https://docs.mistral.ai/api/endpoint/audio/speech>), answered by events, as the sound is made.
pub(super) fn message(script: &Script, carry: &Carry, format: Sound) -> Message {
    let mut body = Object::new();
    body.text("model", carry.own.as_str()).text("input", &script.text).text("voice_id", voice(script, carry));
    body.text("response_format", format.as_str()).raw("stream", b"true");
    Message { accept: "text/event-stream", ..Message::json("/audio/speech", body.finish()) }
}

/// Reads the sound of Mistral's events.
pub(super) struct Events {
    parser: sse::Parser,
    is_done: bool,
    /// Samples are numbers of 32 bits, as Mistral's `pcm` has them; what came of the next one.
    floats: Option<Vec<u8>>,
}

impl Events {
    pub(super) fn new(format: Sound) -> Self {
        Self { parser: sse::Parser::new(), is_done: false, floats: (format == Sound::Pcm).then(Vec::new) }
    }

    /// The sound of the events that these bytes complete.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<Bytes, HostFault> {
        let mut sound = Vec::new();
        for event in self.parser.feed(bytes).map_err(|_| HostFault::TooLong)? {
            let data = event.data.expose_into_bytes();
            // Some hosts send a comment as data: `data: : keepalive`.
            if data.starts_with(b":") || &data[..] == b"[DONE]" {
                continue;
            }
            let document = Document::parse(data).map_err(|_| HostFault::Malformed("an event is not JSON"))?;
            let root = document.root();
            match root.member("type").and_then(Value::text).as_deref() {
                Some("speech.audio.delta") if !self.is_done => {
                    let audio = root.member("audio_data").and_then(Value::text);
                    let audio = audio.ok_or(HostFault::Malformed("an event of sound has none"))?;
                    let audio = STANDARD.decode(&*audio).map_err(|_| HostFault::Malformed("sound is not base64"))?;
                    self.take(&audio, &mut sound);
                }
                Some("speech.audio.done") if !self.is_done => self.is_done = true,
                Some("speech.audio.delta" | "speech.audio.done") => {
                    return Err(HostFault::Malformed("more came after the end"));
                }
                // Whatever else it may be, an error is none that may be passed over.
                Some(_) | None => {
                    let is_error = ["error", "message", "detail"].iter().any(|name| root.member(name).is_some());
                    if is_error {
                        return Err(HostFault::Stated(openai::errors::read_error(document.text())));
                    }
                }
            }
        }
        Ok(sound.into())
    }

    /// Whether the answer was whole.
    pub(super) fn end(&self) -> Result<(), HostFault> {
        let is_whole = self.is_done && self.floats.as_ref().is_none_or(Vec::is_empty);
        if is_whole { Ok(()) } else { Err(HostFault::Truncated) }
    }

    fn take(&mut self, audio: &[u8], sound: &mut Vec<u8>) {
        let Some(rest) = &mut self.floats else { return sound.extend_from_slice(audio) };
        rest.extend_from_slice(audio);
        let (samples, odd) = rest.as_chunks::<4>();
        for sample in samples {
            sound.extend_from_slice(&whole(f32::from_le_bytes(*sample)).to_le_bytes());
        }
        *rest = odd.to_vec();
    }
}

/// A sample between -1 and 1 as one of 16 bits; what is no number is silence.
fn whole(sample: f32) -> i16 {
    #[expect(clippy::cast_possible_truncation, reason = "it is held between the ends of 16 bits")]
    let whole = (sample.clamp(-1.0, 1.0) * f32::from(i16::MAX)).round() as i16;
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_made_whole_and_held_within_bounds() {
        let samples = [0.0, 1.0, -1.0, 7.5, -7.5, 0.5, f32::NAN, f32::INFINITY];
        let whole = samples.map(whole);
        assert_eq!(whole, [0, 32_767, -32_767, 32_767, -32_767, 16_384, 0, 32_767]);
    }
}
