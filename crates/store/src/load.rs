use std::str::FromStr;

use phi_catalog::Agreement;
use phi_identify::{Agent, Limits, Org, Role, Roster, StoredToken};
use phi_vault::Sealed;
use phi_words::RouteId;
use serde::de::DeserializeOwned;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, Sqlite, SqliteConnection};

use crate::{Defaults, StoreError};

/// Everything that a store holds, as of one moment.
#[derive(Debug, Clone)]
pub struct Contents {
    /// Counts the changes.
    pub version: u64,
    /// What organizations take over unless they say otherwise.
    pub defaults: Defaults,
    /// Who is known, oldest first.
    pub roster: Roster,
    /// What was attested, revoked ones included, oldest first.
    pub agreements: Vec<Agreement>,
    /// Sealed provider keys, revoked ones included, oldest first.
    pub credentials: Vec<Sealed>,
    /// Routes that answered from elsewhere than planned, and that no operator has accepted since.
    pub withdrawn: Vec<RouteId>,
}

/// Reads all tables in the transaction that `moment` is in.
pub(crate) async fn all(moment: &mut SqliteConnection) -> Result<Contents, StoreError> {
    let (version, defaults) = deployment(moment).await?;
    Ok(Contents {
        version,
        defaults,
        roster: Roster {
            orgs: rows(moment, "organizations", "SELECT * FROM organizations ORDER BY id", org).await?,
            roles: rows(moment, "roles", "SELECT * FROM roles ORDER BY id", role).await?,
            agents: rows(moment, "agents", "SELECT * FROM agents ORDER BY id", agent).await?,
            tokens: rows(moment, "tokens", "SELECT * FROM tokens ORDER BY id", token).await?,
        },
        agreements: rows(moment, "agreements", "SELECT * FROM agreements ORDER BY id", agreement).await?,
        credentials: rows(moment, "credentials", "SELECT * FROM credentials ORDER BY id", credential).await?,
        withdrawn: rows(moment, "withdrawn", "SELECT * FROM withdrawn ORDER BY route", |line| line.word("route"))
            .await?,
    })
}

async fn deployment(moment: &mut SqliteConnection) -> Result<(u64, Defaults), StoreError> {
    let found = rows(moment, "deployment", "SELECT * FROM deployment", |line| {
        let defaults =
            Defaults { region: line.word("region")?, class: line.word("class")?, frameworks: line.json("frameworks")? };
        Ok((line.column("version")?, defaults))
    });
    // A store is made together with this row.
    found.await?.pop().ok_or(StoreError::Nonsense { table: "deployment", column: "one" })
}

fn org(line: &Line) -> Result<Org, StoreError> {
    Ok(Org {
        id: line.word("id")?,
        name: line.word("name")?,
        region: line.word("region")?,
        class: line.word("class")?,
        floor: line.word("floor")?,
        regions: line.maybe_json("regions")?,
        frameworks: line.json("frameworks")?,
        margin_bp: line.column("margin_bp")?,
        created: line.word("created")?,
        revoked: line.maybe_word("revoked")?,
    })
}

fn role(line: &Line) -> Result<Role, StoreError> {
    Ok(Role {
        id: line.word("id")?,
        org: line.word("org")?,
        name: line.word("name")?,
        limits: limits(line)?,
        revoked: line.maybe_word("revoked")?,
    })
}

fn agent(line: &Line) -> Result<Agent, StoreError> {
    Ok(Agent {
        id: line.word("id")?,
        org: line.word("org")?,
        role: line.maybe_word("role")?,
        name: line.word("name")?,
        limits: limits(line)?,
        revoked: line.maybe_word("revoked")?,
    })
}

fn limits(line: &Line) -> Result<Limits, StoreError> {
    Ok(Limits {
        requests_per_minute: line.column("requests_per_minute")?,
        tokens_per_minute: line.column("tokens_per_minute")?,
        concurrency: line.column("concurrency")?,
    })
}

fn token(line: &Line) -> Result<StoredToken, StoreError> {
    let tag: Vec<u8> = line.column("tag")?;
    Ok(StoredToken {
        id: line.word("id")?,
        agent: line.word("agent")?,
        kind: line.word("kind")?,
        public_id: line.word("public_id")?,
        tag: tag.try_into().map_err(|_| line.nonsense("tag"))?,
        key_version: line.column("key_version")?,
        region: line.maybe_word("region")?,
        class: line.maybe_word("class")?,
        floor: line.word("floor")?,
        regions: line.maybe_json("regions")?,
        from: line.json("networks")?,
        created: line.word("created")?,
        expires: line.maybe_word("expires")?,
        revoked: line.maybe_word("revoked")?,
        label: line.maybe_word("label")?,
    })
}

fn agreement(line: &Line) -> Result<Agreement, StoreError> {
    let said: Agreement = line.json("said")?;
    if said.id != line.word("id")? {
        return Err(line.nonsense("id"));
    }
    if said.org != line.maybe_word("org")? {
        return Err(line.nonsense("org"));
    }
    Ok(said)
}

fn credential(line: &Line) -> Result<Sealed, StoreError> {
    Ok(Sealed {
        id: line.word("id")?,
        org: line.maybe_word("org")?,
        provider: line.word("provider")?,
        name: line.word("name")?,
        kind: line.word("kind")?,
        params: line.json("params")?,
        hosts: line.json("hosts")?,
        created: line.word("created")?,
        revoked: line.maybe_word("revoked")?,
        bytes: line.column("sealed")?,
    })
}

async fn rows<T>(
    moment: &mut SqliteConnection,
    table: &'static str,
    sql: &'static str,
    read: impl Fn(&Line) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    let rows = sqlx::query(sql).fetch_all(moment).await?;
    rows.into_iter().map(|row| read(&Line { table, row })).collect()
}

/// One row of a table. What cannot be read is named by table and column; its value stays unsaid.
struct Line {
    table: &'static str,
    row: SqliteRow,
}

impl Line {
    fn column<'a, T: sqlx::Decode<'a, Sqlite> + sqlx::Type<Sqlite>>(
        &'a self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.row.try_get(column).map_err(|_| self.nonsense(column))
    }

    fn word<T: FromStr>(&self, column: &'static str) -> Result<T, StoreError> {
        self.maybe_word(column)?.ok_or_else(|| self.nonsense(column))
    }

    fn maybe_word<T: FromStr>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        let text: Option<&str> = self.column(column)?;
        text.map(|text| text.parse().map_err(|_| self.nonsense(column))).transpose()
    }

    fn json<T: DeserializeOwned>(&self, column: &'static str) -> Result<T, StoreError> {
        self.maybe_json(column)?.ok_or_else(|| self.nonsense(column))
    }

    fn maybe_json<T: DeserializeOwned>(&self, column: &'static str) -> Result<Option<T>, StoreError> {
        let text: Option<&str> = self.column(column)?;
        text.map(|text| serde_json::from_str(text).map_err(|_| self.nonsense(column))).transpose()
    }

    fn nonsense(&self, column: &'static str) -> StoreError {
        StoreError::Nonsense { table: self.table, column }
    }
}
