//! The callers of `script/bench` and `script/soak`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use clap::Parser;
use phi_simulate::bench::{Ask, Load, Plan};

/// Asks without end, on so many connections, and times every answer.
///
/// Prints a line of JSON when it has warmed up, and one at the end of each window: counts, and quantiles in microseconds.
///
/// Example: phi-load --address 127.0.0.1:8080 --ask 200=request.http --connections 64 --seconds 3
#[derive(Debug, Parser)]
struct Flags {
    /// Whom to ask.
    #[arg(long)]
    address: SocketAddr,
    /// The status that is expected, and a file with head and body of the request: `STATUS=FILE`. Given again, they are
    /// asked in turns.
    #[arg(long = "ask", required = true, value_parser = ask)]
    asks: Vec<Ask>,
    /// Callers, each on a connection of its own.
    #[arg(long, default_value_t = 1)]
    connections: u32,
    /// How long it measures.
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// How long it asks before it measures; the callers come evenly over this time.
    #[arg(long, default_value_t = 0.5)]
    warm_seconds: f64,
    /// How long a window is; all the time that is measured where this is not said.
    #[arg(long)]
    window_seconds: Option<f64>,
    /// How long a caller waits before it asks again.
    #[arg(long, default_value_t = 0)]
    pause_ms: u64,
    /// How many in a hundred calls are left midway.
    #[arg(long, default_value_t = 0)]
    abort_percent: u32,
}

fn main() -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(Flags::parse()))
}

async fn run(flags: Flags) -> io::Result<()> {
    let warm = Duration::from_secs_f64(flags.warm_seconds);
    let window = Duration::from_secs_f64(flags.window_seconds.unwrap_or(flags.seconds));
    let whole = Duration::from_secs_f64(flags.seconds);
    let load = Load::start(Plan {
        address: flags.address,
        connections: flags.connections,
        asks: flags.asks,
        arrival: warm,
        pause: Duration::from_millis(flags.pause_ms),
        abort_percent: flags.abort_percent,
    });
    tokio::time::sleep(warm).await;
    drop(load.take());
    let (began, mut from) = (Instant::now(), Instant::now());
    say(&serde_json::json!({"warm": true}))?;
    while began.elapsed() < whole {
        tokio::time::sleep(window).await;
        let tally = load.take();
        let over = from.elapsed();
        from = Instant::now();
        say(&tally.to_json(over))?;
    }
    Ok(())
}

/// A line that is read at once.
fn say(line: &serde_json::Value) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}

fn ask(text: &str) -> Result<Ask, String> {
    let (status, path) = text.split_once('=').ok_or("this is not STATUS=FILE")?;
    let status = status.parse().map_err(|_| "its status is not a number")?;
    let bytes = std::fs::read(path).map_err(|error| error.to_string())?.into();
    Ok(Ask { bytes, status })
}
