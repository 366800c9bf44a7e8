//! Every way in which a host can misbehave, most of them repeating what it was sent, or saying a marker of its own.

use std::collections::BTreeSet;

use phi_simulate::{Ends, Fault, Shape, UsageLie, VectorLie};

use super::{PLAIN, marked};

/// At least one of each kind; those after which nothing more comes are left to [`stalls`].
pub(super) fn faults() -> Vec<Fault> {
    let statuses = [400, 401, 403, 404, 408, 412, 413, 422, 429, 500, 503];
    let mut faults: Vec<Fault> = statuses.into_iter().map(Fault::status).collect();
    let shapes = [Shape::Flat, Shape::Infomaniak, Shape::Html, Shape::Empty];
    faults.extend(shapes.map(|shape| Fault::status(400).shape(shape)));
    faults.extend([
        Fault::status(400).error("context_length_exceeded", marked("too long by 7")),
        Fault::status(400).error("content_filter", marked("filtered")),
        Fault::status(400).error(PLAIN, marked("other")),
        Fault::status(429).retry_after(PLAIN),
        Fault::Redirect { code: 307, to: format!("http://{PLAIN}.example/{PLAIN}") },
        Fault::Model { name: PLAIN.into() },
        Fault::Region { name: PLAIN.into() },
        Fault::Geo { name: PLAIN.into(), early: false },
        Fault::Geo { name: PLAIN.into(), early: true },
        Fault::Empty,
        Fault::NoDone,
        Fault::NotUtf8,
        Fault::Encoded,
        Fault::Keepalives,
        Fault::Drip,
        Fault::Slow { gap_ms: 1 },
        Fault::LongLine { bytes: 9 << 20 },
        Fault::LongHead { bytes: 1 << 20 },
        Fault::WrongLength { by: 9 },
        Fault::WrongLength { by: -9 },
        Fault::Framing { ends: Ends::Cr, bom: true },
        Fault::Vectors { lie: VectorLie::Text },
        Fault::Vectors { lie: VectorLie::TooFew },
    ]);
    for after in [None, Some(0), Some(3)] {
        faults.extend([Fault::Reset { after }, Fault::Cut { after }]);
        faults.extend([Fault::GoAway { after, code: 2 }, Fault::ResetStream { after, code: 7 }]);
    }
    faults.extend([0, 3].map(|after| Fault::Malformed { after }));
    faults.extend([0, 3].map(|after| Fault::ErrorFrame { after }));
    let lies = [UsageLie::Negative, UsageLie::Absurd, UsageLie::Text, UsageLie::Missing, UsageLie::Twice];
    faults.extend(lies.map(|lie| Fault::Usage { lie }));
    faults
}

/// Faults after which nothing more comes: their callers leave.
pub(super) fn stalls() -> Vec<Fault> {
    [None, Some(3)].into_iter().flat_map(|after| [Fault::Stall { after }, Fault::Mute { after }]).collect()
}

#[test]
fn no_kind_of_fault_is_forgotten() {
    // Whoever reads a fault that is none is told every kind there is.
    let error = serde_json::from_str::<Fault>(r#"{"fault": "none of them"}"#).expect_err("no fault").to_string();
    let kinds: BTreeSet<_> = error.split('`').skip(3).step_by(2).map(str::to_owned).collect();
    assert!(kinds.len() > 20 && kinds.contains("stall"), "{error}");
    let kind = |fault: Fault| {
        let json = serde_json::to_value(fault).expect("JSON");
        json["fault"].as_str().expect("a kind").to_owned()
    };
    let walked: BTreeSet<_> = faults().into_iter().chain(stalls()).map(kind).collect();
    assert_eq!(walked, kinds);
}
