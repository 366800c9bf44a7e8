//! Reading back what was written: one call's records, the newest ones, and the calls that a dead process left open.

use std::collections::{BTreeSet, VecDeque};
use std::ops::ControlFlow;
use std::time::Duration;

use jiff::Timestamp;
use phi_ledger::read::Start;
use phi_ledger::{Fault, Ledger};
use phi_words::{MicroUsd, Quality, RequestId, RouteId, Usage};

use crate::carried::{Carried, Parts};
use crate::entry::{ClosedRecord, Line, Record, Status};
use crate::recorder::Recorder;

/// A record and its place in the ledger.
#[derive(Debug, Clone)]
pub struct Found {
    /// Its index: the first record of the ledger has 0.
    pub index: u64,
    /// What it says.
    pub line: Line,
}

/// Why nothing could be read back.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The ledger does not hold together, or the disk failed.
    #[error("the ledger cannot be read")]
    Ledger(#[from] Fault),
    /// A record is of a shape that this version does not know.
    #[error("record {index} of the ledger is of a shape that this version does not know")]
    Shape {
        /// Its index.
        index: u64,
    },
    /// The reading was broken off.
    #[error("the reading was broken off")]
    Broken,
}

/// A call is opened within the second in which its id was made; a clock that was set back meanwhile gets this much.
const SLACK_MS: u64 = 60_000;

/// What stands in every closed record.
const CLOSED: &str = "\"record\":\"closed\"";

/// The act by which an operator puts a route back into service.
pub const ACCEPT: &str = "catalog.accept";

/// One record of so many is asked for its time.
const EVERY: u64 = 64;

impl Recorder {
    /// Every record of one call, in order; empty where the ledger has none.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub async fn call(&self, id: RequestId) -> Result<Vec<Found>, HistoryError> {
        self.reading(move |ledger| {
            let mut found = Vec::new();
            let (text, mut looked) = (id.to_string(), 0_u64);
            for record in ledger.records(Start::Time(id.unix_ms().saturating_sub(SLACK_MS))) {
                let (position, bytes) = record?;
                // Most records are of other calls, and need not be taken apart.
                if !std::str::from_utf8(&bytes).is_ok_and(|line| line.contains(&text)) {
                    looked += 1;
                    // A made-up id must not have the whole ledger read: where nothing was opened near its time, it is none.
                    if found.is_empty() && looked % EVERY == 0 && is_past(position.index, &bytes, id)? {
                        break;
                    }
                    continue;
                }
                let line = read(position.index, &bytes)?;
                if line.record.call() == Some(id) {
                    let last = matches!(line.record, Record::Closed(_) | Record::Refused(_));
                    found.push(Found { index: position.index, line });
                    if last {
                        break;
                    }
                }
            }
            Ok(found)
        })
        .await
    }

    /// The newest records, the newest one last.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub async fn newest(&self, count: usize) -> Result<Vec<Found>, HistoryError> {
        self.reading(move |ledger| {
            let (mut newest, mut until) = (VecDeque::new(), u64::MAX);
            for first in ledger.landmarks()?.into_iter().rev() {
                if newest.len() >= count {
                    break;
                }
                let mut before = last(ledger, first, until, count - newest.len())?;
                before.extend(newest);
                (newest, until) = (before, first);
            }
            newest.into_iter().map(|(index, bytes)| Ok(Found { index, line: read(index, &bytes)? })).collect()
        })
        .await
    }

    /// Goes through all entries that were closed since a time, in order, and holds one of them at a time. `each` may
    /// break off; then what it has made so far is given.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub async fn closed_since<T: Send + 'static>(
        &self,
        since: Timestamp,
        mut sum: T,
        mut each: impl FnMut(&mut T, Timestamp, ClosedRecord) -> ControlFlow<()> + Send + 'static,
    ) -> Result<T, HistoryError> {
        let start = u64::try_from(since.as_millisecond()).unwrap_or(0).saturating_sub(SLACK_MS);
        self.reading(move |ledger| {
            for record in ledger.records(Start::Time(start)) {
                let (position, bytes) = record?;
                // Most records are of other kinds, and need not be taken apart.
                if !std::str::from_utf8(&bytes).is_ok_and(|line| line.contains(CLOSED)) {
                    continue;
                }
                let line = read(position.index, &bytes)?;
                let Record::Closed(closed) = line.record else { continue };
                if line.time >= since && each(&mut sum, line.time, *closed).is_break() {
                    break;
                }
            }
            Ok(sum)
        })
        .await
    }

    /// Closes as `unknown` every entry that a dead process left open, and says how many those were. `longest` is the
    /// longest that a call may take.
    ///
    /// # Errors
    /// Where the ledger cannot be read or written.
    pub async fn close_unknown(&self, longest: Duration) -> Result<usize, HistoryError> {
        let left = self.inherit(longest).await?;
        let (count, mut pending) = (left.calls.len(), Vec::new());
        for id in left.calls {
            pending.extend(self.send(&Record::Closed(Box::new(unknown(id)))));
        }
        for closed in pending {
            if let Err(error) = closed.await {
                tracing::error!(error = &error as &dyn std::error::Error, "an entry could not be closed as unknown");
                return Err(HistoryError::Broken);
            }
        }
        Ok(count)
    }

    /// What stands open where the ledger ends is carried over from now on.
    pub(crate) async fn inherit(&self, longest: Duration) -> Result<Carried, HistoryError> {
        let (left, said) = self.left(longest).await?;
        let mut standing = self.standing();
        standing.carried = left.clone();
        standing.left = Some(left.clone());
        if !said {
            standing.said = None;
        }
        Ok(left)
    }

    /// The routes that answered from elsewhere than planned, and that no operator has accepted since. A process that died
    /// may not have withdrawn them.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub async fn astray(&self, longest: Duration) -> Result<BTreeSet<RouteId>, HistoryError> {
        let known = self.standing().left.take();
        match known {
            Some(left) => Ok(left.astray),
            None => Ok(self.left(longest).await?.0.astray),
        }
    }

    /// What stands open where the ledger ends; and whether what follows the last landmark says so, else the next record
    /// must. Where the last two do not, as in a ledger of an older version, all records are read that can be of a call that is open.
    async fn left(&self, longest: Duration) -> Result<(Carried, bool), HistoryError> {
        let said = self.reading(|ledger| {
            let landmarks = ledger.landmarks()?;
            for (before, &first) in landmarks.iter().rev().take(2).enumerate() {
                if let Some(carried) = carried(ledger, Start::Index(first), first == 0)? {
                    return Ok(Some((carried, before == 0)));
                }
            }
            Ok(None)
        });
        if let Some(said) = said.await? {
            return Ok(said);
        }
        let Some(newest) = self.newest(1).await?.pop() else { return Ok((Carried::default(), true)) };
        let died = u64::try_from(newest.line.time.as_millisecond()).unwrap_or(0);
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        let since = died.saturating_sub(longest).saturating_sub(SLACK_MS);
        let left = self.reading(move |ledger| carried(ledger, Start::Time(since), true)).await?;
        Ok((left.unwrap_or_default(), false))
    }

    /// Reads on a thread that may wait for the disk.
    async fn reading<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Ledger) -> Result<T, HistoryError> + Send + 'static,
    ) -> Result<T, HistoryError> {
        let ledger = self.ledger.clone();
        tokio::task::spawn_blocking(move || read(&ledger)).await.map_err(|_| HistoryError::Broken)?
    }
}

/// Whether a record was written later than a call of this id can have been opened.
fn is_past(index: u64, bytes: &[u8], id: RequestId) -> Result<bool, HistoryError> {
    let written = u64::try_from(read(index, bytes)?.time.as_millisecond()).unwrap_or(0);
    Ok(written > id.unix_ms().saturating_add(SLACK_MS))
}

/// The last records of those from `first` on that stand before `until`.
fn last(ledger: &Ledger, first: u64, until: u64, count: usize) -> Result<VecDeque<(u64, Vec<u8>)>, HistoryError> {
    let mut newest = VecDeque::new();
    for record in ledger.records(Start::Index(first)) {
        let (position, bytes) = record?;
        if position.index >= until {
            break;
        }
        if newest.len() == count {
            newest.pop_front();
        }
        newest.push_back((position.index, bytes));
    }
    Ok(newest)
}

/// What stands open at the end, told by the records from `start` on: by those after the last that says what is carried
/// over, or by all of them where nothing can have been open before. `None` where they cannot tell.
fn carried(ledger: &Ledger, start: Start, all: bool) -> Result<Option<Carried>, HistoryError> {
    let (mut carried, mut parts) = (all.then(Carried::default), Parts::default());
    for record in ledger.records(start) {
        let (position, bytes) = record?;
        let record = read(position.index, &bytes)?.record;
        if let Some(said) = parts.take(&record) {
            carried = Some(said);
        } else if let Some(carried) = &mut carried {
            carried.follow(&record);
        }
    }
    Ok(carried)
}

pub(crate) fn unknown(id: RequestId) -> ClosedRecord {
    ClosedRecord {
        id,
        status: Status::Unknown,
        code: None,
        route: None,
        host: None,
        attempts: Vec::new(),
        first_byte_ms: None,
        latency_ms: 0,
        usage: Usage::default(),
        quality: Quality::None,
        list_cost: MicroUsd::ZERO,
        charge: Vec::new(),
        margin_bp: None,
        prices: String::new(),
        left_out: Vec::new(),
        interventions: Vec::new(),
        incidents: Vec::new(),
    }
}

fn read(index: u64, bytes: &[u8]) -> Result<Line, HistoryError> {
    Line::parse(bytes).map_err(|_| HistoryError::Shape { index })
}

#[cfg(test)]
pub(crate) mod tests;
