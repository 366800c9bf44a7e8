//! Whether PHI may be shown to a host with a key: offers and attestations, country by country and framework by
//! framework.

use super::super::world::{Asked, UNVERIFIED, WAgreement, WORLD, WRow, World};

pub(super) fn may_hold_phi(world: &World, asked: &Asked, row: &WRow, key: Option<usize>) -> bool {
    let Some(places) = row.places else { return false };
    if asked.test || !asked.durable || row.evidence == UNVERIFIED || asked.frameworks == 0 {
        return false;
    }
    if asked.region == WORLD && !row.premises {
        return false;
    }
    // Every country with every framework has to be covered by something.
    let all_pairs = |covered: &dyn Fn(u8, u8) -> bool| {
        for country in (0..5).map(|bit| 1 << bit).filter(|bit| places & bit != 0) {
            for framework in (0..3).map(|bit| 1 << bit).filter(|bit| asked.frameworks & bit != 0) {
                if !covered(country, framework) {
                    return false;
                }
            }
        }
        true
    };
    let is_of_work = |works: u8| works >> asked.work & 1 == 1;
    let offered = all_pairs(&|country, framework| {
        let mut theirs = world.offers.iter().filter(|offer| offer.provider == row.provider && is_of_work(offer.works));
        theirs.any(|offer| offer.countries & country != 0 && offer.frameworks & framework != 0)
    });
    let current = |a: &WAgreement| !a.revoked && a.from <= 0 && a.until >= 0 && is_of_work(a.works);
    let covers = |a: &WAgreement, country, framework| a.countries & country != 0 && a.frameworks & framework != 0;
    let attested = all_pairs(&|country, framework| {
        world.agreements.iter().any(|a| {
            let theirs = a.provider == Some(row.provider) && (a.key.is_none() || a.key == key);
            let ours = a.org.is_none() || a.org == Some(asked.org);
            theirs && ours && current(a) && covers(a, country, framework)
        })
    });
    let with_customer = all_pairs(&|country, framework| {
        let mut agreements = world.agreements.iter();
        agreements
            .any(|a| a.provider.is_none() && a.org == Some(asked.org) && current(a) && covers(a, country, framework))
    });
    offered && attested && (with_customer || !asked.hosted)
}
