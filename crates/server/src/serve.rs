//! `phi serve`: listeners, control socket, reload and an orderly end.

mod drain;
mod process;

use std::os::unix::net::{UnixListener as Control, UnixStream as Pipe};
use std::sync::Arc;

use anyhow::Context;
use phi_gateway::{Serve, Stop};
use phi_record::Relay;
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::data::Data;
use crate::deployment::{Deployment, Succession};
use crate::handover::{Elder, Estate, Handover, Inheritance, Talk, relay};
use crate::reload::Watch;
use crate::sockets::Sockets;
use crate::upgrade::Started;
use crate::{cli, control, notify, say, withdrawals};
use drain::{Signals, drain};

pub use process::{harden, travel_light};

/// What is there before anybody is served.
struct Begun {
    deployment: Arc<Deployment>,
    watch: Watch,
    sockets: Sockets,
    control: Control,
    before: Option<Before>,
}

/// The process before, which still has calls.
struct Before {
    talk: Talk,
    relay: Relay,
    records: Pipe,
}

/// Serves until told to stop by SIGTERM or SIGINT, or until another process has taken over; a second signal ends what still
/// runs.
///
/// # Errors
/// What kept it from starting.
pub async fn run(data: Data, serve: &cli::Serve) -> anyhow::Result<()> {
    process::log();
    process::open_wide();
    let (started, mut signals) = (Started::now()?, Signals::new()?);
    let Begun { deployment, watch, sockets, control, before } = begin(&data, serve.takeover).await?;
    let (config, gateway, tls) = (deployment.config(), Arc::clone(deployment.gateway()), deployment.tls()?);
    process::count_files(&config.bounds);
    let ((stopper, stop), (last, end), (housework, over)) = (Stop::pair(), Stop::pair(), Stop::pair());
    let (stopper, last) = (Arc::new(stopper), Arc::new(last));
    let estate = Estate::of(&sockets, &control)?;
    let [address, probes] = estate.addresses;
    let handover = Arc::new(Handover::new(estate, [Arc::clone(&stopper), Arc::clone(&last)]));
    let (traffic, console) = (TcpListener::from_std(sockets.traffic)?, TcpListener::from_std(sockets.console)?);
    let orders = UnixListener::from_std(control)?;
    let scheme = if tls.is_some() { "https" } else { "http" };

    let mut tasks = JoinSet::new();
    if let Some(Before { talk, relay: theirs, records }) = before {
        let (elder, changes) = mpsc::channel(1);
        deployment.add_elder(elder).await;
        tasks.spawn(talk.lead(changes, stop.clone()));
        tasks.spawn(relay(records, theirs, Arc::clone(&deployment), stop.clone()));
    }
    tasks.spawn(Arc::clone(&gateway).serve(traffic, Serve::Traffic(tls), stop));
    let mut around = JoinSet::new();
    around.spawn(Arc::clone(&gateway).serve(console, Serve::Operations, end.clone()));
    around.spawn(control::listen(orders, data.socket(), Arc::clone(&deployment), Arc::clone(&handover), end));
    let mut chores = JoinSet::new();
    chores.spawn(Arc::clone(&gateway).look_after(over.clone()));
    chores.spawn(withdrawals::keep(Arc::clone(&deployment), over.clone()));
    chores.spawn(watch.run(Arc::clone(&deployment), over));
    say::note(&format!("phi serves {scheme}://{address}/v1, probes on http://{probes}/readyz"));
    notify::tell("READY=1");

    let told = signals.told(&handover, &started).await;
    if handover.is_given() {
        housework.stop();
    }
    drain(told, (config.grace, config.drain), &gateway, &stopper, &mut tasks, &mut signals, &handover).await;
    gateway.part().await;
    housework.stop();
    last.end();
    while chores.join_next().await.is_some() {}
    while around.join_next().await.is_some() {}
    deployment.close().await;
    say::note("stopped");
    Ok(())
}

/// Opens everything, in the place of the server that runs where that is wanted and one does.
async fn begin(data: &Data, takeover: bool) -> anyhow::Result<Begun> {
    let elder = if takeover { Elder::ask(&data.socket()).await? } else { None };
    let Some(mut elder) = elder else {
        let deployment = Deployment::open(data.clone()).await?;
        deployment.lease_keys().await?;
        let watch = Watch::new(data.clone())?;
        let control = control::bind(&data.socket()).context("no orders could be taken without the control socket")?;
        let sockets = Sockets::open(&deployment.config())?;
        return Ok(Begun { deployment: Arc::new(deployment), watch, sockets, control, before: None });
    };
    let Succession { deployment, relay, inheritance } = Deployment::take_over(data.clone(), &mut elder).await?;
    // Whatever can fail does so before the other process has given anything up.
    deployment.tls()?;
    let watch = Watch::new(data.clone())?;
    let talk = elder.succeed().await?;
    deployment.lease_keys().await?;
    let Inheritance { traffic, console, control, records, .. } = inheritance;
    let (sockets, before) = (Sockets { traffic, console }, Some(Before { talk, relay, records }));
    Ok(Begun { deployment: Arc::new(deployment), watch, sockets, control, before })
}
