//! The form of the store, and how an older one becomes a newer one.

use sqlx::{AssertSqlSafe, Connection, SqliteConnection};

use crate::StoreError;

/// Each step leads from the form of its index to the next one. Steps are only ever added.
const STEPS: &[&str] = &[
    include_str!("../migrations/sqlite/0001-first.sql"),
    include_str!("../migrations/sqlite/0002-kinds-of-keys.sql"),
    include_str!("../migrations/sqlite/0003-withdrawn-routes.sql"),
];
/// Marks a file as ours: `phi1` (SQLite, "The application ID").
const APPLICATION: i32 = 0x7068_6931;

/// Brings a new or older store to the form that is known here, all of it or nothing.
pub(crate) async fn migrate(connection: &mut SqliteConnection, new: bool) -> Result<(), StoreError> {
    let mut change = connection.begin_with("BEGIN IMMEDIATE").await?;
    let application: i32 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *change).await?;
    let found: u32 = sqlx::query_scalar("PRAGMA user_version").fetch_one(&mut *change).await?;
    let known = u32::try_from(STEPS.len()).unwrap_or(u32::MAX);
    if application != if new { 0 } else { APPLICATION } || new != (found == 0) {
        return Err(StoreError::NotOurs);
    }
    if found > known {
        return Err(StoreError::Newer { found, known });
    }
    if found == known {
        return Ok(());
    }
    for step in &STEPS[found as usize..] {
        sqlx::raw_sql(*step).execute(&mut *change).await?;
    }
    // A pragma takes no parameters; both numbers are ours.
    let mark = format!("PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {known}");
    sqlx::raw_sql(AssertSqlSafe(mark)).execute(&mut *change).await?;
    change.commit().await?;
    Ok(())
}
