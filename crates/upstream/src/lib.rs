//! The hand: the one place from which anything leaves for a host.
//!
//! [`Upstream::fetch`] takes nothing but an opened entry, and brings in what it names by an address, where the operator allows
//! that. [`Upstream::walk`] takes nothing but what comes of that, and tries the routes of its plan one after the other.
//! `client.rs` is the only door out. It speaks to the hosts of the catalogue and to nobody else: to the very address that
//! was checked, by TLS unless the host stands on the operator's premises, through no proxy but the operator's own, after no redirect.
//! [`Upstream::errand`] carries no payload.
//! `outcome.rs` says what a host's failure means: what it shows of the route, and whether another may be tried;
//! `budget.rs` says how often that may be.

mod budget;
mod client;
mod deadline;
mod ending;
mod errand;
mod farewell;
mod fetch;
mod frames;
mod hosts;
mod keys;
mod outcome;
mod place;
mod reply;
mod sealer;
mod turn;
mod walk;
mod work;

pub use budget::Restraint;
pub use client::{Client, ClientError, Proxy, ProxyError};
pub use deadline::Deadlines;
pub use ending::Ending;
pub use errand::Errand;
pub use fetch::{Fetched, Fetching, Room};
pub use frames::Frames;
pub use reply::{Answer, Failure, Reply};
pub use walk::Upstream;
pub use work::Flow;
