use anyhow::Context;
use clap::{Args, Subcommand};
use phi_identify::{Agent, Org};
use phi_record::{Act, By};
use phi_words::{AgentId, Slug};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::orders::{orgs, roles};
use crate::say::Said;

/// What can be done with agents.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub enum Orders {
    /// Make an agent.
    #[command(after_help = "example: phi agent create report-writer --org st-mary --role radiology --requests 60")]
    Create(Create),
    /// List the agents of an organization.
    List {
        /// The organization.
        #[arg(long)]
        org: Slug,
    },
    /// Show one agent.
    Show {
        /// Its name.
        name: Slug,
        /// The organization.
        #[arg(long)]
        org: Slug,
    },
    /// Revoke an agent, with all its tokens, at once.
    Revoke {
        /// Its name.
        name: Slug,
        /// The organization.
        #[arg(long)]
        org: Slug,
    },
}

/// A new agent.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Create {
    /// Its name: 1 to 63 of `a-z 0-9 -`.
    name: Slug,
    /// The organization.
    #[arg(long)]
    org: Slug,
    /// Its role. The role's limits hold where the agent has none of its own.
    #[arg(long)]
    role: Option<Slug>,
    #[command(flatten)]
    limits: roles::Asked,
}

impl Orders {
    pub(crate) async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        match self {
            Self::Create(create) => create.run(deployment, by).await,
            Self::List { org } => {
                let org = orgs::find(deployment, &org).await?;
                let agents = deployment.load().await?.roster.agents;
                Ok(Said::Rows(agents.iter().filter(|agent| agent.org == org.id).map(shown).collect()))
            }
            Self::Show { name, org } => {
                let org = orgs::find(deployment, &org).await?;
                Ok(Said::One(shown(&find(deployment, &org, &name).await?)))
            }
            Self::Revoke { name, org } => {
                let org = orgs::find(deployment, &org).await?;
                let mut agent = find(deployment, &org, &name).await?;
                agent.revoked.get_or_insert(deployment.now());
                let act = Act::new(by, "agent.revoke").about("org", org.id).about("agent", agent.id);
                deployment.change(act, async |change| change.put_agent(&agent).await).await?;
                Ok(Said::One(shown(&agent)))
            }
        }
    }
}

impl Create {
    async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        let org = orgs::find(deployment, &self.org).await?;
        let role = match &self.role {
            Some(name) => Some(roles::find(deployment, &org, name).await?.id),
            None => None,
        };
        let agent =
            Agent { id: AgentId::new(), org: org.id, role, name: self.name, limits: self.limits.into(), revoked: None };
        let act = Act::new(by, "agent.create").about("org", org.id).about("agent", agent.id).about("name", &agent.name);
        let added = deployment.change(act, async |change| change.put_agent(&agent).await).await;
        added.with_context(|| format!("the agent `{}` was not made", agent.name))?;
        Ok(Said::One(shown(&agent)))
    }
}

/// The agent of a name.
pub(crate) async fn find(deployment: &Deployment, org: &Org, name: &Slug) -> anyhow::Result<Agent> {
    let agents = deployment.load().await?.roster.agents;
    let found = agents.into_iter().find(|agent| agent.org == org.id && agent.name == *name);
    found
        .with_context(|| format!("`{}` has no agent `{name}`\n  hint: `phi agent list --org {0}` shows them", org.name))
}

fn shown(agent: &Agent) -> Value {
    json!({
        "name": agent.name,
        "id": agent.id,
        "role": agent.role,
        "requests_per_minute": agent.limits.requests_per_minute,
        "tokens_per_minute": agent.limits.tokens_per_minute,
        "at_once": agent.limits.concurrency,
        "revoked": agent.revoked,
    })
}
