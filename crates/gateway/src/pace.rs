//! How fast callers are told that there is no room: what is said costs time too, and those who ask again at once, whatever
//! `Retry-After` says, would have all of it.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Refusals that are said at once, each second; as many cost a hundredth of a processor.
const AT_ONCE: u32 = 200;
/// How long each beyond those waits: as long as `Retry-After` asks for at the least.
const PAUSE: Duration = Duration::from_secs(1);

/// Counts the refusals of the second at hand.
#[derive(Debug)]
pub(crate) struct Pace(Mutex<(Instant, u32)>);

impl Pace {
    pub(crate) fn new(now: Instant) -> Self {
        Self(Mutex::new((now, 0)))
    }

    /// How long one more is to wait before it is said.
    pub(crate) fn pause(&self, now: Instant) -> Duration {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, count) = *counted;
        *counted =
            if now.saturating_duration_since(since) < PAUSE { (since, count.saturating_add(1)) } else { (now, 1) };
        if counted.1 > AT_ONCE { PAUSE } else { Duration::ZERO }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_storm_waits_and_what_comes_now_and_then_does_not() {
        let began = Instant::now();
        let pace = Pace::new(began);
        let paused = |ms: u64| pace.pause(began + Duration::from_millis(ms)) == PAUSE;
        assert_eq!((0..5_000).filter(|at| paused(*at / 5)).count(), 4_800);
        assert!(!paused(1_000), "the next second");
        assert_eq!((2_000..1_000_000).step_by(5).filter(|ms| paused(*ms)).count(), 0, "two hundred a second");
    }
}
