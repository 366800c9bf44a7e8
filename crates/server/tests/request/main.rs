//! The path of a request, from a caller's socket to a host's and back, with everything between as it is served.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod ask;
mod failover;
mod fields;
mod headers;
mod refusals;
mod routing;
mod stand;
mod streaming;
