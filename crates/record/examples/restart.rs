//! How long a start takes on a ledger of 1 GB: `cargo run --release -p phi-record --example restart`.
//!
//! Writes so many megabytes of the records of chat calls into a temporary folder (`-- 4096` for 4 GB), until the last
//! segment is all but full too, leaves ten calls open as a kill would, and times what stands between a start and the first
//! request. `newest` is what `phi ledger tail` does. Then it verifies all, as happens behind the requests. `-- 1024 old`
//! leaves out what this version writes down for the next start, as versions before it did.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use phi_crypto::Root;
use phi_ledger::{Durability, Ledger, Options};
use phi_record::entry::{ENTRY_VERSION, Line, Record};
use phi_record::{Act, By, Recorder};
use phi_words::{Clock, RequestId};
use serde_json::{Value, json};

type Failed = Box<dyn std::error::Error>;

/// The default of `upstream.total_seconds`, and more than it takes to write the records.
const LONGEST: Duration = Duration::from_secs(600);
/// One act stands among so many calls.
const CALLS: usize = 1_000;
const OPEN: usize = 10;

fn main() -> ExitCode {
    match measure() {
        Ok(text) if std::io::stdout().write_all(text.as_bytes()).is_ok() => ExitCode::SUCCESS,
        Ok(_) | Err(_) => ExitCode::FAILURE,
    }
}

fn measure() -> Result<String, Failed> {
    let megabytes: u64 = std::env::args().nth(1).map_or(Ok(1_024), |megabytes| megabytes.parse())?;
    let old = std::env::args().nth(2).is_some_and(|word| word == "old");
    let folder = tempfile::tempdir()?;
    let run = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut said = run.block_on(write(folder.path(), megabytes << 20, old))?;
    let began = Instant::now();
    let mut step = began;
    let mut lap = |what: &str| {
        said += &format!("{what:<12} {:>6.3} s\n", step.elapsed().as_secs_f64());
        step = Instant::now();
    };
    let (ledger, _) = Ledger::open(folder.path(), options())?;
    lap("open");
    let recorder = recorder(ledger.clone());
    let unknown = run.block_on(recorder.close_unknown(LONGEST))?;
    lap("close open");
    let astray = run.block_on(recorder.astray(LONGEST))?;
    lap("astray");
    let total = began.elapsed();
    let newest = run.block_on(recorder.newest(20))?;
    lap("newest");
    if (unknown, newest.len(), astray.len()) != (OPEN, 20, 0) {
        return Err(format!("{unknown} calls were open").into());
    }
    let report = ledger.verify()?;
    lap("verify all");
    ledger.shutdown()?;
    said +=
        &format!("{} records in {} segments; start {:.3} s\n", report.records, report.segments, total.as_secs_f64());
    Ok(said)
}

async fn write(folder: &Path, bytes: u64, old: bool) -> Result<String, Failed> {
    let began = Instant::now();
    let (ledger, _) = Ledger::open(folder, options())?;
    let recorder = recorder(ledger.clone());
    let (mut written, mut calls) = (0, 0_usize);
    while written < bytes || !is_nearly_full(folder)? {
        let mut pending = Vec::new();
        for _ in 0..CALLS {
            let id = RequestId::new();
            for record in [opened(id)?, closed(id)?] {
                written += record.len() as u64;
                pending.push(ledger.append(record));
            }
        }
        for record in pending {
            record.await?;
        }
        calls += CALLS;
        if !old {
            recorder.act(Act::new(By::Server, "test.pause").about("calls", calls)).await?;
        }
    }
    for _ in 0..OPEN {
        ledger.append(opened(RequestId::new())?).await?;
    }
    ledger.shutdown()?;
    Ok(format!("{calls} calls, {} MB, written in {:.1} s\n", written >> 20, began.elapsed().as_secs_f64()))
}

/// Whether the last segment is close to its end: then a start has most to verify.
fn is_nearly_full(folder: &Path) -> Result<bool, Failed> {
    let mut last = None;
    for entry in std::fs::read_dir(folder)? {
        last = last.max(Some(entry?.path()).filter(|path| path.extension().is_some_and(|end| end == "log")));
    }
    let bytes = last.map_or(Ok(0), |last| std::fs::metadata(last).map(|file| file.len()))?;
    Ok(bytes > options().segment_bytes - (4 << 20))
}

/// Not synced, so that writing takes seconds; reading is the same.
fn options() -> Options {
    Options::new("restart/1", Durability::Process)
}

fn recorder(ledger: Ledger) -> Recorder {
    Recorder::new(ledger, Root::from_bytes(&[7; 32]), Clock::System)
}

fn opened(id: RequestId) -> Result<Vec<u8>, Failed> {
    let hash = "5f".repeat(32);
    line(json!({
        "record": "opened", "id": id.to_string(), "org": RequestId::new().to_string(), "agent": RequestId::new().to_string(),
        "token": RequestId::new().to_string(), "modality": "chat", "model": "mistral/mistral-large", "region": "EU",
        "class": "phi", "data_classes": [], "stream": true, "rules": [], "policy": "none", "catalogue": "6d0a1f0c9b7e",
        "snapshot": 17, "routes": ["mistral-eu-large-2411", "azure-se-mistral-large-2411"], "body_bytes": 2_311,
        "commitment": {"key": 1, "hash": hash}, "actor": {"key": 1, "hash": hash}, "subject": {"key": 1, "hash": hash},
        "durability": "disk",
    }))
}

fn closed(id: RequestId) -> Result<Vec<u8>, Failed> {
    line(json!({
        "record": "closed", "id": id.to_string(), "status": "answered", "route": "mistral-eu-large-2411",
        "host": "mistral-eu", "attempts": [
            {"route": "azure-se-mistral-large-2411", "reach": "sent", "ended": "rate_limited", "ms": 41},
            {"route": "mistral-eu-large-2411", "reach": "answered", "ended": "ok", "ms": 2_870},
        ],
        "first_byte_ms": 390, "latency_ms": 2_911, "usage": {"input": 512, "output": 340}, "quality": "verified",
        "list_cost": 3_064, "charge": [{"account": RequestId::new().to_string(), "micro_usd": 3_371}], "margin_bp": 1_000,
        "prices": "6d0a1f0c9b7e",
    }))
}

/// A line as the recorder writes it: what is wrong with it here shows here.
fn line(record: Value) -> Result<Vec<u8>, Failed> {
    let record: Record = serde_json::from_value(record)?;
    Ok(Line { entry_version: ENTRY_VERSION, time: Timestamp::now(), record }.to_bytes()?)
}
