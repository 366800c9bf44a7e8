//! A tamper-evident log, and nothing but that: it knows records, not what is in them.
//!
//! ```text
//! Ledger::append(record) ─▶ Pending ─▶ Position     one writer thread, many records to one fdatasync
//! Ledger::keep(record)                              cannot fail: held and written as soon as the disk takes it
//! read::Records, read::verify                       need no writer, and mind none
//! ```
//!
//! Start reading in `writer.rs`; the bytes on disk are described in `FORMAT.md`, which a verifier can be written from.
//! A log proves that nothing in it was changed; that its end was not cut off, or all of it written anew, only a copy
//! of its head in another place can prove.

#![cfg_attr(not(test), deny(clippy::indexing_slicing, clippy::string_slice))]

mod fault;
mod files;
mod format;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod handle;
mod handover;
mod landmarks;
mod options;
mod pending;
pub mod read;
mod segment;
mod shared;
mod window;
mod writer;

pub use fault::{AppendError, Damage, Fault, Flaw, OpenError, Unwritten};
pub use files::{Disk, Files};
pub use format::{MAX_RECORD, Position};
pub use handle::{Ledger, Recovered};
pub use handover::{Fate, Held, Reached, Word};
pub use options::{Durability, Options};
pub use pending::Pending;
pub use shared::Status;
