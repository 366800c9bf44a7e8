//! Reading and verifying, with or without a writer at work, holding one record at a time.

mod records;
mod verify;
mod walk;

pub use records::Records;
pub use verify::{Report, verify};
pub use walk::Start;

pub(crate) use verify::verify_older;
pub(crate) use walk::Walk;
