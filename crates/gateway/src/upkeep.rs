//! What an operator has to renew: rates of exchange that grow old, and agreements that lapse. Neither makes a server less
//! ready; both are told before they matter.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use phi_catalog::{Agreement, Kind};
use phi_route::Scene;
use serde_json::{Value, json};

/// An agreement that lapses within so many days is warned of.
const SOON_DAYS: i64 = 30;

/// What an operator should do soon, for `/readyz`.
pub(crate) fn warnings(scene: &Scene, now: Timestamp) -> Vec<Value> {
    let today = now.to_zoned(TimeZone::UTC).date();
    let rates = scene.catalogue().rates().iter().filter(|(_, rate)| rate.is_stale(today)).map(|(currency, rate)| {
        json!({
            "warning": "old_rate",
            "currency": currency,
            "date": rate.date,
            "days_old": rate.age_days(today),
            "hint": format!("`phi catalog rates set {currency} USD --date DATE --source TEXT`"),
        })
    });
    let lapsing = scene.standing().agreements().filter(|agreement| is_lapsing(agreement, now)).map(|agreement| {
        json!({
            "warning": "agreement_lapses",
            "agreement": agreement.id,
            "provider": provider(agreement),
            "org": agreement.org,
            "review_by": agreement.review_by,
            "hint": "have it reviewed, attest it anew with `phi agreement add`, and revoke this one",
        })
    });
    rates.chain(lapsing).collect()
}

/// The same as figures, in the text format of metrics. Labels come from the catalogue.
pub(crate) fn gauges(scene: &Scene, now: Timestamp) -> String {
    let today = now.to_zoned(TimeZone::UTC).date();
    let standing: Vec<&Agreement> = scene.standing().agreements().filter(|agreement| agreement.stands(now)).collect();
    let lapsing = standing.iter().filter(|agreement| is_lapsing(agreement, now)).count();
    let mut text = format!(
        "# TYPE phi_agreements_standing gauge\nphi_agreements_standing {}\n\
         # TYPE phi_agreements_lapsing gauge\nphi_agreements_lapsing{{days=\"{SOON_DAYS}\"}} {lapsing}\n",
        standing.len()
    );
    text.push_str("# TYPE phi_agreement_lapses_seconds gauge\n");
    for name in scene.catalogue().providers().map(|provider| &provider.name) {
        let theirs = standing.iter().filter(|agreement| provider(agreement).as_ref() == Some(name));
        if let Some(next) = theirs.filter_map(|agreement| agreement.lapses()).min() {
            let seconds = next.duration_since(now).as_secs();
            text.push_str(&format!("phi_agreement_lapses_seconds{{provider=\"{name}\"}} {seconds}\n"));
        }
    }
    text.push_str("# TYPE phi_rate_age_days gauge\n");
    for (currency, rate) in scene.catalogue().rates() {
        text.push_str(&format!("phi_rate_age_days{{currency=\"{currency}\"}} {}\n", rate.age_days(today)));
    }
    text
}

fn is_lapsing(agreement: &Agreement, now: Timestamp) -> bool {
    agreement.lapses_within(SignedDuration::from_hours(24 * SOON_DAYS), now)
}

fn provider(agreement: &Agreement) -> Option<phi_words::ProviderName> {
    match &agreement.kind {
        Kind::Provider { name, .. } => Some(name.clone()),
        Kind::Customer => None,
    }
}
