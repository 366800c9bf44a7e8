//! Records of another process: one that gave its ledger to us, and still has calls that are open.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use phi_ledger::Pending;
use phi_words::{RequestId, RouteId};

use crate::carried::Carried;
use crate::entry::{Incident, Line, Record};
use crate::history::{HistoryError, unknown};
use crate::recorder::Recorder;

/// Writes the records of the process that had the ledger before, and knows which of its calls are open. It must be told of
/// the end of that process: see [`Relay::end`].
#[derive(Debug)]
pub struct Relay {
    recorder: Arc<Recorder>,
    open: BTreeSet<RequestId>,
}

/// A record that was taken in.
#[derive(Debug)]
#[must_use = "its process waits to hear what became of it"]
pub struct Relayed {
    /// Resolves once it counts as written; `None` where it is not to be written, since we say ourselves what it says.
    pub pending: Option<Pending>,
    /// The call that it opens.
    pub opens: Option<RequestId>,
    /// Whether it is kept in memory where the ledger cannot take it now.
    pub kept: bool,
    /// Routes that answered from elsewhere than planned.
    pub astray: Vec<RouteId>,
}

/// What came is no record of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("what the process before sent is no record that this version knows")]
pub struct NotARecord;

impl Recorder {
    /// Takes the calls that are open in the ledger for those of the process before, which closes them itself. To be asked
    /// before anything else is written. `longest` is the longest that a call may take.
    ///
    /// # Errors
    /// Where the ledger cannot be read.
    pub async fn relay(self: &Arc<Self>, longest: Duration) -> Result<Relay, HistoryError> {
        let open = self.inherit(longest).await?.calls;
        // What is carried over is said anew by who writes now.
        self.standing().said = None;
        Ok(Relay { recorder: Arc::clone(self), open })
    }
}

impl Relay {
    /// Sends a record of that process to the ledger, byte for byte.
    ///
    /// # Errors
    /// What came is no record: nothing more of that process must be taken.
    pub fn take(&mut self, bytes: Vec<u8>) -> Result<Relayed, NotARecord> {
        let record = Line::parse(&bytes).map_err(|_| NotARecord)?.record;
        let kept = matches!(record, Record::Closed(_));
        let (mut opens, mut astray) = (None, Vec::new());
        match &record {
            Record::Opened(opened) => {
                self.open.insert(opened.id);
                opens = Some(opened.id);
            }
            Record::Closed(closed) => {
                self.open.remove(&closed.id);
                astray.extend(closed.incidents.iter().filter_map(|incident| match incident {
                    Incident::Region { route } => Some(route.clone()),
                    Incident::Model { .. } | Incident::Usage { .. } => None,
                }));
            }
            // It knows nothing of what we wrote since.
            Record::Act(_) if Carried::is_said_by(&record) => {
                return Ok(Relayed { pending: None, opens, kept, astray });
            }
            Record::Act(_) | Record::Refused(_) => {}
        }
        let pending = self.recorder.put(&record, bytes).map_err(|_| NotARecord)?;
        Ok(Relayed { pending: Some(pending), opens, kept, astray })
    }

    /// The ledger did not take the record that opens a call: so there is nothing to be closed.
    pub fn unopened(&mut self, id: RequestId) {
        self.open.remove(&id);
        self.recorder.standing().carried.calls.remove(&id);
    }

    /// The process is gone: what it left open is closed as `unknown`. Says how many those were.
    pub async fn end(self) -> usize {
        let mut pending = Vec::new();
        for id in &self.open {
            pending.extend(self.recorder.send(&Record::Closed(Box::new(unknown(*id)))));
        }
        for closed in pending {
            if let Err(error) = closed.await {
                tracing::error!(error = &error as &dyn std::error::Error, "an entry is not yet closed as unknown");
            }
        }
        self.open.len()
    }
}

#[cfg(test)]
mod tests {
    use phi_crypto::Root;
    use phi_ledger::{Durability, Ledger, Options};
    use phi_words::Clock;

    use super::*;
    use crate::entry::{ClosedRecord, ENTRY_VERSION, Status};
    use crate::history::tests::opened;
    use crate::{Act, By};

    const LONGEST: Duration = Duration::from_secs(600);

    fn recorder(folder: &std::path::Path) -> Arc<Recorder> {
        let (ledger, _) = Ledger::open(folder, Options::new("test/1", Durability::Disk)).expect("opened");
        Arc::new(Recorder::new(ledger, Root::from_bytes(&[7; 32]), Clock::System))
    }

    fn closed(id: RequestId, incidents: Vec<Incident>) -> Record {
        Record::Closed(Box::new(ClosedRecord { status: Status::Answered, incidents, ..unknown(id) }))
    }

    fn bytes(record: &Record) -> Vec<u8> {
        let line = Line { entry_version: ENTRY_VERSION, time: Clock::System.now(), record: record.clone() };
        line.to_bytes().expect("JSON")
    }

    async fn take(relay: &mut Relay, record: &Record) -> Relayed {
        let mut relayed = relay.take(bytes(record)).expect("a record");
        relayed.pending.take().expect("to be written").await.expect("written");
        relayed
    }

    #[tokio::test]
    async fn calls_of_the_process_before_stay_open_until_it_closes_them_or_is_gone() {
        let folder = tempfile::tempdir().expect("a folder");
        let ids: Vec<RequestId> = (0..4).map(|_| RequestId::new()).collect();
        let elder = recorder(folder.path());
        for id in ids.iter().take(2) {
            elder.send(&opened(*id)).expect("a record").await.expect("written");
        }
        elder.ledger().shutdown().expect("written");

        let heir = recorder(folder.path());
        let mut relay = heir.relay(LONGEST).await.expect("read");
        heir.send(&opened(ids[3])).expect("a record").await.expect("written");
        let relayed = take(&mut relay, &closed(ids[0], vec![])).await;
        assert_eq!((relayed.kept, relayed.opens, relayed.astray.len()), (true, None, 0));
        let relayed = take(&mut relay, &opened(ids[2])).await;
        assert_eq!((relayed.kept, relayed.opens), (false, Some(ids[2])));
        let astray = Incident::Region { route: "a-model".parse().expect("a route") };
        assert_eq!(take(&mut relay, &closed(ids[2], vec![astray])).await.astray.len(), 1);
        assert_eq!(relay.end().await, 1, "one was not closed");
        heir.ledger().shutdown().expect("written");

        let next = recorder(folder.path());
        for (id, status) in
            [(0, Some(Status::Answered)), (1, Some(Status::Unknown)), (2, Some(Status::Answered)), (3, None)]
        {
            let found = next.call(ids[id]).await.expect("read");
            let statuses: Vec<_> = found
                .iter()
                .filter_map(|found| match &found.line.record {
                    Record::Closed(closed) => Some(closed.status),
                    Record::Opened(_) | Record::Refused(_) | Record::Act(_) => None,
                })
                .collect();
            assert_eq!(statuses, Vec::from_iter(status), "{id}");
        }
        assert_eq!(next.close_unknown(LONGEST).await.expect("read"), 1, "the heir's own is carried over, and no other");
    }

    #[tokio::test]
    async fn what_was_not_opened_is_not_closed_and_what_it_carries_over_is_not_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let heir = recorder(folder.path());
        let mut relay = heir.relay(LONGEST).await.expect("read");
        let id = RequestId::new();
        drop(take(&mut relay, &opened(id)).await);
        relay.unopened(id);
        let mut carried = Carried::default();
        carried.follow(&opened(id));
        for act in carried.acts() {
            let relayed = relay.take(bytes(&Record::Act(Box::new(act.into_record())))).expect("a record");
            assert!(relayed.pending.is_none());
        }
        drop(take(&mut relay, &Record::Act(Box::new(Act::new(By::Server, "vault.lease").into_record()))).await);
        assert_eq!(relay.take(b"{}".to_vec()).err(), Some(NotARecord));
        assert_eq!(relay.end().await, 0);
    }
}
