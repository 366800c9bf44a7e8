//! HTTP/2 as callers may speak it, and as attackers do: frames are written by hand, so that each can be wrong. The tables
//! hold what a conformance suite of RFC 9113 and RFC 7541 asks, and what floods have done to servers.
//!
//! Where the library answers otherwise than the RFC's first choice, and may, the row says so:
//!
//! - *gone for reset*: a stream error may be treated as one of the connection (RFC 9113, section 5.4.2).
//! - *another code*: codes other than the named one may be sent, since a peer does nothing else with them (section 7).

mod floods;
mod frames;
mod hpack;
mod life;
mod peer;
mod requests;
mod streams;
mod words;
