use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::{Disk, Files};

/// When a record counts as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Durability {
    /// Once it is on stable storage: it survives a power cut.
    Disk,
    /// Once the operating system has it: it survives the end of this process, but no power cut.
    Process,
}

/// How a log is written.
#[derive(Debug, Clone)]
pub struct Options {
    /// Whose log it is, such as `deployment/replica`: 1 to 255 bytes. Every head depends on it.
    pub origin: String,
    /// When a record counts as written.
    pub durability: Durability,
    /// A segment that has grown to this many bytes is followed by a new one.
    pub segment_bytes: u64,
    /// A disk that takes longer than this for one batch is behind: nothing more is appended until it has caught up.
    pub patience: Duration,
    /// How many bytes of records may wait to be written before nothing more is appended. What is kept is taken all the
    /// same, and counts.
    pub waiting_bytes: usize,
    /// What stands between the writer and the disk.
    pub files: Arc<dyn Files>,
}

impl Options {
    /// Segments of 64 MiB on the real disk, which may take 5 seconds; 16 MiB may wait for it.
    pub fn new(origin: impl Into<String>, durability: Durability) -> Self {
        Self {
            origin: origin.into(),
            durability,
            segment_bytes: 64 << 20,
            patience: Duration::from_secs(5),
            waiting_bytes: 16 << 20,
            files: Arc::new(Disk),
        }
    }
}

impl fmt::Display for Durability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Disk => "disk",
            Self::Process => "process",
        })
    }
}
