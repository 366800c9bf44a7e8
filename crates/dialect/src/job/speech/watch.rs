use bytes::{Bytes, BytesMut};

use crate::HostFault;
use crate::sound::{Pages, SAMPLE, Sound};

/// Sees that a host gives what it was asked for: each answer begins as sound of that form does, and has not reached the length
/// at which the host would have cut it.
pub(super) struct Watch {
    format: Sound,
    limit: Limit,
    seen: u64,
    /// The first bytes, until there are enough of them to judge.
    first: BytesMut,
    pages: Pages,
}

/// The length at which a host cuts, and says nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Limit {
    /// There is none that we could see.
    None,
    /// So many bytes.
    Bytes(u64),
    /// So many samples of 48 kHz, as the pages of Opus count them.
    Samples(u64),
}

impl Watch {
    pub(super) fn new(format: Sound, limit: Limit) -> Self {
        Self { format, limit, seen: 0, first: BytesMut::new(), pages: Pages::default() }
    }

    /// What of these bytes can be passed on.
    pub(super) fn see(&mut self, sound: Bytes) -> Result<Bytes, HostFault> {
        let had = self.seen;
        self.seen += sound.len() as u64;
        let is_cut = match self.limit {
            Limit::None => false,
            Limit::Bytes(most) => self.seen >= most,
            Limit::Samples(most) => {
                let position = self.pages.push(&sound);
                position.ok_or(HostFault::Malformed("the sound is not in pages of Ogg"))? >= most
            }
        };
        if is_cut {
            return Err(HostFault::Truncated);
        }
        if had >= 4 {
            return Ok(sound);
        }
        self.first.extend_from_slice(&sound);
        match self.first.first_chunk::<4>().copied() {
            None => Ok(Bytes::new()),
            Some(first) if self.format.begins(first) => Ok(self.first.split().freeze()),
            Some(_) => Err(HostFault::Malformed("the sound is not of the form that was asked for")),
        }
    }

    /// Sees that an answer had sound; another one may follow.
    pub(super) fn end(&mut self) -> Result<(), HostFault> {
        let seen = std::mem::take(&mut self.seen);
        self.pages = Pages::default();
        if seen < 4 {
            return Err(HostFault::Truncated);
        }
        if self.format == Sound::Pcm && !seen.is_multiple_of(SAMPLE as u64) {
            return Err(HostFault::Truncated);
        }
        Ok(())
    }
}
