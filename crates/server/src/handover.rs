//! How a running server, the elder, hands over to a new one, its heir, without a request lost. They talk over the control
//! socket:
//!
//! ```text
//! heir                                          elder
//! TakeOver ───────────────────────────────────▶ is it our own user, and nobody else before?
//! reads and checks everything ◀──────── Offer
//! Prepared ───────────────────────────────────▶ no change is made any more, the ledger's writer stops
//! opens the ledger, writes nothing ◀──── Held    and with it come sockets and locks
//! Ready ──────────────────────────────────────▶ sends its records to the heir from now on, accepts nothing more
//! writes, accepts ◀────────────────────── Yours
//! Follow, after each change ──────────────────▶ judges by it too
//! ```
//!
//! Up to `Yours` the elder can go on as if nothing had been, and does so where anything fails or takes too long. Nobody
//! writes the ledger between `Held` and `Yours`. The locks are never free: both hold them meanwhile.

mod elder;
mod heir;
mod relay;
mod rights;

use std::net::SocketAddr;

use anyhow::{Context, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

pub(crate) use elder::{Estate, Handover};
pub(crate) use heir::{Changed, Elder, Inheritance, Talk};
pub(crate) use relay::relay;

/// The version of these words.
const VERSION: u32 = 1;
const LONGEST: u64 = 64 << 10;

/// What an heir begins with.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TakeOver {
    take_over: u32,
}

/// What the elder has, so that the heir can say early where that is not what it wants.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Offer {
    /// Where the API listens.
    pub(crate) traffic: SocketAddr,
    /// Where probes are answered.
    pub(crate) console: SocketAddr,
    /// Whose ledger it is.
    pub(crate) origin: String,
    /// When a record of it counts as written.
    pub(crate) durability: String,
}

#[derive(Debug, Serialize, Deserialize)]
enum FromElder {
    Offer(Offer),
    /// How far the ledger is written.
    Held {
        records: u64,
        head: [u8; 32],
    },
    Yours,
    Followed,
    /// Why not, in a chain of causes.
    No(Vec<String>),
}

#[derive(Debug, Serialize, Deserialize)]
enum FromHeir {
    Prepared,
    Ready,
    Follow {
        /// Whether files have changed, and not the store alone.
        files: bool,
    },
}

/// A connection that carries a word in each line.
#[derive(Debug)]
struct Line(BufReader<UnixStream>);

impl Line {
    fn new(stream: UnixStream) -> Self {
        Self(BufReader::new(stream))
    }

    async fn say(&mut self, word: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(word)?;
        line.push(b'\n');
        self.0.write_all(&line).await.context("the other process does not listen")
    }

    async fn hear<T: DeserializeOwned>(&mut self) -> anyhow::Result<T> {
        let mut line = String::new();
        (&mut self.0).take(LONGEST).read_line(&mut line).await.context("the other process cannot be heard")?;
        if line.is_empty() {
            bail!("the other process has ended");
        }
        serde_json::from_str(&line).context("the other process says what is not known here")
    }
}
