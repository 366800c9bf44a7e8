use std::io;

/// Why the store did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be made, opened or closed to others.
    #[error("the store's file cannot be {0}")]
    File(&'static str, #[source] io::Error),
    /// Others than its owner can open the file.
    #[error("the store's file has the mode {0:04o}, so others can open it; `chmod 600` it")]
    Exposed(u32),
    /// The file is not a store of ours.
    #[error("the file is no store of this program")]
    NotOurs,
    /// The file was written by a later version of this program.
    #[error("the store has the form {found}, and this program knows forms up to {known}; use a newer one")]
    Newer {
        /// The store's form.
        found: u32,
        /// The last form that is known here.
        known: u32,
    },
    /// SQLite finds the file damaged.
    #[error("the store's file is damaged; restore it from a backup")]
    Damaged,
    /// A value in the store cannot be what it should be.
    #[error("the store's table `{table}` holds a `{column}` that makes no sense")]
    Nonsense {
        /// The table.
        table: &'static str,
        /// The column.
        column: &'static str,
    },
    /// A name that only one may have is another's.
    #[error("another {0} has this name; choose a different one")]
    Taken(&'static str),
    /// What a row belongs to is not there, or belongs to another organization.
    #[error("the {0} belongs to something that is not there")]
    Dangling(&'static str),
    /// The database failed.
    #[error("the store failed")]
    Database(#[from] sqlx::Error),
}

impl StoreError {
    /// What a failed write of a `what` means.
    pub(crate) fn written(what: &'static str, error: sqlx::Error) -> Self {
        match error.as_database_error() {
            Some(told) if told.is_unique_violation() => Self::Taken(what),
            Some(told) if told.is_foreign_key_violation() => Self::Dangling(what),
            Some(_) | None => Self::Database(error),
        }
    }
}
