use std::sync::Arc;

use jiff::Timestamp;
use phi_catalog::Row;
use phi_police::Terms;
use phi_words::{Modality, ModelName};

use crate::Scene;
use crate::moment::{Moment, Wish};

/// Input tokens of a usual request, which orders routes by what it costs; the plan of a real one goes by its own.
const USUAL_INPUT: u64 = 1_024;

/// The routes that a caller reaches under these terms by a name, in the order in which a usual request of this kind of
/// work would try them: by the same law and in the same steps as a plan, whether they are fit just now or not. None where
/// nobody serves it, or where the name means nothing.
pub fn offered<'a>(
    terms: &Terms,
    model: &ModelName,
    modality: Modality,
    scene: &'a Scene,
    now: Timestamp,
) -> Vec<&'a Arc<Row>> {
    let org = terms.caller().org();
    let wish = Wish {
        modality,
        model,
        region: terms.region(),
        class: terms.class(),
        tier: terms.tier(),
        org: org.id,
        frameworks: &org.frameworks,
        test: terms.caller().is_test(),
        input: USUAL_INPUT,
        output: None,
        fits: &|_| Ok(()),
        allows: &|_| true,
    };
    let kept = Moment::new(scene, None, now).sift(&wish, &mut |_, _, _| {}).unwrap_or_default();
    kept.iter().map(|kept| kept.row()).collect()
}
