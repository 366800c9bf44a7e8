//! What happened: every call and every administrative act becomes records of the ledger.
//!
//! [`Recorder::open`] makes a call's entry durable before anything leaves; the [`Entry`] that it hands on must be
//! closed, and where nobody does, its `Drop` closes it as `caller_left`. `entry.rs` holds all that may be written
//! down: no field of it can hold a payload.

mod act;
mod carried;
mod charge;
pub mod entry;
mod history;
mod meter;
mod open;
mod outage;
mod recorder;
mod refuse;
mod relay;

pub use act::{Act, By};
pub use charge::Bill;
pub use entry::{Attempt, Ended, Incident, Obstacle, Reach, Status};
pub use history::{ACCEPT, Found, HistoryError};
pub use meter::Meter;
pub use open::{Entry, Opened, Outcome, Receipt};
pub use recorder::{Counters, RecordError, Recorder};
pub use refuse::Refused;
pub use relay::{NotARecord, Relay, Relayed};
