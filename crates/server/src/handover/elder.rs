use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream as Pipe};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, bail};
use phi_gateway::{Stop, Stopper};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::{FromElder, FromHeir, Line, Offer, TakeOver, VERSION, rights};
use crate::deployment::Deployment;
use crate::notify;
use crate::sockets::Sockets;

/// How long an heir may take to read and check everything.
const PREPARING: Duration = Duration::from_secs(60);
/// How long the ledger may stand still: less than who waits for it does.
const STANDSTILL: Duration = Duration::from_secs(4);

/// The sockets of a running server, once more: for its heir.
#[derive(Debug)]
pub(crate) struct Estate {
    /// Where the API listens.
    pub(crate) traffic: OwnedFd,
    /// Where probes are answered.
    pub(crate) console: OwnedFd,
    /// Where orders are taken.
    pub(crate) control: OwnedFd,
    /// The addresses of the first two.
    pub(crate) addresses: [SocketAddr; 2],
}

/// Whether a running server has an heir.
#[derive(Debug)]
pub(crate) struct Handover {
    estate: Mutex<Option<Estate>>,
    stage: watch::Sender<Stage>,
    /// What is told of it in the moment in which it happens.
    stoppers: [Arc<Stopper>; 2],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Ours,
    /// The heir serves.
    Given,
    /// The heir is gone, or cannot be followed: nothing can be written down any more.
    Orphaned,
}

impl Estate {
    /// The same sockets once more.
    ///
    /// # Errors
    /// Where there are no more file descriptors.
    pub(crate) fn of(sockets: &Sockets, control: &UnixListener) -> io::Result<Self> {
        Ok(Self {
            addresses: [sockets.traffic.local_addr()?, sockets.console.local_addr()?],
            traffic: sockets.traffic.try_clone()?.into(),
            console: sockets.console.try_clone()?.into(),
            control: control.try_clone()?.into(),
        })
    }
}

impl Handover {
    /// A handover that nobody has asked for yet.
    pub(crate) fn new(estate: Estate, stoppers: [Arc<Stopper>; 2]) -> Self {
        Self { estate: Mutex::new(Some(estate)), stage: watch::Sender::new(Stage::Ours), stoppers }
    }

    /// Waits until an heir serves.
    pub(crate) async fn given(&self) {
        self.wait(Stage::Given).await;
    }

    /// Waits until an heir served and is gone.
    pub(crate) async fn orphaned(&self) {
        self.wait(Stage::Orphaned).await;
    }

    /// Whether an heir serves.
    pub(crate) fn is_given(&self) -> bool {
        *self.stage.borrow() >= Stage::Given
    }

    /// It is too late for an heir: this server stops.
    pub(crate) fn close(&self) {
        drop(self.take());
    }

    async fn wait(&self, least: Stage) {
        // The sender is our own, so it is there.
        let _ = self.stage.subscribe().wait_for(|stage| *stage >= least).await;
    }

    fn reach(&self, stage: Stage) {
        self.stage.send_replace(stage);
    }

    fn take(&self) -> Option<Estate> {
        self.estate.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    fn put(&self, estate: Estate) {
        *self.estate.lock().unwrap_or_else(PoisonError::into_inner) = Some(estate);
    }

    fn addresses(&self) -> Option<[SocketAddr; 2]> {
        self.estate.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|estate| estate.addresses)
    }

    /// Talks with one who wants to be heir, unless told to stop, and from then on follows it until the end.
    pub(crate) async fn talk(&self, asked: &TakeOver, stream: UnixStream, deployment: &Deployment, mut stop: Stop) {
        let mut line = Line::new(stream);
        if let Err(error) = self.give(asked, &mut line, deployment, &mut stop).await {
            let causes = error.chain().map(ToString::to_string).collect();
            tracing::warn!(error = format!("{error:#}"), "nothing was handed over");
            let _ = line.say(&FromElder::No(causes)).await;
            return;
        }
        tokio::select! {
            error = follow(&mut line, deployment) => {
                tracing::error!(error = format!("{error:#}"), "the server that took over cannot be followed any more");
                self.reach(Stage::Orphaned);
            }
            () = stop.wait_end() => {}
        }
    }

    async fn give(
        &self,
        asked: &TakeOver,
        line: &mut Line,
        deployment: &Deployment,
        stop: &mut Stop,
    ) -> anyhow::Result<()> {
        if asked.take_over != VERSION {
            bail!("the running server cannot hand over to this version\n  hint: stop it, and start this one");
        }
        let peer = line.0.get_ref().peer_cred()?;
        if peer.uid() != rustix::process::getuid().as_raw() {
            bail!("only the user who runs the server may take it over");
        }
        let Some([traffic, console]) = self.addresses() else { bail!("{BUSY}") };
        let config = deployment.config();
        let durability = deployment.recorder().ledger().durability().to_string();
        line.say(&FromElder::Offer(Offer { traffic, console, origin: config.origin.clone(), durability })).await?;
        let prepared = tokio::select! {
            prepared = timeout(PREPARING, line.hear()) => prepared,
            () = stop.wait() => bail!("{BUSY}"),
        };
        let FromHeir::Prepared = prepared.context("it took too long to prepare")?? else {
            bail!("it said something else than that it is prepared");
        };
        // From here on nothing but the heir's own word or silence ends it: who says `Yours` must also mean it.
        let _no_change = deployment.hold_changes().await;
        let estate = self.take().context(BUSY)?;
        match pass(&estate, line, deployment).await {
            Ok(()) => {
                // The listeners look at this once they hear of it.
                self.reach(Stage::Given);
                self.stoppers.iter().for_each(|stopper| stopper.hand_over());
                if let Some(pid) = peer.pid() {
                    notify::tell(&format!("MAINPID={pid}"));
                }
                Ok(())
            }
            Err(error) => {
                self.put(estate);
                Err(error)
            }
        }
    }
}

const BUSY: &str = "the running server is about to stop, or hands over to another one\n  hint: try again shortly";

/// Holds the ledger still, passes everything on, and gives the ledger up once the heir is ready.
async fn pass(estate: &Estate, line: &mut Line, deployment: &Deployment) -> anyhow::Result<()> {
    let ledger = deployment.recorder().ledger().clone();
    let held =
        tokio::task::spawn_blocking(move || ledger.hold()).await?.context("the ledger cannot change hands now")?;
    let lock = deployment.share_lock()?;
    let (ours, theirs) = pipe()?;
    let rights = [&estate.traffic, &estate.console, &estate.control].map(AsFd::as_fd);
    let [traffic, console, control] = rights;
    rights::send(line.0.get_ref(), [traffic, console, control, lock.as_fd(), held.lock().as_fd(), theirs.as_fd()])
        .await
        .context("sockets and locks could not be passed on")?;
    drop(theirs);
    let reached = held.reached();
    line.say(&FromElder::Held { records: reached.records, head: reached.head }).await?;
    let FromHeir::Ready = timeout(STANDSTILL, line.hear()).await.context("it took too long to open the ledger")??
    else {
        bail!("it said something else than that it is ready");
    };
    line.say(&FromElder::Yours).await?;
    held.give_up(ours);
    deployment.give_up();
    Ok(())
}

fn pipe() -> io::Result<(Pipe, Pipe)> {
    Pipe::pair()
}

/// Judges by what the heir judges by, whenever it says so. It ends where that is not possible.
async fn follow(line: &mut Line, deployment: &Deployment) -> anyhow::Error {
    loop {
        let followed = async {
            let FromHeir::Follow { files } = line.hear().await? else {
                bail!("it said something else than what to follow");
            };
            deployment.follow(files).await?;
            line.say(&FromElder::Followed).await
        };
        if let Err(error) = followed.await {
            return error;
        }
    }
}
