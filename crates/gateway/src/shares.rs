//! What all requests share, such as places to run and bytes of bodies: bounded in all, and so that no organization takes
//! what others need.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use phi_police::share::is_fair;
use phi_words::OrgId;

/// So much of something, and how much of it each organization holds.
#[derive(Debug)]
pub(crate) struct Shares {
    most: usize,
    held: Mutex<Held>,
    refused: [AtomicU64; 2],
}

#[derive(Debug, Default)]
struct Held {
    in_all: usize,
    by: HashMap<OrgId, usize>,
}

/// What one request holds. It is given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Share {
    of: Arc<Shares>,
    org: Option<OrgId>,
    amount: usize,
}

/// Why there is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scarce {
    /// There is none.
    InAll = 0,
    /// There is some, for other organizations.
    ForOne = 1,
}

impl Shares {
    pub(crate) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, held: Mutex::default(), refused: Default::default() })
    }

    /// The share of a request, which holds nothing yet and is nobody's.
    pub(crate) fn share(self: &Arc<Self>) -> Share {
        Share { of: Arc::clone(self), org: None, amount: 0 }
    }

    /// So much that is held already, whether there is room for it or not: it is not there for others.
    pub(crate) fn held_by(self: &Arc<Self>, org: Option<OrgId>, amount: usize) -> Share {
        let mut held = self.held();
        held.in_all += amount;
        if let Some(org) = org {
            *held.by.entry(org).or_default() += amount;
        }
        Share { of: Arc::clone(self), org, amount }
    }

    /// How much is held in all.
    pub(crate) fn in_all(&self) -> usize {
        self.held().in_all
    }

    /// How often there was none, and none for one organization.
    pub(crate) fn refused(&self) -> [u64; 2] {
        self.refused.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    fn refuse(&self, scarce: Scarce) -> Result<(), Scarce> {
        self.refused[scarce as usize].fetch_add(1, Ordering::Relaxed);
        Err(scarce)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// Whose it is.
    pub(crate) fn org(&self) -> Option<OrgId> {
        self.org
    }

    /// From now on the share is this organization's.
    ///
    /// # Errors
    /// Where that has more than its part already.
    pub(crate) fn for_one(&mut self, org: OrgId) -> Result<(), Scarce> {
        let mut held = self.of.held();
        let free = self.of.most.saturating_sub(held.in_all - self.amount);
        let theirs = held.by.entry(org).or_default();
        let is_theirs = is_fair(*theirs, free);
        *theirs += self.amount;
        self.org = Some(org);
        if is_theirs { Ok(()) } else { self.of.refuse(Scarce::ForOne) }
    }

    /// Takes more. What this request holds itself is not held against it: whatever one may have is had by somebody.
    ///
    /// # Errors
    /// Where there is no more, or none for this organization; nothing is taken.
    pub(crate) fn grow(&mut self, by: usize) -> Result<(), Scarce> {
        let mut held = self.of.held();
        let free = self.of.most.saturating_sub(held.in_all);
        self.may_grow(&held, by, free)?;
        held.in_all += by;
        if let Some(org) = self.org {
            *held.by.entry(org).or_default() += by;
        }
        self.amount += by;
        Ok(())
    }

    /// Whether so much more is there now.
    ///
    /// # Errors
    /// As [`Share::grow`].
    pub(crate) fn has_room(&self, by: usize) -> Result<(), Scarce> {
        let held = self.of.held();
        self.may_grow(&held, by, self.of.most.saturating_sub(held.in_all))
    }

    fn may_grow(&self, held: &Held, by: usize, free: usize) -> Result<(), Scarce> {
        if by > free {
            return self.of.refuse(Scarce::InAll);
        }
        let theirs = self.org.and_then(|org| held.by.get(&org)).map_or(0, |theirs| theirs - self.amount);
        if self.org.is_none() || is_fair(theirs, free) { Ok(()) } else { self.of.refuse(Scarce::ForOne) }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.of.held();
        held.in_all = held.in_all.saturating_sub(self.amount);
        if let Some(org) = self.org
            && let Some(theirs) = held.by.get_mut(&org)
        {
            *theirs = theirs.saturating_sub(self.amount);
            if *theirs == 0 {
                held.by.remove(&org);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(shares: &Arc<Shares>, org: OrgId) -> Result<Share, Scarce> {
        let mut share = shares.share();
        share.grow(1)?;
        share.for_one(org)?;
        Ok(share)
    }

    #[test]
    fn one_organization_leaves_places_for_others_and_all_are_given_back() {
        let (shares, greedy, late) = (Shares::new(10), OrgId::new(), OrgId::new());
        let mut held: Vec<_> = (0..20).filter_map(|_| place(&shares, greedy).ok()).collect();
        assert_eq!((held.len(), shares.in_all()), (8, 8));
        assert_eq!(place(&shares, greedy).map(drop), Err(Scarce::ForOne));
        assert_eq!(shares.refused(), [0, 12 + 1]);
        let others: Vec<_> = (0..2).map(|_| place(&shares, late).expect("room for who comes")).collect();
        assert_eq!(place(&shares, OrgId::new()).map(drop), Err(Scarce::InAll));
        // What the greedy one gives back is for the other, until both hold as much.
        held.truncate(6);
        assert_eq!(place(&shares, greedy).map(drop), Ok(()), "six is less than four times two");
        let more = place(&shares, late).expect("its part");
        assert_eq!(place(&shares, greedy).map(drop), Err(Scarce::ForOne));
        drop((held, others, more));
        assert!(shares.held().by.is_empty() && shares.in_all() == 0);
    }

    #[test]
    fn one_body_is_as_long_as_it_may_be_and_many_leave_room() {
        let (shares, org) = (Shares::new(1_000), OrgId::new());
        let body = || {
            let mut share = shares.share();
            share.for_one(org).expect("nothing is held");
            share
        };
        let mut alone = body();
        assert_eq!((0..10).map(|_| alone.grow(100)).collect::<Result<Vec<_>, _>>().map(|grown| grown.len()), Ok(10));
        assert_eq!((alone.grow(1), alone.has_room(1)), (Err(Scarce::InAll), Err(Scarce::InAll)));
        drop(alone);
        let mut many: Vec<_> = (0..10).map(|_| body()).collect();
        let grown = many.iter_mut().filter_map(|share| share.grow(100).ok()).count();
        assert_eq!(grown, 8);
        assert_eq!(many[9].has_room(100), Err(Scarce::ForOne));
        let beyond = shares.held_by(Some(org), 300);
        assert_eq!(shares.in_all(), 1_100, "what is there is counted");
        drop(beyond);
        let mut other = shares.share();
        other.for_one(OrgId::new()).expect("it holds nothing");
        assert_eq!((other.has_room(200), other.grow(200)), (Ok(()), Ok(())));
        drop((many, other));
        assert!(shares.held().by.is_empty() && shares.in_all() == 0);
    }
}
