use std::io;
use std::sync::Arc;

/// Why the log cannot be written or read now.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Fault {
    /// The disk failed: full, gone, or an error of the device.
    #[error("the disk failed while {doing}")]
    Disk {
        /// What was being done, such as `writing a batch`.
        doing: &'static str,
        /// What the operating system said.
        source: Arc<io::Error>,
    },
    /// What is on the disk is not what was written.
    #[error("the log is damaged")]
    Damaged(#[source] Damage),
    /// The disk takes too long, or too much waits for it: more is taken once it has caught up.
    #[error("the disk is behind: {records} records wait to be written")]
    Behind {
        /// How many.
        records: usize,
    },
    /// The log was shut down.
    #[error("the log was shut down")]
    Stopped,
}

impl Fault {
    /// For `map_err`: the disk failed while doing this.
    pub(crate) fn disk(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| Self::Disk { doing, source: Arc::new(source) }
    }
}

/// The first place in the log that does not verify.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{segment}` does not verify at byte {offset}, record {index}: {flaw}")]
pub struct Damage {
    /// The file's name.
    pub segment: String,
    /// Where in the file, in bytes from its start.
    pub offset: u64,
    /// The index in the log of the first record that cannot be trusted.
    pub index: u64,
    /// What is wrong there.
    pub flaw: Flaw,
}

/// What is wrong with a piece of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// The header is cut off or changed.
    #[error("the header is not whole")]
    Header,
    /// A format that this version does not read.
    #[error("the format version is not known here")]
    Version,
    /// The file was renamed.
    #[error("the name of the file is not the first index in its header")]
    Name,
    /// A segment of another log.
    #[error("the origin is not that of the log")]
    Origin,
    /// A record or mark is cut off or changed.
    #[error("a record or mark is not whole")]
    Piece,
    /// Records were changed, moved, added or removed before this mark.
    #[error("a mark does not fit the records before it")]
    Mark,
    /// The segment does not continue the one before it.
    #[error("the previous head is not the head of the segment before")]
    Chain,
    /// A segment, or the end of one, is missing.
    #[error("records are missing before this segment")]
    Gap,
}

/// Why a record was not appended. A record that was not appended may yet be found in the log, where the machine went
/// down before the log could go on without it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum AppendError {
    /// The record is longer than [`MAX_RECORD`](crate::MAX_RECORD).
    #[error("a record of {bytes} bytes is too long")]
    TooLong {
        /// How long it is.
        bytes: usize,
    },
    /// The log cannot be written now.
    #[error("the log cannot be written now")]
    Unavailable(#[source] Fault),
}

/// Why a log was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process, or another handle in this one, writes this log.
    #[error("another process writes this log")]
    Locked,
    /// An origin is 1 to 255 bytes.
    #[error("an origin of {bytes} bytes is not between 1 and 255")]
    OriginLength {
        /// How long it is.
        bytes: usize,
    },
    /// The folder holds the log of another origin.
    #[error("the folder holds the log of `{found}`")]
    OtherOrigin {
        /// The origin in the headers.
        found: String,
    },
    /// The log of another process does not end where that one says, or is not written in the way that is wanted here.
    #[error("the log does not end where the process that writes it says, or has another durability")]
    OtherEnd,
    /// The disk failed, or the last segment does not verify.
    #[error("the log cannot be opened")]
    Fault(#[from] Fault),
}

/// Kept records could not be written before the log was shut down, and are lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{records} kept records could not be written")]
pub struct Unwritten {
    /// How many.
    pub records: usize,
}
