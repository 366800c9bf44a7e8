use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// What one further attempt costs.
const ONE: u64 = 100;
/// For so many seconds the reserve adds up while nobody needs it.
const KEPT: u64 = 10;

/// How much is asked of hosts at once, and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restraint {
    /// Requests that wait for the first byte of one route at once; one more goes to the next route.
    pub waiting: usize,
    /// Further attempts, in percent of first ones.
    pub retry_percent: u32,
    /// Further attempts a second that are there beside those.
    pub retry_reserve: u32,
}

impl Default for Restraint {
    fn default() -> Self {
        Self { waiting: 256, retry_percent: 20, retry_reserve: 10 }
    }
}

/// What there is for further attempts, over the whole gateway: so that hosts in trouble are not asked ever more.
#[derive(Debug)]
pub(crate) struct Budget {
    percent: u64,
    reserve: u64,
    left: Mutex<Left>,
    refused: AtomicU64,
}

/// In hundredths of an attempt.
#[derive(Debug)]
struct Left {
    hundredths: u64,
    as_of: Timestamp,
}

impl Budget {
    pub(crate) fn new(restraint: Restraint, now: Timestamp) -> Self {
        let (percent, reserve) = (u64::from(restraint.retry_percent), u64::from(restraint.retry_reserve));
        let left = Mutex::new(Left { hundredths: reserve * ONE * KEPT, as_of: now });
        Self { percent, reserve, left, refused: AtomicU64::new(0) }
    }

    /// A first attempt is made: it pays for a part of a further one.
    pub(crate) fn first(&self, now: Timestamp) {
        self.pay(self.percent, now);
    }

    /// Whether there is one more further attempt; it is taken.
    pub(crate) fn further(&self, now: Timestamp) -> bool {
        self.pay(0, now);
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = left.hundredths.checked_sub(ONE);
        match rest {
            Some(rest) => left.hundredths = rest,
            None => drop(self.refused.fetch_add(1, Ordering::Relaxed)),
        }
        rest.is_some()
    }

    /// How many further attempts there was nothing left for.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Adds what the time since the last payment brought, and this.
    fn pay(&self, hundredths: u64, now: Timestamp) {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back brings nothing; one that was set forward, no more than is kept.
        let passed = u64::try_from(now.duration_since(left.as_of).as_micros()).unwrap_or(0).min(KEPT * 1_000_000);
        let brought = passed * self.reserve * ONE / 1_000_000;
        if brought > 0 || now < left.as_of {
            left.as_of = now;
        }
        let most = self.reserve.max(1) * ONE * KEPT;
        left.hundredths = (left.hundredths + brought + hundredths).min(most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(1_000_000_000 + ms).expect("a time")
    }

    fn budget(retry_percent: u32, retry_reserve: u32) -> Budget {
        Budget::new(Restraint { waiting: 1, retry_percent, retry_reserve }, at(0))
    }

    fn spend(budget: &Budget, now: Timestamp) -> usize {
        (0..10_000).take_while(|_| budget.further(now)).count()
    }

    #[test]
    fn the_reserve_comes_back_with_time_and_does_not_pile_up() {
        let budget = budget(0, 10);
        assert_eq!(spend(&budget, at(0)), 100, "ten seconds of it are there at first");
        assert_eq!(spend(&budget, at(1_000)), 10);
        assert_eq!((0..100).filter(|ms| budget.further(at(1_000 + ms))).count(), 0, "less than one came back");
        assert_eq!(spend(&budget, at(1_100)), 1, "of many small times nothing is lost");
        assert_eq!(spend(&budget, at(10_000_000)), 100);
        assert_eq!(spend(&budget, at(0)), 0, "a clock that is set back brings nothing");
        assert_eq!(spend(&budget, at(1_000)), 10, "and is followed");
        assert_eq!(budget.refused(), 106, "each that was refused is counted");
    }

    #[test]
    fn first_attempts_pay_for_a_share_of_further_ones() {
        let budget = budget(20, 0);
        assert_eq!(spend(&budget, at(0)), 0);
        (0..10).for_each(|_| budget.first(at(0)));
        assert_eq!(spend(&budget, at(0)), 2);
        (0..1_000).for_each(|_| budget.first(at(0)));
        assert_eq!(spend(&budget, at(0)), 10, "they are no reserve for a storm");
    }

    #[test]
    fn a_storm_reaches_hosts_no_more_often_than_the_budget_says() {
        let (budget, mut further) = (budget(20, 10), 0);
        // Twenty seconds of a hundred requests a second, each of which fails sixteen times.
        for ms in (0..20_000).step_by(10) {
            budget.first(at(ms));
            further += (0..15).take_while(|_| budget.further(at(ms))).count();
        }
        assert!((650..=2_000 / 5 + 10 * 20 + 100).contains(&further), "{further}");
    }
}
