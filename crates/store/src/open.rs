use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use phi_words::{Class, Framework, Region};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};

use crate::row::{self, Read};
use crate::{Change, Everything, StoreError};

/// The store of one deployment: a SQLite file, flushed to disk with every change.
#[derive(Debug, Clone)]
pub struct Store {
    pool: SqlitePool,
}

/// What organizations take over unless they say otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// The region.
    pub region: Region,
    /// The class.
    pub class: Class,
    /// The bodies of law.
    pub frameworks: BTreeSet<Framework>,
}

/// Each takes the schema one step further; their number is the schema's version.
const STEPS: &[&str] = &[include_str!("../migrations/sqlite/0001.sql")];

impl Store {
    /// Makes the store of a new deployment, readable by its owner alone.
    ///
    /// # Errors
    /// Where the file is there already, or cannot be made.
    pub async fn create(path: &Path, defaults: Defaults) -> Result<Self, StoreError> {
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        let store = Self::connect(path).await?;
        let mut change = store.change().await?;
        change.defaults(&defaults).await?;
        change.commit().await?;
        Ok(store)
    }

    /// Opens the store, and takes its schema to the newest version in one transaction a step.
    ///
    /// # Errors
    /// Where there is none, where a later version wrote it, or where the database fails.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        if !path.exists() {
            return Err(StoreError::Empty);
        }
        Self::connect(path).await
    }

    /// Begins a change: nothing of it counts before [`Change::commit`].
    ///
    /// # Errors
    /// Where the database fails, or another process is changing it for too long.
    pub async fn change(&self) -> Result<Change, StoreError> {
        Ok(Change::new(self.pool.begin_with("BEGIN IMMEDIATE").await?))
    }

    /// Everything that the store holds, as of one moment.
    ///
    /// # Errors
    /// Where the database fails, or holds what it cannot hold.
    pub async fn load(&self) -> Result<Everything, StoreError> {
        let mut reading = self.pool.begin().await?;
        Everything::load(&mut reading).await
    }

    /// What organizations take over unless they say otherwise.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub async fn defaults(&self) -> Result<Defaults, StoreError> {
        let mut connection = self.pool.acquire().await?;
        let row =
            sqlx::query("SELECT region, class, frameworks FROM deployment").fetch_optional(&mut *connection).await?;
        let row = row.ok_or(StoreError::Empty)?;
        Ok(Defaults {
            region: row.word("region", "deployment.region")?,
            class: row.word("class", "deployment.class")?,
            frameworks: row.words("frameworks", "deployment.frameworks")?,
        })
    }

    /// Closes the file.
    pub async fn close(self) {
        self.pool.close().await;
    }

    async fn connect(path: &Path) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(5));
        let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
        let store = Self { pool };
        store.migrate().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        let mut writing = self.pool.begin_with("BEGIN IMMEDIATE").await?;
        let found: i64 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *writing).await?;
        let known = STEPS.len() as i64;
        if found > known {
            return Err(StoreError::Newer { found, known });
        }
        for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
            sqlx::raw_sql(*step).execute(&mut *writing).await?;
        }
        sqlx::raw_sql(row::set_version(known)).execute(&mut *writing).await?;
        writing.commit().await?;
        Ok(())
    }
}
