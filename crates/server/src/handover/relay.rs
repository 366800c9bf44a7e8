use std::collections::VecDeque;
use std::os::unix::net::UnixStream as Pipe;
use std::sync::Arc;
use std::time::Duration;

use phi_gateway::Stop;
use phi_ledger::{AppendError, Fate, Fault, Pending, Word};
use phi_record::{Relay, Relayed};
use phi_words::RequestId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use crate::deployment::Deployment;

/// How long the elder may take to end once we have to.
const LAST_RECORDS: Duration = Duration::from_secs(5);

/// Writes what the elder sends, and says what became of it, until the elder is gone. What it left open is closed then.
pub(crate) async fn relay(records: Pipe, mut relay: Relay, deployment: Arc<Deployment>, mut stop: Stop) {
    let over = async {
        stop.wait_end().await;
        tokio::time::sleep(LAST_RECORDS).await;
    };
    let error = tokio::select! {
        error = pass_on(records, &mut relay, &deployment) => error,
        () = over => None,
    };
    if let Some(error) = error {
        tracing::error!(error = format!("{error:#}"), "no more records of the server before are taken");
    }
    let unknown = relay.end().await;
    if unknown > 0 {
        tracing::warn!(calls = unknown, "the server before died in mid-call; these calls are closed as unknown");
    }
}

/// A record that is on its way.
struct Waiting {
    pending: Option<Pending>,
    opens: Option<RequestId>,
    kept: bool,
}

/// `None` once the elder has said all.
async fn pass_on(records: Pipe, relay: &mut Relay, deployment: &Deployment) -> Option<anyhow::Error> {
    let passing = async {
        records.set_nonblocking(true)?;
        let (mut from, mut to) = UnixStream::from_std(records)?.into_split();
        let (mut bytes, mut waiting) = (Vec::new(), VecDeque::new());
        loop {
            let word = tokio::select! {
                biased;
                word = word(&mut waiting, relay), if !waiting.is_empty() => word,
                read = from.read_buf(&mut bytes) => {
                    if read? == 0 {
                        return Ok(());
                    }
                    for record in whole(&mut bytes) {
                        let Relayed { pending, opens, kept, astray } = relay.take(record)?;
                        astray.iter().for_each(|route| deployment.gateway().health().withdraw(route));
                        waiting.push_back(Waiting { pending, opens, kept });
                    }
                    continue;
                }
            };
            to.write_all(&word.to_bytes()).await?;
        }
    };
    let passed: anyhow::Result<()> = passing.await;
    passed.err()
}

/// What became of the first of those that wait. It may be dropped, and asked again.
async fn word(waiting: &mut VecDeque<Waiting>, relay: &mut Relay) -> Word {
    let Some(first) = waiting.front_mut() else { return std::future::pending().await };
    let written = match &mut first.pending {
        None => Ok(0),
        Some(pending) => pending.await.map(|position| position.index),
    };
    let word = match written {
        Ok(index) => Word { fate: Fate::Written, index },
        Err(AppendError::Unavailable(Fault::Disk { .. } | Fault::Damaged(_) | Fault::Behind { .. })) if first.kept => {
            Word { fate: Fate::Kept, index: 0 }
        }
        Err(AppendError::Unavailable(_) | AppendError::TooLong { .. }) => {
            first.opens.into_iter().for_each(|id| relay.unopened(id));
            Word { fate: Fate::Refused, index: 0 }
        }
    };
    waiting.pop_front();
    word
}

/// The records that have come whole, each behind its length.
fn whole(bytes: &mut Vec<u8>) -> Vec<Vec<u8>> {
    let (mut records, mut at) = (Vec::new(), 0);
    while let Some([high, low]) = bytes.get(at..at + 2).and_then(|two| <[u8; 2]>::try_from(two).ok()) {
        let length = usize::from(u16::from_be_bytes([high, low]));
        let Some(record) = bytes.get(at + 2..at + 2 + length) else { break };
        records.push(record.to_vec());
        at += 2 + length;
    }
    bytes.drain(..at);
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_whole_however_they_are_split() {
        let sent = [&[0, 3][..], b"one", &[0, 0], &[1, 4], &[7; 260], &[0, 1], b"x"].concat();
        for step in 1..20 {
            let (mut bytes, mut records) = (Vec::new(), Vec::new());
            for piece in sent.chunks(step) {
                bytes.extend_from_slice(piece);
                records.extend(whole(&mut bytes));
            }
            assert_eq!(records, [b"one".to_vec(), vec![], vec![7; 260], b"x".to_vec()], "{step}");
            assert!(bytes.is_empty());
        }
    }
}
