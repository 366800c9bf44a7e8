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

    /// Built-in rows, one of them at ten times its price, and one without a price.
    fn catalogues() -> (Catalogue, Catalogue) {
        let laid = "[price.infomaniak-gemma-4-31b]\ncurrency = 'CHF'\ninput = '2.00'\noutput = '4.00'\n\
                    [route.openai-gone]\nhost = 'openai'\nmodel = 'gone'\nown = 'gone'\nmodality = 'chat'\nstatus = 'staged'\n";
        let new = Catalogue::over(&[vec![("new.toml".to_owned(), laid.to_owned())]]).unwrap();
        (Catalogue::load(None).unwrap(), new)
    }

    /// A closed entry of a route, with a million tokens of input, a margin and a charge.
    fn closed(route: Option<&str>, input: u64, margin_bp: Option<u32>, charge: i64) -> ClosedRecord {
        let shares = json!([{ "account": phi_words::OrgId::new(), "micro_usd": charge }]);
        let mut entry = json!({
            "id": phi_words::RequestId::new(), "status": "answered", "attempts": [], "latency_ms": 1,
            "usage": { "input": input }, "quality": "verified", "list_cost": 0, "charge": shares, "prices": "an older one",
        });
        entry["route"] = json!(route);
        entry["margin_bp"] = json!(margin_bp);
        serde_json::from_value(entry).unwrap()
    }

    #[test]
    fn an_entry_is_repriced_with_its_own_margin_and_what_it_does_not_hold_is_not_guessed() {
        let (old, new) = catalogues();
        let mut sums = Sums::default();
        let gemma = Some("infomaniak-gemma-4-31b");
        for entry in [
            closed(gemma, 1_000_000, Some(1_000), 240_000),
            closed(gemma, 1_000_000, Some(0), 220_000),
            closed(gemma, 1_000_000, None, 7),
            closed(gemma, 0, Some(1_000), 0),
            closed(None, 0, Some(1_000), 0),
            closed(Some("openai-gone"), 1, Some(1_000), 5),
        ] {
            sums.add(&entry, &old, &new).unwrap();
        }
        let shown = sums.shown();
        assert_eq!(
            (&shown["entries"], &shown["consumed_nothing"], &shown["could_not_be_repriced"]),
            (&json!(6), &json!(2), &json!(2))
        );
        let total = &shown["routes"][1];
        let gemma = &shown["routes"][0];
        assert_eq!((&gemma["route"], &total["route"]), (&json!("infomaniak-gemma-4-31b"), &json!("total")));
        for sum in [gemma, total] {
            assert_eq!((&sum["calls"], &sum["charged_micro_usd"]), (&json!(2), &json!(460_000)));
            assert_eq!((&sum["before_micro_usd"], &sum["after_micro_usd"]), (&json!(462_000), &json!(4_620_000)));
            assert_eq!((&sum["difference_micro_usd"], &sum["difference_usd"]), (&json!(4_158_000), &json!("4.158000")));
        }
        let whys: Vec<_> = shown["not_repriced"]
            .as_array()
            .unwrap()
            .iter()
            .map(|not| (&not["why"], &not["charged_micro_usd"]))
            .collect();
        assert_eq!(
            whys,
            [
                (&json!("the entry does not say its margin"), &json!(7)),
                (&json!("the route is not in the catalogue in force"), &json!(5)),
            ]
        );
        let mut back = Sums::default();
        back.add(&closed(Some("infomaniak-gemma-4-31b"), 1_000_000, Some(1_000), 0), &new, &old).unwrap();
        assert_eq!(back.shown()["routes"][1]["difference_usd"], "-2.178000");
        back.add(&closed(Some("openai-gone"), 1, Some(0), 0), &new, &old).unwrap();
        back.add(&closed(Some("openai-gone"), 1, Some(0), 0), &new, &new).unwrap();
        let whys: Vec<_> = back.not.keys().map(|(_, why)| why.words()).collect();
        assert_eq!(
            whys,
            [
                "in force: no price is known for the use of this route",
                "the route is not in the candidate: its price is unknown",
            ]
        );
    }

    /// A ledger with `count` entries of one route, each an hour later than the one before; the time after the last.
    async fn ledger(folder: &std::path::Path, count: u64) -> (Recorder, Timestamp) {
        let options = phi_ledger::Options::new("test/a", phi_ledger::Durability::Process);
        let (ledger, _) = phi_ledger::Ledger::open(folder, options).unwrap();
        let mut time: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let mut written = Vec::new();
        for _ in 0..count {
            let entry = closed(Some("infomaniak-gemma-4-31b"), 1_000_000, Some(0), 1);
            let record = phi_record::entry::Record::Closed(Box::new(entry));
            let line = phi_record::entry::Line { entry_version: 1, time, record };
            written.push(ledger.append(line.to_bytes().unwrap()));
            time += jiff::SignedDuration::from_hours(1);
        }
        for record in written {
            record.await.unwrap();
        }
        (Recorder::new(ledger, phi_crypto::Root::from_bytes(&[7; 32]), phi_words::Clock::System), time)
    }

    #[tokio::test]
    async fn entries_since_a_time_are_read_and_no_others() {
        let folder = tempfile::tempdir().unwrap();
        let (recorder, end) = ledger(folder.path(), 10).await;
        let same = || Arc::new(Catalogue::load(None).unwrap());
        let (notes, mut noted) = tokio::sync::mpsc::unbounded_channel();
        for (hours, calls) in [(0, 0), (1, 1), (3, 3), (24, 10)] {
            let since = end - jiff::SignedDuration::from_hours(hours);
            let repriced = reprice(&recorder, (same(), same()), since, notes.clone()).await.unwrap();
            let total = repriced["routes"].as_array().unwrap().last().unwrap();
            assert_eq!((&repriced["entries"], &total["calls"]), (&json!(calls), &json!(calls)));
        }
        assert!(noted.try_recv().is_err(), "so few are read in silence");
    }

    #[test]
    fn charges_that_are_more_than_can_be_counted_are_an_error() {
        let (old, new) = catalogues();
        let mut sums = Sums::default();
        let entry = closed(Some("infomaniak-gemma-4-31b"), 1, Some(0), i64::MAX);
        assert!(sums.add(&entry, &old, &new).is_ok() && sums.add(&entry, &old, &new).is_err());
    }

    #[test]
    fn dollars_are_shown_with_their_sign_and_all_their_micros() {
        for (micros, text) in [(0, "0.000000"), (1, "0.000001"), (-1, "-0.000001"), (-12_345_678, "-12.345678")] {
            assert_eq!(usd(MicroUsd::new(micros)), text);
        }
    }
}
