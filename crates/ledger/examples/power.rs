//! Cuts the power of a simulated disk at so many writes: `cargo run --release -p phi-ledger --example power -- 100000`.
//!
//! The same runs as in the tests, only more of them. Exits with 1 where a log lost something that was acknowledged, or
//! does not open or go on; the run and the operation are named.

#[path = "../tests/log/cuts.rs"]
mod cuts;
#[path = "../tests/log/tape.rs"]
mod tape;

use std::io::Write;
use std::process::ExitCode;
use std::time::Instant;

fn main() -> ExitCode {
    let writes = std::env::args().nth(1).and_then(|writes| writes.parse().ok()).unwrap_or(10_000);
    let began = Instant::now();
    let tried = cuts::cut(writes);
    let (text, code) = match tried {
        Ok(tried) => (format!("{tried:?} in {:.1} s", began.elapsed().as_secs_f64()), ExitCode::SUCCESS),
        Err(error) => (format!("lost: {error}"), ExitCode::FAILURE),
    };
    let said = writeln!(std::io::stdout(), "{text}");
    if said.is_ok() { code } else { ExitCode::FAILURE }
}
