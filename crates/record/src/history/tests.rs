use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use phi_crypto::Root;
use phi_ledger::{Durability, Options, Recovered};
use phi_words::Clock;
use serde_json::json;

use super::*;
use crate::entry::Incident;
use crate::{Act, By};
use tape::{Platter, Random, Reached, Tape};

#[path = "../../../ledger/tests/log/tape.rs"]
mod tape;

const LONGEST: Duration = Duration::from_secs(600);
/// How many calls run at once, and how many each of the callers makes.
const CALLERS: usize = 4;
const CALLS: usize = 12;
/// The power is cut after one operation of so many.
const EVERY: usize = 3;

fn open(folder: &Path, tape: &Arc<Tape>) -> (Recorder, Recovered) {
    let options =
        Options { segment_bytes: 5_000, files: Arc::clone(tape) as _, ..Options::new("test/1", Durability::Disk) };
    let (ledger, recovered) = Ledger::open(folder, options).expect("opened");
    (Recorder::new(ledger, Root::from_bytes(&[7; 32]), Clock::System), recovered)
}

/// A record of a call that begins.
pub(crate) fn opened(id: RequestId) -> Record {
    let hash = json!({"key": 1, "hash": "5f".repeat(32)});
    let record = json!({
        "record": "opened", "id": id.to_string(), "org": RequestId::new().to_string(),
        "agent": RequestId::new().to_string(), "token": RequestId::new().to_string(), "modality": "chat",
        "model": "a/model", "region": "EU", "class": "phi", "data_classes": [], "stream": true, "rules": [],
        "policy": "none", "catalogue": "6d0a", "snapshot": 1, "routes": ["a-model"], "body_bytes": 100,
        "commitment": hash, "durability": "disk",
    });
    serde_json::from_value(record).expect("a record")
}

fn closed(id: RequestId, astray: bool) -> Record {
    let incidents = if astray { vec![Incident::Region { route: "a-model".parse().expect("a route") }] } else { vec![] };
    Record::Closed(Box::new(ClosedRecord { status: Status::Answered, incidents, ..unknown(id) }))
}

/// One caller; every third call is still open when the next ones begin, and each fifth is left open for good.
async fn calls(recorder: &Recorder, tape: &Tape, caller: usize) -> Vec<(usize, RequestId)> {
    let (mut acknowledged, mut slow) = (Vec::new(), Vec::new());
    for number in 0..CALLS {
        let id = RequestId::new();
        recorder.send(&opened(id)).expect("a record").await.expect("written");
        acknowledged.push((tape.length(), id));
        match number + caller {
            n if n % 5 == 4 => continue,
            n if n % 3 == 2 => slow.push(id),
            n => drop(recorder.send(&closed(id, n % 7 == 0)).expect("a record").await.expect("written")),
        }
        if number % 4 == 3 {
            let accept = Act::new(By::Server, ACCEPT).about("route", "a-model");
            recorder.act(accept).await.expect("written");
            for id in slow.drain(..) {
                drop(recorder.send(&closed(id, false)).expect("a record"));
            }
        }
    }
    acknowledged
}

/// Every call of the ledger, and how it was closed, each time.
fn book(recorder: &Recorder) -> BTreeMap<RequestId, Vec<Status>> {
    let mut calls: BTreeMap<RequestId, Vec<Status>> = BTreeMap::new();
    for record in recorder.ledger.records(Start::First) {
        let (position, bytes) = record.expect("a record");
        match read(position.index, &bytes).expect("a line").record {
            Record::Opened(opened) => drop(calls.insert(opened.id, Vec::new())),
            Record::Closed(closed) => calls.get_mut(&closed.id).expect("opened before").push(closed.status),
            Record::Act(_) | Record::Refused(_) => {}
        }
    }
    calls
}

/// What the last segments say is what all records say; every call is closed, once; and a second start finds nothing.
async fn starts_again(folder: &Path, promised: &[RequestId]) -> usize {
    let (recorder, recovered) = open(folder, &Arc::default());
    let all = carried(&recorder.ledger, Start::First, true).expect("read").expect("from the first record on");
    let left = recorder.left(LONGEST).await.expect("read").0;
    assert_eq!(left, all, "{} records", recovered.records);
    let before = book(&recorder);
    assert!(promised.iter().all(|id| before.contains_key(id)), "a call that was let in is lost");
    let count = recorder.close_unknown(LONGEST).await.expect("closed");
    assert_eq!(recorder.astray(LONGEST).await.expect("read"), all.astray);
    for (id, statuses) in book(&recorder) {
        let was = before.get(&id).and_then(|statuses| statuses.first());
        assert_eq!(statuses, [was.copied().unwrap_or(Status::Unknown)], "{id}");
    }
    recorder.ledger.verify().expect("whole");
    recorder.ledger.shutdown().expect("written");
    let (recorder, _) = open(folder, &Arc::default());
    assert_eq!(recorder.close_unknown(LONGEST).await.expect("closed"), 0);
    recorder.ledger.shutdown().expect("written");
    count
}

#[tokio::test]
async fn after_a_power_cut_every_open_call_is_closed_as_unknown_once() {
    let (mut cuts, mut unknown) = (0, 0);
    for seed in 1..=3 {
        let (folder, tape) = (tempfile::tempdir().expect("a folder"), Arc::<Tape>::default());
        let (recorder, _) = open(folder.path(), &tape);
        let mut acknowledged = Vec::new();
        let (one, two, three, four) = tokio::join!(
            calls(&recorder, &tape, 0),
            calls(&recorder, &tape, 1),
            calls(&recorder, &tape, 2),
            calls(&recorder, &tape, 3),
        );
        acknowledged.extend([one, two, three, four].concat());
        assert_eq!(acknowledged.len(), CALLERS * CALLS);
        recorder.ledger.shutdown().expect("written");
        let segments = recorder.ledger.landmarks().expect("listed").len();
        assert!(segments > 4, "{segments} segments");

        let (mut platter, mut random) = (Platter::default(), Random::new(seed));
        for (n, asked) in tape.asked().iter().enumerate() {
            platter.take(asked);
            if n % EVERY != 0 {
                continue;
            }
            let promised: Vec<_> = acknowledged.iter().filter(|(from, _)| *from <= n + 1).map(|(_, id)| *id).collect();
            let after = tempfile::tempdir().expect("a folder");
            let reached = [Reached::Nothing, Reached::All, Reached::Sectors, Reached::Torn, Reached::Noise];
            platter.leave(after.path(), reached[random.below(5)], &mut random).expect("left");
            unknown += starts_again(after.path(), &promised).await;
            cuts += 1;
        }
        let whole = Platter::of(folder.path()).expect("read");
        let after = tempfile::tempdir().expect("a folder");
        whole.leave(after.path(), Reached::All, &mut random).expect("left");
        starts_again(after.path(), &acknowledged.iter().map(|(_, id)| *id).collect::<Vec<_>>()).await;
    }
    assert!(cuts > 60 && unknown > cuts, "{cuts} cuts left {unknown} calls open");
}

#[tokio::test]
async fn the_newest_records_are_found_over_segments_however_many_are_asked_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let (recorder, _) = open(folder.path(), &Arc::default());
    for _ in 0..40 {
        recorder.send(&opened(RequestId::new())).expect("a record").await.expect("written");
    }
    // What is open is told behind each new segment, by a record more that may come at any time.
    let total = || recorder.ledger.records(Start::First).count();
    let asked: [fn(usize) -> usize; 7] = [|_| 0, |_| 1, |_| 7, |all| all - 1, |all| all, |all| all + 1, |_| 10_000];
    for count in asked {
        let (all, newest) = loop {
            let all = total();
            let newest = recorder.newest(count(all)).await.expect("read");
            if total() == all {
                break (all, newest);
            }
        };
        let indexes: Vec<_> = newest.iter().map(|found| found.index as usize).collect();
        assert_eq!(indexes, (all.saturating_sub(count(all))..all).collect::<Vec<_>>());
    }
    recorder.ledger.shutdown().expect("written");
}
