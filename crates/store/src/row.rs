//! Columns as words, and words as columns.

use std::collections::BTreeSet;
use std::str::FromStr;

use jiff::Timestamp;
use phi_identify::Limits;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row, SqlSafeStr, SqlStr};

use crate::StoreError;

/// The statement that writes the schema's version into the file.
pub(crate) fn set_version(version: i64) -> SqlStr {
    AssertSqlSafe(format!("PRAGMA user_version = {version}")).into_sql_str()
}

/// Reads columns as words; `what` names table and column for the error.
pub(crate) trait Read {
    fn word<T: FromStr>(&self, column: &str, what: &'static str) -> Result<T, StoreError>;
    fn maybe<T: FromStr>(&self, column: &str, what: &'static str) -> Result<Option<T>, StoreError>;
    fn words<T: DeserializeOwned>(&self, column: &str, what: &'static str) -> Result<T, StoreError>;
    fn maybe_words<T: DeserializeOwned>(&self, column: &str, what: &'static str) -> Result<Option<T>, StoreError>;
    fn time(&self, column: &str, what: &'static str) -> Result<Option<Timestamp>, StoreError>;
    fn limits(&self) -> Result<Limits, StoreError>;
}

impl Read for SqliteRow {
    fn word<T: FromStr>(&self, column: &str, what: &'static str) -> Result<T, StoreError> {
        self.maybe(column, what)?.ok_or(StoreError::Corrupt { what })
    }

    fn maybe<T: FromStr>(&self, column: &str, what: &'static str) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.try_get(column)?;
        text.map(|text| text.parse().map_err(|_| StoreError::Corrupt { what })).transpose()
    }

    fn words<T: DeserializeOwned>(&self, column: &str, what: &'static str) -> Result<T, StoreError> {
        self.maybe_words(column, what)?.ok_or(StoreError::Corrupt { what })
    }

    fn maybe_words<T: DeserializeOwned>(&self, column: &str, what: &'static str) -> Result<Option<T>, StoreError> {
        let text: Option<String> = self.try_get(column)?;
        text.map(|text| serde_json::from_str(&text).map_err(|_| StoreError::Corrupt { what })).transpose()
    }

    fn time(&self, column: &str, what: &'static str) -> Result<Option<Timestamp>, StoreError> {
        let micros: Option<i64> = self.try_get(column)?;
        micros.map(|micros| Timestamp::from_microsecond(micros).map_err(|_| StoreError::Corrupt { what })).transpose()
    }

    fn limits(&self) -> Result<Limits, StoreError> {
        Ok(Limits {
            requests_per_minute: self.try_get("requests_per_minute")?,
            tokens_per_minute: self.try_get("tokens_per_minute")?,
            concurrency: self.try_get("concurrency")?,
        })
    }
}

/// A set of words as a column.
pub(crate) fn words<T: Serialize>(words: &T) -> Result<String, StoreError> {
    serde_json::to_string(words).map_err(|_| StoreError::Corrupt { what: "set of words" })
}

/// The same, where there may be none.
pub(crate) fn maybe_words<T: Serialize>(set: Option<&BTreeSet<T>>) -> Result<Option<String>, StoreError> {
    set.map(words).transpose()
}

/// A time as a column.
pub(crate) fn micros(time: Timestamp) -> i64 {
    time.as_microsecond()
}
