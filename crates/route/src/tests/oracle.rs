//! What the contract says of a world, written down once more over bits and words: each step narrows the set that the
//! step before left, and the first that leaves nothing names the code.

mod names;
mod phi;

use phi_words::Code;

pub(super) use self::names::{Kind, Meaning, meaning};
use self::phi::may_hold_phi;
use super::world::{Asked, BASELINE, EMBEDDINGS, REGIONS, SPACES, WAuth, WORKS, WORLD, WRow, World};

/// A route of a plan: the row, and the key that it is asked with, if any.
pub(super) type Way = (usize, Option<usize>);

/// The most routes of a plan.
pub(super) const LONGEST: usize = 16;

/// The routes of the plan in order, or the code.
pub(super) fn expected(world: &World, asked: &Asked) -> Result<Vec<Way>, Code> {
    let mut lawful = lawful(world, asked)?;
    lawful.truncate(LONGEST);
    Ok(lawful)
}

/// All routes that law and rules allow, in order, however many they are; or the code.
pub(super) fn lawful(world: &World, asked: &Asked) -> Result<Vec<Way>, Code> {
    let Meaning { rows, .. } = meaning(world, asked).ok_or(Code::ModelNotFound)?;
    // Pictures, films and mathematics never carry PHI, wherever they are made.
    if asked.phi && ["image", "video", "math"].contains(&WORKS[asked.work]) {
        return Err(Code::PhiBlocked);
    }
    let narrow = |set: Vec<(usize, usize)>, code: Code, keep: &dyn Fn(usize, &WRow) -> bool| {
        let left: Vec<_> = set.into_iter().filter(|(_, at)| keep(*at, &world.rows[*at])).collect();
        if left.is_empty() { Err(code) } else { Ok(left) }
    };
    let serving =
        narrow(rows, Code::NoRoute, &|at, row| serves(world, asked, row) && !keys(world, asked, at).is_empty())?;
    let able = narrow(serving, Code::UnsupportedParameter, &|_, row| {
        let capable = row.work == EMBEDDINGS || asked.needs & !row.capabilities == 0;
        capable && asked.dimension.is_none_or(|dimension| dimension == SPACES[row.space].1)
    })?;
    let lawful = narrow(able, Code::PhiBlocked, &|at, _| key(world, asked, at).is_some())?;
    let mut allowed =
        narrow(lawful, Code::PolicyDenied, &|at, row| asked.denied >> at & 1 == 0 && (row.free || !asked.test))?;
    allowed.sort_by_key(|(place, at)| {
        let row = &world.rows[*at];
        let other_tier = asked.name == "auto" && asked.tier.is_some_and(|tier| tier != row.tier.unwrap_or(BASELINE));
        let residents = &world.residents[asked.region];
        let rank = residents.iter().position(|resident| *resident == row.provider).unwrap_or(residents.len());
        (*place, retires(row, false), rank, other_tier, estimate(world, asked, row), *at)
    });
    if asked.work == EMBEDDINGS {
        // Vectors of two spaces cannot be compared: the first decides for all.
        let space = world.rows[allowed[0].1].space;
        allowed.retain(|(_, at)| world.rows[*at].space == space);
    }
    Ok(allowed.into_iter().map(|(_, at)| (at, key(world, asked, at).unwrap())).collect())
}

/// Whether a row may be asked with this key, `None` for none at all.
pub(super) fn may(world: &World, asked: &Asked, at: usize, key: Option<usize>) -> bool {
    let named = Asked { name: format!("r{at:02}"), ..asked.clone() };
    let choice = meaning(world, asked).is_some_and(|meaning| meaning.choice);
    let usable = keys(world, asked, at).contains(&key) && !(choice && world.rows[at].pin_only);
    usable && lawful(world, &named).is_ok() && (!asked.phi || may_hold_phi(world, asked, &world.rows[at], key))
}

/// Whether the row is there for such work in the region, leaving keys aside.
fn serves(world: &World, asked: &Asked, row: &WRow) -> bool {
    let inside = match row.places {
        Some(places) => places & !world.inside[asked.region] == 0,
        None => asked.region == WORLD,
    };
    let tied = ["ocr", "transcription", "speech"].contains(&WORKS[asked.work]);
    let at_home = !tied || row.premises || ["CH", "EU", "US"].contains(&REGIONS[asked.region]);
    let known = row.evidence <= asked.evidence && (row.free || row.price.is_some());
    row.work == asked.work && row.live && !retires(row, true) && inside && at_home && known
}

/// Whether somebody says that it is gone by today.
fn retires(row: &WRow, by_vendor: bool) -> bool {
    row.retires.is_some_and(|retires| retires.by_vendor == by_vendor && retires.days <= 0)
}

fn estimate(world: &World, asked: &Asked, row: &WRow) -> u128 {
    let above = row.price.and_then(|price| price.above).filter(|(most, _)| asked.input > *most);
    micro_usd(world, row, asked.input, asked.output.unwrap_or(1_024), above.map_or(1, |(_, times)| times))
}

/// What so many tokens cost at so many times the price of short requests, rounded up. What is not counted in tokens cannot be estimated: it comes last.
fn micro_usd(world: &World, row: &WRow, input: u64, output: u64, times: u64) -> u128 {
    let Some(price) = row.price.filter(|_| !row.free) else { return 0 };
    let output = if row.work == EMBEDDINGS { 0 } else { output };
    let mut millionths = 0;
    for (tokens, micros) in [(input, price.input), (output, price.output)] {
        match micros {
            Some(micros) => millionths += u128::from(tokens) * u128::from(micros) * u128::from(times),
            None if tokens == 0 => {}
            None => return u128::MAX,
        }
    }
    (millionths * u128::from(world.rates[price.currency])).div_ceil(1_000_000_000_000)
}

/// The key that the row is asked with, `None` inside for none at all: for PHI the first that agreements cover.
fn key(world: &World, asked: &Asked, at: usize) -> Option<Option<usize>> {
    let mut keys = keys(world, asked, at).into_iter();
    keys.find(|key| !asked.phi || may_hold_phi(world, asked, &world.rows[at], *key))
}

/// The keys that the row may be asked with: the organization's own before those of all, then older before newer.
fn keys(world: &World, asked: &Asked, at: usize) -> Vec<Option<usize>> {
    let row = &world.rows[at];
    if row.auth == WAuth::Nothing && !row.gap {
        return vec![None];
    }
    let mut usable: Vec<usize> = (0..world.keys.len()).collect();
    usable.retain(|key| {
        let key = &world.keys[*key];
        let theirs = key.provider == row.provider && key.hosts.is_none_or(|hosts| hosts >> at & 1 == 1);
        let ours = key.org.is_none_or(|org| org == asked.org) && !key.revoked;
        theirs && ours && key.account == (row.auth == WAuth::Account) && (key.fills || !row.gap)
    });
    usable.sort_by_key(|key| (world.keys[*key].org.is_none(), -world.keys[*key].age));
    usable.into_iter().map(Some).collect()
}
