use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use phi_words::{Class, Framework, Region};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::{Change, Contents, StoreError, load, schema};

/// The store of a deployment: one SQLite file.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
}

/// What `phi init` was told. Organizations take the frameworks over unless they name their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// The region of a request that names none.
    pub region: Region,
    /// The class of a request that names none.
    pub class: Class,
    /// The bodies of law that it works under.
    pub frameworks: BTreeSet<Framework>,
}

impl Store {
    /// Makes a new store in a file that its owner alone can open.
    ///
    /// # Errors
    /// Where the file is there already or cannot be made.
    pub async fn create(path: &Path, defaults: Defaults) -> Result<Self, StoreError> {
        let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
        made.map_err(|error| StoreError::File("made", error))?;
        let store = Self::connect(path, true).await?;
        let mut change = store.change().await?;
        change.put_defaults(&defaults).await?;
        change.commit().await?;
        Ok(store)
    }

    /// Opens a store, and brings one of an older form to the form that is known here.
    ///
    /// # Errors
    /// Where the file is not there, others can open it, or it is damaged, of a newer form or no store.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let about = std::fs::metadata(path).map_err(|error| StoreError::File("opened", error))?;
        if about.mode() & 0o077 != 0 {
            return Err(StoreError::Exposed(about.mode() & 0o7777));
        }
        Self::connect(path, false).await
    }

    /// Begins a change. Others wait for its end, for up to five seconds. Dropping it leaves nothing of it.
    ///
    /// # Errors
    /// Where the database fails, or another change goes on for too long.
    pub async fn change(&self) -> Result<Change, StoreError> {
        Ok(Change::new(self.pool.begin_with("BEGIN IMMEDIATE").await?))
    }

    /// Everything, as of one moment.
    ///
    /// # Errors
    /// Where the database fails or holds what makes no sense.
    pub async fn load_all(&self) -> Result<Contents, StoreError> {
        let mut moment = self.pool.begin().await?;
        load::all(&mut moment).await
    }

    /// Waits until all connections are closed.
    pub async fn close(self) {
        self.pool.close().await;
    }

    async fn connect(path: &Path, new: bool) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(false)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5))
            .journal_mode(SqliteJournalMode::Wal)
            // What was committed survives a power cut.
            .synchronous(SqliteSynchronous::Full);
        // One to change and one to read meanwhile.
        let pool = SqlitePoolOptions::new().max_connections(2).connect_with(options).await.map_err(unopened)?;
        let mut connection = pool.acquire().await.map_err(unopened)?;
        let sound: String =
            sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&mut *connection).await.map_err(unopened)?;
        if sound != "ok" {
            return Err(StoreError::Damaged);
        }
        schema::migrate(&mut connection, new).await?;
        drop(connection);
        Ok(Self { pool })
    }
}

/// SQLite's result codes 26, "not a database", and 11, "malformed" (<https://sqlite.org/rescode.html>).
fn unopened(error: sqlx::Error) -> StoreError {
    match error.as_database_error().and_then(|told| told.code()).as_deref() {
        Some("26") => StoreError::NotOurs,
        Some("11") => StoreError::Damaged,
        Some(_) | None => StoreError::Database(error),
    }
}
