use std::sync::Arc;

use phi_catalog::{Catalogue, Row};
use phi_route::Plan;
use phi_words::{MicroUsd, Usage};

/// What a call costs whom: the prices that stood when it was planned.
#[derive(Debug, Clone)]
pub struct Bill {
    catalogue: Arc<Catalogue>,
    margin_bp: u32,
}

impl Bill {
    /// The bill of a plan: its catalogue's prices and its organization's margin.
    pub(crate) fn of(plan: &Plan) -> Self {
        Self {
            catalogue: Arc::clone(plan.catalogue()),
            margin_bp: plan.permit().ask().terms().caller().org().margin_bp,
        }
    }

    /// The version of the prices.
    pub(crate) fn version(&self) -> &str {
        self.catalogue.version()
    }

    /// The organization's margin, in hundredths of a percent.
    pub(crate) fn margin_bp(&self) -> u32 {
        self.margin_bp
    }

    /// List cost and charge of what one row consumed; nothing where no row answered.
    pub(crate) fn amounts(&self, row: Option<&Row>, usage: &Usage) -> (MicroUsd, MicroUsd) {
        let Some(row) = row else { return (MicroUsd::ZERO, MicroUsd::ZERO) };
        match self.catalogue.cost(row, usage, self.margin_bp) {
            Ok(cost) => (cost.list, cost.charge),
            Err(error) => {
                // A host that states more than can be counted has lied: the operator sees it, nobody pays it.
                tracing::error!(route = %row.route, error = %error, "a call cannot be priced");
                (MicroUsd::ZERO, MicroUsd::ZERO)
            }
        }
    }
}
