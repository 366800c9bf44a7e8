use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use phi_identify::Limits;
use phi_words::{AgentId, Clock, Code, Refusal, Wait};

/// Counts requests, tokens and concurrent requests of every agent in buckets that refill evenly over a minute.
#[derive(Debug)]
pub struct Limiter {
    clock: Clock,
    agents: Mutex<HashMap<Counted, Counts>>,
}

/// Who is counted: an agent's test keys are counted apart from its live ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Counted {
    pub(crate) agent: AgentId,
    pub(crate) test: bool,
}

/// What is left to an agent, in OpenAI's `x-ratelimit-*` terms. `None` where there is no such limit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Rate {
    /// Of requests a minute.
    pub requests: Option<Left>,
    /// Of tokens a minute.
    pub tokens: Option<Left>,
}

/// One bucket: its size, what is left, and how long until it is full again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Left {
    /// The size.
    pub limit: u32,
    /// What is left, never below zero.
    pub remaining: u32,
    /// Until it is full.
    pub reset: Duration,
}

/// A refusal for want of a place, and what is left.
#[derive(Debug)]
pub struct Admission {
    /// What to say.
    pub refusal: Refusal,
    /// What is left.
    pub rate: Rate,
}

/// The place of one request. Dropping it gives the place back.
#[derive(Debug)]
pub struct Slot {
    limiter: Arc<Limiter>,
    counted: Counted,
    tokens_limit: Option<u32>,
    rate: Rate,
}

impl Slot {
    /// What was left when the request came in.
    pub fn rate(&self) -> Rate {
        self.rate
    }

    /// Takes what the request consumed out of the agent's bucket of tokens; it may fall below zero.
    pub fn settle(&self, tokens: u64) {
        let Some(limit) = self.tokens_limit else { return };
        let now = self.limiter.micros();
        let mut agents = self.limiter.agents();
        if let Some(counts) = agents.get_mut(&self.counted) {
            counts.tokens.refill(limit, now);
            counts.tokens.spend(limit, tokens);
        }
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(counts) = self.limiter.agents().get_mut(&self.counted) {
            counts.running = counts.running.saturating_sub(1);
        }
    }
}

impl Limiter {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, agents: Mutex::new(HashMap::new()) }
    }

    pub(crate) fn admit(self: &Arc<Self>, counted: Counted, limits: &Limits) -> Result<Slot, Box<Admission>> {
        let now = self.micros();
        let mut agents = self.agents();
        let counts = agents.entry(counted).or_insert_with(|| Counts::full(limits, now));
        let refused = counts.take(limits, now);
        let rate = counts.rate(limits);
        match refused {
            Some(refusal) => Err(Box::new(Admission { refusal, rate })),
            None => Ok(Slot { limiter: Arc::clone(self), counted, tokens_limit: limits.tokens_per_minute, rate }),
        }
    }

    fn micros(&self) -> i64 {
        self.clock.now().as_microsecond()
    }

    /// The counts are plain numbers, whole at every moment, so a panic elsewhere cannot have broken them.
    fn agents(&self) -> MutexGuard<'_, HashMap<Counted, Counts>> {
        self.agents.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Counts {
    requests: Bucket,
    tokens: Bucket,
    running: u32,
}

impl Counts {
    fn full(limits: &Limits, now: i64) -> Self {
        let bucket = |limit: Option<u32>| Bucket { level: i64::from(limit.unwrap_or(0)) * MINUTE, seen: now };
        Self { requests: bucket(limits.requests_per_minute), tokens: bucket(limits.tokens_per_minute), running: 0 }
    }

    /// Takes one place, or says why there is none. Nothing is taken where anything is lacking.
    fn take(&mut self, limits: &Limits, now: i64) -> Option<Refusal> {
        if let Some(limit) = limits.tokens_per_minute {
            self.tokens.refill(limit, now);
            if let Some(wait) = self.tokens.wait(limit, 1) {
                return Some(refusal("tokens a minute", limit, wait));
            }
        }
        if let Some(limit) = limits.requests_per_minute {
            self.requests.refill(limit, now);
            if let Some(wait) = self.requests.wait(limit, 1) {
                return Some(refusal("requests a minute", limit, wait));
            }
        }
        if let Some(limit) = limits.concurrency
            && self.running >= limit
        {
            return Some(refusal("requests at once", limit, Duration::from_secs(1)));
        }
        if let Some(limit) = limits.requests_per_minute {
            self.requests.spend(limit, 1);
        }
        self.running = self.running.saturating_add(1);
        None
    }

    fn rate(&self, limits: &Limits) -> Rate {
        Rate {
            requests: limits.requests_per_minute.map(|limit| self.requests.left(limit)),
            tokens: limits.tokens_per_minute.map(|limit| self.tokens.left(limit)),
        }
    }
}

fn refusal(what: &str, limit: u32, wait: Duration) -> Refusal {
    Refusal::new(
        Code::RateLimited,
        format!("this agent has used up its {limit} {what}"),
        "wait as `Retry-After` says, or ask the operator for a higher limit",
    )
    .wait(Wait::new(wait))
}

/// A bucket whose level is counted in units times microseconds of a minute, so that refilling is exact in integers.
#[derive(Debug)]
struct Bucket {
    level: i64,
    seen: i64,
}

const MINUTE: i64 = 60_000_000;
/// How far the clock may lie behind, since two requests can read it in the other order.
const SLACK: i64 = 1_000_000;

impl Bucket {
    /// A clock that runs backwards refills nothing. One that is further behind than two requests can read it was set
    /// back, and is followed: else nothing would be refilled until it is where it was.
    fn refill(&mut self, limit: u32, now: i64) {
        let passed = now.saturating_sub(self.seen).clamp(0, 2 * MINUTE);
        if passed > 0 || self.seen.saturating_sub(now) > SLACK {
            self.seen = now;
        }
        let full = i64::from(limit) * MINUTE;
        self.level = self.level.saturating_add(passed * i64::from(limit)).min(full);
    }

    fn spend(&mut self, limit: u32, units: u64) {
        let units = i64::try_from(units).unwrap_or(i64::MAX).saturating_mul(MINUTE);
        // A single lying or huge request may silence an agent for ten minutes, not for ever.
        self.level = self.level.saturating_sub(units).max(-10 * i64::from(limit) * MINUTE);
    }

    /// How long until so many units are there; `None` where they are.
    fn wait(&self, limit: u32, units: i64) -> Option<Duration> {
        let lacking = units * MINUTE - self.level;
        if lacking <= 0 {
            return None;
        }
        Some(match limit {
            0 => Duration::from_secs(60),
            limit => Duration::from_micros(u64::try_from(lacking / i64::from(limit) + 1).unwrap_or(u64::MAX)),
        })
    }

    fn left(&self, limit: u32) -> Left {
        let remaining = u32::try_from(self.level / MINUTE).unwrap_or(0);
        let lacking = i64::from(limit) * MINUTE - self.level;
        let micros = if limit == 0 { MINUTE } else { lacking / i64::from(limit) };
        Left { limit, remaining, reset: Duration::from_micros(u64::try_from(micros).unwrap_or(0)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(requests: Option<u32>, tokens: Option<u32>, concurrency: Option<u32>) -> Limits {
        Limits { requests_per_minute: requests, tokens_per_minute: tokens, concurrency }
    }

    fn someone() -> Counted {
        Counted { agent: AgentId::new(), test: false }
    }

    fn limiter() -> (Arc<Limiter>, Clock) {
        let clock = Clock::manual(jiff::Timestamp::UNIX_EPOCH);
        (Arc::new(Limiter::new(clock.clone())), clock)
    }

    #[test]
    fn requests_run_out_and_come_back_evenly() {
        let (limiter, clock) = limiter();
        let (agent, limits) = (someone(), limits(Some(2), None, None));
        for remaining in [1, 0] {
            let slot = limiter.admit(agent, &limits).expect("within the limit");
            assert_eq!(slot.rate().requests.map(|left| left.remaining), Some(remaining));
        }
        let refused = limiter.admit(agent, &limits).expect_err("over the limit");
        assert_eq!(refused.refusal.code, Code::RateLimited);
        assert_eq!(refused.refusal.wait.map(Wait::seconds), Some(31));
        clock.advance(Duration::from_secs(30));
        assert!(limiter.admit(agent, &limits).is_ok());
        assert!(limiter.admit(agent, &limits).is_err());
        assert!(limiter.admit(someone(), &limits).is_ok(), "another agent has its own bucket");
    }

    #[test]
    fn tokens_are_settled_after_and_may_fall_below_zero() {
        let (limiter, clock) = limiter();
        let (agent, limits) = (someone(), limits(None, Some(100), None));
        limiter.admit(agent, &limits).expect("full").settle(150);
        let refused = limiter.admit(agent, &limits).expect_err("51 tokens short");
        assert_eq!(refused.rate.tokens.map(|left| left.remaining), Some(0));
        clock.advance(Duration::from_secs(31));
        assert!(limiter.admit(agent, &limits).is_ok());
    }

    #[test]
    fn a_place_is_given_back_when_its_slot_is_dropped() {
        let (limiter, _) = limiter();
        let (agent, limits) = (someone(), limits(None, None, Some(1)));
        let slot = limiter.admit(agent, &limits).expect("first");
        assert!(limiter.admit(agent, &limits).is_err());
        drop(slot);
        assert!(limiter.admit(agent, &limits).is_ok());
    }

    #[test]
    fn a_clock_that_runs_backwards_gives_nothing_away() {
        let mut bucket = Bucket { level: 0, seen: 50 * MINUTE };
        bucket.refill(60, 0);
        assert_eq!(bucket.level, 0);
        bucket.refill(60, 51 * MINUTE);
        assert_eq!(bucket.left(60).remaining, 60);
    }

    #[test]
    fn a_clock_that_was_set_back_silences_nobody_until_it_is_where_it_was() {
        let year = 365 * 24 * 60 * MINUTE;
        let mut bucket = Bucket { level: 0, seen: year };
        bucket.refill(60, 0);
        assert_eq!((bucket.left(60).remaining, bucket.wait(60, 1)), (0, Some(Duration::from_micros(1_000_001))));
        bucket.refill(60, MINUTE / 2);
        assert_eq!(bucket.left(60).remaining, 30);
        bucket.refill(60, MINUTE / 2 - SLACK);
        bucket.refill(60, MINUTE / 2);
        assert_eq!(bucket.left(60).remaining, 30, "requests that read the clock in another order bring nothing");
    }

    #[test]
    fn test_keys_are_counted_apart() {
        let (limiter, _) = limiter();
        let (live, limits) = (someone(), limits(Some(1), None, None));
        assert!(limiter.admit(live, &limits).is_ok() && limiter.admit(live, &limits).is_err());
        assert!(limiter.admit(Counted { test: true, ..live }, &limits).is_ok());
    }

    #[test]
    fn a_limit_of_zero_admits_nobody() {
        let (limiter, _) = limiter();
        assert!(limiter.admit(someone(), &limits(Some(0), None, None)).is_err());
    }
}
