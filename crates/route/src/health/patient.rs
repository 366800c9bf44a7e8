use std::time::Duration;

use jiff::Timestamp;
use phi_words::CredentialId;

use super::pulse::{Ejected, PATIENCE, Pulse, SOON, Ticket};
use super::{Probed, Sign, Unfit, Why};

/// One route: for everybody, and with each credential that something was said against.
#[derive(Debug, Default)]
pub(super) struct Patient {
    host: Pulse,
    keys: Vec<(Option<CredentialId>, Pulse)>,
    /// Requests that wait for its first byte.
    waiting: usize,
    /// The credential that it was last tried with.
    last: Option<CredentialId>,
    probing: bool,
    pub(super) withdrawn: bool,
}

/// Which way an attempt takes to a route's host.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) credential: Option<CredentialId>,
    /// Whether the credential brings a part of the address: then nobody else is where it leads.
    pub(super) own_address: bool,
}

/// What an attempt was begun with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tickets {
    host: Ticket,
    key: Ticket,
}

impl Patient {
    pub(super) fn fit(&self, credential: Option<CredentialId>, waiting: usize, now: Timestamp) -> Result<(), Unfit> {
        if self.withdrawn {
            return Err(Unfit { why: Why::Withdrawn, wait: None });
        }
        self.host.fit(now)?;
        if let Some(key) = self.key(credential) {
            key.fit(now)?;
        }
        if self.waiting >= waiting { Err(Unfit { why: Why::Busy, wait: Some(SOON) }) } else { Ok(()) }
    }

    /// Whether it may be unfit for somebody at some time.
    pub(super) fn is_unwell(&self, waiting: usize) -> bool {
        self.withdrawn || self.waiting >= waiting || self.is_ejected()
    }

    /// Whether it is ejected, or on trial after that, for everybody or with some credential.
    pub(super) fn is_ejected(&self) -> bool {
        !self.host.is_open() || self.keys.iter().any(|(_, key)| !key.is_open())
    }

    pub(super) fn begin(&mut self, credential: Option<CredentialId>, now: Timestamp) -> Tickets {
        self.waiting += 1;
        self.last = credential;
        let key = self.key_mut(credential).map(|key| key.begin(now)).unwrap_or_default();
        Tickets { host: self.host.begin(now), key }
    }

    pub(super) fn waited(&mut self) {
        self.waiting = self.waiting.saturating_sub(1);
    }

    pub(super) fn answers(&mut self, credential: Option<CredentialId>, tickets: &mut Tickets) {
        self.host.answers(&mut tickets.host);
        if let Some(key) = self.key_mut(credential) {
            key.answers(&mut tickets.key);
        }
    }

    /// An attempt has ended. What is said to a key says nothing of the host, and the other way round: then only the
    /// place of a trial is given back. At an address that the credential brings, nothing is said of the host.
    pub(super) fn end(&mut self, way: Way, tickets: Tickets, sign: Sign, now: Timestamp, jitter: f64) {
        let Way { credential, own_address } = way;
        let Tickets { host, key } = tickets;
        let weight = if matches!(sign, Sign::Fault | Sign::Forbidden) { 1 } else { PATIENCE };
        match sign {
            Sign::Good => {
                self.host.good(host);
                if let Some(pulse) = self.key_mut(credential) {
                    pulse.good(key);
                }
                return;
            }
            Sign::Fault | Sign::Unreachable if !own_address => {
                self.host.fault(host, Ejected::Host, weight, now, jitter);
            }
            Sign::Fault | Sign::Unreachable | Sign::Row => {
                self.key_made(credential).fault(key, Ejected::Host, weight, now, jitter);
            }
            Sign::Forbidden | Sign::Account => {
                self.key_made(credential).fault(key, Ejected::Account, weight, now, jitter);
            }
            Sign::RateLimited(asked) => self.key_made(credential).limited(key, asked, now, jitter),
            Sign::Elsewhere => self.withdrawn = true,
            Sign::Nothing => {}
        }
        self.host.give_back(host);
        if let Some(pulse) = self.key_mut(credential) {
            pulse.give_back(key);
        }
    }

    /// The credentials to probe with: one for the host, and while the host does not rest, each that is due itself.
    pub(super) fn due(&self, now: Timestamp) -> impl Iterator<Item = Option<CredentialId>> {
        self.pulses().filter(move |(_, pulse)| pulse.due(now) == Some(Duration::ZERO)).map(|(credential, _)| credential)
    }

    pub(super) fn next_due(&self, now: Timestamp) -> Option<Duration> {
        self.pulses().filter_map(|(_, pulse)| pulse.due(now)).min()
    }

    /// What can be probed, each with the credential to do it with.
    fn pulses(&self) -> impl Iterator<Item = (Option<CredentialId>, &Pulse)> {
        let idle = !self.probing && !self.withdrawn;
        let host = (idle && self.host.rests()).then_some((self.last, &self.host));
        let keys = self.keys.iter().filter(move |_| idle && !self.host.rests());
        host.into_iter().chain(keys.map(|(credential, key)| (*credential, key)))
    }

    pub(super) fn begin_probe(&mut self, credential: Option<CredentialId>, now: Timestamp) -> bool {
        if !self.due(now).any(|due| due == credential) {
            return false;
        }
        if self.host.rests() && self.key(credential).is_some_and(|key| key.rest(now).is_some()) {
            // A probe would break the rest of this credential: somebody else's attempt decides.
            self.host.heal(now);
            return false;
        }
        self.probing = true;
        true
    }

    pub(super) fn end_probe(&mut self, credential: Option<CredentialId>, probed: Probed, now: Timestamp, jitter: f64) {
        self.probing = false;
        match probed {
            Probed::Fault => self.host.relapse(now, jitter),
            Probed::Lives | Probed::Refused | Probed::RateLimited(_) | Probed::Gone => self.host.heal(now),
        }
        let key = match probed {
            Probed::Lives | Probed::Gone | Probed::Fault => self.key_mut(credential),
            Probed::Refused | Probed::RateLimited(_) => Some(self.key_made(credential)),
        };
        let Some(key) = key else { return };
        match probed {
            Probed::Lives => key.heal(now),
            // Nobody has it any more.
            Probed::Gone => key.forget(),
            Probed::Fault => key.relapse(now, jitter),
            Probed::Refused => key.refuse(now, jitter),
            Probed::RateLimited(asked) => key.limit(asked, now, jitter),
        }
    }

    /// An operator says that it is well. Says whether it was withdrawn.
    pub(super) fn accept(&mut self) -> bool {
        self.host.forget();
        self.keys.iter_mut().for_each(|(_, key)| key.forget());
        std::mem::take(&mut self.withdrawn)
    }

    pub(super) fn drop_probe(&mut self) {
        self.probing = false;
    }

    fn key(&self, credential: Option<CredentialId>) -> Option<&Pulse> {
        self.keys.iter().find(|(id, _)| *id == credential).map(|(_, key)| key)
    }

    fn key_mut(&mut self, credential: Option<CredentialId>) -> Option<&mut Pulse> {
        self.keys.iter_mut().find(|(id, _)| *id == credential).map(|(_, key)| key)
    }

    fn key_made(&mut self, credential: Option<CredentialId>) -> &mut Pulse {
        let at = self.keys.iter().position(|(id, _)| *id == credential).unwrap_or_else(|| {
            self.keys.push((credential, Pulse::default()));
            self.keys.len() - 1
        });
        &mut self.keys[at].1
    }
}
