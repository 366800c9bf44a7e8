mod asking;
mod found;
mod hosts;
mod lack;
mod page;
mod spaces;

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::anyhow;
use clap::{Args, Subcommand};
use jiff::Timestamp;
use phi_catalog::Row;
use phi_gateway::Gateway;
use phi_record::By;
use phi_route::{Cell, survey};
use phi_words::{Capability, Class, Code, Framework, Modality, ModelName, OrgId, Region, Slug};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::lack::Lack;
use crate::deployment::Deployment;
use crate::orders::Notes;
use crate::say::{self, Said};

/// What can be looked at.
#[derive(Debug, Clone, Subcommand, Serialize, Deserialize)]
pub enum Orders {
    /// Show who answers what, region by region, without PHI and with it, and what is missing where nobody does. Nothing is
    /// sent to anybody.
    #[command(after_help = "example: phi doctor routes --org st-mary")]
    Routes(Routes),
    /// Ask each host for which there is a key one short question for each kind of work, and show what differs from the
    /// catalogue. This leaves the building, without PHI, and costs a little. It ends with status 1 where an operator has to
    /// mend something.
    #[command(after_help = "example: phi doctor hosts --org st-mary --host infomaniak --yes")]
    Hosts(hosts::Hosts),
    /// Ask the hosts that share an embedding space for vectors of the same public sentences, and show which differ. This
    /// leaves the building, without PHI, and costs a little. It ends with status 1 where an operator has to mend something.
    #[command(after_help = "example: phi doctor spaces --org st-mary --yes")]
    Spaces(spaces::Spaces),
}

/// For whom to look, and where.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
pub struct Routes {
    /// The organization, with its own credentials and agreements; those of the deployment alone where this is not said.
    #[arg(long)]
    org: Option<Slug>,
    /// A region. May be given again; all of them where this is not said.
    #[arg(long = "region", value_name = "REGION")]
    regions: Vec<Region>,
}

/// The kinds of work, as people call them, and what a model needs for it beyond its modality.
const WORKS: [(&str, Modality, Option<Capability>); 9] = [
    ("chat", Modality::Chat, None),
    ("vision", Modality::Chat, Some(Capability::Vision)),
    ("embeddings", Modality::Embeddings, None),
    ("ocr", Modality::Ocr, None),
    ("transcription", Modality::Transcription, None),
    ("speech", Modality::Speech, None),
    ("image", Modality::Image, None),
    ("video", Modality::Video, None),
    ("math", Modality::Math, None),
];

/// Who answers one kind of work in one region and class.
struct Looked<'a> {
    region: &'a Region,
    class: Class,
    work: &'static str,
    routes: Vec<&'a Row>,
    code: Option<Code>,
    lack: Option<Lack>,
}

impl Orders {
    /// Asks whoever typed it whether hosts may be asked, where that was not said.
    pub(crate) fn agreed(self) -> anyhow::Result<Self> {
        let said = match &self {
            Self::Routes(_) => true,
            Self::Hosts(hosts) => hosts.yes,
            Self::Spaces(spaces) => spaces.yes,
        };
        if !said {
            say::agreed("hosts outside are asked, without PHI, which costs a little")?;
        }
        Ok(self)
    }

    /// Whether hosts are asked, which the server alone does.
    pub(crate) fn asks_hosts(&self) -> bool {
        match self {
            Self::Routes(_) => false,
            Self::Hosts(_) | Self::Spaces(_) => true,
        }
    }

    pub(crate) async fn run(self, deployment: &Deployment, by: By, notes: Notes) -> anyhow::Result<Said> {
        match self {
            Self::Routes(routes) => routes.run(deployment).await,
            Self::Hosts(hosts) => hosts.run(deployment, by, notes).await,
            Self::Spaces(spaces) => spaces.run(deployment, by, notes).await,
        }
    }
}

impl Routes {
    async fn run(self, deployment: &Deployment) -> anyhow::Result<Said> {
        deployment.known(&self.regions)?;
        let (whose, org, frameworks) = self.whom(deployment).await?;
        let (gateway, now) = (Arc::clone(deployment.gateway()), deployment.now());
        // On a thread of its own, so that requests do not wait for it.
        let looking = tokio::task::spawn_blocking(move || self.look(&gateway, now, &whose, org, &frameworks));
        looking.await?
    }

    fn look(
        &self,
        gateway: &Gateway,
        now: Timestamp,
        whose: &str,
        org: OrgId,
        frameworks: &BTreeSet<Framework>,
    ) -> anyhow::Result<Said> {
        let snapshot = gateway.snapshot();
        let catalogue = snapshot.scene.catalogue();
        let wanted = |region: &Region| self.regions.is_empty() || self.regions.contains(region);
        let regions: Vec<&Region> =
            catalogue.regions().iter().map(|territory| &territory.name).filter(|name| wanted(name)).collect();
        let auto: ModelName = "auto".parse()?;
        let mut looked = Vec::new();
        for class in [Class::General, Class::Phi] {
            for &region in &regions {
                for (work, modality, needs) in WORKS {
                    let cell = Cell { modality, model: &auto, needs, region, class, org, frameworks };
                    let found = survey(&cell, &snapshot.scene, Some(gateway.health()), now);
                    let lack = found.refusal.is_some().then(|| Lack::of(&cell, &found, &snapshot.scene, now));
                    let routes = found.routes.into_iter().map(AsRef::as_ref).collect();
                    let code = found.refusal.map(|refusal| refusal.code);
                    looked.push(Looked { region, class, work, routes, code, lack });
                }
            }
        }
        let title = page::Title { whose, frameworks, catalogue: catalogue.version() };
        let text = page::page(&title, self.org.as_ref(), &regions, &looked);
        Ok(Said::Page { text, data: Value::Array(looked.iter().map(Looked::shown).collect()) })
    }

    /// For whom to look: what to call them, and under which bodies of law they work.
    async fn whom(&self, deployment: &Deployment) -> anyhow::Result<(String, OrgId, BTreeSet<Framework>)> {
        let contents = deployment.load().await?;
        let Some(name) = &self.org else {
            let whose = "an organization without keys and agreements of its own".to_owned();
            return Ok((whose, OrgId::new(), contents.defaults.frameworks));
        };
        let mut orgs = contents.roster.orgs.into_iter().filter(|org| org.revoked.is_none());
        let org = orgs.find(|org| org.name == *name);
        let org = org.ok_or_else(|| anyhow!("there is no organization `{name}`\n  hint: `phi org list` names them"))?;
        Ok((format!("the organization {name}"), org.id, org.frameworks))
    }
}

impl Looked<'_> {
    fn shown(&self) -> Value {
        json!({
            "work": self.work,
            "region": self.region,
            "class": self.class,
            "routes": self.routes.iter().map(|row| &row.route).collect::<Vec<_>>(),
            "code": self.code,
            "missing": self.lack,
        })
    }
}
