//! Everything of the binary `phi` but its `main`: settings, commands, and the server that ties the crates together.

pub mod catalogue;
pub mod cli;
pub mod config;
mod control;
mod data;
mod day;
pub mod deployment;
#[cfg(any(test, fuzzing))]
pub mod fuzzing;
mod handover;
mod init;
pub mod litellm;
mod notify;
pub mod orders;
mod reload;
pub mod say;
pub mod serve;
mod sockets;
mod tls;
mod upgrade;
mod withdrawals;

use std::process::ExitCode;

use anyhow::{Context, bail};
use phi_catalog::Catalogue;
use phi_record::By;
use serde_json::json;
use tokio::sync::mpsc::unbounded_channel;

use crate::cli::{Catalog, Cli, Command, Config, Foreign, Ledger};
pub use crate::data::Data;
use crate::deployment::Deployment;
use crate::orders::Order;
use crate::say::Said;

/// Does what was typed.
///
/// # Errors
/// What kept it from being done, and how to mend that.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let data = Data::new(cli.data, cli.config);
    let said = match cli.command {
        Command::Init(init) => init::run(&data, init).await?,
        Command::Serve(serve) => {
            serve::run(data, &serve).await?;
            return Ok(ExitCode::SUCCESS);
        }
        Command::Org(orders) => order(&data, Order::Org(orders.read()?)).await?,
        Command::Role(orders) => order(&data, Order::Role(orders)).await?,
        Command::Agent(orders) => order(&data, Order::Agent(orders)).await?,
        Command::Token(orders) => order(&data, Order::Token(orders)).await?,
        Command::Agreement(orders) => order(&data, Order::Agreement(orders.read()?)).await?,
        Command::Vault(orders) => order(&data, Order::Vault(orders.read()?)).await?,
        Command::Ledger(Ledger::Tail(tail)) => order(&data, Order::Tail(tail)).await?,
        Command::Ledger(Ledger::Show(show)) => order(&data, Order::Show(show)).await?,
        Command::Ledger(Ledger::Verify) => verify(&data)?,
        Command::Catalog(Catalog::Check(check)) => check.run(&data)?,
        Command::Catalog(Catalog::List(list)) => list.run(&data)?,
        Command::Catalog(Catalog::Import(import)) => import.run(&data)?,
        Command::Catalog(Catalog::Show(show)) => {
            order(&data, Order::Catalogue(orders::catalogue::Orders::Show(show))).await?
        }
        Command::Catalog(Catalog::Accept(accept)) => {
            order(&data, Order::Catalogue(orders::catalogue::Orders::Accept(accept))).await?
        }
        Command::Catalog(Catalog::Rates(rates)) => order(&data, Order::Catalogue(rates.into())).await?,
        Command::Catalog(Catalog::Diff(diff)) => {
            order(&data, Order::Catalogue(orders::catalogue::Orders::Diff(diff.read()?))).await?
        }
        Command::Explain(explain) => order(&data, Order::Explain(Box::new(explain.read()?))).await?,
        Command::Doctor(orders) => {
            let orders = orders.agreed()?;
            match control::send(&data.socket(), &Order::Doctor(orders.clone())).await? {
                Some(said) => said,
                None if orders.asks_hosts() => bail!(
                    "no server runs in `{}`, and hosts are asked by the server alone\n  hint: start it with `phi serve`",
                    data.folder().display()
                ),
                None => order(&data, Order::Doctor(orders)).await?,
            }
        }
        Command::Config(Config::Check) => {
            let config = data.written()?.check()?;
            config.fits(&Catalogue::load(data.overrides().as_deref())?)?;
            Said::One(json!({ "settings": data.settings(), "valid": true, "origin": config.origin }))
        }
        Command::Config(Config::Show) => {
            let written = data.written()?;
            if cli.json { Said::One(serde_json::to_value(&written)?) } else { Said::Text(toml::to_string(&written)?) }
        }
        Command::Config(Config::Schema) => Said::Text(config::schema()),
        Command::Config(Config::Import(Foreign::Litellm(import))) => {
            let read = import.read(&data)?;
            let done = if import.applies() { Some(order(&data, Order::Take(read.order()?)).await?) } else { None };
            read.told(done.as_ref())
        }
        Command::Config(Config::Reload) => match control::send(&data.socket(), &Order::Reload).await? {
            Some(said) => said,
            None => {
                bail!("no server runs in `{}`; it reads settings and catalogue when it starts", data.folder().display())
            }
        },
    };
    say::say(&said, cli.json);
    Ok(if said.is_to_mend() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Has the running server carry the order out; where none runs, takes the data folder and carries it out here.
async fn order(data: &Data, order: Order) -> anyhow::Result<Said> {
    if let Some(said) = control::send(&data.socket(), &order).await? {
        return Ok(said);
    }
    let deployment = Deployment::open(data.clone()).await?;
    let (notes, mut noted) = unbounded_channel::<String>();
    let telling = async {
        while let Some(note) = noted.recv().await {
            say::note(&note);
        }
    };
    let by = By::Operator(rustix::process::getuid().as_raw());
    let (said, ()) = tokio::join!(order.run_noting(&deployment, by, notes), telling);
    deployment.close().await;
    said
}

fn verify(data: &Data) -> anyhow::Result<Said> {
    if !data.ledger().exists() {
        bail!("`{}` holds no ledger\n  hint: name the deployment's folder with --data", data.folder().display());
    }
    let report = phi_ledger::read::verify(&data.ledger())
        .with_context(|| format!("the ledger in `{}` does not verify", data.ledger().display()))?;
    Ok(Said::One(json!({
        "verified": true,
        "origin": report.origin,
        "records": report.records,
        "head": phi_crypto::hex(&report.head),
        "segments": report.segments,
        "surplus_bytes": report.surplus_bytes,
        "unfinished_bytes": report.unfinished_bytes,
    })))
}
