//! What the contract says of a world, written down once more over bits: each step narrows the set that the step before
//! left, and the first that leaves nothing names the code.

use phi_words::Code;

use super::world::{Asked, Name, PROVIDERS, REGIONS, WAgreement, WORLD, WRow, World};

/// The rows of the plan in order, or the code.
pub(super) fn expected(world: &World, asked: &Asked) -> Result<Vec<usize>, Code> {
    let mut lawful = lawful(world, asked)?;
    lawful.truncate(16);
    Ok(lawful)
}

/// All rows that law and rules allow, in order, however many they are; or the code.
pub(super) fn lawful(world: &World, asked: &Asked) -> Result<Vec<usize>, Code> {
    let named: Vec<usize> = match asked.name {
        Name::Nonsense => return Err(Code::ModelNotFound),
        Name::Route(row) => vec![row],
        Name::Auto => (0..world.rows.len()).filter(|row| !world.rows[*row].pin_only).collect(),
    };
    let narrow = |set: Vec<usize>, code: Code, keep: &dyn Fn(usize, &WRow) -> bool| {
        let left: Vec<usize> = set.into_iter().filter(|row| keep(*row, &world.rows[*row])).collect();
        if left.is_empty() { Err(code) } else { Ok(left) }
    };
    let serving = narrow(named, Code::NoRoute, &|_, row| {
        let inside = match row.places {
            Some(places) => places & !REGIONS[asked.region].1 == 0,
            None => asked.region == WORLD,
        };
        let payable = row.free || row.price.is_some();
        row.chat
            && row.live
            && inside
            && !(asked.strict && row.unverified)
            && !keys(world, asked, row).is_empty()
            && payable
    })?;
    let able = narrow(serving, Code::UnsupportedParameter, &|_, row| asked.needs & !row.capabilities == 0)?;
    let by_any_key = |row: &WRow| keys(world, asked, row).into_iter().any(|key| may_hold_phi(world, asked, row, key));
    let lawful = narrow(able, Code::PhiBlocked, &|_, row| !asked.phi || by_any_key(row))?;
    let mut allowed =
        narrow(lawful, Code::PolicyDenied, &|at, row| asked.denied >> at & 1 == 0 && (row.free || !asked.test))?;
    allowed.sort_by_key(|at| {
        let row = &world.rows[*at];
        let (input, output) = row.price.filter(|_| !row.free).unwrap_or((0, 0));
        let cost = asked.input * input + asked.output.unwrap_or(1_024) * output;
        let other_tier =
            matches!(asked.name, Name::Auto) && asked.thinking.is_some_and(|thinking| thinking != row.thinking);
        (row.doubtful, row.provider != world.residents[asked.region], other_tier, cost.div_ceil(1_000_000), *at)
    });
    Ok(allowed)
}

/// The keys that the row may be asked with; `None` stands for no key at all.
fn keys(world: &World, asked: &Asked, row: &WRow) -> Vec<Option<usize>> {
    assert!(row.provider < PROVIDERS);
    if row.keyless {
        return vec![None];
    }
    let usable = world.keys.iter().enumerate().filter(|(_, key)| {
        key.provider == row.provider && !key.revoked && (key.org.is_none() || key.org == Some(asked.org))
    });
    usable.map(|(at, _)| Some(at)).collect()
}

/// Whether a row may be asked with this key, `None` for none at all.
pub(super) fn may(world: &World, asked: &Asked, at: usize, key: Option<usize>) -> bool {
    let row = &world.rows[at];
    let named = Asked { name: Name::Route(at), ..asked.clone() };
    let chosen = matches!(asked.name, Name::Auto) && row.pin_only;
    let usable = keys(world, asked, row).contains(&key);
    !chosen && usable && lawful(world, &named).is_ok() && (!asked.phi || may_hold_phi(world, asked, row, key))
}

fn may_hold_phi(world: &World, asked: &Asked, row: &WRow, key: Option<usize>) -> bool {
    let Some(places) = row.places else { return false };
    if asked.test || !asked.durable || row.unverified || asked.frameworks == 0 {
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
    let offered = all_pairs(&|country, framework| {
        let mut theirs = world.offers.iter().filter(|offer| offer.provider == row.provider && offer.work & 1 != 0);
        theirs.any(|offer| offer.countries & country != 0 && offer.frameworks & framework != 0)
    });
    let current = |a: &WAgreement| !a.revoked && a.from <= 0 && a.until >= 0 && a.work & 1 != 0;
    let covers = |a: &WAgreement, country, framework| a.countries & country != 0 && a.frameworks & framework != 0;
    let attested = all_pairs(&|country, framework| {
        world.agreements.iter().any(|a| {
            let theirs = a.provider == Some(row.provider) && (a.key.is_none() || a.key == key);
            let ours = a.org.is_none() || a.org == Some(asked.org);
            theirs && ours && current(a) && covers(a, country, framework)
        })
    });
    let with_customer = all_pairs(&|country, framework| {
        world
            .agreements
            .iter()
            .any(|a| a.provider.is_none() && a.org == Some(asked.org) && current(a) && covers(a, country, framework))
    });
    offered && attested && (with_customer || !asked.hosted)
}
