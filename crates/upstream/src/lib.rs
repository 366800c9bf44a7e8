//! The hand: the one place from which anything leaves for a host.
//!
//! [`Upstream::walk`] takes nothing but an opened entry, and tries the routes of its plan one after the other.
//! `client.rs` is the only door out. It speaks to the hosts of the catalogue and to nobody else: to the very address that
//! was checked, by TLS unless the host stands on the operator's premises, through no proxy but the operator's own, after no redirect.
//! `outcome.rs` says what a host's failure means: whose fault it is, and whether another route may be tried.

mod client;
mod deadline;
mod frames;
mod hosts;
mod keys;
mod outcome;
mod place;
mod reply;
mod walk;

pub use client::{Client, ClientError, Proxy, ProxyError};
pub use deadline::Deadlines;
pub use frames::Frames;
pub use reply::{Answer, Failure, Reply};
pub use walk::Upstream;
