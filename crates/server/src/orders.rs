//! What an operator can order of a deployment. An order is the same whether the running server carries it out, told
//! through the control socket, or this process, where no server runs.

pub mod agents;
pub mod agreements;
mod caller;
pub mod catalogue;
pub mod doctor;
pub mod entries;
pub mod explain;
pub mod imports;
pub mod orgs;
pub mod roles;
pub mod secrets;
pub mod tokens;

use phi_record::By;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::deployment::Deployment;
use crate::say::Said;

/// Hears what an order that takes long says of its progress. Once nobody listens, the order may end early.
pub(crate) type Notes = UnboundedSender<String>;

/// Something to be done or to be told.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// About organizations.
    Org(orgs::Orders),
    /// About roles.
    Role(roles::Orders),
    /// About agents.
    Agent(agents::Orders),
    /// About tokens.
    Token(tokens::Orders),
    /// About agreements.
    Agreement(agreements::Orders),
    /// About provider keys.
    Vault(secrets::Orders),
    /// About the catalogue in force.
    Catalogue(catalogue::Orders),
    /// What was taken of another gateway's settings.
    Take(imports::Take),
    /// What would become of a request.
    Explain(Box<explain::Explain>),
    /// How this deployment fares.
    Doctor(doctor::Orders),
    /// The newest records.
    Tail(entries::Tail),
    /// One call's records.
    Show(entries::Show),
    /// Read settings and catalogue anew.
    Reload,
}

impl Order {
    /// Carries the order out.
    ///
    /// # Errors
    /// What kept it from being done, and how to mend that. Then nothing was done.
    pub async fn run(self, deployment: &Deployment, by: By) -> anyhow::Result<Said> {
        // Held until the end: who has a listener works on.
        let (notes, _unheard) = unbounded_channel();
        self.run_noting(deployment, by, notes).await
    }

    /// The same, telling of its progress.
    pub(crate) async fn run_noting(self, deployment: &Deployment, by: By, notes: Notes) -> anyhow::Result<Said> {
        match self {
            Self::Org(orders) => orders.run(deployment, by).await,
            Self::Role(orders) => orders.run(deployment, by).await,
            Self::Agent(orders) => orders.run(deployment, by).await,
            Self::Token(orders) => orders.run(deployment, by).await,
            Self::Agreement(orders) => orders.run(deployment, by).await,
            Self::Vault(orders) => orders.run(deployment, by).await,
            Self::Catalogue(orders) => orders.run(deployment, by, notes).await,
            Self::Take(take) => take.run(deployment, by).await,
            Self::Explain(explain) => explain.run(deployment).await,
            Self::Doctor(orders) => orders.run(deployment, by, notes).await,
            Self::Tail(tail) => tail.run(deployment, by).await,
            Self::Show(show) => show.run(deployment, by).await,
            Self::Reload => deployment.reload(by).await,
        }
    }
}
