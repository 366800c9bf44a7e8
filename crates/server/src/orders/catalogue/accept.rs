use anyhow::bail;
use clap::Args;
use phi_record::By;
use phi_words::RouteId;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::deployment::Deployment;
use crate::say::Said;

/// Put a route back into service.
#[derive(Debug, Args, Serialize, Deserialize)]
pub struct Accept {
    /// Its id.
    route: RouteId,
}

impl Accept {
    pub(super) async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        let Self { route } = self;
        let health = deployment.gateway().health();
        let (withdrawn, ejected) = (health.withdrawn().contains(&route), health.ejected().contains(&route));
        if !withdrawn && !ejected {
            bail!("`{route}` is neither withdrawn nor ejected\n  hint: `/readyz` lists the routes that are withdrawn");
        }
        deployment.accept(by, &route).await?;
        let was = if withdrawn { "withdrawn" } else { "ejected" };
        Ok(Said::One(json!({ "route": route, "was": was, "in_service": true })))
    }
}
