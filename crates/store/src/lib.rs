//! All SQL: what a deployment knows beside its ledger. Of secrets it holds keyed hashes and ciphertext alone.
//!
//! The request path never comes here. A change is made in a transaction that its maker commits once the act is in the
//! ledger; then everything is loaded, and a new snapshot takes the place of the old one.

mod change;
mod error;
mod load;
mod schema;
mod store;

pub use change::Change;
pub use error::StoreError;
pub use load::Contents;
pub use store::{Defaults, Store};
