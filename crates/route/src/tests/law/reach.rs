//! How far the worlds reach.

use std::collections::BTreeMap;

use phi_words::Code;

use super::super::oracle::{Kind, LONGEST, meaning};
use super::super::world::{Asked, EMBEDDINGS, WORKS, World};
use super::Outcome;

#[derive(Debug, Default)]
pub(super) struct Reach {
    counts: BTreeMap<String, u64>,
}

/// What has to come at least so often in a hundred requests.
const SHARES: &[(&str, u64)] = &[
    ("plan", 30),
    ("plan for PHI", 10),
    ("Auto", 5),
    ("Route", 5),
    ("Catalogue", 5),
    ("Alias", 5),
    ("Own", 5),
    ("OwnOf", 5),
    ("chat", 5),
    ("embeddings", 5),
    ("ocr", 5),
    ("transcription", 5),
    ("speech", 5),
    ("image", 5),
    ("video", 5),
    ("math", 5),
    ("known and not served", 5),
];

/// What has to come at least so often in a hundred thousand requests.
const COUNTS: &[(&str, u64)] = &[
    ("longest plan", 10),
    ("name that means nothing", 1_000),
    ("own id of several providers", 1_000),
    ("own id that is a name of an earlier kind", 500),
    ("alias with several models", 1_000),
    ("alias that means nothing there", 500),
    ("model at several hosts", 1_000),
    ("setting of embeddings that nobody has", 100),
    ("plan with several keys", 1_000),
    ("plan with several prices", 1_000),
];

impl Reach {
    pub(super) fn note(&mut self, world: &World, asked: &Asked, outcome: &Outcome) {
        let mut come = |what: &str| *self.counts.entry(what.to_owned()).or_default() += 1;
        come(WORKS[asked.work]);
        match outcome {
            Ok(routes) => {
                let price = |at: usize| world.rows[at].price.map(|price| price.currency);
                come("plan");
                let facts = [
                    ("plan for PHI", asked.phi),
                    ("longest plan", routes.len() == LONGEST),
                    ("plan with several keys", routes.iter().any(|(_, key)| *key != routes[0].1)),
                    ("plan with several prices", routes.iter().any(|(at, _)| price(*at) != price(routes[0].0))),
                ];
                facts.into_iter().filter(|(_, holds)| *holds).for_each(|(what, _)| come(what));
            }
            Err(code) => come(code.as_str()),
        }
        let Some(meaning) = meaning(world, asked) else { return come("name that means nothing") };
        come(&format!("{:?}", meaning.kind));
        let (rows, owned) = (&meaning.rows, world.rows.iter().any(|row| row.own == asked.name));
        let first = rows.first().map(|(place, at)| (*place, world.rows[*at].provider));
        let several =
            |of: &dyn Fn(usize, usize) -> usize, at: usize| rows.iter().any(|(place, row)| of(*place, *row) != at);
        let is = |kind: Kind| meaning.kind == kind;
        let provider = |_: usize, row: usize| world.rows[row].provider;
        let facts = [
            ("known and not served", !is(Kind::Auto) && *outcome == Err(Code::NoRoute)),
            ("own id of several providers", is(Kind::Own) && first.is_some_and(|(_, at)| several(&provider, at))),
            ("own id that is a name of an earlier kind", owned && !is(Kind::Own) && !is(Kind::OwnOf)),
            ("alias with several models", is(Kind::Alias) && first.is_some_and(|(at, _)| several(&|p, _| p, at))),
            ("alias that means nothing there", is(Kind::Alias) && rows.is_empty()),
            ("model at several hosts", is(Kind::Catalogue) && rows.len() > 1),
            ("setting of embeddings that nobody has", is(Kind::Auto) && asked.work == EMBEDDINGS && rows.is_empty()),
        ];
        facts.into_iter().filter(|(_, holds)| *holds).for_each(|(what, _)| come(what));
    }

    pub(super) fn add(&mut self, other: Self) {
        for (what, count) in other.counts {
            *self.counts.entry(what).or_default() += count;
        }
    }

    pub(super) fn is_enough(&self, all: u64) {
        let of = |what: &str| self.counts.get(what).copied().unwrap_or_default();
        assert!(all >= 100_000);
        for (what, share) in SHARES {
            assert!(of(what) * 100 >= all * share, "{what}: only {} of {all}; {self:#?}", of(what));
        }
        for (what, least) in COUNTS {
            assert!(of(what) >= *least, "{what}: only {} of {all}; {self:#?}", of(what));
        }
        let codes =
            [Code::ModelNotFound, Code::NoRoute, Code::UnsupportedParameter, Code::PhiBlocked, Code::PolicyDenied];
        for code in codes {
            assert!(of(code.as_str()) >= 100, "{code}: only {} of {all}; {self:#?}", of(code.as_str()));
        }
    }
}
