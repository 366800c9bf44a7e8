use std::sync::Arc;

use jiff::Timestamp;
use phi_catalog::{Catalogue, Row};
use phi_police::Terms;

use crate::weigh::{Scene, Wish};
use crate::{Settings, Standing};

/// Every route that a caller can reach under these terms, by the same law and in the same steps as a plan.
pub fn offered<'a>(
    terms: &Terms,
    catalogue: &'a Catalogue,
    standing: &'a Standing,
    settings: &'a Settings,
    now: Timestamp,
) -> Vec<&'a Arc<Row>> {
    let scene = Scene::new(catalogue, standing, settings, now);
    let (territory, org) = (catalogue.region(terms.region()), terms.caller().org());
    let reached = |row: &&'a Arc<Row>| {
        let wish = Wish {
            modality: row.modality,
            model: &row.model,
            region: terms.region(),
            class: terms.class(),
            tier: None,
            org: org.id,
            frameworks: &org.frameworks,
            test: terms.caller().is_test(),
            input: 0,
            output: None,
            fits: &|_| Ok(()),
            allows: &|_| true,
        };
        scene.fate(row, territory, &wish).is_ok()
    };
    catalogue.rows().iter().filter(reached).collect()
}
