use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use phi_record::Ended;
use phi_route::health::{Sign, Trial};
use phi_words::{Clock, RouteId};

/// One attempt at one route, from its beginning to the end of its answer. Dropped, it was the caller who left.
#[derive(Debug)]
pub(crate) struct Turn {
    route: RouteId,
    trial: Option<Trial>,
    clock: Clock,
    tally: Arc<Tally>,
}

/// How many attempts ended how, by route.
#[derive(Debug, Default)]
pub(crate) struct Tally(Mutex<HashMap<(RouteId, Ended), u64>>);

impl Turn {
    pub(crate) fn new(route: RouteId, trial: Trial, clock: Clock, tally: Arc<Tally>) -> Self {
        Self { route, trial: Some(trial), clock, tally }
    }

    /// The host has begun to answer.
    pub(crate) fn answers(&mut self) {
        self.trial.iter_mut().for_each(Trial::answers);
    }

    /// The attempt is over: how it ended, and what that shows of the route.
    pub(crate) fn end(&mut self, ended: Ended, sign: Sign) {
        if let Some(trial) = self.trial.take() {
            trial.end(sign, self.clock.now());
            self.tally.count(&self.route, ended);
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.end(Ended::CallerLeft, Sign::Nothing);
    }
}

impl Tally {
    fn count(&self, route: &RouteId, ended: Ended) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner).entry((route.clone(), ended)).or_default() += 1;
    }

    /// All of them, by route and end.
    pub(crate) fn all(&self) -> Vec<(RouteId, Ended, u64)> {
        let tally = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<_> = tally.iter().map(|((route, ended), count)| (route.clone(), *ended, *count)).collect();
        all.sort_by(|a, b| (&a.0, a.1.as_str()).cmp(&(&b.0, b.1.as_str())));
        all
    }
}
