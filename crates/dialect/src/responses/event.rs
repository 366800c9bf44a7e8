use std::collections::VecDeque;

use phi_words::Completion;

use crate::json::Object;

/// Writes events, each with its number, from 0.
#[derive(Clone, Copy, Default)]
pub(super) struct Telling {
    next: u64,
    /// Of a whole answer there are no events.
    is_mute: bool,
}

impl Telling {
    pub(super) const fn mute() -> Self {
        Self { next: 0, is_mute: true }
    }

    /// Whether no event was told yet.
    pub(super) const fn is_new(self) -> bool {
        self.next == 0
    }

    pub(super) fn tell(&mut self, frames: &mut VecDeque<Completion>, name: &str, write: impl FnOnce(&mut Object)) {
        if self.is_mute {
            return;
        }
        let mut out = Object::with_room(256);
        out.text("type", name).whole("sequence_number", self.next);
        write(&mut out);
        self.next += 1;
        frames.push_back(Completion::new(out.finish()));
    }
}
