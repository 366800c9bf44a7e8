use std::fmt;
use std::sync::Arc;

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
    /// What stands between the writer and the disk.
    pub files: Arc<dyn Files>,
}

impl Options {
    /// Segments of 64 MiB on the real disk.
    pub fn new(origin: impl Into<String>, durability: Durability) -> Self {
        Self { origin: origin.into(), durability, segment_bytes: 64 << 20, files: Arc::new(Disk) }
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
