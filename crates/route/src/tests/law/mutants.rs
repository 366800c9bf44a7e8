//! What planners that forget one thing would see. Each changes the world, or the request, before the planner does.

use super::super::world::{Asked, BASELINE, EMBEDDINGS, PROVIDERS, UNVERIFIED, WAuth, WORKS, WORLD, WRow, World};

/// What becomes of the planner's sight.
pub(super) type Blind = fn(&mut World, &mut Asked);

pub(super) const MUTANTS: &[(&str, Blind)] = &[
    // Names.
    ("that the name is nonsense", |_, asked| {
        if asked.name == "nonsense" {
            asked.name = "auto".into();
        }
    }),
    ("that a route's id is a name", |_, asked| {
        if is_route(&asked.name) {
            asked.name = "nonsense".into();
        }
    }),
    ("that hosts share a model", |world, _| {
        let mut met = Vec::new();
        for (at, row) in world.rows.iter_mut().enumerate() {
            if met.contains(&row.name()) {
                row.model = format!("{}-{at}", row.model);
            }
            met.push(row.name());
        }
    }),
    ("that providers share an own id", |world, _| {
        let mut met: Vec<(String, usize)> = Vec::new();
        for row in &mut world.rows {
            if met.iter().any(|(own, provider)| *own == row.own && *provider != row.provider) {
                row.own = format!("{}-{}", row.own, row.provider);
            }
            met.push((row.own.clone(), row.provider));
        }
    }),
    ("that an own id may be a name of an earlier kind", |world, asked| {
        let owned = world.rows.iter().find(|row| row.own == asked.name && asked.name != "auto");
        asked.name = owned.map_or(asked.name.clone(), |row| format!("p{}/{}", row.provider, row.own));
    }),
    ("that `auto` is no own id", |world, asked| {
        let owned = world.rows.iter().find(|row| row.own == asked.name && asked.name == "auto");
        asked.name = owned.map_or(asked.name.clone(), |row| format!("p{}/{}", row.provider, row.own));
    }),
    ("whose own id is meant", |_, asked| {
        let head = (0..PROVIDERS).find(|provider| asked.name.starts_with(&format!("p{provider}/o")));
        if head.is_some() {
            asked.name = asked.name[3..].to_owned();
        }
    }),
    ("that a name with a provider in front is split", |world, asked| {
        if let Some(row) = world.rows.iter().find(|row| row.own == asked.name && row.own.starts_with('p')) {
            asked.name = format!("p{}/{}", row.provider, row.own);
        }
    }),
    ("that a name is split at no other `/`", |_, asked| {
        if let Some(("x", rest)) = asked.name.split_once('/') {
            asked.name = rest.to_owned();
        }
    }),
    ("that case matters", |_, asked| asked.name = asked.name.to_ascii_lowercase()),
    ("that a name is known where nobody serves it", |world, asked| {
        let alias = world.aliases.iter().find(|alias| alias.name == asked.name);
        if alias.is_some_and(|alias| alias.models[asked.region].is_none() && asked.region != WORLD) {
            asked.name = "nonsense".into();
        }
    }),
    // Aliases.
    ("aliases", |world, asked| world.aliases.retain(|alias| alias.name != asked.name)),
    ("the order of an alias", |world, _| {
        world.aliases.iter_mut().flat_map(|alias| alias.models.iter_mut().flatten()).for_each(|models| models.reverse())
    }),
    ("all models of an alias but the first", |world, _| {
        let lists = world.aliases.iter_mut().flat_map(|alias| alias.models.iter_mut().flatten());
        lists.for_each(|models| models.truncate(1));
    }),
    ("that an alias means something else elsewhere", |world, _| {
        for alias in &mut world.aliases {
            let first = alias.models.iter().flatten().next().cloned();
            alias.models.iter_mut().filter(|models| models.is_some()).for_each(|models| *models = first.clone());
        }
    }),
    ("that an alias may mean nothing in a region", |world, asked| {
        for alias in &mut world.aliases {
            let first = alias.models.iter().flatten().next().cloned();
            if asked.region != WORLD {
                alias.models[asked.region] = alias.models[asked.region].clone().or(first);
            }
        }
    }),
    ("that an alias means its cheapest model in WORLD", |world, asked| {
        for alias in world.aliases.iter_mut().filter(|alias| alias.name == asked.name) {
            let first = alias.models.iter().flatten().next().cloned();
            alias.models[WORLD] = alias.models[WORLD].clone().or(first);
        }
    }),
    ("that an alias says itself what it means in WORLD", |world, asked| {
        for alias in world.aliases.iter_mut().filter(|alias| alias.name == asked.name) {
            if alias.models[..WORLD].iter().any(Option::is_some) {
                alias.models[WORLD] = None;
            }
        }
    }),
    ("that an alias passes over what is said to go in WORLD", |world, _| {
        for row in &mut world.rows {
            row.retires = row.retires.filter(|retires| !retires.by_vendor || retires.days <= 0);
        }
    }),
    // Embeddings.
    ("the setting of embeddings", |world, _| world.embeddings = "nobody".into()),
    ("that the setting of embeddings may be anybody's", |world, asked| {
        if asked.work == EMBEDDINGS && world.embeddings.starts_with("nobody") {
            world.embeddings = "r00".into();
            world.rows[0].work = EMBEDDINGS;
            (world.rows[0].free, world.rows[0].price) = (true, None);
        }
    }),
    ("spaces", |world, _| world.rows.iter_mut().filter(|row| row.space == 1).for_each(|row| row.space = 0)),
    ("the length of vectors", |_, asked| asked.dimension = None),
    ("that vectors are no tokens", |world, asked| {
        let output = asked.output.unwrap_or(1_024);
        for price in world.rows.iter_mut().filter(|row| row.work == EMBEDDINGS).filter_map(|row| row.price.as_mut()) {
            let out = price.output.unwrap_or(0) * output / asked.input.max(1);
            price.input = price.input.map(|input| (input + out).min(900_000_000));
        }
    }),
    // Who serves what, and where.
    ("the region", |world, asked| {
        let inside = world.inside[asked.region];
        world.rows.iter_mut().for_each(|row| {
            row.places = Some(row.places.map_or(inside, |p| if p & !inside == 0 { p } else { inside }))
        });
    }),
    ("that all of a host's countries count", |world, asked| {
        let inside = world.inside[asked.region];
        for places in world.rows.iter_mut().filter_map(|row| row.places.as_mut()).filter(|p| **p & inside != 0) {
            *places &= inside;
        }
    }),
    ("that a host may be anywhere", |world, _| {
        world.rows.iter_mut().for_each(|row| row.places = Some(row.places.unwrap_or(1)))
    }),
    ("that an operator may widen a region", |world, _| world.inside[1] = 0b110),
    ("an operator's own regions", |world, _| world.inside[4..WORLD].fill(0b1)),
    ("that work is tied to its place", |world, asked| {
        let tied = is_tied(asked.work) && !asked.phi;
        world.rows.iter_mut().filter(|row| tied && row.auth == WAuth::Plain).for_each(|row| row.premises = true);
    }),
    ("that work is not tied to its place on the premises", |world, asked| {
        let tied = is_tied(asked.work) && !asked.phi;
        world.rows.iter_mut().filter(|row| tied && row.auth == WAuth::Plain).for_each(|row| row.premises = false);
    }),
    ("the status", |world, _| world.rows.iter_mut().for_each(|row| row.live = true)),
    ("the kind of work", |world, asked| {
        world.rehearsed = true;
        for row in world.rows.iter_mut().filter(|row| row.work != EMBEDDINGS && asked.work != EMBEDDINGS) {
            row.free |= row.work != asked.work && row.price.take().is_some();
            row.work = asked.work;
        }
    }),
    ("pins", |world, _| world.rows.iter_mut().for_each(|row| row.pin_only = false)),
    ("that a pin is for `auto` alone", |world, _| world.rows.iter_mut().for_each(|row| row.live &= !row.pin_only)),
    ("evidence", |world, _| world.rows.iter_mut().for_each(|row| row.evidence = row.evidence.min(1))),
    ("contracts", |world, _| world.rows.iter_mut().for_each(|row| row.evidence = row.evidence.max(1))),
    ("that a vendor's word is no contract", |_, asked| asked.evidence = asked.evidence.max(1)),
    ("the setting of evidence", |_, asked| asked.evidence = UNVERIFIED),
    ("that a price is unknown", |world, _| {
        for row in world.rows.iter_mut().filter(|row| row.price.is_none() && row.work == 0) {
            row.free = true;
        }
    }),
    ("capabilities", |_, asked| asked.needs = 0),
    ("that a vendor's day retires", |world, _| {
        for row in &mut world.rows {
            row.retires = row.retires.filter(|retires| !(retires.by_vendor && retires.days <= 0));
        }
    }),
    ("that a vendor's day may be yet to come", |world, _| {
        world.rows.iter_mut().filter_map(|row| row.retires.as_mut()).filter(|r| r.by_vendor).for_each(|r| r.days = -9)
    }),
    ("that the day itself counts", |world, _| {
        world.rows.iter_mut().filter_map(|row| row.retires.as_mut()).filter(|r| r.days == 0).for_each(|r| r.days = 1)
    }),
    ("who says that a route goes", |world, _| {
        world.rows.iter_mut().filter_map(|row| row.retires.as_mut()).for_each(|retires| retires.by_vendor = true)
    }),
    // PHI.
    ("PHI", |_, asked| asked.phi = false),
    ("that some work never carries PHI", |_, asked| {
        asked.phi &= !["image", "video", "math"].contains(&WORKS[asked.work])
    }),
    ("that WORLD promises nothing", |world, asked| {
        let tied = is_tied(asked.work);
        world.rows.iter_mut().filter(|row| !tied && row.auth == WAuth::Plain).for_each(|row| row.premises = true);
    }),
    ("offers", |world, _| {
        for offer in &mut world.offers {
            (offer.countries, offer.frameworks, offer.works) = (0b11111, 0b111, 0xff);
        }
    }),
    ("all offers but a provider's first", |world, _| world.offers.truncate(PROVIDERS)),
    ("work of offers", |world, _| world.offers.iter_mut().for_each(|offer| offer.works = 0xff)),
    ("revocation of agreements", |world, _| world.agreements.iter_mut().for_each(|a| a.revoked = false)),
    ("that agreements begin", |world, _| world.agreements.iter_mut().for_each(|a| a.from = -1)),
    ("that agreements end", |world, _| world.agreements.iter_mut().for_each(|a| a.until = 1)),
    ("countries of agreements", |world, _| world.agreements.iter_mut().for_each(|a| a.countries = 0b11111)),
    ("frameworks of agreements", |world, _| world.agreements.iter_mut().for_each(|a| a.frameworks = 0b111)),
    ("work of agreements", |world, _| world.agreements.iter_mut().for_each(|a| a.works = 0xff)),
    ("whose agreements they are", |world, _| {
        world.agreements.iter_mut().filter(|a| a.provider.is_some()).for_each(|a| a.org = None)
    }),
    ("which key agreements cover", |world, _| world.agreements.iter_mut().for_each(|a| a.key = None)),
    ("that a customer is served", |_, asked| asked.hosted = false),
    ("durability", |_, asked| asked.durable = true),
    ("that an organization has no framework", |_, asked| {
        if asked.frameworks == 0 {
            asked.frameworks = 1
        }
    }),
    ("all frameworks but the first", |_, asked| asked.frameworks &= asked.frameworks.wrapping_neg()),
    // Keys.
    ("test keys", |_, asked| asked.test = false),
    ("revocation of keys", |world, _| world.keys.iter_mut().for_each(|key| key.revoked = false)),
    ("whose keys they are", |world, _| world.keys.iter_mut().for_each(|key| key.org = None)),
    ("that an organization's own key comes first", |world, asked| {
        world.keys.iter_mut().filter(|key| key.org == Some(asked.org)).for_each(|key| key.org = None)
    }),
    ("that the older key comes first", |world, _| world.keys.iter_mut().for_each(|key| key.age = 13 - key.age)),
    ("which hosts a key is for", |world, _| world.keys.iter_mut().for_each(|key| key.hosts = None)),
    ("the kind of a key", |world, _| {
        let accounts = world.rows.iter_mut().filter(|row| row.auth == WAuth::Account);
        accounts.for_each(|row| row.auth = WAuth::Plain);
        world.keys.iter_mut().for_each(|key| key.account = false);
    }),
    ("what a key brings to the address", |world, _| world.keys.iter_mut().for_each(|key| key.fills = true)),
    ("the gap in an address without a key", |world, _| {
        world.rows.iter_mut().filter(|row| row.auth == WAuth::Nothing).for_each(|row| row.gap = false)
    }),
    // Rules and the order.
    ("rules", |_, asked| asked.denied = 0),
    ("tiers", |_, asked| asked.tier = None),
    ("that `fast` is a tier", |world, _| {
        world.rows.iter_mut().filter(|row| row.tier == Some(0)).for_each(|row| row.tier = Some(BASELINE))
    }),
    ("that a row without a tier is `baseline`", |world, _| {
        world.rows.iter_mut().for_each(|row| row.tier = row.tier.or(Some(0)))
    }),
    ("that tiers are for `auto` alone", |world, asked| {
        // A tier that is not the wished one makes the row dear.
        let other = |row: &&mut WRow| {
            asked.name != "auto" && asked.tier.is_some_and(|tier| tier != row.tier.unwrap_or(BASELINE))
        };
        for price in world.rows.iter_mut().filter(other).filter_map(|row| row.price.as_mut()) {
            price.input = price.input.map(|input| input + 900_000_000);
        }
    }),
    ("residents", |world, _| world.residents.iter_mut().for_each(Vec::clear)),
    ("all residents but the first", |world, _| world.residents.iter_mut().for_each(|all| all.truncate(1))),
    ("which resident comes first", |world, _| world.residents.iter_mut().for_each(|all| all.reverse())),
    ("doubt", |world, _| {
        for row in &mut world.rows {
            row.retires = row.retires.filter(|retires| retires.by_vendor || retires.days > 0);
        }
    }),
    ("that doubt begins on a day", |world, _| {
        world.rows.iter_mut().filter_map(|row| row.retires.as_mut()).filter(|r| !r.by_vendor).for_each(|r| r.days = -9)
    }),
    ("rates", |world, _| world.rates = [1_000_000; 3]),
    ("one of the rates", |world, _| world.rates[2] = 1_000_000),
    ("currencies", |world, _| {
        world.rows.iter_mut().filter_map(|row| row.price.as_mut()).for_each(|price| price.currency = 0)
    }),
    ("prices", |world, _| {
        for price in world.rows.iter_mut().filter_map(|row| row.price.as_mut()) {
            [&mut price.input, &mut price.output].into_iter().flatten().for_each(|amount| *amount = 1);
        }
    }),
    ("that long input has prices of its own", |world, _| {
        world.rows.iter_mut().filter_map(|row| row.price.as_mut()).for_each(|price| price.above = None)
    }),
    ("how long input has to be for those", |world, _| {
        let above = world.rows.iter_mut().filter_map(|row| row.price.as_mut()?.above.as_mut());
        above.for_each(|(input_tokens, _)| *input_tokens = 1);
    }),
    ("the length of the question", |_, asked| asked.input = 1),
    ("the length of the answer", |_, asked| asked.output = Some(0)),
    ("the usual length of an answer", |_, asked| asked.output = asked.output.or(Some(0))),
];

fn is_route(name: &str) -> bool {
    name.len() == 3 && name.starts_with('r')
}

fn is_tied(work: usize) -> bool {
    ["ocr", "transcription", "speech"].contains(&WORKS[work])
}
