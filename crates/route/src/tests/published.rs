//! What strangers are told, held against the planner: a route is shown in the regions and under the laws in which it would
//! serve, had this deployment every key, and every agreement that is offered.

use phi_catalog::{Catalogue, Evidence, Row};
use phi_words::{Class, Framework};

use super::matrix::{CHAT, Cell, Deployment, NOW};
use crate::published;

fn holds(deployment: &Deployment) {
    let today = NOW.parse::<jiff::Timestamp>().unwrap().to_zoned(jiff::tz::TimeZone::UTC).date();
    let (catalogue, evidence) = (deployment.scene().catalogue(), deployment.scene().settings().evidence);
    let shown = published(catalogue, evidence, today);
    let served: Vec<&Row> =
        catalogue.rows().iter().filter(|row| row.is_live(today) && row.is_priced()).map(|row| &**row).collect();
    assert_eq!(shown.iter().map(|of| &**of.row).collect::<Vec<_>>(), served);
    for of in shown {
        for territory in catalogue.regions() {
            let (route, region) = (of.row.route.as_str(), &territory.name);
            let cell = Cell { model: route, modality: of.row.modality, region: region.as_str(), ..CHAT };
            let is_served = deployment.answer(&cell) == route;
            assert_eq!(is_served, of.regions.contains(&region), "{route} in {region}");
            for law in Framework::ALL {
                let cell = Cell { class: Class::Phi, frameworks: &[*law], ..cell };
                let offered = of.phi_regions.contains(&region) && of.frameworks.contains(law);
                assert_eq!(deployment.answer(&cell) == route, offered, "{route} in {region} under {law}");
            }
        }
    }
}

#[test]
fn what_is_shown_would_serve() {
    holds(&Deployment::of(Catalogue::load(None).unwrap()));
    holds(&Deployment::of(Catalogue::rehearsal().unwrap()));
}

#[test]
fn a_host_that_is_refused_for_its_evidence_is_not_shown() {
    let catalogue = Catalogue::load(None).unwrap();
    let unverified = |weakest| {
        let shown = published(&catalogue, weakest, "2026-11-21".parse().unwrap());
        shown.iter().filter(|of| of.row.host.evidence == Evidence::Unverified).count()
    };
    assert!(unverified(Evidence::Unverified) > 0);
    assert_eq!(unverified(Evidence::Vendor), 0);
}
