use std::sync::Arc;

use jiff::Timestamp;
use phi_catalog::Row;
use phi_police::Terms;

use crate::Scene;
use crate::moment::{Moment, Wish};

/// Every route that a caller can reach under these terms, by the same law and in the same steps as a plan, whether it is
/// fit just now or not.
pub fn offered<'a>(terms: &Terms, scene: &'a Scene, now: Timestamp) -> Vec<&'a Arc<Row>> {
    let moment = Moment::new(scene, None, now);
    let (territory, org) = (scene.catalogue().region(terms.region()), terms.caller().org());
    let mut offered = Vec::new();
    for (row, spot) in scene.all() {
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
        if moment.fate((row, spot), territory, &wish).is_ok() {
            offered.push(row);
        }
    }
    offered
}
