//! Which routes are fit to be tried: what attempts and probes showed, held in memory. Nothing here does I/O, and the
//! time is the caller's, so that a test can move it. What ejects for how long stands in `docs/contract.md`, section 9.

mod patient;
mod pulse;
#[cfg(test)]
mod tests;
mod trial;
mod waiting;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use phi_words::{CredentialId, OrgId, RouteId};
use tokio::sync::watch;

use patient::Patient;

pub use trial::{Probe, Trial};

/// How many requests may wait for the first byte of one route at once, unless the deployment says otherwise.
const WAITING: usize = 256;

/// The health of every route, for everybody, for each credential and for each organization.
///
/// Faults of a host count for the route, and so for everybody, where requests of two organizations or a probe showed them;
/// those of one organization's requests count for it alone, for they may be what it asks. What is said to our key or
/// account (it is wrong, it is exhausted, it has asked too often, it has no such model) counts for the route with that
/// credential alone, and so does every fault at an address that the credential brings. So neither what an organization
/// asks nor its key takes a route from the others.
#[derive(Debug)]
pub struct Health {
    patients: Mutex<HashMap<RouteId, Patient>>,
    /// How many patients may be unfit. While there are none, nobody is looked up.
    unwell: AtomicUsize,
    waiting: usize,
    dice: RandomState,
    news: watch::Sender<()>,
}

/// Who tries a route, and with which credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way {
    /// Whose request it is.
    pub org: OrgId,
    /// Whose key the host is shown; `None` where it wants none.
    pub credential: Option<CredentialId>,
}

/// Why a route is not to be tried now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit {
    /// Why.
    pub why: Why,
    /// How long until it may be fit; `None` where time alone does not mend it.
    pub wait: Option<Duration>,
}

/// Why a route is not to be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Why {
    /// Its host failed, or does not know our row.
    Ejected,
    /// Its host has no room for this credential now.
    RateLimited,
    /// Its host refused this credential or its account.
    Account,
    /// As many requests as may, or as many of this organization, wait for its first byte.
    Busy,
    /// It was ejected, and the one request that may try it is on its way.
    Trial,
    /// It answered from elsewhere than planned, and no operator has accepted it since.
    Withdrawn,
}

/// What an attempt showed of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It answered to the end, or refused what the caller asked: it lives, and takes our key.
    Good,
    /// Its host failed: too late, an error, an answer that made no sense or was cut.
    Fault,
    /// No connection could be made.
    Unreachable,
    /// It does not know our row, or does not show it to our key.
    Row,
    /// It refused this request for reasons of our key or of what it carried: which of them cannot be told.
    Forbidden,
    /// It refused our key or our account, or there is no key.
    Account,
    /// It has no room for our key now; where it said so, after how long it will.
    RateLimited(Option<Duration>),
    /// It answered from elsewhere than planned.
    Elsewhere,
    /// Nothing.
    Nothing,
}

/// What a probe showed of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probed {
    /// It lives, and did not refuse our key.
    Lives,
    /// It lives, and refused our key.
    Refused,
    /// It lives, and has no room for our key now; where it said so, after how long it will.
    RateLimited(Option<Duration>),
    /// It gave no answer, or failed.
    Fault,
    /// There is nobody to ask: the route or the credential is gone.
    Gone,
}

/// A route that a probe is due for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Due {
    /// The route.
    pub route: RouteId,
    /// The credential that it was last tried with.
    pub credential: Option<CredentialId>,
}

impl Default for Health {
    fn default() -> Self {
        Self::new(WAITING)
    }
}

impl Health {
    /// Everybody well. `waiting` requests may wait for the first byte of one route at once.
    pub fn new(waiting: usize) -> Self {
        Self {
            patients: Mutex::default(),
            unwell: AtomicUsize::new(0),
            waiting: waiting.max(1),
            dice: RandomState::new(),
            news: watch::Sender::new(()),
        }
    }

    /// Whether a route may be tried now in this way. While every route is well this is one load.
    ///
    /// # Errors
    /// Why it may not be tried.
    pub fn fit(&self, route: &RouteId, way: Way, now: Timestamp) -> Result<(), Unfit> {
        if self.unwell.load(Ordering::Acquire) == 0 {
            return Ok(());
        }
        self.lock().get(route).map_or(Ok(()), |patient| patient.fit(way, self.waiting, now))
    }

    /// Begins an attempt. The trial is to be ended with what the attempt showed; dropped, it showed nothing.
    ///
    /// # Errors
    /// Why the route may not be tried now.
    pub fn begin(self: &Arc<Self>, route: &RouteId, way: Way, now: Timestamp) -> Result<Trial, Unfit> {
        let tickets = self.change(route, |patient| {
            patient.fit(way, self.waiting, now)?;
            Ok(patient.begin(way, now))
        })?;
        Ok(Trial::new(Arc::clone(self), route.clone(), way, tickets))
    }

    /// The routes whose ejection is over: a probe decides whether they are tried again.
    pub fn due(&self, now: Timestamp) -> Vec<Due> {
        if self.unwell.load(Ordering::Acquire) == 0 {
            return Vec::new();
        }
        let patients = self.lock();
        let due = patients.iter().flat_map(|(route, patient)| {
            patient.due(now).into_iter().map(|credential| Due { route: route.clone(), credential })
        });
        due.collect()
    }

    /// How long until the next route is due; `None` while none will be.
    pub fn next_due(&self, now: Timestamp) -> Option<Duration> {
        if self.unwell.load(Ordering::Acquire) == 0 {
            return None;
        }
        self.lock().values().filter_map(|patient| patient.next_due(now)).min()
    }

    /// Begins the probe of a route that is due; `None` where it is not, or is being probed. The probe is to be ended
    /// with what it showed; dropped, it showed nothing, and the route stays due.
    pub fn probe(self: &Arc<Self>, due: &Due, now: Timestamp) -> Option<Probe> {
        let begun = self.change(&due.route, |patient| patient.begin_probe(due.credential, now));
        begun.then(|| Probe::new(Arc::clone(self), due.clone()))
    }

    /// Hears of every route that is ejected or withdrawn from now on.
    pub fn news(&self) -> watch::Receiver<()> {
        self.news.subscribe()
    }

    /// Takes a route out of service until [`Health::accept`].
    pub fn withdraw(&self, route: &RouteId) {
        self.change(route, |patient| patient.withdrawn = true);
        self.news.send_replace(());
    }

    /// Puts a route back into service, whatever happened to it, and says whether it was withdrawn.
    pub fn accept(&self, route: &RouteId) -> bool {
        self.change(route, Patient::accept)
    }

    /// Forgets what was said to credentials that do not stand any more: nobody tries a route with them, so they would never
    /// be well again.
    pub fn forget(&self, stands: impl Fn(&RouteId, Option<CredentialId>) -> bool) {
        for (route, patient) in self.lock().iter_mut() {
            self.counted(patient, |patient| patient.forget(|credential| stands(route, credential)));
        }
    }

    /// The routes that are withdrawn, in order.
    pub fn withdrawn(&self) -> Vec<RouteId> {
        self.list(|patient| patient.withdrawn)
    }

    /// The routes that are ejected for everybody, or with some credential, in order.
    pub fn ejected(&self) -> Vec<RouteId> {
        self.list(Patient::is_ejected)
    }

    fn list(&self, is_it: impl Fn(&Patient) -> bool) -> Vec<RouteId> {
        let patients = self.lock();
        let mut routes: Vec<_> =
            patients.iter().filter(|(_, patient)| is_it(patient)).map(|(id, _)| id.clone()).collect();
        routes.sort();
        routes
    }

    /// Changes one patient, and keeps count of those that may be unfit.
    fn change<T>(&self, route: &RouteId, act: impl FnOnce(&mut Patient) -> T) -> T {
        let mut patients = self.lock();
        if !patients.contains_key(route) {
            patients.insert(route.clone(), Patient::default());
        }
        let Some(patient) = patients.get_mut(route) else { return act(&mut Patient::default()) };
        self.counted(patient, act)
    }

    fn counted<T>(&self, patient: &mut Patient, act: impl FnOnce(&mut Patient) -> T) -> T {
        let before = patient.is_unwell(self.waiting);
        let done = act(patient);
        match (before, patient.is_unwell(self.waiting)) {
            (false, true) => self.unwell.fetch_add(1, Ordering::AcqRel),
            (true, false) => self.unwell.fetch_sub(1, Ordering::AcqRel),
            (false, false) | (true, true) => 0,
        };
        done
    }

    /// A number in 0..1, another for each time that a route is ejected, and others on another server: so that many
    /// servers do not come back to a host at once.
    fn jitter(&self, route: &RouteId, now: Timestamp) -> f64 {
        let drawn = self.dice.hash_one((route.as_str(), now.as_nanosecond()));
        f64::from(u32::try_from(drawn >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RouteId, Patient>> {
        self.patients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
