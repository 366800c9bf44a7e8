use anyhow::Context;
use clap::{Args, Subcommand};
use phi_identify::{Limits, Role};
use phi_record::{Act, By};
use phi_words::{RoleId, Slug};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::orders::orgs;
use crate::say::Said;

/// What can be done with roles.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub enum Orders {
    /// Make a role.
    #[command(after_help = "example: phi role create radiology --org st-mary --requests 600 --at-once 20")]
    Create(Create),
    /// List the roles of an organization.
    List {
        /// The organization.
        #[arg(long)]
        org: Slug,
    },
    /// Revoke a role: its agents can do nothing any more.
    Revoke {
        /// Its name.
        name: Slug,
        /// The organization.
        #[arg(long)]
        org: Slug,
    },
    /// Show one role.
    Show {
        /// Its name.
        name: Slug,
        /// The organization.
        #[arg(long)]
        org: Slug,
    },
}

/// A new role.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Create {
    /// Its name: 1 to 63 of `a-z 0-9 -`.
    name: Slug,
    /// The organization.
    #[arg(long)]
    org: Slug,
    #[command(flatten)]
    limits: Asked,
}

/// How much an agent may ask.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Asked {
    /// Requests a minute.
    #[arg(long, value_name = "N")]
    requests: Option<u32>,
    /// Tokens of input and output a minute.
    #[arg(long, value_name = "N")]
    tokens: Option<u32>,
    /// Requests at once.
    #[arg(long, value_name = "N")]
    at_once: Option<u32>,
}

impl From<Asked> for Limits {
    fn from(asked: Asked) -> Self {
        Self { requests_per_minute: asked.requests, tokens_per_minute: asked.tokens, concurrency: asked.at_once }
    }
}

impl Orders {
    pub(crate) async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        match self {
            Self::Create(create) => create.run(deployment, by).await,
            Self::List { org } => {
                let org = orgs::find(deployment, &org).await?;
                let roles = deployment.load().await?.roster.roles;
                Ok(Said::Rows(roles.iter().filter(|role| role.org == org.id).map(shown).collect()))
            }
            Self::Revoke { name, org } => {
                let org = orgs::find(deployment, &org).await?;
                let mut role = find(deployment, &org, &name).await?;
                role.revoked.get_or_insert(deployment.now());
                let act = Act::new(by, "role.revoke").about("org", org.id).about("role", role.id);
                deployment.change(act, async |change| change.put_role(&role).await).await?;
                Ok(Said::One(shown(&role)))
            }
            Self::Show { name, org } => {
                let org = orgs::find(deployment, &org).await?;
                Ok(Said::One(shown(&find(deployment, &org, &name).await?)))
            }
        }
    }
}

impl Create {
    async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        let org = orgs::find(deployment, &self.org).await?;
        let role = Role { id: RoleId::new(), org: org.id, name: self.name, limits: self.limits.into(), revoked: None };
        let act = Act::new(by, "role.create").about("org", org.id).about("role", role.id).about("name", &role.name);
        let added = deployment.change(act, async |change| change.put_role(&role).await).await;
        added.with_context(|| format!("the role `{}` was not made", role.name))?;
        Ok(Said::One(shown(&role)))
    }
}

/// The role of a name.
pub(crate) async fn find(deployment: &Deployment, org: &phi_identify::Org, name: &Slug) -> anyhow::Result<Role> {
    let found = deployment.load().await?.roster.roles.into_iter().find(|role| role.org == org.id && role.name == *name);
    found.with_context(|| format!("`{}` has no role `{name}`\n  hint: `phi role list --org {0}` shows them", org.name))
}

fn shown(role: &Role) -> Value {
    json!({
        "name": role.name,
        "id": role.id,
        "requests_per_minute": role.limits.requests_per_minute,
        "tokens_per_minute": role.limits.tokens_per_minute,
        "at_once": role.limits.concurrency,
        "revoked": role.revoked,
    })
}
