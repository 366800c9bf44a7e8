//! The power is cut at every moment of busy runs, and once more at every moment of some recoveries.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use phi_ledger::read::{Records, Start, verify};
use phi_ledger::{Durability, Ledger, Options};

use crate::tape::{Asked, Platter, Random, Reached, Tape};

/// How many threads append at once.
const APPENDERS: usize = 4;
/// How many records each of them appends in a run.
const RECORDS: usize = 12;
/// So small that a run has many segments.
const SEGMENT_BYTES: u64 = 2_500;
/// One recovery of so many is cut in its turn.
const EVERY: usize = 40;
/// Of all that is asked besides writes, one in so many is cut.
const BESIDE: usize = 4;
const REACHED: [Reached; 5] = [Reached::Nothing, Reached::All, Reached::Sectors, Reached::Torn, Reached::Noise];

pub(crate) type Failed = Box<dyn std::error::Error + Send + Sync>;

/// What was tried.
#[derive(Debug, Default)]
pub(crate) struct Tried {
    /// Writes at which the power was cut.
    pub(crate) writes: usize,
    /// Cuts, at writes and at all else, those of recoveries included.
    pub(crate) cuts: usize,
    /// Acknowledged records that had to be there, over all cuts.
    pub(crate) acknowledged: u64,
    /// Segments that were begun in the runs.
    pub(crate) segments: usize,
}

/// What a run left: all that it asked of the disk, and from when on how many records were acknowledged.
struct Run {
    asked: Vec<Asked>,
    acknowledged: Vec<(usize, u64)>,
    records: Vec<Vec<u8>>,
}

/// Cuts the power until it was cut at so many writes.
pub(crate) fn cut(writes: usize) -> Result<Tried, Failed> {
    let mut tried = Tried::default();
    for seed in 1.. {
        if tried.writes >= writes {
            break;
        }
        let run = busy(seed)?;
        let (mut platter, mut random) = (Platter::default(), Random::new(seed));
        for (n, asked) in run.asked.iter().enumerate() {
            let write = matches!(asked, Asked::Write { .. });
            tried.writes += usize::from(write);
            platter.take(asked);
            if !write && random.below(BESIDE) > 0 {
                continue;
            }
            let until = n + 1;
            let promised =
                run.acknowledged.iter().filter(|(from, _)| *from <= until).map(|(_, records)| *records).max();
            let reached = if write { REACHED[random.below(REACHED.len())] } else { Reached::Sectors };
            let deep = tried.cuts % EVERY == 0;
            recovers(&platter, reached, &run.records, promised.unwrap_or(0), deep, &mut random, &mut tried)
                .map_err(|error| format!("run {seed}, cut after {until} operations, {reached:?}: {error}"))?;
        }
        tried.segments += run.asked.iter().filter(|asked| matches!(asked, Asked::Rename { .. })).count();
    }
    Ok(tried)
}

/// Several threads append, each waiting for its record before the next one.
fn busy(seed: u64) -> Result<Run, Failed> {
    let (folder, tape) = (tempfile::tempdir()?, Arc::<Tape>::default());
    let (ledger, _) = open(folder.path(), &tape)?;
    let acknowledged = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for appender in 0..APPENDERS {
            let (ledger, tape, acknowledged) = (&ledger, &tape, &acknowledged);
            scope.spawn(move || -> Result<(), Failed> {
                let mut random = Random::new(seed * 100 + appender as u64);
                for number in 0..RECORDS {
                    let record = format!("{appender}.{number} {}", "x".repeat(random.below(700)));
                    let position = wait(ledger.append(record.into_bytes()))?;
                    let now = (tape.length(), position.index + 1);
                    acknowledged.lock().unwrap_or_else(PoisonError::into_inner).push(now);
                }
                Ok(())
            });
        }
    });
    ledger.shutdown()?;
    let records = records(folder.path())?;
    let acknowledged = acknowledged.into_inner().unwrap_or_else(PoisonError::into_inner);
    if records.len() != APPENDERS * RECORDS || acknowledged.len() != records.len() {
        return Err("the run itself lost records".into());
    }
    Ok(Run { asked: tape.asked(), acknowledged, records })
}

/// After a cut the log opens, begins as the uncut one does, holds all that was promised, and goes on.
fn recovers(
    platter: &Platter,
    reached: Reached,
    uncut: &[Vec<u8>],
    promised: u64,
    deep: bool,
    random: &mut Random,
    tried: &mut Tried,
) -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    platter.leave(folder.path(), reached, random)?;
    let (left, tape) = (Platter::of(folder.path())?, Arc::<Tape>::default());
    let (ledger, recovered) = open(folder.path(), &tape)?;
    let found = records(folder.path())?;
    if recovered.records != found.len() as u64 || recovered.records < promised {
        return Err(format!("{} records of {promised} are left", recovered.records).into());
    }
    if !uncut.starts_with(&found) {
        return Err("other records are left than were written".into());
    }
    wait(ledger.append(b"after".to_vec()))?;
    ledger.shutdown()?;
    let report = verify(folder.path())?;
    if (report.records, report.unfinished_bytes) != (recovered.records + 1, 0) {
        return Err("it does not go on".into());
    }
    tried.cuts += 1;
    tried.acknowledged += promised;
    if !deep {
        return Ok(());
    }
    let (mut platter, mut uncut) = (left, found);
    uncut.push(b"after".to_vec());
    for asked in tape.asked() {
        platter.take(&asked);
        recovers(&platter, Reached::Sectors, &uncut, promised, false, random, tried)?;
    }
    Ok(())
}

fn open(folder: &Path, tape: &Arc<Tape>) -> Result<(Ledger, phi_ledger::Recovered), Failed> {
    let options = Options {
        segment_bytes: SEGMENT_BYTES,
        files: Arc::clone(tape) as _,
        ..Options::new("test/1", Durability::Disk)
    };
    Ok(Ledger::open(folder, options)?)
}

fn records(folder: &Path) -> Result<Vec<Vec<u8>>, Failed> {
    Records::new(folder, Start::First).map(|record| Ok(record?.1)).collect()
}

fn wait(pending: phi_ledger::Pending) -> Result<phi_ledger::Position, Failed> {
    Ok(tokio::runtime::Builder::new_current_thread().build()?.block_on(pending)?)
}
