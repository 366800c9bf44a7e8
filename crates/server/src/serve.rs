//! `phi serve`: listeners, control socket, reload and an orderly end.

use std::sync::Arc;

use anyhow::Context;
use phi_gateway::{Gateway, Serve, Stop};
use rustix::process::{Resource, Rlimit};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tracing::level_filters::LevelFilter;
use tracing::{Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::Config;
use crate::data::Data;
use crate::deployment::Deployment;
use crate::{control, reload, say, withdrawals};

/// Serves until told to stop by SIGTERM or SIGINT; a second signal ends what still runs.
///
/// # Errors
/// What kept it from starting.
pub async fn run(data: Data) -> anyhow::Result<()> {
    log();
    harden();
    open_wide();
    let mut signals = Signals::new()?;
    let deployment = Arc::new(Deployment::open(data.clone()).await?);
    deployment.lease_keys().await?;
    let watch = reload::Watch::new(data.clone())?;
    let orders = control::bind(&data.socket()).context("no orders could be taken without the control socket")?;
    let config = deployment.config();
    let gateway = Arc::clone(deployment.gateway());
    let traffic = bind("listen.traffic", config.traffic).await?;
    let console = bind("listen.console", config.console).await?;
    let tls = deployment.tls()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let address = traffic.local_addr()?;
    let probes = console.local_addr()?;

    let (stopper, stop) = Stop::pair();
    let (last, end) = Stop::pair();
    let mut tasks = JoinSet::new();
    tasks.spawn(Arc::clone(&gateway).serve(traffic, Serve::Traffic(tls), stop.clone()));
    let mut around = JoinSet::new();
    around.spawn(Arc::clone(&gateway).serve(console, Serve::Operations, end.clone()));
    around.spawn(Arc::clone(&gateway).look_after(end.clone()));
    around.spawn(withdrawals::keep(Arc::clone(&deployment), end.clone()));
    around.spawn(control::listen(orders, data.socket(), Arc::clone(&deployment), end.clone()));
    around.spawn(watch.run(Arc::clone(&deployment), end));
    say::note(&format!("phi serves {scheme}://{address}/v1, probes on http://{probes}/readyz"));

    signals.told_to_stop().await;
    say::note("stopping: running requests are given time to end; a second signal ends them now");
    drain(&gateway, &config, &mut tasks, &stopper, &mut signals).await;
    last.end();
    while around.join_next().await.is_some() {}
    deployment.close().await;
    say::note("stopped");
    Ok(())
}

/// Ready no more, then refusing, then gone once nothing runs, time is up, or a second signal came.
async fn drain(
    gateway: &Gateway,
    config: &Config,
    tasks: &mut JoinSet<()>,
    stopper: &phi_gateway::Stopper,
    signals: &mut Signals,
) {
    gateway.leave();
    let ended = async {
        tokio::time::sleep(config.grace).await;
        gateway.drain();
        stopper.stop();
        while tasks.join_next().await.is_some() {}
    };
    tokio::select! {
        () = ended => return,
        () = tokio::time::sleep(config.grace + config.drain) => say::note("time is up: ending what still runs"),
        () = signals.told_to_stop() => {}
    }
    // Dropping a request closes its entry. Those that are dropped are waited for, so that nothing goes unrecorded.
    stopper.end();
    while tasks.join_next().await.is_some() {}
}

/// SIGTERM and SIGINT, heard from the start to the end, so that none is lost between two of them.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> anyhow::Result<Self> {
        let hear = |kind| signal(kind).context("signals cannot be heard");
        Ok(Self { terminate: hear(SignalKind::terminate())?, interrupt: hear(SignalKind::interrupt())? })
    }

    async fn told_to_stop(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

async fn bind(setting: &str, address: std::net::SocketAddr) -> anyhow::Result<TcpListener> {
    let bound = TcpListener::bind(address).await;
    bound.with_context(|| format!("nothing can listen on `{address}`; set `{setting}` to a free address"))
}

/// Keeps payloads and keys out of what a crash leaves: no core dump, and of a panic its place alone, for its message
/// may hold anything.
fn harden() {
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(Resource::Core, none) {
        tracing::warn!(error = %error, "core dumps could not be switched off");
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "a bug: a task panicked");
    }));
}

/// Takes all the file descriptors that there may be: the usual limit of 1,024 is one that idle connections fill, and then
/// neither the ledger nor a host can be opened.
fn open_wide() {
    let mut files = rustix::process::getrlimit(Resource::Nofile);
    files.current = files.maximum;
    if let Err(error) = rustix::process::setrlimit(Resource::Nofile, files) {
        tracing::warn!(error = %error, "the limit of open files stays as it was");
    }
}

/// Lines of text on standard error. Whoever logs says so with fields of closed kinds, never with a payload.
fn log() {
    let _ = lines(std::io::stderr).try_init();
}

/// The crate h2 has no voice: it repeats what a host puts into a frame.
fn lines(to: impl for<'w> MakeWriter<'w> + Send + Sync + 'static) -> impl Subscriber + Send + Sync {
    let heard = Targets::new().with_default(Level::INFO).with_target("h2", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt().with_writer(to).with_ansi(false).with_target(false);
    lines.with_max_level(Level::INFO).finish().with(heard)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::Mutex;

    use super::*;

    /// Lines that a test reads.
    #[derive(Clone, Default)]
    struct Paper(Arc<Mutex<Vec<u8>>>);

    impl Write for Paper {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("paper").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn what_a_host_put_into_a_frame_is_not_logged() {
        let paper = Paper::default();
        let to = paper.clone();
        tracing::subscriber::with_default(lines(move || to.clone()), || {
            tracing::warn!(target: "h2::proto::ping_pong", "recv PING ack that we never sent: leaked");
            tracing::warn!(target: "phi_upstream::walk", "a route did not answer");
            tracing::debug!(target: "phi_upstream::walk", "too much");
        });
        let said = String::from_utf8(paper.0.lock().expect("paper").clone()).expect("text");
        assert!(said.ends_with("a route did not answer\n") && said.lines().count() == 1, "{said}");
    }

    #[test]
    fn as_many_files_as_may_be_are_opened() {
        let before = rustix::process::getrlimit(Resource::Nofile);
        let low = Rlimit { current: Some(256), maximum: before.maximum };
        rustix::process::setrlimit(Resource::Nofile, low).expect("a lower limit");
        open_wide();
        assert_eq!(rustix::process::getrlimit(Resource::Nofile).current, before.maximum);
    }
}
