//! The log as others use it, on a disk that fails as tests please.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, in its helpers too")]

mod alongside;
mod cuts;
mod everyday;
mod faults;
mod faulty;
mod golden;
mod handover;
mod kill;
mod power;
mod tamper;
mod tape;
mod trouble;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use faulty::Faulty;
use phi_ledger::read::{Records, Start};
use phi_ledger::{AppendError, Durability, Fault, Ledger, OpenError, Options, Pending, Position, Recovered};

const ORIGIN: &str = "test/1";

fn options(files: &Arc<Faulty>, segment_bytes: u64) -> Options {
    Options { segment_bytes, files: Arc::clone(files) as _, ..Options::new(ORIGIN, Durability::Disk) }
}

fn open(folder: &Path) -> Result<(Ledger, Recovered), OpenError> {
    Ledger::open(folder, options(&Arc::default(), 1 << 20))
}

fn wait(pending: Pending) -> Result<Position, AppendError> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(pending)
}

/// Appends records one batch each.
fn append_all(ledger: &Ledger, records: &[&[u8]]) {
    for record in records {
        wait(ledger.append(record.to_vec())).unwrap();
    }
}

fn texts(folder: &Path) -> Result<Vec<String>, Fault> {
    Records::new(folder, Start::First).map(|record| Ok(String::from_utf8(record?.1).unwrap())).collect()
}

/// Waits until something becomes so that must, sooner or later.
fn until(what: impl Fn() -> bool) {
    while !what() {
        std::thread::yield_now();
    }
}

/// The last segment's file.
fn last_segment(folder: &Path) -> std::path::PathBuf {
    segments(folder).pop().unwrap()
}

fn segments(folder: &Path) -> Vec<std::path::PathBuf> {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut segments: Vec<_> = files.filter(|path| path.extension().is_some_and(|end| end == "log")).collect();
    segments.sort();
    segments
}

fn copy(from: &Path, to: &Path) {
    for file in segments(from) {
        fs::copy(&file, to.join(file.file_name().unwrap())).unwrap();
    }
}
