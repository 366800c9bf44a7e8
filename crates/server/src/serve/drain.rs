//! How it ends: told to stop, or with an heir that serves in its place.

use std::future::pending;
use std::time::Duration;

use anyhow::Context;
use phi_gateway::{Gateway, Stopper};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::handover::Handover;
use crate::upgrade::Started;
use crate::{notify, say};

/// SIGTERM, SIGINT and SIGUSR2, heard from the start to the end, so that none is lost between two of them.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
    upgrade: Signal,
}

/// Why it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// By SIGTERM: load balancers are given time to notice.
    Terminate,
    /// By SIGINT, which comes from somebody at a terminal.
    Interrupt,
    /// An heir serves.
    Given,
}

impl Signals {
    pub(super) fn new() -> anyhow::Result<Self> {
        let hear = |kind| signal(kind).context("signals cannot be heard");
        Ok(Self {
            terminate: hear(SignalKind::terminate())?,
            interrupt: hear(SignalKind::interrupt())?,
            upgrade: hear(SignalKind::user_defined2())?,
        })
    }

    /// Waits for the end, and starts an heir whenever that is wanted.
    pub(super) async fn told(&mut self, handover: &Handover, started: &Started) -> Told {
        loop {
            tokio::select! {
                () = handover.given() => return Told::Given,
                _ = self.terminate.recv() => return Told::Terminate,
                _ = self.interrupt.recv() => return Told::Interrupt,
                _ = self.upgrade.recv() => {
                    if let Err(error) = started.again() {
                        tracing::error!(error = format!("{error:#}"), "nobody takes over");
                    }
                }
            }
        }
    }

    async fn told_to_stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Ready no more. Told to stop, it listens no more after the grace; an heir listens already. Then it is gone once nothing
/// runs, time is up, a second signal came, or the heir is gone with the ledger.
pub(super) async fn drain(
    told: Told,
    (grace, within): (Duration, Duration),
    gateway: &Gateway,
    stopper: &Stopper,
    tasks: &mut JoinSet<()>,
    signals: &mut Signals,
    handover: &Handover,
) {
    let grace = match told {
        Told::Terminate => grace,
        Told::Interrupt | Told::Given => Duration::ZERO,
    };
    match told {
        Told::Terminate | Told::Interrupt => {
            handover.close();
            notify::tell("STOPPING=1");
            say::note("stopping: running requests are given time to end; a second signal ends them now");
        }
        Told::Given => say::note("another process has taken over; running requests are given time to end"),
    }
    gateway.leave();
    stopper.leave();
    let ended = async {
        if told != Told::Given {
            sleep(grace).await;
            stopper.stop();
        }
        while tasks.join_next().await.is_some() {}
    };
    let orphaned = async { if told == Told::Given { handover.orphaned().await } else { pending().await } };
    tokio::select! {
        () = ended => return,
        () = sleep(grace + within) => say::note("time is up: ending what still runs"),
        () = signals.told_to_stop() => {}
        () = orphaned => {}
    }
    // Whoever waits is told so. Who does not listen is dropped, which closes his entry, and is waited for, so that nothing
    // goes unrecorded.
    gateway.end();
    stopper.end();
    while tasks.join_next().await.is_some() {}
}
