use bytes::{Bytes, BytesMut};

use crate::HostFault;
use crate::sound::{SAMPLE, Sound};

/// Sees that a host gives what it was asked for: each answer begins as sound of that form does, and has not reached the length
/// at which the host would have cut it.
pub(super) struct Watch {
    format: Sound,
    /// The bytes at which the host cuts, and says nothing of it.
    cut_at: Option<u64>,
    seen: u64,
    /// The first bytes, until there are enough of them to judge.
    first: BytesMut,
}

impl Watch {
    pub(super) fn new(format: Sound, cut_at: Option<u64>) -> Self {
        Self { format, cut_at, seen: 0, first: BytesMut::new() }
    }

    /// What of these bytes can be passed on.
    pub(super) fn see(&mut self, sound: Bytes) -> Result<Bytes, HostFault> {
        let had = self.seen;
        self.seen += sound.len() as u64;
        if self.cut_at.is_some_and(|cut_at| self.seen >= cut_at) {
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
        if seen < 4 {
            return Err(HostFault::Truncated);
        }
        if self.format == Sound::Pcm && seen % SAMPLE as u64 != 0 {
            return Err(HostFault::Truncated);
        }
        Ok(())
    }
}
