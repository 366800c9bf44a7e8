use std::collections::BTreeSet;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use phi_identify::Org;
use phi_record::{Act, By};
use phi_words::{Class, Framework, OrgId, Region, Slug};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::say::{Said, asked, frameworks};

/// What can be done with organizations.
#[derive(Debug, Subcommand, Serialize, Deserialize)]
pub enum Orders {
    /// Make an organization.
    #[command(after_help = "example: phi org create st-mary --region CH --class phi --framework nFADP --regions CH,EU")]
    Create(Create),
    /// List the organizations.
    List,
    /// Show one organization.
    Show {
        /// Its name.
        name: Slug,
    },
    /// Revoke an organization, with all its agents and tokens, at once.
    Revoke {
        /// Its name.
        name: Slug,
    },
}

/// A new organization. Region and class are asked for at a terminal, and needed elsewhere; the frameworks are the
/// deployment's where none is said.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Create {
    /// Its name: 1 to 63 of `a-z 0-9 -`.
    name: Slug,
    /// The region of a request that names none. Asked for at a terminal; needed elsewhere.
    #[arg(long)]
    region: Option<Region>,
    /// The class of a request that names none: `general` or `phi`. Asked for at a terminal; needed elsewhere.
    #[arg(long)]
    class: Option<Class>,
    /// The class that no request may go below; `general` where this is not said.
    #[arg(long)]
    floor: Option<Class>,
    /// The regions that may be used; any where this is not said.
    #[arg(long, value_delimiter = ',')]
    regions: Vec<Region>,
    /// A body of law that it works under; the deployment's where this is not said. May be given again.
    #[arg(long = "framework", value_name = "FRAMEWORK")]
    frameworks: Vec<Framework>,
}

impl Orders {
    /// Asks for what is not said, where somebody is at the terminal.
    pub(crate) fn read(mut self) -> anyhow::Result<Self> {
        if let Self::Create(create) = &mut self {
            if create.region.is_none() {
                create.region = Some(asked("the default region", "--region", "WORLD")?);
            }
            if create.class.is_none() {
                create.class = Some(asked("the default class, `general` or `phi`", "--class", "general")?);
            }
            create.frameworks = frameworks(std::mem::take(&mut create.frameworks))?;
        }
        Ok(self)
    }

    pub(crate) async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        match self {
            Self::Create(create) => create.run(deployment, by).await,
            Self::List => Ok(Said::Rows(deployment.load().await?.roster.orgs.iter().map(shown).collect())),
            Self::Show { name } => Ok(Said::One(shown(&find(deployment, &name).await?))),
            Self::Revoke { name } => {
                let mut org = find(deployment, &name).await?;
                org.revoked.get_or_insert(deployment.now());
                let act = Act::new(by, "org.revoke").about("org", org.id);
                deployment.change(act, async |change| change.put_org(&org).await).await?;
                Ok(Said::One(shown(&org)))
            }
        }
    }
}

impl Create {
    async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        let defaults = deployment.defaults().await?;
        let org = Org {
            id: OrgId::new(),
            name: self.name,
            region: self.region.context("the default region is not said\n  hint: add --region")?,
            class: self.class.context("the default class is not said\n  hint: add --class")?,
            floor: self.floor.unwrap_or(Class::General),
            regions: regions(self.regions),
            frameworks: if self.frameworks.is_empty() {
                defaults.frameworks
            } else {
                self.frameworks.into_iter().collect()
            },
            margin_bp: phi_catalog::MARGIN_BP,
            created: deployment.now(),
            revoked: None,
        };
        deployment.known(org.regions.iter().flatten().chain([&org.region]))?;
        if org.regions.as_ref().is_some_and(|regions| !regions.contains(&org.region)) {
            bail!("the default region `{}` is not among the regions\n  hint: add it to --regions", org.region);
        }
        let act = Act::new(by, "org.create")
            .about("org", org.id)
            .about("name", &org.name)
            .about("region", &org.region)
            .about("class", org.class)
            .about("floor", org.floor);
        let added = deployment.change(act, async |change| change.put_org(&org).await).await;
        added.with_context(|| format!("the organization `{}` was not made", org.name))?;
        Ok(Said::One(shown(&org)))
    }
}

/// The organization of a name.
pub(crate) async fn find(deployment: &Deployment, name: &Slug) -> anyhow::Result<Org> {
    let found = deployment.load().await?.roster.orgs.into_iter().find(|org| org.name == *name);
    found.with_context(|| format!("there is no organization `{name}`\n  hint: `phi org list` shows them"))
}

/// A set of regions, or none where none are named.
pub(crate) fn regions(named: Vec<Region>) -> Option<BTreeSet<Region>> {
    (!named.is_empty()).then(|| named.into_iter().collect())
}

fn shown(org: &Org) -> Value {
    json!({
        "name": org.name,
        "id": org.id,
        "region": org.region,
        "class": org.class,
        "floor": org.floor,
        "regions": org.regions,
        "frameworks": org.frameworks,
        "margin_percent": f64::from(org.margin_bp) / 100.0,
        "created": org.created,
        "revoked": org.revoked,
    })
}
