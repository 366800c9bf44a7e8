use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use phi_police::share::is_fair;
use phi_words::OrgId;

/// What one further attempt costs.
const ONE: u64 = 100;
/// For so many seconds the reserve adds up while nobody needs it.
const KEPT: u64 = 10;

/// How much is asked of hosts at once, and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Restraint {
    /// Requests that wait for the first byte of one route at once, of which one organization has its share alone; one more
    /// goes to the next route.
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

/// What there is for further attempts, over the whole gateway: so that hosts in trouble are not asked ever more. One
/// organization takes no more than its share of it.
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
    /// What each organization took lately: of that a tenth is forgotten each second.
    taken: HashMap<OrgId, u64>,
    forgot: Timestamp,
}

impl Budget {
    pub(crate) fn new(restraint: Restraint, now: Timestamp) -> Self {
        let (percent, reserve) = (u64::from(restraint.retry_percent), u64::from(restraint.retry_reserve));
        let left = Left { hundredths: reserve * ONE * KEPT, as_of: now, taken: HashMap::new(), forgot: now };
        Self { percent, reserve, left: Mutex::new(left), refused: AtomicU64::new(0) }
    }

    /// A first attempt is made: it pays for a part of a further one.
    pub(crate) fn first(&self, now: Timestamp) {
        drop(self.pay(self.percent, now));
    }

    /// Whether there is one more further attempt for this organization; it is taken.
    pub(crate) fn further(&self, org: OrgId, now: Timestamp) -> bool {
        let mut left = self.pay(0, now);
        left.forget(now);
        let taken = left.taken.get(&org).copied().unwrap_or(0);
        let is_there = left.hundredths >= ONE && is_fair(whole(taken), whole(left.hundredths));
        if is_there {
            left.hundredths -= ONE;
            left.taken.insert(org, taken + ONE);
        } else {
            self.refused.fetch_add(1, Ordering::Relaxed);
        }
        is_there
    }

    /// How many further attempts there was nothing left for.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// Adds what the time since the last payment brought, and this.
    fn pay(&self, hundredths: u64, now: Timestamp) -> MutexGuard<'_, Left> {
        let mut left = self.left.lock().unwrap_or_else(PoisonError::into_inner);
        // A clock that was set back brings nothing; one that was set forward, no more than is kept.
        let passed = u64::try_from(now.duration_since(left.as_of).as_micros()).unwrap_or(0).min(KEPT * 1_000_000);
        let brought = passed * self.reserve * ONE / 1_000_000;
        if brought > 0 || now < left.as_of {
            left.as_of = now;
        }
        let most = self.reserve.max(1) * ONE * KEPT;
        left.hundredths = (left.hundredths + brought + hundredths).min(most);
        left
    }
}

impl Left {
    /// For each second that has passed; after a minute next to nothing is remembered.
    fn forget(&mut self, now: Timestamp) {
        let passed = now.duration_since(self.forgot).as_secs();
        if passed == 0 {
            return;
        }
        self.forgot = now;
        for _ in 0..passed.clamp(0, 60) {
            self.taken.values_mut().for_each(|taken| *taken = *taken * 9 / 10);
        }
        self.taken.retain(|_, taken| *taken > 0);
    }
}

fn whole(hundredths: u64) -> usize {
    usize::try_from(hundredths).unwrap_or(usize::MAX)
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

    /// What there is for all, taken by as many as it takes.
    fn spend(budget: &Budget, now: Timestamp) -> usize {
        (0..10_000).take_while(|_| budget.further(OrgId::new(), now)).count()
    }

    /// What there is for one.
    fn spend_as(org: OrgId, budget: &Budget, now: Timestamp) -> usize {
        (0..10_000).take_while(|_| budget.further(org, now)).count()
    }

    #[test]
    fn one_organization_leaves_further_attempts_for_others() {
        let (budget, greedy, late) = (budget(0, 10), OrgId::new(), OrgId::new());
        assert_eq!(spend_as(greedy, &budget, at(0)), 80);
        assert_eq!(spend_as(late, &budget, at(0)), 16);
        let mut taken = [0, 0];
        for ms in (1_000..600_000).step_by(10) {
            // One asks ten times as often.
            taken[0] += (0..10).filter(|_| budget.further(greedy, at(ms))).count();
            taken[1] += usize::from(budget.further(late, at(ms)));
        }
        assert!(taken[0] + taken[1] <= 6_000 && taken[0] + taken[1] > 5_900, "all of it is taken: {taken:?}");
        assert!(taken[1] * 10 >= taken[0] * 8, "and shared: {taken:?}");
        assert!(spend(&budget, at(600_000)) >= 10, "and some is there for who comes");
        let asked = (1..200).filter(|second| budget.further(OrgId::new(), at(600_000 + second * 1_000)));
        assert_eq!(asked.count(), 199);
        assert!(budget.left.lock().expect("whole").taken.len() < 60, "who took long ago is forgotten");
    }

    #[test]
    fn the_reserve_comes_back_with_time_and_does_not_pile_up() {
        let budget = budget(0, 10);
        assert_eq!(spend(&budget, at(0)), 100, "ten seconds of it are there at first");
        assert_eq!(spend(&budget, at(1_000)), 10);
        let any = (0..100).filter(|ms| budget.further(OrgId::new(), at(1_000 + ms)));
        assert_eq!(any.count(), 0, "less than one came back");
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
            further += (0..15).take_while(|_| budget.further(OrgId::new(), at(ms))).count();
        }
        assert!((650..=2_000 / 5 + 10 * 20 + 100).contains(&further), "{further}");
    }
}
