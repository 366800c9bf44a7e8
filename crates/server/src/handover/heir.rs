use std::fs::File;
use std::net::TcpListener;
use std::os::unix::net::{UnixListener, UnixStream as Pipe};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use phi_gateway::Stop;
use phi_ledger::Reached;
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::{FromElder, FromHeir, Line, Offer, TakeOver, VERSION, rights};
use crate::config::Config;
use crate::control::chained;

/// How long the elder may take to judge by a change.
const FOLLOWING: Duration = Duration::from_secs(5);

/// The server that runs.
#[derive(Debug)]
pub(crate) struct Elder {
    line: Line,
    offer: Offer,
}

/// What it passed on. The ledger must not be written before [`Elder::succeed`].
#[derive(Debug)]
pub(crate) struct Inheritance {
    /// Where the API listens.
    pub(crate) traffic: TcpListener,
    /// Where probes are answered.
    pub(crate) console: TcpListener,
    /// Where orders are taken.
    pub(crate) control: UnixListener,
    /// The lock of the data folder.
    pub(crate) lock: File,
    /// The lock of the ledger.
    pub(crate) ledger_lock: File,
    /// Brings the records that the elder writes from then on.
    pub(crate) records: Pipe,
    /// Where the ledger ends.
    pub(crate) reached: Reached,
}

impl Elder {
    /// Asks the running server to hand over; `None` where none runs.
    ///
    /// # Errors
    /// What the server said.
    pub(crate) async fn ask(socket: &Path) -> anyhow::Result<Option<Self>> {
        let Ok(stream) = UnixStream::connect(socket).await else { return Ok(None) };
        let mut line = Line::new(stream);
        line.say(&TakeOver { take_over: VERSION }).await?;
        let offer = line.hear().await.context("the running server does not hand over; it may be of an older version");
        let word = offer?;
        if let FromElder::Offer(offer) = word { Ok(Some(Self { line, offer })) } else { Err(unexpected(word)) }
    }

    /// Whether what the running server has is what the settings want.
    ///
    /// # Errors
    /// What needs a restart.
    pub(crate) fn fits(&self, config: &Config) -> anyhow::Result<()> {
        const HINT: &str = "hint: stop the running server, and start this one";
        let Offer { traffic, console, origin, durability } = &self.offer;
        crate::sockets::stands_at("listen.traffic", config.traffic, *traffic)?;
        crate::sockets::stands_at("listen.console", config.console, *console)?;
        if *origin != config.origin {
            bail!("the running server is `{origin}`, and not `{}`\n  {HINT}", config.origin);
        }
        if *durability != config.durability.to_string() {
            bail!("the running server has `record.durability` = `{durability}`\n  {HINT}");
        }
        Ok(())
    }

    /// Has it hold the ledger still, and pass everything on.
    ///
    /// # Errors
    /// What it said, or what of it did not arrive.
    pub(crate) async fn hold(&mut self) -> anyhow::Result<Inheritance> {
        self.line.say(&FromHeir::Prepared).await?;
        let rights = rights::receive(self.line.0.get_ref()).await.context("sockets and locks did not arrive")?;
        let (rights, (records, head)) = match (rights, self.line.hear().await?) {
            (Some(rights), FromElder::Held { records, head }) => (rights, (records, head)),
            (_, other) => return Err(unexpected(other)),
        };
        let [traffic, console, control, lock, ledger_lock, pipe] = rights;
        Ok(Inheritance {
            traffic: traffic.into(),
            console: console.into(),
            control: control.into(),
            lock: lock.into(),
            ledger_lock: ledger_lock.into(),
            records: pipe.into(),
            reached: Reached { records, head },
        })
    }

    /// Takes over. From now on everything is ours.
    ///
    /// # Errors
    /// Where the running server goes on instead: then nothing may be written.
    pub(crate) async fn succeed(mut self) -> anyhow::Result<Talk> {
        self.line.say(&FromHeir::Ready).await?;
        let word = self.line.hear().await?;
        if let FromElder::Yours = word { Ok(Talk(self.line)) } else { Err(unexpected(word)) }
    }
}

fn unexpected(word: FromElder) -> anyhow::Error {
    match word {
        FromElder::No(causes) => chained(causes),
        FromElder::Offer(_) | FromElder::Held { .. } | FromElder::Yours | FromElder::Followed => {
            anyhow::anyhow!("the running server said something else than what it should")
        }
    }
}

/// What still connects us with the elder: it judges by every change of ours.
#[derive(Debug)]
pub(crate) struct Talk(Line);

/// A change that the elder is to judge by.
#[derive(Debug)]
pub(crate) struct Changed {
    /// Whether files have changed, and not the store alone.
    pub(crate) files: bool,
    /// Who waits for it.
    pub(crate) waits: oneshot::Sender<()>,
}

impl Talk {
    /// Tells the elder of every change, until it is gone, or we have to end: then it ends as well. Whoever waits in vain
    /// need not care: an elder that cannot follow ends.
    pub(crate) async fn lead(mut self, mut changes: mpsc::Receiver<Changed>, mut stop: Stop) {
        loop {
            let changed = tokio::select! {
                () = stop.wait_end() => return,
                // It says nothing unasked, so this is its end.
                _ = self.0.hear::<FromElder>() => return,
                changed = changes.recv() => changed,
            };
            let Some(Changed { files, waits }) = changed else { return };
            let followed = async {
                self.0.say(&FromHeir::Follow { files }).await?;
                self.0.hear::<FromElder>().await
            };
            match timeout(FOLLOWING, followed).await {
                Ok(Ok(FromElder::Followed)) => drop(waits.send(())),
                Ok(_) | Err(_) => {
                    tracing::error!("the server before does not judge by a change, so it has to end");
                    return;
                }
            }
        }
    }
}
