use std::collections::BTreeSet;
use std::fmt;

use ipnet::IpNet;
use jiff::{SignedDuration, Timestamp};
use phi_crypto::{KEY_VERSION, Key, NoRandomness};
use phi_words::{AgentId, Class, Region, Slug, TokenId};

use crate::text::{Kind, PublicId, Secret, ShownToken};

/// What is kept of a token: enough to know it again, not enough to make it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredToken {
    /// Its id.
    pub id: TokenId,
    /// The agent that holds it.
    pub agent: AgentId,
    /// What it may reach.
    pub kind: Kind,
    /// The part of its text that is no secret.
    pub public_id: PublicId,
    /// The keyed hash of its secret, bound to kind, agent and public id, so that no row of the store can be turned into
    /// another's.
    pub tag: [u8; 32],
    /// The version of the key that the tag was made with.
    pub key_version: u16,
    /// The region of a request that names none; `None`: the organization's.
    pub region: Option<Region>,
    /// The class of a request that names none; `None`: the organization's.
    pub class: Option<Class>,
    /// The class that no request may go below.
    pub floor: Class,
    /// The regions that may be used; `None`: all of the organization's.
    pub regions: Option<BTreeSet<Region>>,
    /// The networks that it may come from; empty: any. IPv4 addresses count as their IPv6-mapped ones.
    pub from: Vec<IpNet>,
    /// When it was made.
    pub created: Timestamp,
    /// From when on it holds no more.
    pub expires: Option<Timestamp>,
    /// From when on it was taken back.
    pub revoked: Option<Timestamp>,
    /// What people call it.
    pub label: Option<Slug>,
}

/// What a new token is to be.
#[derive(Debug, Clone)]
pub struct Grant {
    /// The agent that holds it.
    pub agent: AgentId,
    /// What it may reach.
    pub kind: Kind,
    /// The region of a request that names none; `None`: the organization's.
    pub region: Option<Region>,
    /// The class of a request that names none; `None`: the organization's.
    pub class: Option<Class>,
    /// The class that no request may go below.
    pub floor: Class,
    /// The regions that may be used; `None`: all of the organization's.
    pub regions: Option<BTreeSet<Region>>,
    /// The networks that it may come from; empty: any.
    pub from: Vec<IpNet>,
    /// How long it holds; `None`: until it is revoked.
    pub lifetime: Option<SignedDuration>,
    /// What people call it.
    pub label: Option<Slug>,
}

/// The token does not hold any more, so nothing can take its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is revoked or has expired")]
pub struct Over;

/// Why a token was not rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unrotated {
    /// It holds no more.
    #[error("there is nothing to rotate")]
    Over(#[from] Over),
    /// No new one could be made.
    #[error("no new token could be made")]
    NoRandomness(#[from] NoRandomness),
}

impl StoredToken {
    /// A fresh token: what its owner is shown, and what is stored of it.
    ///
    /// # Errors
    /// Where the operating system has no random bytes.
    pub fn issue(grant: Grant, pepper: &Key, now: Timestamp) -> Result<(ShownToken, Self), NoRandomness> {
        let (shown, public_id, secret) = ShownToken::generate(grant.kind, grant.agent)?;
        let stored = Self {
            id: TokenId::new(),
            agent: grant.agent,
            kind: grant.kind,
            public_id,
            tag: tag(pepper, grant.kind, grant.agent, public_id, &secret),
            key_version: KEY_VERSION,
            region: grant.region,
            class: grant.class,
            floor: grant.floor,
            regions: grant.regions,
            from: grant.from,
            created: now,
            expires: grant.lifetime.map(|lifetime| after(now, lifetime)),
            revoked: None,
            label: grant.label,
        };
        Ok((shown, stored))
    }

    /// A fresh token that may do what this one may, for as long as this one was made to last. This one's `expires`
    /// becomes `now + overlap`, unless it ends sooner anyway: until then both hold.
    ///
    /// # Errors
    /// Where this token holds no more, or the operating system has no random bytes. Then this one is as it was.
    pub fn rotate(
        &mut self,
        overlap: SignedDuration,
        pepper: &Key,
        now: Timestamp,
    ) -> Result<(ShownToken, Self), Unrotated> {
        if !self.holds(now) {
            return Err(Over.into());
        }
        let grant = Grant {
            agent: self.agent,
            kind: self.kind,
            region: self.region.clone(),
            class: self.class,
            floor: self.floor,
            regions: self.regions.clone(),
            from: self.from.clone(),
            lifetime: self.expires.map(|expires| expires.duration_since(self.created)),
            label: self.label.clone(),
        };
        let rotated = Self::issue(grant, pepper, now)?;
        let end = after(now, overlap);
        self.expires = Some(self.expires.map_or(end, |expires| expires.min(end)));
        Ok(rotated)
    }

    /// Whether it has neither been revoked nor expired.
    pub fn holds(&self, now: Timestamp) -> bool {
        [self.expires, self.revoked].into_iter().flatten().all(|end| now < end)
    }
}

impl fmt::Debug for StoredToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredToken({}, {:?}, ..)", self.id, self.public_id)
    }
}

/// The keyed hash that a token is known by.
pub(crate) fn tag(pepper: &Key, kind: Kind, agent: AgentId, public: PublicId, secret: &Secret) -> [u8; 32] {
    pepper.tag(&[kind.as_str().as_bytes(), agent.as_bytes(), public.as_bytes(), secret.expose_bytes()])
}

/// A time that is too far away to be written is as good as never, and a negative wait is none.
fn after(now: Timestamp, wait: SignedDuration) -> Timestamp {
    now.checked_add(wait.max(SignedDuration::ZERO)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pepper() -> Key {
        Key::from_bytes(&[7; 32])
    }

    fn grant(lifetime: Option<SignedDuration>) -> Grant {
        Grant {
            agent: AgentId::new(),
            kind: Kind::Live,
            region: Some("CH".parse().unwrap()),
            class: Some(Class::Phi),
            floor: Class::Phi,
            regions: Some(BTreeSet::from(["CH".parse().unwrap()])),
            from: vec!["10.0.0.0/8".parse().unwrap()],
            lifetime,
            label: Some("ward-3".parse().unwrap()),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_token_expires_when_its_lifetime_is_over_and_not_before() {
        let (_, token) = StoredToken::issue(grant(Some(SignedDuration::from_secs(60))), &pepper(), at(0)).unwrap();
        assert!(token.holds(at(59)) && !token.holds(at(60)));
        let (_, endless) = StoredToken::issue(grant(None), &pepper(), at(0)).unwrap();
        assert!(endless.holds(Timestamp::MAX));
        let (_, far) = StoredToken::issue(grant(Some(SignedDuration::MAX)), &pepper(), at(0)).unwrap();
        assert_eq!(far.expires, Some(Timestamp::MAX));
    }

    #[test]
    fn rotation_makes_a_like_token_and_lets_both_hold_for_a_while() {
        let day = SignedDuration::from_hours(24);
        let (_, mut old) = StoredToken::issue(grant(Some(day * 30)), &pepper(), at(0)).unwrap();
        let before = old.clone();
        let now = at(1_000);
        let (_, new) = old.rotate(day, &pepper(), now).unwrap();
        assert_eq!(old.expires, Some(now + day));
        assert_eq!(new.expires, Some(now + day * 30), "the new one lasts as long as the old one was made to");
        assert!(new.id != old.id && new.public_id != old.public_id && new.tag != old.tag);
        let like = StoredToken {
            id: new.id,
            public_id: new.public_id,
            tag: new.tag,
            created: now,
            expires: new.expires,
            ..before
        };
        assert_eq!(new, like);
    }

    #[test]
    fn rotation_never_makes_the_old_one_last_longer() {
        let (_, mut old) = StoredToken::issue(grant(Some(SignedDuration::from_secs(60))), &pepper(), at(0)).unwrap();
        old.rotate(SignedDuration::from_hours(1), &pepper(), at(0)).unwrap();
        assert_eq!(old.expires, Some(at(60)));
        old.rotate(SignedDuration::from_secs(-5), &pepper(), at(30)).unwrap();
        assert_eq!(old.expires, Some(at(30)), "a negative overlap is none");
        assert_eq!(old.rotate(SignedDuration::ZERO, &pepper(), at(30)).err(), Some(Unrotated::Over(Over)));
        let (_, mut revoked) = StoredToken::issue(grant(None), &pepper(), at(0)).unwrap();
        revoked.revoked = Some(at(1));
        assert!(revoked.rotate(SignedDuration::ZERO, &pepper(), at(2)).is_err());
    }

    #[test]
    fn a_stored_token_does_not_show_its_tag() {
        let (_, token) = StoredToken::issue(grant(None), &pepper(), at(0)).unwrap();
        assert_eq!(format!("{token:?}"), format!("StoredToken({}, {:?}, ..)", token.id, token.public_id));
    }
}
