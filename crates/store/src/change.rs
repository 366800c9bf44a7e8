use jiff::Timestamp;
use phi_catalog::Agreement;
use phi_identify::{Agent, Org, Role, StoredToken};
use phi_vault::Sealed;
use phi_words::{AgentId, CredentialId, OrgId, TokenId};
use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, Transaction};

use crate::row::{maybe_words, micros, words};
use crate::{Defaults, StoreError};

/// A change of the store. Dropped, it leaves nothing; committed, it is on disk and counts the version up.
#[derive(Debug)]
pub struct Change {
    writing: Transaction<'static, Sqlite>,
}

impl Change {
    pub(crate) fn new(writing: Transaction<'static, Sqlite>) -> Self {
        Self { writing }
    }

    /// Writes all of it down.
    ///
    /// # Errors
    /// Where the database fails; then nothing is written.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        self.run(sqlx::query("UPDATE deployment SET version = version + 1")).await?;
        self.writing.commit().await?;
        Ok(())
    }

    pub(crate) async fn defaults(&mut self, defaults: &Defaults) -> Result<(), StoreError> {
        let insert = sqlx::query("INSERT INTO deployment (version, region, class, frameworks) VALUES (0, ?, ?, ?)")
            .bind(defaults.region.to_string())
            .bind(defaults.class.as_str())
            .bind(words(&defaults.frameworks)?);
        self.run(insert).await
    }

    /// Adds an organization.
    ///
    /// # Errors
    /// Where the name is taken.
    pub async fn add_org(&mut self, org: &Org) -> Result<(), StoreError> {
        let insert = sqlx::query("INSERT INTO org VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(org.id.to_string())
            .bind(org.name.to_string())
            .bind(org.region.to_string())
            .bind(org.class.as_str())
            .bind(org.floor.as_str())
            .bind(maybe_words(org.regions.as_ref())?)
            .bind(words(&org.frameworks)?)
            .bind(org.margin_bp)
            .bind(micros(org.created))
            .bind(org.revoked.map(micros));
        self.run(insert).await
    }

    /// Adds a role.
    ///
    /// # Errors
    /// Where the organization has one of that name.
    pub async fn add_role(&mut self, role: &Role) -> Result<(), StoreError> {
        let insert = sqlx::query("INSERT INTO role VALUES (?, ?, ?, ?, ?, ?)")
            .bind(role.id.to_string())
            .bind(role.org.to_string())
            .bind(role.name.to_string())
            .bind(role.limits.requests_per_minute)
            .bind(role.limits.tokens_per_minute)
            .bind(role.limits.concurrency);
        self.run(insert).await
    }

    /// Adds an agent.
    ///
    /// # Errors
    /// Where the organization has one of that name.
    pub async fn add_agent(&mut self, agent: &Agent) -> Result<(), StoreError> {
        let insert = sqlx::query("INSERT INTO agent VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(agent.id.to_string())
            .bind(agent.org.to_string())
            .bind(agent.role.map(|role| role.to_string()))
            .bind(agent.name.to_string())
            .bind(agent.limits.requests_per_minute)
            .bind(agent.limits.tokens_per_minute)
            .bind(agent.limits.concurrency)
            .bind(agent.revoked.map(micros));
        self.run(insert).await
    }

    /// Adds a token.
    ///
    /// # Errors
    /// Where its public id is taken.
    pub async fn add_token(&mut self, token: &StoredToken) -> Result<(), StoreError> {
        let insert = sqlx::query("INSERT INTO token VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(token.id.to_string())
            .bind(token.agent.to_string())
            .bind(token.kind.as_str())
            .bind(token.public_id.to_string())
            .bind(token.tag.to_vec())
            .bind(token.key_version)
            .bind(token.region.as_ref().map(ToString::to_string))
            .bind(token.class.map(|class| class.as_str()))
            .bind(token.floor.as_str())
            .bind(maybe_words(token.regions.as_ref())?)
            .bind(words(&token.from)?)
            .bind(token.label.as_ref().map(ToString::to_string))
            .bind(micros(token.created))
            .bind(token.expires.map(micros))
            .bind(token.revoked.map(micros));
        self.run(insert).await
    }

    /// Adds an agreement.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_agreement(&mut self, agreement: &Agreement) -> Result<(), StoreError> {
        let insert =
            sqlx::query("INSERT INTO agreement VALUES (?, ?)").bind(agreement.id.to_string()).bind(words(agreement)?);
        self.run(insert).await
    }

    /// Writes an agreement anew, revoked for instance.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn set_agreement(&mut self, agreement: &Agreement) -> Result<(), StoreError> {
        let update = sqlx::query("UPDATE agreement SET body = ? WHERE id = ?")
            .bind(words(agreement)?)
            .bind(agreement.id.to_string());
        self.run(update).await
    }

    /// Adds a provider key, sealed.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn add_credential(&mut self, sealed: &Sealed) -> Result<(), StoreError> {
        let insert = sqlx::query("INSERT INTO credential VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
            .bind(sealed.id.to_string())
            .bind(sealed.org.map(|org| org.to_string()))
            .bind(sealed.provider.to_string())
            .bind(sealed.name.to_string())
            .bind(words(&sealed.params)?)
            .bind(words(&sealed.hosts)?)
            .bind(micros(sealed.created))
            .bind(sealed.revoked.map(micros))
            .bind(sealed.bytes.clone());
        self.run(insert).await
    }

    /// Revokes an organization, with everything in it.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn revoke_org(&mut self, id: OrgId, at: Timestamp) -> Result<(), StoreError> {
        self.end("UPDATE org SET revoked = ? WHERE id = ? AND revoked IS NULL", id.to_string(), at).await
    }

    /// Revokes an agent, with all its tokens.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn revoke_agent(&mut self, id: AgentId, at: Timestamp) -> Result<(), StoreError> {
        self.end("UPDATE agent SET revoked = ? WHERE id = ? AND revoked IS NULL", id.to_string(), at).await
    }

    /// Revokes a token.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn revoke_token(&mut self, id: TokenId, at: Timestamp) -> Result<(), StoreError> {
        self.end("UPDATE token SET revoked = ? WHERE id = ? AND revoked IS NULL", id.to_string(), at).await
    }

    /// Has a token expire.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn expire_token(&mut self, id: TokenId, at: Timestamp) -> Result<(), StoreError> {
        self.end("UPDATE token SET expires = ? WHERE id = ?", id.to_string(), at).await
    }

    /// Revokes a provider key.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn revoke_credential(&mut self, id: CredentialId, at: Timestamp) -> Result<(), StoreError> {
        self.end("UPDATE credential SET revoked = ? WHERE id = ? AND revoked IS NULL", id.to_string(), at).await
    }

    async fn end(&mut self, update: &'static str, id: String, at: Timestamp) -> Result<(), StoreError> {
        self.run(sqlx::query(update).bind(micros(at)).bind(id)).await
    }

    async fn run(&mut self, query: Query<'_, Sqlite, SqliteArguments>) -> Result<(), StoreError> {
        match query.execute(&mut *self.writing).await {
            Ok(_) => Ok(()),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Err(StoreError::Taken),
            Err(error) => Err(error.into()),
        }
    }
}
