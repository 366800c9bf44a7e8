use std::sync::atomic::{AtomicU64, Ordering};

use phi_crypto::{KEY_VERSION, Purpose, Root, hex};
use phi_ledger::Ledger;
use phi_words::{Clock, Code, OrgId, Prompt, Refusal, Wait};

use crate::entry::{ENTRY_VERSION, KeyedHash, Line, Record};
use crate::refuse::Sieve;
use crate::{Act, Refused};

/// Writes everything that is written down.
#[derive(Debug)]
pub struct Recorder {
    pub(crate) ledger: Ledger,
    pub(crate) clock: Clock,
    root: Root,
    sieve: Sieve,
    pub(crate) counters: Counters,
}

/// What happened since the process started that no record tells.
#[derive(Debug, Default)]
pub struct Counters {
    /// Entries that were closed because their request was dropped by a bug, not by a caller.
    pub alarms: AtomicU64,
    /// Refusals that were counted and not written.
    pub unwritten: AtomicU64,
}

/// Why something could not be written down.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The ledger did not take it.
    #[error("the ledger did not take a record")]
    Ledger(#[source] phi_ledger::AppendError),
    /// It could not be put into words.
    #[error("a record could not be written as JSON")]
    Words(#[source] serde_json::Error),
}

impl From<&RecordError> for Refusal {
    fn from(error: &RecordError) -> Self {
        match error {
            RecordError::Ledger(_) => Self::new(
                Code::LedgerUnavailable,
                "the request cannot be recorded now, so it was not sent anywhere",
                "try again shortly; the operator finds the reason in `/readyz` and in the log",
            )
            .wait(Wait::new(std::time::Duration::from_secs(1))),
            RecordError::Words(_) => internal(),
        }
    }
}

/// What a caller is told of a bug.
pub(crate) fn internal() -> Refusal {
    Refusal::new(Code::Internal, "something went wrong on our side", "report the `x-request-id` to the operator")
}

impl Recorder {
    /// A recorder that writes to `ledger` and hashes with keys derived from `root`.
    pub fn new(ledger: Ledger, root: Root, clock: Clock) -> Self {
        Self { ledger, clock, root, sieve: Sieve::default(), counters: Counters::default() }
    }

    /// The ledger itself, to be read and verified.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What no record tells.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Writes down an act; it may take effect once this returns.
    ///
    /// # Errors
    /// Where the ledger does not take it: then it must not take effect.
    pub async fn act(&self, act: Act) -> Result<(), RecordError> {
        let bytes = self.line(Record::Act(Box::new(act.into_record())))?;
        self.ledger.append(bytes).await.map_err(RecordError::Ledger)?;
        Ok(())
    }

    /// Writes down a refusal of somebody we know, and waits until it is durable; of a stranger, without waiting.
    /// A flood is counted instead. Where the ledger does not take it the refusal stands all the same.
    pub async fn refuse(&self, refused: Refused) {
        let Some(unwritten) = self.sieve.take(&refused.who, self.clock.now()) else {
            self.counters.unwritten.fetch_add(1, Ordering::Relaxed);
            return;
        };
        let known = refused.who.is_ok();
        let Ok(bytes) = self.line(Record::Refused(Box::new(refused.into_record(unwritten)))) else { return };
        let pending = self.ledger.append(bytes);
        if known && let Err(error) = pending.await {
            tracing::warn!(error = %error, "a refusal could not be recorded");
        }
    }

    pub(crate) fn line(&self, record: Record) -> Result<Vec<u8>, RecordError> {
        Line { entry_version: ENTRY_VERSION, time: self.clock.now(), record }.to_bytes().map_err(RecordError::Words)
    }

    /// Commits to a payload without telling it.
    pub(crate) fn commitment(&self, org: OrgId, payload: &Prompt) -> KeyedHash {
        self.hash(Purpose::Payload(org), payload.expose_bytes())
    }

    /// Hashes the name of a person or a purpose without telling it. `what` keeps an actor from looking like a subject.
    pub(crate) fn person(&self, org: OrgId, what: &str, name: &str) -> KeyedHash {
        let key = self.root.derive(Purpose::Person(org));
        KeyedHash { key: KEY_VERSION, hash: hex(&key.tag(&[what.as_bytes(), name.as_bytes()])) }
    }

    fn hash(&self, purpose: Purpose, bytes: &[u8]) -> KeyedHash {
        KeyedHash { key: KEY_VERSION, hash: hex(&self.root.derive(purpose).tag(&[bytes])) }
    }
}
