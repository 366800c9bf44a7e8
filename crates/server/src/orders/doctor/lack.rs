use phi_catalog::{Catalogue, Row};
use phi_route::health::Why;
use phi_route::{Cell, Dropped, Lack as NotEligible, Surveyed, frameworks_offered, is_general_work};
use phi_words::{Class, KeyKind};
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
}

impl Lack {
    fn without_route(reason: &'static str, says: String) -> Self {
        Self { reason, route: None, says, mend: None }
    }

    pub(super) fn of(cell: &Cell<'_>, found: &Surveyed<'_>, catalogue: &Catalogue) -> Self {
        if cell.class == Class::Phi && is_general_work(cell.modality) {
            return Self::without_route("phi_general_work", NEVER.to_owned());
        }
        let Some((row, dropped)) = nearest(cell, found, catalogue) else {
            return if catalogue.rows().iter().any(|row| row.modality == cell.modality) {
                Self::without_route("outside_region", NOBODY_INSIDE.to_owned())
            } else {
                Self::without_route("other_work", format!("the catalogue has no route for {}", cell.modality))
            };
        };
        let lack = |says: String, mend: Option<String>| Self {
            reason: dropped.code(),
            route: Some(row.route.to_string()),
            says,
            mend,
        };
        let provider = &row.provider;
        match dropped {
            Dropped::OutsideRegion | Dropped::OtherWork | Dropped::LeftOut => lack(NOBODY_INSIDE.into(), None),
            Dropped::NotLive => lack("the routes that would do it are staged or retired".into(), None),
            Dropped::PinOnly => {
                lack("only models that have to be named do it".into(), Some(format!("ask for `{}`", row.model)))
            }
            Dropped::WeakEvidence => lack(
                "where the hosts are is only claimed, and `route.evidence` demands more".into(),
                Some("set `route.evidence = \"unverified\"`, if claims are good enough for traffic without PHI".into()),
            ),
            Dropped::NoCredential if cell.class == Class::Phi && !may_hold_phi(row, cell, catalogue) => {
                lack("no provider with a host there offers an agreement that covers PHI".into(), None)
            }
            Dropped::NoCredential => lack(format!("there is no key of {provider}"), Some(put(row))),
            Dropped::NoPrice => lack(
                format!("the price of {} is not known", row.route),
                Some(format!("set `[price.{}]` in `catalog.d`", row.route)),
            ),
            Dropped::Misfit(_) => lack("no model that is live there can do it".into(), None),
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
const NOBODY_INSIDE: &str = "no host of the catalogue does it inside the region; yours would stand in `catalog.d`";

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

/// How a key is brought.
fn put(row: &Row) -> String {
    let params: String = row.host.params().iter().map(|param| format!(" --set {param}=…")).collect();
    let file = match row.host.auth.wants() {
        Some(KeyKind::GoogleServiceAccount) => "service-account.json",
        Some(KeyKind::Plain) | None => "key.txt",
    };
    format!("phi vault put {}{params} < {file}", row.provider)
}

fn not_eligible(lack: NotEligible, row: &Row, cell: &Cell<'_>) -> (String, Option<String>) {
    let provider = &row.provider;
    let add = |with: &str| {
        let places = row.host.processes_in.countries().into_iter().flatten();
        let places: String = places.map(|country| format!(" --country {country}")).collect();
        let laws: String = cell.frameworks.iter().map(|law| format!(" --framework {law}")).collect();
        Some(format!("phi agreement add {with}{places} --modality {}{laws} …", cell.modality))
    };
    match lack {
        NotEligible::TestKey => ("a test key carries no PHI".into(), None),
        NotEligible::GeneralWork => (NEVER.into(), None),
        NotEligible::Durability => {
            ("entries do not survive a power cut".into(), Some("set `record.durability = \"disk\"`".into()))
        }
        NotEligible::World => ("PHI goes to no host that promises no region, except on your premises".into(), None),
        NotEligible::Evidence => ("only the claim of the hosts says where they are".into(), None),
        NotEligible::Framework => (
            "no body of law is named that it works under".into(),
            Some("name it with `--framework` in `phi init` or `phi org create`".into()),
        ),
        NotEligible::Offer => (format!("{provider} offers no agreement that covers this"), None),
        NotEligible::Agreement => {
            (format!("no agreement with {provider} stands for this"), add(&format!("--provider {provider}")))
        }
        NotEligible::Customer => {
            ("no agreement with the customer stands for this".into(), add("--kind customer --org …"))
        }
    }
}
