use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use phi_identify::Caller;
use phi_words::{AgentId, Class, Code, Modality, Region, RequestId};

use crate::entry::{RefusedRecord, Who};

/// A call that is turned away, as far as it is known.
#[derive(Debug, Clone)]
pub struct Refused {
    /// The call.
    pub id: RequestId,
    /// Why.
    pub code: Code,
    /// Who asked; where that is not known, from where.
    pub who: Result<Who, IpAddr>,
    /// What kind of work.
    pub modality: Option<Modality>,
    /// `auto` or a name in the catalogue; anything else is `unknown`.
    pub model: Option<String>,
    /// Where it should have been processed.
    pub region: Option<Region>,
    /// Its class.
    pub class: Option<Class>,
}

impl Refused {
    pub(crate) fn into_record(self, unwritten: u64) -> RefusedRecord {
        let (who, peer) = match self.who {
            Ok(who) => (Some(who), None),
            Err(peer) => (None, Some(peer)),
        };
        RefusedRecord {
            id: self.id,
            code: self.code,
            who,
            peer,
            modality: self.modality,
            model: self.model,
            region: self.region,
            class: self.class,
            unwritten,
        }
    }
}

impl From<&Caller> for Who {
    fn from(caller: &Caller) -> Self {
        Self {
            org: caller.org().id,
            role: caller.role().map(|role| role.id),
            agent: caller.agent().id,
            token: caller.token().id,
        }
    }
}

/// Lets so many refusals a second of each agent and each address be written, and counts the others: a flood of bad
/// requests must not fill the disk.
#[derive(Debug, Default)]
pub(crate) struct Sieve {
    agents: Mutex<HashMap<AgentId, Second>>,
    peers: Mutex<HashMap<IpAddr, Second>>,
}

const AGENT_PER_SECOND: u64 = 10;
const PEER_PER_SECOND: u64 = 1;
/// Addresses are anybody's to make up, so no more than this many are remembered at once.
const MOST_PEERS: usize = 10_000;

impl Sieve {
    /// `Some(unwritten)` where the refusal is to be written, with the number of those before it that were not.
    pub(crate) fn take(&self, who: &Result<Who, IpAddr>, now: Timestamp) -> Option<u64> {
        match who {
            Ok(who) => take(&self.agents, who.agent, AGENT_PER_SECOND, now),
            Err(peer) => take(&self.peers, *peer, PEER_PER_SECOND, now),
        }
    }
}

#[derive(Debug, Default)]
struct Second {
    second: i64,
    written: u64,
    unwritten: u64,
}

fn take<K: Eq + Hash>(seconds: &Mutex<HashMap<K, Second>>, key: K, most: u64, now: Timestamp) -> Option<u64> {
    let mut seconds = seconds.lock().unwrap_or_else(PoisonError::into_inner);
    let second = now.as_second();
    if seconds.len() >= MOST_PEERS && !seconds.contains_key(&key) {
        seconds.retain(|_, state| state.second == second);
        if seconds.len() >= MOST_PEERS {
            return None;
        }
    }
    let state = seconds.entry(key).or_default();
    if state.second != second {
        (state.second, state.written) = (second, 0);
    }
    if state.written >= most {
        state.unwritten += 1;
        return None;
    }
    state.written += 1;
    Some(std::mem::take(&mut state.unwritten))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_counted_and_not_written() {
        let sieve = Sieve::default();
        let peer = Err(IpAddr::from([192, 0, 2, 1]));
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(sieve.take(&peer, now), Some(0));
        assert_eq!(sieve.take(&peer, now), None);
        assert_eq!(sieve.take(&peer, now), None);
        assert_eq!(sieve.take(&Err(IpAddr::from([192, 0, 2, 2])), now), Some(0), "another address has its own second");
        let later = Timestamp::from_second(1).expect("a time");
        assert_eq!(sieve.take(&peer, later), Some(2), "the next record tells how many were not written");
    }

    #[test]
    fn made_up_addresses_do_not_fill_the_memory() {
        let sieve = Sieve::default();
        for n in 0..=u32::try_from(MOST_PEERS).expect("small") {
            let _ = sieve.take(&Err(IpAddr::from(n.to_be_bytes())), Timestamp::UNIX_EPOCH);
        }
        assert!(sieve.peers.lock().expect("whole").len() <= MOST_PEERS);
    }
}
