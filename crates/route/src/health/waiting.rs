use phi_police::share::is_fair;
use phi_words::OrgId;

/// Requests that wait for the first byte of one route, and whose they are: a host that is slow must not be one
/// organization's alone.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    in_all: usize,
    /// Of each organization that waits. They are few: the list is never longer than requests may wait.
    by: Vec<(OrgId, usize)>,
}

impl Waiting {
    /// Whether one more request of an organization may wait, where `most` may in all.
    pub(super) fn has_room(&self, org: OrgId, most: usize) -> bool {
        let held = self.by.iter().find(|(who, _)| *who == org).map_or(0, |(_, held)| *held);
        self.in_all < most && is_fair(held, most - self.in_all)
    }

    /// Whether there may be no room for some.
    pub(super) fn is_scarce(&self, most: usize) -> bool {
        !is_fair(self.in_all, most.saturating_sub(self.in_all))
    }

    pub(super) fn add(&mut self, org: OrgId) {
        self.in_all += 1;
        match self.by.iter_mut().find(|(who, _)| *who == org) {
            Some((_, held)) => *held += 1,
            None => self.by.push((org, 1)),
        }
    }

    pub(super) fn take_away(&mut self, org: OrgId) {
        self.in_all = self.in_all.saturating_sub(1);
        if let Some(at) = self.by.iter().position(|(who, _)| *who == org) {
            self.by[at].1 = self.by[at].1.saturating_sub(1);
            if self.by[at].1 == 0 {
                self.by.swap_remove(at);
            }
        }
    }
}
