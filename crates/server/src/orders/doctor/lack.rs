use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use phi_catalog::{Agreement, Catalogue, Kind, Row, Status};
use phi_route::health::Why;
use phi_route::{Cell, Dropped, Lack as NotEligible, Scene, Surveyed, frameworks_offered, is_general_work};
use phi_words::{Class, Framework, KeyKind, Modality};
use serde::Serialize;

/// Why nobody answers a kind of work: what the route that comes nearest lacks, and how to mend that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(super) struct Lack {
    /// The reason, as `phi explain` has it.
    reason: &'static str,
    /// The route that comes nearest, where one does.
    route: Option<String>,
    /// What is missing.
    pub(super) says: String,
    /// How to mend it; nothing where that is not for an operator to do.
    pub(super) mend: Option<String>,
    /// What has to be mended after that, where more is known to be missing.
    pub(super) then: Option<String>,
}

impl Lack {
    fn without_route(reason: &'static str, says: String) -> Self {
        Self { reason, route: None, says, mend: None, then: None }
    }

    pub(super) fn of(cell: &Cell<'_>, found: &Surveyed<'_>, scene: &Scene, now: Timestamp) -> Self {
        let catalogue = scene.catalogue();
        if cell.class == Class::Phi && is_general_work(cell.modality) {
            return Self::without_route("phi_general_work", NEVER.to_owned());
        }
        let Some((row, dropped)) = nearest(cell, found, catalogue) else {
            return if catalogue.rows().iter().any(|row| row.modality == cell.modality) {
                let (says, mend) = nobody_inside(cell, scene, now);
                Self { mend, ..Self::without_route("outside_region", says) }
            } else {
                Self::without_route("other_work", format!("the catalogue has no route for {}", cell.modality))
            };
        };
        let lack = |says: String, mend: Option<String>| Self {
            reason: dropped.code(),
            route: Some(row.route.to_string()),
            says,
            mend,
            then: None,
        };
        let provider = &row.provider;
        match dropped {
            Dropped::OutsideRegion | Dropped::OtherWork | Dropped::LeftOut => {
                let (says, mend) = nobody_inside(cell, scene, now);
                lack(says, mend)
            }
            Dropped::NotLive if row.status == Status::Staged => {
                lack("the routes that would do it are staged: known, but not served by this version".into(), None)
            }
            Dropped::NotLive => lack("the routes that would do it are retired".into(), None),
            Dropped::PinOnly => {
                lack("only models that have to be named do it".into(), Some(format!("ask for `{}`", row.model)))
            }
            Dropped::WeakEvidence => lack(
                "where the hosts are is only claimed, and `route.evidence` demands more".into(),
                Some("set `route.evidence = \"unverified\"`, if claims are good enough for traffic without PHI".into()),
            ),
            Dropped::NoCredential if cell.class == Class::Phi && !may_hold_phi(row, cell, catalogue) => {
                lack(no_offer(cell, found, catalogue), None)
            }
            Dropped::NoCredential => {
                let first = lack(format!("there is no key of {provider}"), Some(put(row)));
                let Some(next) = after_the_key(row, cell, scene, now) else { return first };
                let (says, then) = not_eligible(next, row, cell);
                Self { says: format!("{}, and {says}", first.says), then, ..first }
            }
            Dropped::NoPrice => lack(
                format!("the price of {} is not known", row.route),
                Some(format!("set `[price.{}]` in `catalog.d`", row.route)),
            ),
            Dropped::Misfit(_) => lack("no model that is live there can do it".into(), None),
            Dropped::NotEligible(NotEligible::Offer) => lack(no_offer(cell, found, catalogue), None),
            Dropped::NotEligible(why) => {
                let (says, mend) = not_eligible(*why, row, cell);
                lack(says, mend)
            }
            Dropped::Denied => lack("the rules allow none of the routes".into(), None),
            Dropped::Unfit(unfit) if unfit.why == Why::Withdrawn => lack(
                format!("{} is withdrawn, because it answered from elsewhere", row.route),
                Some(format!("once the provider has explained it: `phi catalog accept {}`", row.route)),
            ),
            Dropped::Unfit(_) => lack("every host that could answer rests; it comes back by itself".into(), None),
            Dropped::OtherSpace | Dropped::TooMany => lack("others come before".into(), None),
        }
    }
}

const NEVER: &str = "image, video and math never carry PHI, wherever they are done";
const NOWHERE: &str = "with PHI a request names its region; in WORLD it goes to hosts on your premises alone";
/// What an agreement needs beside its reach. It stands on a line of its own.
const REST: &str = "\\\n    --counterparty NAME --document FILE --verified-by NAME --verified-on DATE --review-by DATE";

/// The route that comes nearest; where it can never do it, one that a key would let do it, if there is one.
fn nearest<'a>(cell: &Cell<'_>, found: &'a Surveyed<'_>, catalogue: &Catalogue) -> Option<(&'a Row, &'a Dropped)> {
    let helps = |row: &Row| {
        let able = cell.needs.is_none_or(|needed| row.capabilities.contains(&needed));
        able && (cell.class == Class::General || may_hold_phi(row, cell, catalogue))
    };
    let hopeless = |row: &Row, dropped: &Dropped| match dropped {
        Dropped::Misfit(_) | Dropped::Denied => true,
        Dropped::NotEligible(lack) => match lack {
            NotEligible::TestKey
            | NotEligible::GeneralWork
            | NotEligible::World
            | NotEligible::Evidence
            | NotEligible::Offer => true,
            NotEligible::Durability | NotEligible::Framework | NotEligible::Agreement | NotEligible::Customer => false,
        },
        Dropped::NoCredential => !helps(row),
        Dropped::OtherWork
        | Dropped::OutsideRegion
        | Dropped::LeftOut
        | Dropped::NotLive
        | Dropped::PinOnly
        | Dropped::WeakEvidence
        | Dropped::NoPrice
        | Dropped::OtherSpace
        | Dropped::Unfit(_)
        | Dropped::TooMany => false,
    };
    let mut others = found.others.iter().filter(|(_, dropped)| *dropped != Dropped::OtherWork);
    let first = others.next()?;
    let mut keyless = || others.find(|(row, dropped)| *dropped == Dropped::NoCredential && helps(row));
    let best = if hopeless(first.0, &first.1) { keyless().unwrap_or(first) } else { first };
    Some((best.0.as_ref(), &best.1))
}

/// Whether agreements that are offered could open a route to PHI.
fn may_hold_phi(row: &Row, cell: &Cell<'_>, catalogue: &Catalogue) -> bool {
    let placed = !cell.region.is_world() || row.host.premises;
    placed && cell.frameworks.is_subset(&frameworks_offered(row, catalogue))
}

/// No host inside the region does it, or none has the one model that `auto` means for embeddings.
fn nobody_inside(cell: &Cell<'_>, scene: &Scene, now: Timestamp) -> (String, Option<String>) {
    let catalogue = scene.catalogue();
    let today = now.to_zoned(TimeZone::UTC).date();
    let inside = |row: &Row| {
        catalogue.region(cell.region).is_some_and(|territory| row.host.processes_in.is_within(&territory.extent))
    };
    let others = catalogue.rows().iter().any(|row| {
        row.modality == Modality::Embeddings
            && row.is_live(today)
            && inside(row)
            && (cell.class == Class::General || may_hold_phi(row, cell, catalogue))
    });
    if cell.modality != Modality::Embeddings || !others {
        return ("no host of the catalogue does it inside the region; yours would stand in `catalog.d`".into(), None);
    }
    let meant = &scene.settings().embeddings;
    (
        format!("`auto` means `{meant}` for embeddings, and no host inside the region has it"),
        Some(
            "name another model, or set `route.embeddings`: phi catalog list --modality embeddings --status live"
                .into(),
        ),
    )
}

/// Nobody offers what the organization's bodies of law demand. What one offers under others is told, since an organization
/// that works under those alone could use it.
fn no_offer(cell: &Cell<'_>, found: &Surveyed<'_>, catalogue: &Catalogue) -> String {
    if cell.region.is_world() {
        return NOWHERE.to_owned();
    }
    let list = |laws: &BTreeSet<Framework>| laws.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
    let near = found
        .others
        .iter()
        .filter(|(_, dropped)| matches!(dropped, Dropped::NoCredential | Dropped::NotEligible(NotEligible::Offer)));
    let mut offers = near.map(|(row, _)| (&row.provider, frameworks_offered(row, catalogue)));
    match offers.find(|(_, laws)| !laws.is_empty()) {
        None => "no provider there offers an agreement for PHI".to_owned(),
        Some((one, laws)) => format!(
            "no provider there offers an agreement under {}; {one} offers one to those that work under {} alone",
            list(cell.frameworks),
            list(&laws)
        ),
    }
}

/// What PHI would lack at a route once there is a key. An agreement with one credential alone cannot cover a key that is
/// yet to come.
fn after_the_key(row: &Row, cell: &Cell<'_>, scene: &Scene, now: Timestamp) -> Option<NotEligible> {
    if cell.class == Class::General {
        return None;
    }
    if cell.frameworks.is_empty() {
        return Some(NotEligible::Framework);
    }
    let counts = |agreement: &&Agreement| {
        agreement.stands(now)
            && agreement.modalities.contains(&cell.modality)
            && agreement.org.is_none_or(|org| org == cell.org)
            && matches!(agreement.kind, Kind::Provider { credential: None, .. })
    };
    let standing: Vec<&Agreement> = scene.standing().with_provider(&row.provider).iter().filter(counts).collect();
    let covered = row.host.processes_in.countries().into_iter().flatten().all(|country| {
        let by = |law: &Framework| standing.iter().any(|a| a.countries.contains(country) && a.frameworks.contains(law));
        cell.frameworks.iter().all(by)
    });
    (!covered).then_some(NotEligible::Agreement)
}

/// How a key is brought. The project of a service account stands in its file.
fn put(row: &Row) -> String {
    let (file, told) = match row.host.auth.wants() {
        Some(KeyKind::GoogleServiceAccount) => ("service-account.json", Some("project")),
        Some(KeyKind::AwsAccessKey) => ("access-key.json", None),
        Some(KeyKind::Plain) | None => ("key.txt", None),
    };
    let params = row.host.params().into_iter().filter(|param| Some(*param) != told);
    let params: String = params.map(|param| format!(" --set {param}=VALUE")).collect();
    format!("phi vault put {}{params} < {file}", row.provider)
}

fn not_eligible(lack: NotEligible, row: &Row, cell: &Cell<'_>) -> (String, Option<String>) {
    let provider = &row.provider;
    let add = |with: &str| {
        let places = row.host.processes_in.countries().into_iter().flatten();
        let places: String = places.map(|country| format!(" --country {country}")).collect();
        let laws: String = cell.frameworks.iter().map(|law| format!(" --framework {law}")).collect();
        Some(format!("phi agreement add {with}{places} --modality {}{laws} {REST}", cell.modality))
    };
    match lack {
        NotEligible::TestKey => ("a test key carries no PHI".into(), None),
        NotEligible::GeneralWork => (NEVER.into(), None),
        NotEligible::Durability => {
            ("entries do not survive a power cut".into(), Some("set `record.durability = \"disk\"`".into()))
        }
        NotEligible::World => (NOWHERE.into(), None),
        NotEligible::Evidence => ("only the claim of the hosts says where they are".into(), None),
        NotEligible::Framework => (
            "no body of law is named that it works under".into(),
            Some("name it with `--framework` in `phi init` or `phi org create`".into()),
        ),
        NotEligible::Offer => (format!("{provider} offers no agreement for this"), None),
        NotEligible::Agreement => {
            (format!("no agreement with {provider} stands for this"), add(&format!("--provider {provider}")))
        }
        NotEligible::Customer => {
            ("no agreement with the customer stands for this".into(), add("--kind customer --org NAME"))
        }
    }
}
