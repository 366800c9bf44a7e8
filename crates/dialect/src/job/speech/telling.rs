use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{Bytes, BytesMut};
use phi_words::Completion;

use crate::json::Object;
use crate::question::Script;
use crate::sound::Sound;
use crate::sse;

/// How the caller is told.
pub(super) enum Telling {
    /// Sound as it is.
    Sound,
    /// OpenAI's events (specification 2.3.0, `CreateSpeechResponseStreamEvent`).
    Events {
        /// What is charged.
        characters: u64,
    },
}

impl Telling {
    pub(super) fn events(script: &Script) -> Self {
        Self::Events { characters: script.characters() }
    }

    pub(super) const fn media_type(&self, sound: Sound) -> &'static str {
        match self {
            Self::Sound => sound.media_type(),
            Self::Events { .. } => "text/event-stream; charset=utf-8",
        }
    }

    pub(super) fn tell(&self, sound: Bytes, out: &mut VecDeque<Completion>) {
        if sound.is_empty() {
            return;
        }
        match self {
            Self::Sound => out.push_back(Completion::new(sound)),
            Self::Events { .. } => {
                let mut event = Object::with_room(sound.len() / 3 * 4 + 64);
                event.text("type", "speech.audio.delta").text("audio", &STANDARD.encode(&sound));
                out.push_back(framed(event));
            }
        }
    }

    /// No host has counted tokens; what is charged stands beside them.
    pub(super) fn end(&self, out: &mut VecDeque<Completion>) {
        match self {
            Self::Sound => {}
            Self::Events { characters } => {
                let mut event = Object::new();
                event.text("type", "speech.audio.done").object("usage", |usage| {
                    usage.whole("input_tokens", 0).whole("output_tokens", 0).whole("total_tokens", 0);
                    usage.whole("characters", *characters);
                });
                out.push_back(framed(event));
            }
        }
    }
}

fn framed(event: Object) -> Completion {
    let mut frame = BytesMut::new();
    sse::push_frame(&mut frame, &Completion::new(event.finish()));
    Completion::new(frame.freeze())
}
