//! What a name means, read as text.

use super::super::world::{Asked, EMBEDDINGS, PROVIDERS, WAlias, WORLD, WRetires, WRow, World};
use super::micro_usd;

/// What a name is the name of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::tests) enum Kind {
    Auto,
    Route,
    Catalogue,
    Alias,
    Own,
    /// An own id with its provider in front.
    OwnOf,
}

#[derive(Debug)]
pub(in crate::tests) struct Meaning {
    pub(in crate::tests) kind: Kind,
    /// Rows, each behind the place of its model in the alias.
    pub(in crate::tests) rows: Vec<(usize, usize)>,
    /// Whether the gateway chooses the model.
    pub(in crate::tests) choice: bool,
}

/// `None` where the name means nothing.
pub(in crate::tests) fn meaning(world: &World, asked: &Asked) -> Option<Meaning> {
    let all = |keep: &dyn Fn(&WRow) -> bool| -> Vec<(usize, usize)> {
        (0..world.rows.len()).filter(|at| keep(&world.rows[*at])).map(|at| (0, at)).collect()
    };
    match (asked.name.as_str(), asked.work) {
        ("auto", EMBEDDINGS) => {
            // `auto` is known whatever the setting names: where that is nobody, nobody serves it.
            let rows = named(world, &world.embeddings, asked.region).map(|(_, rows)| rows).unwrap_or_default();
            Some(Meaning { kind: Kind::Auto, rows, choice: false })
        }
        ("auto", _) => Some(Meaning { kind: Kind::Auto, rows: all(&|row| !row.pin_only), choice: true }),
        (name, _) => {
            let (kind, rows) = named(world, name, asked.region)?;
            Some(Meaning { kind, rows, choice: false })
        }
    }
}

fn named(world: &World, name: &str, region: usize) -> Option<(Kind, Vec<(usize, usize)>)> {
    let all = |keep: &dyn Fn(usize, &WRow) -> bool| -> Vec<(usize, usize)> {
        let rows = world.rows.iter().enumerate();
        rows.filter(|(at, row)| keep(*at, row)).map(|(at, _)| (0, at)).collect()
    };
    let some = |kind, rows: Vec<(usize, usize)>| (!rows.is_empty()).then_some((kind, rows));
    let alias = || {
        let alias = world.aliases.iter().find(|alias| alias.name == name)?;
        let models = models(world, alias, region);
        let rows = models.iter().enumerate().flat_map(|(place, model)| {
            let rows = world.rows.iter().enumerate().filter(move |(_, row)| row.name() == **model);
            rows.map(move |(at, _)| (place, at))
        });
        Some((Kind::Alias, rows.collect()))
    };
    let head = (0..PROVIDERS).find(|provider| name.starts_with(&format!("p{provider}/")));
    some(Kind::Route, all(&|at, _| format!("r{at:02}") == name))
        .or_else(|| some(Kind::Catalogue, all(&|_, row| row.name() == name)))
        .or_else(alias)
        .or_else(|| match head {
            Some(provider) => some(Kind::OwnOf, all(&|_, row| row.provider == provider && row.own == name[3..])),
            None => some(Kind::Own, all(&|_, row| row.own == name)),
        })
}

/// The models that an alias names in a region, in order.
fn models(world: &World, alias: &WAlias, region: usize) -> Vec<String> {
    match &alias.models[region] {
        Some(models) => models.clone(),
        None if region == WORLD => {
            let listed: Vec<&String> = alias.models.iter().flatten().flatten().collect();
            let rows = world.rows.iter().enumerate().filter(|(_, row)| listed.contains(&&row.name()));
            let sold = rows.filter(|(_, row)| row.live && (row.free || row.price.is_some()));
            let cheapest = sold.min_by_key(|(at, row)| (goes(row), micro_usd(world, row, MILLION, MILLION, 1), *at));
            cheapest.map(|(_, row)| row.name()).into_iter().collect()
        }
        None => Vec::new(),
    }
}

const MILLION: u64 = 1_000_000;

/// How soon it goes, soonest last: never, by a third party's word, by the vendor's; and each by its day.
fn goes(row: &WRow) -> (u8, i32) {
    match row.retires {
        None => (0, 0),
        Some(WRetires { by_vendor: false, days }) => (1, -days),
        Some(WRetires { by_vendor: true, days }) => (2, -days),
    }
}
