//! Provider keys, sealed. What is stored of a key opens only with the master key, only for the organization, provider
//! and address that it was sealed for, and only at the moment when a host is to be shown it.
//!
//! ```text
//! master key ── HKDF ──▶ key of the organization ── seals ──▶ data key, one a credential ── seals ──▶ provider's key
//! ```

mod account;
mod aws;
mod envelope;
mod file;
mod lease;
mod written;

pub use account::{NotAnAccount, ServiceAccount};
pub use aws::{AwsKey, NotAnAwsKey};
pub use file::{KeyFileError, create_key, load_key};
pub use lease::{Deposit, Sealed, Unleased, Unsealed, Vault};
