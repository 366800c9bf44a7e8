//! How a log changes hands while it is written. Its writer stops between two batches. Then it either goes on, or sends what
//! is to be written to the writer of another process, and waits for that one's word as it waited for the disk.

use std::fs::File;
use std::sync::mpsc::Sender;

use std::os::unix::net::UnixStream;

/// The log between two owners: nothing is written while this lives, and who appends waits. Dropping it lets the writer go
/// on as before.
#[derive(Debug)]
pub struct Held {
    pub(crate) reached: Reached,
    pub(crate) lock: File,
    pub(crate) decide: Sender<UnixStream>,
}

/// How far a log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// How many records it holds.
    pub records: u64,
    /// Its head.
    pub head: [u8; 32],
}

/// What became of a record at the heir, as it stands in [`Word`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It counts as written.
    Written,
    /// It was not written, and never will be.
    Refused,
    /// It is not written yet; the heir keeps it until it can be.
    Kept,
}

/// What the heir says of one record, in the order in which they came: nine bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// What became of it.
    pub fate: Fate,
    /// Its index, where it was written.
    pub index: u64,
}

impl Held {
    /// How far the log is written.
    pub fn reached(&self) -> Reached {
        self.reached
    }

    /// The log's lock. Whoever has the file, or a copy of its descriptor, holds it.
    pub fn lock(&self) -> &File {
        &self.lock
    }

    /// Gives the log up to another process that holds its lock: from now on every record is sent there, each as its length
    /// in two bytes, the higher one first, and its bytes. What comes back is a [`Word`] for each.
    pub fn give_up(self, heir: UnixStream) {
        // Where the writer is gone there is nothing left to be sent.
        let _ = self.decide.send(heir);
    }
}

impl Word {
    /// How many bytes it has.
    pub const BYTES: usize = 9;

    /// As it is sent.
    pub fn to_bytes(self) -> [u8; Self::BYTES] {
        let mut bytes = [0; Self::BYTES];
        let (fate, index) = bytes.split_at_mut(1);
        fate.fill(match self.fate {
            Fate::Written => 0,
            Fate::Refused => 1,
            Fate::Kept => 2,
        });
        index.copy_from_slice(&self.index.to_be_bytes());
        bytes
    }

    /// As it was received; nothing where it is none.
    pub fn parse([fate, index @ ..]: [u8; Self::BYTES]) -> Option<Self> {
        let fate = match fate {
            0 => Fate::Written,
            1 => Fate::Refused,
            2 => Fate::Kept,
            _ => return None,
        };
        Some(Self { fate, index: u64::from_be_bytes(index) })
    }
}
