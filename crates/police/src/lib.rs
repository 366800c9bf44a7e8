//! May they: judges a request before it is routed, each route before it is tried, and each frame of the answer.
//!
//! The floors of class and region ([`Police::terms`]) are law: no setting switches them off. The operator's own rules
//! find their place in [`Permit`], which judges requests and routes, and in [`Judge`], which judges answers.

mod floors;
mod judge;
mod limits;
mod permit;
pub mod share;
mod terms;

use std::sync::Arc;

use phi_identify::{Caller, Limits};
use phi_words::{Clock, Refusal};

pub use judge::{Heard, Judge, Verdict};
use limits::Counted;
pub use limits::{Admission, Limiter, Rate, Slot};
pub use permit::{Ask, Facts, Permit};
pub use terms::{Mark, Marks, Terms, Wishes};

/// What a test key may ask, whatever its agent may.
const TEST_KEY: Limits =
    Limits { requests_per_minute: Some(60), tokens_per_minute: Some(100_000), concurrency: Some(4) };

/// The phase that says who may do what.
#[derive(Debug)]
pub struct Police {
    limiter: Arc<Limiter>,
    rule: judge::Source,
}

impl Police {
    /// Police on the beat of `clock`.
    pub fn new(clock: Clock) -> Self {
        Self { limiter: Arc::new(Limiter::new(clock)), rule: judge::Source::none() }
    }

    /// The same, judging every answer by the rule that `make` makes anew for each.
    #[must_use]
    pub fn with_answer_rule<R>(mut self, make: impl Fn() -> R + Send + Sync + 'static) -> Self
    where
        R: FnMut(Heard) -> Verdict + Send + 'static,
    {
        self.rule = judge::Source::new(make);
        self
    }

    /// Takes a place for one request within the agent's limits; the place is given back when the slot is dropped.
    ///
    /// # Errors
    /// `rate_limited`, with the time until a place is free.
    pub fn admit(&self, caller: &Caller) -> Result<Slot, Box<Admission>> {
        let counted = Counted { agent: caller.agent().id, test: caller.is_test() };
        let limits = if caller.is_test() { TEST_KEY } else { caller.limits() };
        self.limiter.admit(counted, &limits)
    }

    /// Settles region and class: what the caller wishes, within the floors of token and organization.
    ///
    /// # Errors
    /// `class_floor` and `region_floor`.
    pub fn terms(&self, caller: Caller, wishes: Wishes) -> Result<Terms, Refusal> {
        floors::terms(caller, wishes)
    }

    /// Judges what is asked. The operator's own rules will speak here; until there are any, whatever the floors
    /// admitted is permitted, and the permit still judges each route.
    ///
    /// # Errors
    /// `policy_denied`, naming the rule.
    pub fn permit(&self, ask: Ask) -> Result<Permit, Refusal> {
        Ok(Permit::new(ask, self.rule.judge()))
    }
}
