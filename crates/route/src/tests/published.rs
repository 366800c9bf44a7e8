//! What strangers are told, held against the planner: a route is shown in the regions and under the laws in which it would
//! serve, had this deployment every key, and every agreement that is offered.

use phi_catalog::{Catalogue, Evidence, Row};
use phi_words::{Class, Framework};

use super::matrix::{CHAT, Cell, Deployment, NOW};
use crate::{Scene, Settings, Standing, published};

fn holds(deployment: &Deployment) {
    let today = NOW.parse::<jiff::Timestamp>().unwrap().to_zoned(jiff::tz::TimeZone::UTC).date();
    let shown = published(deployment.scene(), today);
    let catalogue = deployment.scene().catalogue();
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
fn what_is_shown_depends_on_no_key_and_no_agreement() {
    let today = "2026-11-21".parse().unwrap();
    let routes = |scene: &Scene| {
        let shown = published(scene, today).into_iter();
        shown
            .map(|of| format!("{} {:?} {:?} {:?}", of.row.route, of.regions, of.phi_regions, of.frameworks))
            .collect::<Vec<_>>()
    };
    let settings = |evidence| Settings { embeddings: "auto".parse().unwrap(), hosted: true, durable: false, evidence };
    let full = Deployment::of(Catalogue::load(None).unwrap());
    let bare = |evidence| Scene::new(full.scene().catalogue().clone(), Standing::default(), settings(evidence));
    assert_eq!(routes(&bare(Evidence::Unverified)), routes(full.scene()));
    let vendor = bare(Evidence::Vendor);
    let weak = |scene: &Scene| {
        published(scene, today).iter().filter(|of| of.row.host.evidence == Evidence::Unverified).count()
    };
    assert!(weak(full.scene()) > 0 && weak(&vendor) == 0, "a host that is refused is not shown");
}
