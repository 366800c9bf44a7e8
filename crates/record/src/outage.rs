use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// Says once that the ledger takes no records, then once a minute how many it did not take, and once that it takes them
/// again: a full disk must not be filled by the words about it.
#[derive(Debug, Default)]
pub(crate) struct Outage {
    lasts: AtomicBool,
    said: Mutex<Option<Said>>,
}

#[derive(Debug, Clone, Copy)]
struct Said {
    at: Timestamp,
    /// How many failed since.
    since: u64,
}

/// How long it is silent after each line.
const SILENCE: SignedDuration = SignedDuration::from_secs(60);

impl Outage {
    /// A record was not taken. True where that was said.
    pub(crate) fn failed(&self, error: &(dyn Error + 'static), now: Timestamp) -> bool {
        self.lasts.store(true, Ordering::SeqCst);
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let since = said.map_or(0, |said| said.since) + 1;
        // A clock that was set back must not silence it either.
        if said.is_some_and(|said| now.duration_since(said.at).abs() < SILENCE) {
            *said = said.map(|said| Said { since, ..said });
            return false;
        }
        tracing::error!(error, records = since, "the ledger does not take records; calls are refused");
        *said = Some(Said { at: now, since: 0 });
        true
    }

    /// A record was taken. True where it was said that an outage is over.
    pub(crate) fn worked(&self) -> bool {
        if !self.lasts.swap(false, Ordering::SeqCst) {
            return false;
        }
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner).take();
        tracing::info!(records = said.map_or(0, |said| said.since), "the ledger takes records again");
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_said_at_its_beginning_each_minute_and_at_its_end() {
        let (outage, error) = (Outage::default(), std::io::Error::other("full"));
        let at = |second| Timestamp::from_second(second).expect("a time");
        assert!(!outage.worked(), "nothing to say");
        assert!(outage.failed(&error, at(100)));
        let said = (0..10_000).filter(|n| outage.failed(&error, at(100 + n / 100))).count();
        assert_eq!(said, 1, "10,000 in 100 seconds");
        assert!(outage.failed(&error, at(10)), "the clock was set back");
        assert!(outage.worked());
        assert!(!outage.worked());
        assert!(outage.failed(&error, at(11)), "the next one is another");
    }
}
