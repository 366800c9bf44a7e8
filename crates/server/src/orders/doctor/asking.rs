use std::time::Duration;

use anyhow::{anyhow, bail};
use http::{HeaderMap, HeaderValue};
use phi_catalog::{Host, Row};
use phi_identify::{Caller, Kind, Org};
use phi_record::entry::{ClosedRecord, Record};
use phi_record::{Act, By};
use phi_route::{Cell, Dropped, survey};
use phi_words::{Class, Completion, ModelName, Prompt, Refusal, Region, RequestId, Slug};
use serde_json::Value;

use crate::deployment::Deployment;
use crate::orders::{Notes, caller};

/// How long a host is waited for.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

/// Who asks hosts: an agent that is made up for this, of an organization whose keys and rules hold. What it asks is ours, and
/// carries no PHI.
pub(super) struct Asking<'a> {
    deployment: &'a Deployment,
    caller: Caller,
    org: Org,
    notes: Notes,
}

/// What came of one request.
pub(super) struct Asked {
    /// Its entry.
    pub(super) id: RequestId,
    /// The whole answer, or what a caller would have been told; nothing where it took longer than [`PATIENCE`].
    pub(super) answered: Option<Result<Completion, Refusal>>,
    /// How its entry was closed, if it was opened.
    pub(super) closed: Option<ClosedRecord>,
}

impl<'a> Asking<'a> {
    pub(super) async fn new(deployment: &'a Deployment, org: &Slug, notes: Notes) -> anyhow::Result<Self> {
        let orgs = deployment.load().await?.roster.orgs;
        let found = orgs.into_iter().find(|one| one.name == *org && one.revoked.is_none());
        let org =
            found.ok_or_else(|| anyhow!("there is no organization `{org}`\n  hint: `phi org list` names them"))?;
        if org.floor == Class::Phi {
            bail!(
                "no request of `{}` may go below the class `phi`, its floor, and hosts are asked without PHI\n  hint: name an \
                 organization without that floor",
                org.name
            );
        }
        let caller = caller::made_up(org.clone(), &"doctor".parse()?, Kind::Live, deployment.now())?;
        Ok(Self { deployment, caller, org, notes })
    }

    pub(super) fn org(&self) -> &Org {
        &self.org
    }

    /// Writes down that hosts are about to be asked, by which agent, and how many routes.
    pub(super) async fn record(&self, by: By, name: &'static str, routes: usize) -> anyhow::Result<()> {
        let act = Act::new(by, name)
            .about("organization", self.org.id)
            .about("agent", self.caller.agent().id)
            .about("routes", routes);
        Ok(self.deployment.recorder().act(act).await?)
    }

    /// Whether the organization may use a key for a host, or the host wants none.
    pub(super) fn has_key(&self, host: &Host) -> bool {
        let snapshot = self.deployment.gateway().snapshot();
        let mut keys = snapshot.scene.standing().keys(host);
        !host.needs_credential() || keys.any(|key| key.org.is_none_or(|org| org == self.org.id))
    }

    /// Where a route can be asked: in the organization's own region, another one, or `WORLD` at last; or why it cannot.
    pub(super) fn region(&self, row: &Row) -> Result<Region, Dropped> {
        let snapshot = self.deployment.gateway().snapshot();
        let scene = &snapshot.scene;
        let allowed = |name: &Region| self.org.regions.as_ref().is_none_or(|regions| regions.contains(name));
        let mut regions: Vec<&Region> = scene.catalogue().regions().iter().map(|territory| &territory.name).collect();
        regions.retain(|name| allowed(name));
        regions.sort_by_key(|name| (**name != self.org.region, name.is_world()));
        let mut why = Dropped::OutsideRegion;
        let Ok(model) = row.route.as_str().parse::<ModelName>() else { return Err(why) };
        for region in regions {
            let cell = Cell {
                modality: row.modality,
                model: &model,
                needs: None,
                region,
                class: Class::General,
                org: self.org.id,
                frameworks: &self.org.frameworks,
            };
            let found = survey(&cell, scene, None, self.deployment.now());
            if !found.routes.is_empty() {
                return Ok(region.clone());
            }
            if why == Dropped::OutsideRegion
                && let Some((_, dropped)) = found.others.into_iter().next()
            {
                why = dropped;
            }
        }
        Err(why)
    }

    /// Asks one route, in its region and without PHI, by the way of every request.
    pub(super) async fn ask(&self, row: &Row, region: &Region, body: &Value) -> anyhow::Result<Asked> {
        if self.notes.send(format!("asking {} in {region}", row.route)).is_err() {
            bail!("nobody listens any more, so nobody else was asked");
        }
        let mut headers = HeaderMap::new();
        headers.insert("x-region", HeaderValue::from_str(region.as_str())?);
        headers.insert("x-phi", HeaderValue::from_static("false"));
        let (id, request) = (RequestId::new(), Prompt::new(body.to_string()));
        let gateway = self.deployment.gateway();
        let asked = gateway.try_for_operator(id, self.caller.clone(), &headers, row.modality, request);
        let answered = tokio::time::timeout(PATIENCE, asked).await.ok();
        let records = self.deployment.recorder().call(id).await?;
        let closed = records.into_iter().find_map(|found| match found.line.record {
            Record::Closed(closed) => Some(*closed),
            Record::Opened(_) | Record::Refused(_) | Record::Act(_) => None,
        });
        Ok(Asked { id, answered, closed })
    }
}
