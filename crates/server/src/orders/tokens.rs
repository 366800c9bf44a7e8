use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use ipnet::IpNet;
use jiff::{SignedDuration, Span, SpanRelativeTo};
use phi_identify::{Grant, Kind, ShownToken, StoredToken};
use phi_record::{Act, By};
use phi_words::{Class, Region, Slug, TokenId};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::orders::{agents, orgs};
use crate::say::Said;

/// What can be done with tokens.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub enum Orders {
    /// Issue a token. It is shown this once, and cannot be shown again.
    #[command(
        after_help = "example: phi token create --org st-mary --agent report-writer --floor phi --regions CH --from 10.0.0.0/8 --expires 90d"
    )]
    Create(Create),
    /// List the tokens of an organization.
    List {
        /// The organization.
        #[arg(long)]
        org: Slug,
    },
    /// Show what is kept of one token.
    Show {
        /// Its id.
        id: TokenId,
    },
    /// Revoke a token at once.
    Revoke {
        /// Its id.
        id: TokenId,
    },
    /// Issue a token in the place of another; both hold during the overlap.
    #[command(after_help = "example: phi token rotate 019abcde-0000-7000-8000-000000000000 --overlap 24h")]
    Rotate {
        /// The id of the token that is to go.
        id: TokenId,
        /// How long it still holds, such as `24h` or `0s`.
        #[arg(long, default_value = "24h")]
        overlap: String,
    },
}

/// A new token.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Create {
    /// The organization.
    #[arg(long)]
    org: Slug,
    /// The agent that is to hold it.
    #[arg(long)]
    agent: Slug,
    /// A test token: reaches free hosts alone, never with PHI.
    #[arg(long)]
    test: bool,
    /// The region of a request that names none; the organization's where this is not said.
    #[arg(long)]
    region: Option<Region>,
    /// The class of a request that names none; the organization's where this is not said.
    #[arg(long)]
    class: Option<Class>,
    /// The class that no request may go below; the organization's floor holds besides.
    #[arg(long)]
    floor: Option<Class>,
    /// The regions that may be used; all of the organization's where this is not said.
    #[arg(long, value_delimiter = ',')]
    regions: Vec<Region>,
    /// A network that requests may come from, such as `10.0.0.0/8`; any where this is not said. May be given again.
    #[arg(long = "from", value_name = "CIDR")]
    from: Vec<IpNet>,
    /// How long it holds, such as `90d`; until it is revoked where this is not said.
    #[arg(long, value_name = "TIME")]
    expires: Option<String>,
    /// What people call it.
    #[arg(long)]
    label: Option<Slug>,
}

impl Orders {
    pub(crate) async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        match self {
            Self::Create(create) => create.run(deployment, by).await,
            Self::List { org } => {
                let org = orgs::find(deployment, &org).await?;
                let roster = deployment.load().await?.roster;
                let ours = |token: &&StoredToken| {
                    roster.agents.iter().any(|agent| agent.id == token.agent && agent.org == org.id)
                };
                Ok(Said::Rows(roster.tokens.iter().filter(ours).map(shown).collect()))
            }
            Self::Show { id } => Ok(Said::One(shown(&find(deployment, id).await?))),
            Self::Revoke { id } => {
                let mut token = find(deployment, id).await?;
                token.revoked.get_or_insert(deployment.now());
                let act = Act::new(by, "token.revoke").about("token", id);
                deployment.change(act, async |change| change.put_token(&token).await).await?;
                Ok(Said::One(shown(&token)))
            }
            Self::Rotate { id, overlap } => rotate(deployment, by, id, &overlap).await,
        }
    }
}

impl Create {
    async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        let org = orgs::find(deployment, &self.org).await?;
        let agent = agents::find(deployment, &org, &self.agent).await?;
        deployment.known(self.regions.iter().chain(&self.region))?;
        let regions = orgs::regions(self.regions);
        let home = self.region.as_ref().unwrap_or(&org.region);
        if [&regions, &org.regions].into_iter().flatten().any(|set| !set.contains(home)) {
            bail!(
                "the token could not use its default region `{home}`\n  hint: add it to --regions, or name another with --region"
            );
        }
        if agent.revoked.is_some() || org.revoked.is_some() {
            bail!("`{}` of `{}` is revoked, so a token of it would not hold", agent.name, org.name);
        }
        let grant = Grant {
            agent: agent.id,
            kind: if self.test { Kind::Test } else { Kind::Live },
            region: self.region,
            class: self.class,
            // What holds besides is told here too, so that nobody reads a hole into it.
            floor: self.floor.unwrap_or(Class::General).max(org.floor),
            regions,
            from: self.from,
            lifetime: self.expires.as_deref().map(span).transpose()?,
            label: self.label,
        };
        let (fresh, stored) = StoredToken::issue(grant, deployment.pepper(), deployment.now())?;
        let act = Act::new(by, "token.create")
            .about("org", org.id)
            .about("agent", agent.id)
            .about("token", stored.id)
            .about("kind", stored.kind.as_str())
            .about("floor", stored.floor);
        deployment.change(act, async |change| change.put_token(&stored).await).await?;
        Ok(once(&fresh, &stored))
    }
}

async fn rotate(deployment: &Deployment, by: By, id: TokenId, overlap: &str) -> anyhow::Result<Said> {
    let mut old = find(deployment, id).await?;
    let (fresh, stored) = old.rotate(span(overlap)?, deployment.pepper(), deployment.now())?;
    let end = old.expires.context("a rotated token has an end")?;
    let act = Act::new(by, "token.rotate").about("token", id).about("expires", end).about("new", stored.id);
    deployment
        .change(act, async |change| {
            change.put_token(&old).await?;
            change.put_token(&stored).await
        })
        .await?;
    Ok(once(&fresh, &stored))
}

async fn find(deployment: &Deployment, id: TokenId) -> anyhow::Result<StoredToken> {
    let found = deployment.load().await?.roster.tokens.into_iter().find(|token| token.id == id);
    found.with_context(|| format!("there is no token `{id}`\n  hint: `phi token list --org NAME` shows them"))
}

/// A time such as `90d`, `24h` or `0s`.
pub(crate) fn span(text: &str) -> anyhow::Result<SignedDuration> {
    let read = |span: Span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok();
    let span = text.parse().ok().and_then(read);
    let span =
        span.with_context(|| format!("`{text}` is no length of time\n  hint: write it as `90d`, `24h` or `30m`"))?;
    if span.is_negative() {
        bail!("`{text}` lies in the past");
    }
    Ok(span)
}

/// The token itself, this once.
fn once(fresh: &ShownToken, stored: &StoredToken) -> Said {
    let mut one = shown(stored);
    if let Value::Object(fields) = &mut one {
        fields.insert("token".into(), fresh.expose_text().as_str().into());
        fields.insert("agent_token".into(), fresh.expose_agent_text().as_str().into());
    }
    Said::One(one)
}

fn shown(token: &StoredToken) -> Value {
    json!({
        "id": token.id,
        "agent": token.agent,
        "kind": token.kind.as_str(),
        "public_id": token.public_id.as_str(),
        "label": token.label,
        "region": token.region,
        "class": token.class,
        "floor": token.floor,
        "regions": token.regions,
        "from": token.from,
        "created": token.created,
        "expires": token.expires,
        "revoked": token.revoked,
    })
}
