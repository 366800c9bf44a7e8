use std::path::Path;

use crate::fault::Fault;
use crate::read::{Start, Walk};

/// What a log amounts to, every byte of it verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Whose log it is; empty where there is none.
    pub origin: String,
    /// How many records it holds.
    pub records: u64,
    /// Its head: a copy of it in another place, with the number of records, proves later that nothing was cut off.
    pub head: [u8; 32],
    /// How many files it is in.
    pub segments: u64,
    /// Bytes in older segments that are not part of the log, because their writing failed and was never acknowledged.
    pub surplus_bytes: u64,
    /// Bytes after the last mark: a batch being written, or one that never was to its end.
    pub unfinished_bytes: u64,
}

/// Verifies a whole log. It needs no writer and no key, and a writer may be at work; it holds one record at a time.
///
/// # Errors
/// The first place that does not verify, or what the disk said.
pub fn verify(folder: &Path) -> Result<Report, Fault> {
    let Some(mut walk) = Walk::open(folder, Start::First, None)? else { return Ok(Report::default()) };
    while walk.batch()?.is_some() {}
    Ok(Report {
        origin: walk.segment.header.origin.clone(),
        records: walk.at.index,
        head: walk.at.head,
        segments: walk.segments,
        surplus_bytes: walk.surplus_bytes,
        unfinished_bytes: walk.bytes_after()?,
    })
}

/// Verifies all segments before the one that begins with the record `last`, and that they lead to it. Stops early
/// where it is told to.
pub(crate) fn verify_older(folder: &Path, last: u64, stopped: impl Fn() -> bool) -> Result<(), Fault> {
    let Some(mut walk) = Walk::open(folder, Start::First, None)? else { return Ok(()) };
    while walk.segment.header.first_index < last && !stopped() && walk.batch()?.is_some() {}
    Ok(())
}
