//! The host behind the proxies of `script/bench`.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use phi_simulate::bench::{Answer, serve};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// Answers every request the same, as fast as it can. Prints a line of JSON once it listens: the addresses, in this order
/// of the flags.
///
/// Example: phi-bench-host --whole answer.json --stream events.sse --paced events.sse
#[derive(Debug, Parser)]
struct Flags {
    /// Answers with this JSON document. May be given again.
    #[arg(long)]
    whole: Vec<PathBuf>,
    /// Answers with these server-sent events, each in a write of its own, without a pause.
    #[arg(long)]
    stream: Vec<PathBuf>,
    /// Answers with these server-sent events, with a pause before each but the last two.
    #[arg(long)]
    paced: Vec<PathBuf>,
    /// That pause.
    #[arg(long, default_value_t = 50)]
    pace_ms: u64,
}

fn main() -> io::Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(run(Flags::parse()))
}

async fn run(flags: Flags) -> io::Result<()> {
    let read = |path: &Path| std::fs::read(path);
    let mut answers = Vec::new();
    for path in &flags.whole {
        answers.push(Answer::whole(&read(path)?));
    }
    for path in &flags.stream {
        answers.push(Answer::stream(&read(path)?, Duration::ZERO));
    }
    for path in &flags.paced {
        answers.push(Answer::stream(&read(path)?, Duration::from_millis(flags.pace_ms)));
    }
    let mut hosts = JoinSet::new();
    let mut addresses = Vec::new();
    for answer in answers {
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        addresses.push(listener.local_addr()?.to_string());
        hosts.spawn(serve(listener, Arc::new(answer)));
    }
    writeln!(io::stdout(), "{}", serde_json::json!(addresses))?;
    hosts.join_next().await.map_or(Ok(()), |ended| ended.map_err(io::Error::other)?)
}
