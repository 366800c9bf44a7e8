//! The request path. START READING in `request.rs`: one function names the phases in order.

mod body;
mod endpoints;
mod framing;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod headers;
mod http2;
mod lull;
mod metrics;
mod opening;
mod operations;
mod pace;
mod patient;
mod pieces;
mod places;
mod prober;
mod request;
mod serve;
mod shares;
mod snapshot;
mod strict;
mod surface;
mod tap;
mod tls;
mod upkeep;
mod vitals;

pub use endpoints::{ENDPOINTS, Stage};
pub use headers::list as headers;
pub use request::{Bounds, Gateway};
pub use serve::{Edge, Serve, Stop, Stopper};
pub use snapshot::Snapshot;
pub use surface::openai::list as errors;
pub use tls::{Certificate, Tls, TlsError};
