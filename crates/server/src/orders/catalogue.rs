//! What an operator asks of the catalogue that is in force, and of what it costs.

pub mod accept;
pub mod diff;
mod differ;
pub mod rates;
mod reprice;
pub mod show;

use phi_record::By;
use serde::{Deserialize, Serialize};

use crate::deployment::Deployment;
use crate::orders::Notes;
use crate::say::Said;

/// About the catalogue in force.
#[derive(Debug, Serialize, Deserialize)]
pub enum Orders {
    /// All that is known of one name.
    Show(show::Show),
    /// Put a route back into service.
    Accept(accept::Accept),
    /// The rates of exchange.
    Rates,
    /// Set one of them.
    SetRate(rates::Set),
    /// What another catalogue would change.
    Diff(diff::Diff),
}

impl Orders {
    pub(crate) async fn run(self, deployment: &Deployment, by: By, notes: Notes) -> anyhow::Result<Said> {
        match self {
            Self::Show(show) => show.run(deployment).await,
            Self::Accept(accept) => accept.run(deployment, by).await,
            Self::Rates => Ok(rates::list(deployment)),
            Self::SetRate(set) => set.run(deployment, by).await,
            Self::Diff(diff) => diff.run(deployment, by, notes).await,
        }
    }
}
