use phi_catalog::Agreement;
use phi_identify::{Agent, Org, Role, Roster, StoredToken};
use phi_vault::Sealed;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::StoreError;
use crate::row::Read;

/// Everything that the store holds, as of one moment.
#[derive(Debug, Clone)]
pub struct Everything {
    /// Counts up with every change.
    pub version: u64,
    /// Everybody who is known.
    pub roster: Roster,
    /// What was attested.
    pub agreements: Vec<Agreement>,
    /// Provider keys, as the vault sealed them.
    pub credentials: Vec<Sealed>,
}

impl Everything {
    pub(crate) async fn load(reading: &mut SqliteConnection) -> Result<Self, StoreError> {
        let version: i64 = sqlx::query_scalar("SELECT version FROM deployment").fetch_one(&mut *reading).await?;
        let orgs = sqlx::query("SELECT * FROM org ORDER BY id").fetch_all(&mut *reading).await?;
        let roles = sqlx::query("SELECT * FROM role ORDER BY id").fetch_all(&mut *reading).await?;
        let agents = sqlx::query("SELECT * FROM agent ORDER BY id").fetch_all(&mut *reading).await?;
        let tokens = sqlx::query("SELECT * FROM token ORDER BY id").fetch_all(&mut *reading).await?;
        let agreements = sqlx::query("SELECT body FROM agreement ORDER BY id").fetch_all(&mut *reading).await?;
        let credentials = sqlx::query("SELECT * FROM credential ORDER BY id").fetch_all(&mut *reading).await?;
        Ok(Self {
            version: version.try_into().map_err(|_| StoreError::Corrupt { what: "deployment.version" })?,
            roster: Roster {
                orgs: orgs.iter().map(org).collect::<Result<_, _>>()?,
                roles: roles.iter().map(role).collect::<Result<_, _>>()?,
                agents: agents.iter().map(agent).collect::<Result<_, _>>()?,
                tokens: tokens.iter().map(token).collect::<Result<_, _>>()?,
            },
            agreements: agreements.iter().map(|row| row.words("body", "agreement.body")).collect::<Result<_, _>>()?,
            credentials: credentials.iter().map(credential).collect::<Result<_, _>>()?,
        })
    }
}

fn org(row: &SqliteRow) -> Result<Org, StoreError> {
    Ok(Org {
        id: row.word("id", "org.id")?,
        name: row.word("name", "org.name")?,
        region: row.word("region", "org.region")?,
        class: row.word("class", "org.class")?,
        floor: row.word("floor", "org.floor")?,
        regions: row.maybe_words("regions", "org.regions")?,
        frameworks: row.words("frameworks", "org.frameworks")?,
        margin_bp: row.try_get("margin_bp")?,
        created: row.time("created", "org.created")?.ok_or(StoreError::Corrupt { what: "org.created" })?,
        revoked: row.time("revoked", "org.revoked")?,
    })
}

fn role(row: &SqliteRow) -> Result<Role, StoreError> {
    Ok(Role {
        id: row.word("id", "role.id")?,
        org: row.word("org", "role.org")?,
        name: row.word("name", "role.name")?,
        limits: row.limits()?,
    })
}

fn agent(row: &SqliteRow) -> Result<Agent, StoreError> {
    Ok(Agent {
        id: row.word("id", "agent.id")?,
        org: row.word("org", "agent.org")?,
        role: row.maybe("role", "agent.role")?,
        name: row.word("name", "agent.name")?,
        limits: row.limits()?,
        revoked: row.time("revoked", "agent.revoked")?,
    })
}

fn token(row: &SqliteRow) -> Result<StoredToken, StoreError> {
    let tag: Vec<u8> = row.try_get("tag")?;
    Ok(StoredToken {
        id: row.word("id", "token.id")?,
        agent: row.word("agent", "token.agent")?,
        kind: row.word("kind", "token.kind")?,
        public_id: row.word("public_id", "token.public_id")?,
        tag: tag.try_into().map_err(|_| StoreError::Corrupt { what: "token.tag" })?,
        key_version: row.try_get("key_version")?,
        region: row.maybe("region", "token.region")?,
        class: row.maybe("class", "token.class")?,
        floor: row.word("floor", "token.floor")?,
        regions: row.maybe_words("regions", "token.regions")?,
        from: row.words("networks", "token.networks")?,
        label: row.maybe("label", "token.label")?,
        created: row.time("created", "token.created")?.ok_or(StoreError::Corrupt { what: "token.created" })?,
        expires: row.time("expires", "token.expires")?,
        revoked: row.time("revoked", "token.revoked")?,
    })
}

fn credential(row: &SqliteRow) -> Result<Sealed, StoreError> {
    Ok(Sealed {
        id: row.word("id", "credential.id")?,
        org: row.maybe("org", "credential.org")?,
        provider: row.word("provider", "credential.provider")?,
        name: row.word("name", "credential.name")?,
        params: row.words("params", "credential.params")?,
        hosts: row.words("hosts", "credential.hosts")?,
        created: row
            .time("created", "credential.created")?
            .ok_or(StoreError::Corrupt { what: "credential.created" })?,
        revoked: row.time("revoked", "credential.revoked")?,
        bytes: row.try_get("bytes")?,
    })
}
