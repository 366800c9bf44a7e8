use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use phi_crypto::{KEY_VERSION, Purpose, Root, hex};
use phi_ledger::{Ledger, Pending};
use phi_words::{Clock, Code, OrgId, Prompt, Refusal, Wait};

use crate::carried::Carried;
use crate::entry::{KeyedHash, Line, Record};
use crate::outage::Outage;
use crate::refuse::Sieve;
use crate::{Act, Refused};

/// Writes everything that is written down.
#[derive(Debug)]
pub struct Recorder {
    pub(crate) ledger: Ledger,
    pub(crate) clock: Clock,
    root: Root,
    sieve: Sieve,
    standing: Mutex<Standing>,
    pub(crate) outage: Outage,
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

/// What stands open where the ledger ends, and since when the ledger says so.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    pub(crate) carried: Carried,
    /// How many landmarks were passed when it was last written down; `None` where it is to be written down again.
    pub(crate) said: Option<u64>,
    /// What a dead process left, for who asks next.
    pub(crate) left: Option<Carried>,
}

/// Why something could not be written down.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// The ledger did not take it.
    #[error("the ledger did not take a record")]
    Ledger(#[source] phi_ledger::AppendError),
    /// The ledger takes too long.
    #[error("the ledger did not take a record in time")]
    Late,
    /// It could not be put into words.
    #[error("a record could not be written as JSON")]
    Words(#[source] serde_json::Error),
}

impl From<&RecordError> for Refusal {
    fn from(error: &RecordError) -> Self {
        match error {
            RecordError::Ledger(_) | RecordError::Late => Self::new(
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
        let standing = Mutex::new(Standing { said: Some(ledger.landmarks_passed()), ..Standing::default() });
        let (sieve, outage, counters) = (Sieve::default(), Outage::default(), Counters::default());
        Self { ledger, clock, root, sieve, standing, outage, counters }
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
        let record = Record::Act(Box::new(act.into_record()));
        self.in_time(self.send(&record)?).await?;
        // What could not be recorded is not done, and changes nothing.
        self.standing().carried.follow(&record);
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
        let Ok(pending) = self.send(&Record::Refused(Box::new(refused.into_record(unwritten)))) else { return };
        if known && let Err(error) = self.in_time(pending).await {
            self.outage.failed(&error, self.clock.now());
        }
    }

    /// Sends a record to the ledger: the end of a call to be kept, everything else to be appended. All records go through
    /// here, so that what is carried over says exactly what the records before it do.
    pub(crate) fn send(&self, record: &Record) -> Result<Pending, RecordError> {
        self.put(record, self.line(record)?)
    }

    /// The same with its bytes.
    pub(crate) fn put(&self, record: &Record, bytes: Vec<u8>) -> Result<Pending, RecordError> {
        let mut standing = self.standing();
        let pending = match record {
            Record::Closed(_) => self.ledger.keep(bytes),
            Record::Opened(_) | Record::Refused(_) | Record::Act(_) => self.ledger.append(bytes),
        };
        match record {
            Record::Opened(_) | Record::Closed(_) => standing.carried.follow(record),
            Record::Refused(_) | Record::Act(_) => {}
        }
        let passed = Some(self.ledger.landmarks_passed());
        if standing.said != passed {
            for act in standing.carried.acts() {
                // Where the ledger does not take it, there is another one after the next landmark.
                drop(self.ledger.append(self.line(&Record::Act(Box::new(act.into_record())))?));
            }
            standing.said = passed;
        }
        Ok(pending)
    }

    /// Waits for a record no longer than a batch may take.
    pub(crate) async fn in_time(&self, pending: Pending) -> Result<(), RecordError> {
        match tokio::time::timeout(self.ledger.patience(), pending).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(RecordError::Ledger(error)),
            Err(_) => Err(RecordError::Late),
        }
    }

    pub(crate) fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, record: &Record) -> Result<Vec<u8>, RecordError> {
        Line::write(record, self.clock.now()).map_err(RecordError::Words)
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
