//! Who is asking: the one reader of credentials, and the directory that they are looked up in.
//!
//! ```text
//! peer, headers ── Directory::caller ──▶ Caller
//!        bearer: exactly one credential     │ Unidentified: alike to the outside, whatever was wrong
//! ```
//!
//! Tokens are 256 random bits, so a keyed hash is all that is stored of them; the text itself is shown once.

mod agent;
mod bearer;
mod caller;
mod directory;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod org;
mod text;
mod token;

pub use agent::{Agent, Limits};
pub use caller::{Caller, Unidentified};
pub use directory::{Directory, Roster};
pub use org::{Org, Role};
pub use text::{Kind, PublicId, ShownToken};
pub use token::{Grant, Over, StoredToken, Unrotated};
