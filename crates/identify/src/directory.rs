use std::collections::HashMap;
use std::hint::black_box;
use std::net::IpAddr;
use std::sync::Arc;

use http::HeaderMap;
use ipnet::IpNet;
use jiff::Timestamp;
use phi_crypto::{KEY_VERSION, Key, equal};
use phi_words::AgentId;

use crate::caller::{Known, Reason};
use crate::text::{Head, Presented};
use crate::{Agent, Caller, Kind, Org, Role, StoredToken, Unidentified, bearer, token};

/// Everybody who is known, revoked ones included, as the store has them.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    /// Organizations.
    pub orgs: Vec<Org>,
    /// Their roles.
    pub roles: Vec<Role>,
    /// Their agents.
    pub agents: Vec<Agent>,
    /// Their agents' tokens.
    pub tokens: Vec<StoredToken>,
}

/// Looks tokens up. It is never changed: a new one takes its place.
#[derive(Debug)]
pub struct Directory {
    pepper: Arc<Key>,
    /// The public ids, in order, so that each search takes the same steps.
    numbers: Vec<u128>,
    /// What belongs to each of `numbers`, and at the end a row that nobody's token fits.
    rows: Vec<Row>,
}

/// What a presented token is held against.
#[derive(Debug)]
struct Row {
    kind: Kind,
    agent: AgentId,
    tag: [u8; 32],
    revoked: Timestamp,
    expires: Timestamp,
    /// In all rows of a directory as many, so that each comparison takes the same steps.
    from: Box<[Net]>,
    known: Option<Arc<Known>>,
}

impl Directory {
    /// A directory of all tokens of `roster`. One whose agent, role or organization is not in it identifies nobody, nor
    /// does one whose tag was made with a key of another version. `pepper` is the key that the tags were made with.
    pub fn new(roster: Roster, pepper: impl Into<Arc<Key>>) -> Self {
        let Roster { orgs, roles, agents, tokens } = roster;
        let orgs: HashMap<_, _> = orgs.into_iter().map(|org| (org.id, Arc::new(org))).collect();
        let roles: HashMap<_, _> = roles.into_iter().map(|role| (role.id, Arc::new(role))).collect();
        let agents: HashMap<_, _> = agents.into_iter().map(|agent| (agent.id, Arc::new(agent))).collect();
        let width = tokens.iter().map(|token| token.from.len()).max().unwrap_or(0).max(1);
        let mut rows: Vec<_> = tokens
            .into_iter()
            .filter(|token| token.key_version == KEY_VERSION)
            .filter_map(|token| {
                let agent = Arc::clone(agents.get(&token.agent)?);
                let org = Arc::clone(orgs.get(&agent.org)?);
                let role = match agent.role {
                    Some(role) => Some(Arc::clone(roles.get(&role)?)),
                    None => None,
                };
                Some((token.public_id.number(), Row::new(Known { org, role, agent, token }, width)))
            })
            .collect();
        rows.sort_by_key(|(number, _)| *number);
        let (numbers, mut rows): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        rows.push(Row::nobody(width));
        Self { pepper: pepper.into(), numbers, rows }
    }

    /// Who sent a request with these headers from `peer`.
    ///
    /// # Errors
    /// Where there is not exactly one credential, or it does not hold now or not from there. A token that is malformed,
    /// unknown, wrong, revoked, expired or from a wrong network takes the same work: everything is looked at, and what
    /// is not there is replaced by something that fits nobody.
    pub fn caller(&self, peer: IpAddr, headers: &HeaderMap, now: Timestamp) -> Result<Caller, Unidentified> {
        let credential = bearer::credential(headers);
        let presented = Presented::read(credential.unwrap_or_default());
        let (row, found) = self.row(presented.public.number());

        let tag = token::tag(&self.pepper, row.kind, row.agent, presented.public, &presented.secret);
        let fits = match presented.head {
            Head::Kind(kind) => kind == row.kind,
            Head::Agent(agent) => agent == row.agent,
            Head::Unknown => false,
        };
        let near = row.from.iter().fold(false, |near, net| near | net.holds(mapped(peer)));
        let checks = [
            (presented.formed, Reason::Malformed),
            (found & row.known.is_some(), Reason::Unknown),
            (equal(&tag, &row.tag) & fits, Reason::Wrong),
            (now < row.revoked, Reason::Revoked),
            (now < row.expires, Reason::Expired),
            (near, Reason::Network),
        ];
        // No branch hangs on a single check, and a table is read where one would.
        let failed = checks.iter().enumerate().fold(0_u32, |failed, (at, (holds, _))| failed | u32::from(!holds) << at);
        let worst = checks.get(black_box(failed).trailing_zeros() as usize).map(|(_, reason)| *reason);
        match (credential, worst, &row.known) {
            (Ok(_), None, Some(known)) => Ok(Caller::new(Arc::clone(known))),
            (Err(reason), ..) | (Ok(_), Some(reason), _) => Err(Unidentified(reason)),
            (Ok(_), None, None) => Err(Unidentified(Reason::Unknown)),
        }
    }

    /// The row of a public id, or its neighbour, and whether it is its own: both are as far away in memory.
    fn row(&self, number: u128) -> (&Row, bool) {
        let at = self.numbers.partition_point(|known| *known < number);
        let found = self.numbers.get(at).is_some_and(|known| *known == number);
        (&self.rows[at], found)
    }
}

impl Row {
    fn new(known: Known, width: usize) -> Self {
        let Known { org, agent, token, .. } = &known;
        let role_revoked = known.role.as_ref().and_then(|role| role.revoked);
        let revoked = [org.revoked, role_revoked, agent.revoked, token.revoked].into_iter().flatten().min();
        Self {
            kind: token.kind,
            agent: agent.id,
            tag: token.tag,
            revoked: revoked.unwrap_or(Timestamp::MAX),
            expires: token.expires.unwrap_or(Timestamp::MAX),
            from: nets(&token.from, width),
            known: Some(Arc::new(known)),
        }
    }

    fn nobody(width: usize) -> Self {
        Self {
            kind: Kind::Live,
            agent: AgentId::new(),
            tag: [0; 32],
            revoked: Timestamp::MIN,
            expires: Timestamp::MIN,
            from: nets(&[], width),
            known: None,
        }
    }
}

/// A set of IPv6 addresses, IPv4 ones as their mapped ones (RFC 4291, section 2.5.5.2): a listener on `::` sees both so.
#[derive(Debug, Clone, Copy)]
struct Net {
    address: u128,
    mask: u128,
}

impl Net {
    const ALL: Self = Self { address: 0, mask: 0 };

    fn holds(&self, address: u128) -> bool {
        address & self.mask == self.address
    }
}

impl From<&IpNet> for Net {
    fn from(net: &IpNet) -> Self {
        let above = match net {
            IpNet::V4(_) => 96,
            IpNet::V6(_) => 0,
        };
        let bits = above + u32::from(net.prefix_len());
        let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
        Self { address: mapped(net.addr()) & mask, mask }
    }
}

/// The networks, the last one as often as it takes to make them so many.
fn nets(from: &[IpNet], width: usize) -> Box<[Net]> {
    let mut nets: Vec<_> = from.iter().map(Net::from).collect();
    let last = nets.last().copied().unwrap_or(Net::ALL);
    nets.resize(width, last);
    nets.into()
}

fn mapped(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}
