use std::collections::{HashMap, HashSet};
use std::time::Duration;

use jiff::Timestamp;
use phi_words::{CredentialId, OrgId};

use super::pulse::{Ejected, Pulse, SOON, Ticket, Weight};
use super::waiting::Waiting;
use super::{Probed, Sign, Unfit, Way, Why};

/// One route: for everybody, and for each of those whom something was said against.
#[derive(Debug, Default)]
pub(super) struct Patient {
    host: Pulse,
    parts: HashMap<Of, Part>,
    /// Requests that wait for its first byte.
    waiting: Waiting,
    /// The credential that it was last tried with.
    last: Option<CredentialId>,
    /// Whether a credential brings a part of its address: then nobody else is where that leads.
    own_address: bool,
    probing: bool,
    pub(super) withdrawn: bool,
}

/// Whom a part of a route's health is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Of {
    Key(Option<CredentialId>),
    Org(OrgId),
}

#[derive(Debug)]
struct Part {
    pulse: Pulse,
    /// The credential to probe with.
    credential: Option<CredentialId>,
}

/// What an attempt was begun with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Tickets {
    host: Ticket,
    key: Ticket,
    org: Ticket,
}

impl Patient {
    pub(super) fn fit(&self, way: Way, waiting: usize, now: Timestamp) -> Result<(), Unfit> {
        if self.withdrawn {
            return Err(Unfit { why: Why::Withdrawn, wait: None });
        }
        self.host.fit(now)?;
        for part in way.parts().iter().filter_map(|of| self.parts.get(of)) {
            part.pulse.fit(now)?;
        }
        if self.waiting.has_room(way.org, waiting) { Ok(()) } else { Err(Unfit { why: Why::Busy, wait: Some(SOON) }) }
    }

    /// Whether it may be unfit for somebody at some time.
    pub(super) fn is_unwell(&self, waiting: usize) -> bool {
        self.withdrawn || self.waiting.is_scarce(waiting) || self.is_ejected()
    }

    /// Whether it is ejected, or on trial after that, for everybody or for some.
    pub(super) fn is_ejected(&self) -> bool {
        !self.host.is_open() || self.parts.values().any(|part| !part.pulse.is_open())
    }

    pub(super) fn begin(&mut self, way: Way, now: Timestamp) -> Tickets {
        self.waiting.add(way.org);
        self.last = way.credential;
        let [key, org] = way.parts().map(|of| self.pulse(of).map(|pulse| pulse.begin(now)).unwrap_or_default());
        Tickets { host: self.host.begin(now), key, org }
    }

    pub(super) fn waited(&mut self, way: Way) {
        self.waiting.take_away(way.org);
    }

    pub(super) fn answers(&mut self, way: Way, tickets: &mut Tickets) {
        self.host.answers(&mut tickets.host);
        let [key, org] = way.parts();
        self.pulse(key).into_iter().for_each(|pulse| pulse.answers(&mut tickets.key));
        self.pulse(org).into_iter().for_each(|pulse| pulse.answers(&mut tickets.org));
    }

    /// An attempt has ended. What is said to a key says nothing of the host, and the other way round: then only the
    /// place of a trial is given back. At an address that the credential brings, nothing is said of the host.
    pub(super) fn end(&mut self, way: Way, tickets: Tickets, sign: Sign, (now, jitter): (Timestamp, f64)) {
        let key = Of::Key(way.credential);
        match sign {
            Sign::Good => return self.good(way, tickets),
            Sign::Fault => self.fault(way, tickets, Ejected::Host, (now, jitter)),
            Sign::Forbidden => self.fault(way, tickets, Ejected::Account, (now, jitter)),
            Sign::Unreachable if !self.own_address => {
                self.host.fault(tickets.host, Ejected::Host, Weight::Whole, now, jitter);
            }
            Sign::Unreachable | Sign::Row => {
                self.made(key, way).fault(tickets.key, Ejected::Host, Weight::Whole, now, jitter);
            }
            Sign::Account => self.made(key, way).fault(tickets.key, Ejected::Account, Weight::Whole, now, jitter),
            Sign::RateLimited(asked) => self.made(key, way).limited(tickets.key, asked, now, jitter),
            Sign::Elsewhere => self.withdrawn = true,
            Sign::Nothing => {}
        }
        self.host.give_back(tickets.host);
        let [key, org] = way.parts();
        self.pulse(key).into_iter().for_each(|pulse| pulse.give_back(tickets.key));
        self.pulse(org).into_iter().for_each(|pulse| pulse.give_back(tickets.org));
    }

    fn good(&mut self, way: Way, tickets: Tickets) {
        self.host.good(tickets.host);
        for (of, ticket) in way.parts().into_iter().zip([tickets.key, tickets.org]) {
            let Some(pulse) = self.pulse(of) else { continue };
            pulse.good(ticket);
            if pulse.is_well() {
                self.parts.remove(&of);
            }
        }
    }

    /// What may have been the fault of what was asked: it counts for the organization that asked, and for all who share
    /// the host, or the key, once requests of another have shown the same.
    fn fault(&mut self, way: Way, tickets: Tickets, why: Ejected, (now, jitter): (Timestamp, f64)) {
        let (shared, ticket) = if why == Ejected::Account || self.own_address {
            (self.made(Of::Key(way.credential), way), tickets.key)
        } else {
            (&mut self.host, tickets.host)
        };
        let rests = shared.rests_in_a_row();
        shared.fault(ticket, why, Weight::Of(way.org), now, jitter);
        let own = self.made(Of::Org(way.org), way);
        // While it is not well for all, one more fault is enough.
        let weight = if rests > 0 { Weight::Whole } else { Weight::Part };
        own.rest_like(rests);
        own.fault(tickets.org, why, weight, now, jitter);
    }

    /// The credentials to probe with: one for the host, and while the host does not rest, each that is due itself.
    pub(super) fn due(&self, now: Timestamp) -> HashSet<Option<CredentialId>> {
        let due = self.pulses().filter(|(_, pulse)| pulse.due(now) == Some(Duration::ZERO));
        due.map(|(credential, _)| credential).collect()
    }

    pub(super) fn next_due(&self, now: Timestamp) -> Option<Duration> {
        self.pulses().filter_map(|(_, pulse)| pulse.due(now)).min()
    }

    /// What can be probed, each with the credential to do it with.
    fn pulses(&self) -> impl Iterator<Item = (Option<CredentialId>, &Pulse)> {
        let idle = !self.probing && !self.withdrawn;
        let host = (idle && self.host.rests()).then_some((self.last, &self.host));
        let parts = self.parts.values().filter(move |_| idle && !self.host.rests());
        host.into_iter().chain(parts.map(|part| (part.credential, &part.pulse)))
    }

    pub(super) fn begin_probe(&mut self, credential: Option<CredentialId>, now: Timestamp) -> bool {
        if !self.due(now).contains(&credential) {
            return false;
        }
        let key = self.parts.get(&Of::Key(credential));
        if key.is_some_and(|key| key.pulse.rest(now).is_some()) {
            // A probe would break the rest of this credential: somebody's attempt decides.
            self.host.heal(now);
            self.probed_for(credential, now).for_each(|pulse| pulse.heal(now));
            return false;
        }
        self.probing = true;
        true
    }

    pub(super) fn end_probe(
        &mut self,
        credential: Option<CredentialId>,
        probed: Probed,
        (now, jitter): (Timestamp, f64),
    ) {
        self.probing = false;
        match probed {
            Probed::Fault => self.fail(credential, (now, jitter)),
            Probed::Lives | Probed::Refused | Probed::RateLimited(_) | Probed::Gone => {
                self.host.heal(now);
                self.probed_for(credential, now).for_each(|pulse| pulse.heal(now));
            }
        }
        let key = Of::Key(credential);
        match probed {
            Probed::Lives => self.pulse(key).into_iter().for_each(|key| key.heal(now)),
            Probed::Fault => self.pulse(key).into_iter().for_each(|key| key.relapse(now, jitter)),
            // Nobody has it any more.
            Probed::Gone => self.parts.retain(|_, part| part.credential != credential),
            Probed::Refused => self.made_for(key, credential).refuse(now, jitter),
            Probed::RateLimited(asked) => self.made_for(key, credential).limit(asked, now, jitter),
        }
    }

    /// A probe failed. Where it was made for some organizations, what it showed holds for all who are led there.
    fn fail(&mut self, credential: Option<CredentialId>, (now, jitter): (Timestamp, f64)) {
        let rests = self.probed_for(credential, now).map(|pulse| pulse.rests_in_a_row()).max();
        let shared = match rests {
            None => return self.host.relapse(now, jitter),
            Some(_) if self.own_address => self.made_for(Of::Key(credential), credential),
            Some(_) => &mut self.host,
        };
        shared.rest_like(rests.unwrap_or(0));
        shared.fail(now, jitter);
        let due = |part: &Part| part.credential == credential && part.pulse.due(now) == Some(Duration::ZERO);
        self.parts.retain(|of, part| matches!(of, Of::Key(_)) || !due(part));
    }

    /// The organizations that a probe with this credential is due for.
    fn probed_for(&mut self, credential: Option<CredentialId>, now: Timestamp) -> impl Iterator<Item = &mut Pulse> {
        let orgs = self.parts.iter_mut().filter(|(of, _)| matches!(of, Of::Org(_)));
        let theirs = orgs.filter(move |(_, part)| part.credential == credential);
        theirs.map(|(_, part)| &mut part.pulse).filter(move |pulse| pulse.due(now) == Some(Duration::ZERO))
    }

    /// An operator says that it is well. Says whether it was withdrawn.
    pub(super) fn accept(&mut self) -> bool {
        self.host.forget();
        self.parts.clear();
        std::mem::take(&mut self.withdrawn)
    }

    /// Forgets what was said to credentials that do not stand any more.
    pub(super) fn forget(&mut self, stands: impl Fn(Option<CredentialId>) -> bool) {
        self.parts.retain(|_, part| stands(part.credential));
    }

    pub(super) fn at_own_address(&mut self) {
        self.own_address = true;
    }

    pub(super) fn drop_probe(&mut self) {
        self.probing = false;
    }

    fn pulse(&mut self, of: Of) -> Option<&mut Pulse> {
        self.parts.get_mut(&of).map(|part| &mut part.pulse)
    }

    fn made(&mut self, of: Of, way: Way) -> &mut Pulse {
        self.made_for(of, way.credential)
    }

    fn made_for(&mut self, of: Of, credential: Option<CredentialId>) -> &mut Pulse {
        let part = self.parts.entry(of).or_insert_with(|| Part { pulse: Pulse::default(), credential });
        part.credential = credential;
        &mut part.pulse
    }
}

impl Way {
    fn parts(self) -> [Of; 2] {
        [Of::Key(self.credential), Of::Org(self.org)]
    }
}
