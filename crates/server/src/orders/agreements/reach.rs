//! How far an agreement reaches: how long it stands, what of it the catalogue bears out, and which routes it opens.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use phi_catalog::{Agreement, Catalogue, Evidence, Kind, Provider, Row, State};
use phi_route::is_general_work;
use phi_words::Framework;

/// A review that lies farther away than so many years is warned of.
const REVIEW_YEARS: i32 = 3;

/// An agreement that lapses within so many days is said to.
const SOON_DAYS: i32 = 30;

/// How an agreement is now, in words.
pub(super) fn state(agreement: &Agreement, now: Timestamp) -> String {
    match agreement.state(now) {
        State::Coming(from) => format!("stands from {from}"),
        State::Stands { days: 0 } => "lapses after today".to_owned(),
        State::Stands { days } if days <= SOON_DAYS => format!("lapses in {days} days, after {}", agreement.review_by),
        State::Stands { .. } => "stands".to_owned(),
        State::Lapsed(last) => format!("lapsed after {last}"),
        State::Revoked(_) => "revoked".to_owned(),
    }
}

/// The live routes that PHI may take under this agreement alone, by the frameworks that it is made under: one that covers
/// a part of a host's places opens nothing by itself. Whether there is a key, and a customer's agreement where one is
/// needed, is not asked.
pub(super) fn opens(agreement: &Agreement, catalogue: &Catalogue, now: Timestamp) -> Vec<String> {
    let Kind::Provider { name, .. } = &agreement.kind else { return Vec::new() };
    let Some(provider) = catalogue.provider(name).filter(|_| agreement.stands(now)) else { return Vec::new() };
    let today = now.to_zoned(TimeZone::UTC).date();
    let covered = |row: &Row| {
        let places = row.host.processes_in.countries().cloned().unwrap_or_default();
        let borne_out = |law: &Framework| places.iter().all(|place| provider.covers(*place, row.modality, *law));
        row.is_live(today)
            && row.host.evidence != Evidence::Unverified
            && !places.is_empty()
            && places.is_subset(&agreement.countries)
            && agreement.modalities.contains(&row.modality)
            && agreement.frameworks.iter().any(borne_out)
    };
    let rows = catalogue.rows().iter().filter(|row| row.provider == *name && covered(row));
    rows.map(|row| row.route.to_string()).collect()
}

/// What is doubtful about an agreement, and how to mend it.
pub(super) fn warnings(agreement: &Agreement, catalogue: &Catalogue, now: Timestamp) -> Vec<String> {
    let mut warnings = Vec::new();
    let today = now.to_zoned(TimeZone::UTC).date();
    if agreement.review_by < today {
        warnings.push(format!(
            "its review was due by {}, so it does not stand: attest it anew once somebody has looked at it",
            agreement.review_by
        ));
    }
    if today.checked_add(REVIEW_YEARS.years()).is_ok_and(|latest| agreement.review_by > latest) {
        warnings.push(format!(
            "its review is more than {REVIEW_YEARS} years away: choose an earlier --review-by, so that somebody looks again"
        ));
    }
    let general = agreement.modalities.iter().filter(|modality| is_general_work(**modality));
    warnings.extend(general.map(|modality| format!("no PHI is carried for {modality}, whatever is attested")));
    if let Kind::Provider { name, .. } = &agreement.kind
        && let Some(provider) = catalogue.provider(name)
    {
        warnings.extend(unoffered(agreement, provider));
    }
    warnings
}

/// What is attested and not offered, by the catalogue. It opens nothing.
fn unoffered(agreement: &Agreement, provider: &Provider) -> Option<String> {
    let (mut countries, mut modalities, mut frameworks) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for country in &agreement.countries {
        for modality in agreement.modalities.iter().filter(|modality| !is_general_work(**modality)) {
            for framework in &agreement.frameworks {
                if !provider.covers(*country, *modality, *framework) {
                    countries.insert(*country);
                    modalities.insert(*modality);
                    frameworks.insert(*framework);
                }
            }
        }
    }
    let words = |what: Vec<String>| what.join(" ");
    (!countries.is_empty()).then(|| {
        format!(
            "by the catalogue `{}` does not offer all of this: {} in {} under {}; that part opens nothing: if the provider \
             does offer it, write `[[provider.{}.offers]]` with its source in `catalog.d`",
            provider.name,
            words(modalities.iter().map(ToString::to_string).collect()),
            words(countries.iter().map(ToString::to_string).collect()),
            words(frameworks.iter().map(ToString::to_string).collect()),
            provider.name,
        )
    })
}
