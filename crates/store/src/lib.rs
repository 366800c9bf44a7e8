//! All SQL. The store keeps what operators set up: defaults, organizations, roles, agents, tokens, agreements and sealed
//! provider keys. The request path never asks it: a snapshot is built of [`Store::load`] after each [`Change`].
//!
//! Nothing in it is a secret: of tokens it has keyed hashes, of provider keys what the vault sealed.

mod change;
mod everything;
mod open;
mod row;

pub use change::Change;
pub use everything::Everything;
pub use open::{Defaults, Store};

/// Why the store did not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database failed.
    #[error("the store failed")]
    Sql(#[from] sqlx::Error),
    /// The name, or the id, is taken.
    #[error("there is one of that name already")]
    Taken,
    /// What is there is not what can be there.
    #[error("the store holds a {what} that is not one")]
    Corrupt {
        /// Table and column.
        what: &'static str,
    },
    /// It was written by a later version.
    #[error(
        "the store has schema {found}, and this version knows {known}; use the version that wrote it, or a later one"
    )]
    Newer {
        /// The schema of the file.
        found: i64,
        /// The newest that we know.
        known: i64,
    },
    /// The file cannot be made or opened.
    #[error("the store's file cannot be made")]
    File(#[from] std::io::Error),
    /// There is no such file, or no deployment in it.
    #[error("the store holds no deployment; `phi init` makes one")]
    Empty,
}
