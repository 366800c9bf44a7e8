//! Runs simulated hosts beside a real gateway, for black-box tests.

use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use phi_simulate::{Ca, Ended, Fault, Host, Http, Says, Tool, control};
use serde_json::json;
use tokio::net::TcpListener;

/// Simulated hosts on loopback. Prints one line of JSON once all listen: `{"control": port, "hosts": {name: port}}`.
///
/// Example: phi-simulate --host a=9001 --host b=9002 --control 9000 --log seen.jsonl
#[derive(Debug, Parser)]
struct Flags {
    /// A host: `NAME=PORT`; port 0 is a free one.
    #[arg(long = "host", required = true)]
    hosts: Vec<String>,
    /// The port of the control path; 0 is a free one.
    #[arg(long, default_value_t = 0)]
    control: u16,
    /// A fault for all answers of all hosts, in JSON, such as `{"fault":"stall"}`.
    #[arg(long)]
    fault: Option<String>,
    /// Appends what reaches the hosts to this file, one line of JSON when a request comes and one when it ends.
    #[arg(long)]
    log: Option<PathBuf>,
    /// Speaks TLS as these names, under a fresh authority.
    #[arg(long = "tls-name")]
    tls_names: Vec<String>,
    /// Speaks HTTP/2 as well, where it speaks TLS.
    #[arg(long)]
    http2: bool,
    /// Writes that authority's certificate here, in PEM.
    #[arg(long)]
    ca_out: Option<PathBuf>,
    /// The pause before each frame, in milliseconds.
    #[arg(long, default_value_t = 0)]
    gap_ms: u64,
    /// How long vectors are.
    #[arg(long, default_value_t = 8)]
    dimension: usize,
    /// A tool that is called where a request names tools: `NAME=ARGUMENTS`, such as `weather={"city":"Bern"}`.
    #[arg(long = "tool")]
    tools: Vec<String>,
    /// What is thought before each answer.
    #[arg(long)]
    thought: Option<String>,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run(Flags::parse()))
}

async fn run(flags: Flags) -> Result<(), Box<dyn std::error::Error>> {
    let tls = match flags.tls_names.iter().map(String::as_str).collect::<Vec<_>>() {
        names if names.is_empty() => None,
        names => {
            let ca = Ca::new()?;
            if let Some(path) = &flags.ca_out {
                std::fs::write(path, ca.pem())?;
            }
            Some(ca.identity_by(&names, if flags.http2 { Http::Two } else { Http::One })?)
        }
    };
    let fault: Option<Fault> = flags.fault.as_deref().map(serde_json::from_str).transpose()?;
    let mut tools = Vec::new();
    for tool in &flags.tools {
        let (name, arguments) = tool.split_once('=').ok_or_else(|| format!("`{tool}` is not NAME=ARGUMENTS"))?;
        tools.push(Tool { name: name.to_owned(), arguments: arguments.to_owned() });
    }
    let mut hosts = BTreeMap::new();
    for host in &flags.hosts {
        let (name, port) = host.split_once('=').ok_or_else(|| format!("`{host}` is not NAME=PORT"))?;
        let host = Host::start_at(port.parse()?, tls.clone()).await?;
        host.always(fault.clone());
        let gap = Duration::from_millis(flags.gap_ms);
        let (thought, tools) = (flags.thought.clone(), tools.clone());
        host.says(Says { gap, dimension: flags.dimension, thought, tools, ..Says::default() });
        hosts.insert(name.to_owned(), host);
    }
    let hosts = Arc::new(hosts);
    let listener = TcpListener::bind(("127.0.0.1", flags.control)).await?;
    let ports: BTreeMap<_, _> = hosts.iter().map(|(name, host)| (name, host.address().port())).collect();
    writeln!(io::stdout(), "{}", json!({"control": listener.local_addr()?.port(), "hosts": ports}))?;
    match flags.log {
        None => control::serve(listener, hosts).await?,
        Some(path) => {
            let file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
            tokio::try_join!(control::serve(listener, Arc::clone(&hosts)), log(file, &hosts))?;
        }
    }
    Ok(())
}

/// Writes down every change of what the hosts have seen.
async fn log(mut file: std::fs::File, hosts: &BTreeMap<String, Host>) -> io::Result<()> {
    let mut written: HashMap<(String, u64), Ended> = HashMap::new();
    loop {
        for (name, host) in hosts {
            for seen in host.seen() {
                if written.insert((name.clone(), seen.number), seen.ended) != Some(seen.ended) {
                    let mut line = seen.to_json();
                    line["host"] = json!(name);
                    writeln!(file, "{line}")?;
                }
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
