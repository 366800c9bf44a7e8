//! What other prices would have done to the calls of some days. Each entry's own usage and margin are priced by both
//! catalogues; what an entry does not hold is not guessed.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use jiff::Timestamp;
use phi_catalog::{Catalogue, CostError};
use phi_record::Recorder;
use phi_record::entry::ClosedRecord;
use phi_words::{MicroUsd, Overflow, RouteId, Usage};
use serde_json::{Value, json};

use crate::orders::Notes;

/// Progress is told after so many entries.
const TOLD: u64 = 100_000;

/// Prices all entries that were closed since a time by the first and by the second catalogue.
pub(super) async fn reprice(
    recorder: &Recorder,
    (old, new): (Arc<Catalogue>, Arc<Catalogue>),
    since: Timestamp,
    notes: Notes,
) -> anyhow::Result<Value> {
    let each = move |sums: &mut anyhow::Result<Sums>, time: Timestamp, closed: ClosedRecord| {
        let Ok(so_far) = sums else { return ControlFlow::Break(()) };
        if let Err(overflow) = so_far.add(&closed, &old, &new) {
            *sums = Err(anyhow::Error::new(overflow).context("the charges together cannot be told"));
        } else if so_far.entries.is_multiple_of(TOLD)
            && notes.send(format!("{} entries were read, up to {time}", so_far.entries)).is_err()
        {
            *sums = Err(anyhow::anyhow!("nobody listens any more"));
        }
        if sums.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    };
    Ok(recorder.closed_since(since, Ok(Sums::default()), each).await??.shown())
}

#[derive(Debug, Default)]
struct Sums {
    entries: u64,
    nothing: u64,
    routes: BTreeMap<RouteId, Sum>,
    not: BTreeMap<(RouteId, Why), Unpriced>,
    total: Sum,
}

/// What some calls cost.
#[derive(Debug, Default)]
struct Sum {
    calls: u64,
    charged: MicroUsd,
    before: MicroUsd,
    after: MicroUsd,
}

/// Calls that could not be priced by both, and what was charged for them.
#[derive(Debug, Default)]
struct Unpriced {
    calls: u64,
    charged: MicroUsd,
}

/// Why an entry could not be priced.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Why {
    NoMargin,
    NotInForce,
    NoOldPrice(String),
    NotInCandidate,
    NoNewPrice(String),
}

impl Sums {
    fn add(&mut self, closed: &ClosedRecord, old: &Catalogue, new: &Catalogue) -> Result<(), Overflow> {
        self.entries += 1;
        let Some(route) = closed.route.as_ref().filter(|_| closed.usage != Usage::default()) else {
            self.nothing += 1;
            return Ok(());
        };
        let charged = closed.charge.iter().try_fold(MicroUsd::ZERO, |sum, share| sum.plus(share.micro_usd))?;
        match both(closed, route, old, new) {
            Ok((before, after)) => {
                self.total.add(charged, before, after)?;
                self.routes.entry(route.clone()).or_default().add(charged, before, after)
            }
            Err(why) => {
                let not = self.not.entry((route.clone(), why)).or_default();
                not.calls += 1;
                not.charged = not.charged.plus(charged)?;
                Ok(())
            }
        }
    }

    fn shown(&self) -> Value {
        let not = self.not.iter().map(|((route, why), not)| {
            json!({
                "route": route,
                "why": why.words(),
                "calls": not.calls,
                "charged_micro_usd": not.charged,
                "charged_usd": usd(not.charged),
            })
        });
        let priced = self.routes.iter().map(|(route, sum)| sum.shown(route.as_str()));
        json!({
            "entries": self.entries,
            "consumed_nothing": self.nothing,
            "could_not_be_repriced": self.not.values().map(|not| not.calls).sum::<u64>(),
            "routes": priced.chain([self.total.shown("total")]).collect::<Vec<_>>(),
            "not_repriced": not.collect::<Vec<_>>(),
        })
    }
}

/// The charge of one entry by the first and by the second catalogue.
fn both(closed: &ClosedRecord, route: &RouteId, old: &Catalogue, new: &Catalogue) -> Result<(MicroUsd, MicroUsd), Why> {
    let margin_bp = closed.margin_bp.ok_or(Why::NoMargin)?;
    let (before, after) = (old.row(route).ok_or(Why::NotInForce)?, new.row(route).ok_or(Why::NotInCandidate)?);
    let words = |error: CostError| error.to_string();
    let before = old.cost(before, &closed.usage, margin_bp).map_err(|error| Why::NoOldPrice(words(error)))?;
    let after = new.cost(after, &closed.usage, margin_bp).map_err(|error| Why::NoNewPrice(words(error)))?;
    Ok((before.charge, after.charge))
}

impl Sum {
    fn add(&mut self, charged: MicroUsd, before: MicroUsd, after: MicroUsd) -> Result<(), Overflow> {
        self.calls += 1;
        self.charged = self.charged.plus(charged)?;
        self.before = self.before.plus(before)?;
        self.after = self.after.plus(after)?;
        Ok(())
    }

    fn shown(&self, name: &str) -> Value {
        let difference = self.after.minus(self.before).unwrap_or_default();
        json!({
            "route": name,
            "calls": self.calls,
            "charged_micro_usd": self.charged,
            "before_micro_usd": self.before,
            "after_micro_usd": self.after,
            "difference_micro_usd": difference,
            "before_usd": usd(self.before),
            "after_usd": usd(self.after),
            "difference_usd": usd(difference),
        })
    }
}

impl Why {
    fn words(&self) -> String {
        match self {
            Self::NoMargin => "the entry does not say its margin".to_owned(),
            Self::NotInForce => "the route is not in the catalogue in force".to_owned(),
            Self::NoOldPrice(error) => format!("in force: {error}"),
            Self::NotInCandidate => "the route is not in the candidate: its price is unknown".to_owned(),
            Self::NoNewPrice(error) => format!("in the candidate: {error}"),
        }
    }
}

/// Micro-USD as dollars with six decimals.
fn usd(amount: MicroUsd) -> String {
    let (sign, micros) = (if amount.micros() < 0 { "-" } else { "" }, amount.micros().unsigned_abs());
    format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_shown_with_their_sign_and_all_their_micros() {
        for (micros, text) in [(0, "0.000000"), (1, "0.000001"), (-1, "-0.000001"), (-12_345_678, "-12.345678")] {
            assert_eq!(usd(MicroUsd::new(micros)), text);
        }
    }
}
