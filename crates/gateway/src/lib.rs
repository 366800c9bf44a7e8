//! The request path. START READING in `request.rs`: one function names the phases in order.

mod body;
mod endpoints;
mod headers;
mod metrics;
mod operations;
mod patient;
mod prober;
mod request;
mod serve;
mod snapshot;
mod surface;
mod tap;
mod tls;
mod upkeep;
mod vitals;

pub use endpoints::{ENDPOINTS, Stage};
pub use request::{Bounds, Gateway};
pub use serve::{Serve, Stop, Stopper};
pub use snapshot::Snapshot;
pub use surface::openai::list as errors;
pub use tls::{TlsError, acceptor};
