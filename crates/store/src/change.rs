use jiff::Timestamp;
use phi_catalog::Agreement;
use phi_identify::{Agent, Org, Role, StoredToken};
use phi_vault::Sealed;
use phi_words::RouteId;
use serde::Serialize;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, Transaction};

use crate::{Contents, Defaults, StoreError, load};

/// A change of the store: all of it or nothing. Each `put_` writes a new row, or what may change of one that is there.
///
/// # Errors
/// Every `put_` fails where a name is [`StoreError::Taken`], where what it belongs to is not there
/// ([`StoreError::Dangling`]), and where the database does.
#[derive(Debug)]
pub struct Change {
    open: Transaction<'static, Sqlite>,
}

type Query = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

impl Change {
    pub(crate) fn new(open: Transaction<'static, Sqlite>) -> Self {
        Self { open }
    }

    /// Everything, with what this change has put there so far.
    ///
    /// # Errors
    /// Where the database fails or holds what makes no sense.
    pub async fn load_all(&mut self) -> Result<Contents, StoreError> {
        load::all(&mut self.open).await
    }

    /// Makes the change lasting, and counts the version up.
    ///
    /// # Errors
    /// Where the database fails; then nothing was changed.
    pub async fn commit(mut self) -> Result<u64, StoreError> {
        let version = sqlx::query_scalar("UPDATE deployment SET version = version + 1 RETURNING version");
        let version: u64 = version.fetch_one(&mut *self.open).await?;
        self.open.commit().await?;
        Ok(version)
    }

    /// The deployment's defaults.
    pub async fn put_defaults(&mut self, defaults: &Defaults) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO deployment (one, version, region, class, frameworks) VALUES (1, 0, ?, ?, ?)
             ON CONFLICT DO UPDATE SET region = excluded.region, class = excluded.class, frameworks = excluded.frameworks",
        );
        let query =
            query.bind(defaults.region.to_string()).bind(defaults.class.as_str()).bind(json(&defaults.frameworks));
        self.put("deployment", query).await
    }

    /// An organization. Its `created` never changes.
    pub async fn put_org(&mut self, org: &Org) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO organizations (id, name, region, class, floor, regions, frameworks, margin_bp, created, revoked)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, region = excluded.region, class = excluded.class,
             floor = excluded.floor, regions = excluded.regions, frameworks = excluded.frameworks,
             margin_bp = excluded.margin_bp, revoked = excluded.revoked",
        );
        let query = query
            .bind(org.id.to_string())
            .bind(org.name.to_string())
            .bind(org.region.to_string())
            .bind(org.class.as_str())
            .bind(org.floor.as_str())
            .bind(org.regions.as_ref().map(json))
            .bind(json(&org.frameworks))
            .bind(org.margin_bp)
            .bind(org.created.to_string())
            .bind(text(org.revoked.as_ref()));
        self.put("organization", query).await
    }

    /// A role. Its organization never changes.
    pub async fn put_role(&mut self, role: &Role) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO roles (id, org, name, requests_per_minute, tokens_per_minute, concurrency, revoked)
             VALUES (?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, requests_per_minute = excluded.requests_per_minute,
             tokens_per_minute = excluded.tokens_per_minute, concurrency = excluded.concurrency,
             revoked = excluded.revoked",
        );
        let query = query
            .bind(role.id.to_string())
            .bind(role.org.to_string())
            .bind(role.name.to_string())
            .bind(role.limits.requests_per_minute)
            .bind(role.limits.tokens_per_minute)
            .bind(role.limits.concurrency)
            .bind(text(role.revoked.as_ref()));
        self.put("role", query).await
    }

    /// An agent. Its organization never changes.
    pub async fn put_agent(&mut self, agent: &Agent) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO agents (id, org, role, name, requests_per_minute, tokens_per_minute, concurrency, revoked)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET role = excluded.role, name = excluded.name,
             requests_per_minute = excluded.requests_per_minute, tokens_per_minute = excluded.tokens_per_minute,
             concurrency = excluded.concurrency, revoked = excluded.revoked",
        );
        let query = query
            .bind(agent.id.to_string())
            .bind(agent.org.to_string())
            .bind(text(agent.role.as_ref()))
            .bind(agent.name.to_string())
            .bind(agent.limits.requests_per_minute)
            .bind(agent.limits.tokens_per_minute)
            .bind(agent.limits.concurrency)
            .bind(text(agent.revoked.as_ref()));
        self.put("agent", query).await
    }

    /// A token. Of one that is there, `expires`, `revoked` and `label` alone change.
    pub async fn put_token(&mut self, token: &StoredToken) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO tokens (id, agent, kind, public_id, tag, key_version, region, class, floor, regions, networks,
             created, expires, revoked, label)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET expires = excluded.expires, revoked = excluded.revoked,
             label = excluded.label",
        );
        let query = query
            .bind(token.id.to_string())
            .bind(token.agent.to_string())
            .bind(token.kind.as_str())
            .bind(token.public_id.to_string())
            .bind(token.tag.to_vec())
            .bind(token.key_version)
            .bind(text(token.region.as_ref()))
            .bind(token.class.map(phi_words::Class::as_str))
            .bind(token.floor.as_str())
            .bind(token.regions.as_ref().map(json))
            .bind(json(&token.from))
            .bind(token.created.to_string())
            .bind(text(token.expires.as_ref()))
            .bind(text(token.revoked.as_ref()))
            .bind(text(token.label.as_ref()));
        self.put("token", query).await
    }

    /// An agreement.
    pub async fn put_agreement(&mut self, agreement: &Agreement) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO agreements (id, org, said) VALUES (?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET org = excluded.org, said = excluded.said",
        );
        let query = query.bind(agreement.id.to_string()).bind(text(agreement.org.as_ref())).bind(json(agreement));
        self.put("agreement", query).await
    }

    /// A sealed provider key. Of one that is there, `revoked` alone changes: all else is what it is bound to.
    pub async fn put_credential(&mut self, sealed: &Sealed) -> Result<(), StoreError> {
        let query = sqlx::query(
            "INSERT INTO credentials (id, org, provider, name, kind, params, hosts, created, revoked, sealed)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
             ON CONFLICT (id) DO UPDATE SET revoked = excluded.revoked",
        );
        let query = query
            .bind(sealed.id.to_string())
            .bind(text(sealed.org.as_ref()))
            .bind(sealed.provider.to_string())
            .bind(sealed.name.to_string())
            .bind(sealed.kind.as_str())
            .bind(json(&sealed.params))
            .bind(json(&sealed.hosts))
            .bind(sealed.created.to_string())
            .bind(text(sealed.revoked.as_ref()))
            .bind(sealed.bytes.clone());
        self.put("credential", query).await
    }

    /// Takes a route out of service; one that is out already stays as it is.
    pub async fn withdraw(&mut self, route: &RouteId, since: Timestamp) -> Result<(), StoreError> {
        let query = sqlx::query("INSERT INTO withdrawn (route, since) VALUES (?, ?) ON CONFLICT (route) DO NOTHING");
        self.put("withdrawn route", query.bind(route.to_string()).bind(since.to_string())).await
    }

    /// Puts a route back into service.
    pub async fn accept(&mut self, route: &RouteId) -> Result<(), StoreError> {
        let query = sqlx::query("DELETE FROM withdrawn WHERE route = ?");
        self.put("withdrawn route", query.bind(route.to_string())).await
    }

    async fn put(&mut self, what: &'static str, query: Query) -> Result<(), StoreError> {
        let done = query.execute(&mut *self.open).await;
        done.map(|_| ()).map_err(|error| StoreError::written(what, error))
    }
}

fn text(value: Option<&impl ToString>) -> Option<String> {
    value.map(ToString::to_string)
}

/// Sets of words, maps of texts and agreements have no form that JSON cannot write.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}
