use std::sync::Arc;

use jiff::Timestamp;
use phi_words::RouteId;

use super::patient::Tickets;
use super::{Due, Health, Probed, Sign, Way};

/// One attempt at a route, while it lasts. Dropped, it showed nothing: the caller left.
#[derive(Debug)]
#[must_use = "an attempt lasts as long as its trial is held"]
pub struct Trial {
    health: Arc<Health>,
    route: RouteId,
    way: Way,
    own_address: bool,
    tickets: Tickets,
    waits: bool,
    ended: bool,
}

impl Trial {
    pub(super) fn new(health: Arc<Health>, route: RouteId, way: Way, tickets: Tickets) -> Self {
        Self { health, route, way, own_address: false, tickets, waits: true, ended: false }
    }

    /// The same, at an address of which the credential brings a part: what fails there says nothing of where others are
    /// led, and counts for those who use the same credential alone.
    pub fn at_own_address(mut self) -> Self {
        self.own_address = true;
        self
    }

    /// The host has begun to answer: the attempt waits no more, and a route that was on trial is open.
    pub fn answers(&mut self) {
        let Self { health, route, way, tickets, waits, .. } = self;
        let waited = std::mem::take(waits);
        health.change(route, |patient| {
            if waited {
                patient.waited(*way);
            }
            patient.answers(*way, tickets);
        });
    }

    /// The attempt is over, and showed this.
    pub fn end(mut self, sign: Sign, now: Timestamp) {
        self.close(sign, now);
    }

    fn close(&mut self, sign: Sign, now: Timestamp) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let waited = std::mem::take(&mut self.waits);
        let jitter = self.health.jitter(&self.route, now);
        self.health.change(&self.route, |patient| {
            if waited {
                patient.waited(self.way);
            }
            if self.own_address {
                patient.at_own_address();
            }
            patient.end(self.way, self.tickets, sign, (now, jitter));
        });
        if !matches!(sign, Sign::Good | Sign::Nothing) {
            self.health.news.send_replace(());
        }
    }
}

impl Drop for Trial {
    fn drop(&mut self) {
        // What shows nothing changes nothing that the time matters to.
        self.close(Sign::Nothing, Timestamp::UNIX_EPOCH);
    }
}

/// One probe of a route, while it lasts. Dropped, it showed nothing, and the route is due as before.
#[derive(Debug)]
#[must_use = "a probe lasts as long as it is held"]
pub struct Probe {
    health: Arc<Health>,
    due: Due,
    ended: bool,
}

impl Probe {
    pub(super) fn new(health: Arc<Health>, due: Due) -> Self {
        Self { health, due, ended: false }
    }

    /// The probe is over, and showed this.
    pub fn end(mut self, probed: Probed, now: Timestamp) {
        self.ended = true;
        let jitter = self.health.jitter(&self.due.route, now);
        self.health.change(&self.due.route, |patient| patient.end_probe(self.due.credential, probed, (now, jitter)));
        self.health.news.send_replace(());
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        if !self.ended {
            self.health.change(&self.due.route, super::patient::Patient::drop_probe);
        }
    }
}
