use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use phi_words::OrgId;

use super::{Unfit, Why};

/// Faults in a row that eject.
pub(super) const PATIENCE: u32 = 3;
/// The shortest rest and the longest; jitter adds up to a quarter to what is doubled, which is cut at four fifths of the
/// longest.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// The longest rest that a host can ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(3_600);
/// How far the clock may lie behind the beginning of a rest: two requests may have read it in the other order. Further
/// behind, it was set back, and the rest is over.
const SLACK: SignedDuration = SignedDuration::from_secs(1);
/// When to come again to what a probe or a trial is about to decide.
pub(super) const SOON: Duration = Duration::from_secs(1);

/// The health of one thing: of a route for everybody, or of a route with one credential.
#[derive(Debug, Clone, Default)]
pub(super) struct Pulse {
    stage: Stage,
    /// Why it was ejected last.
    why: Ejected,
    /// Faults in a row.
    faults: u32,
    /// Whose requests showed them.
    blamed: Blamed,
    /// Rests in a row.
    rests: u32,
    /// Counts the stages, so that what began in an earlier one is not held against a later.
    epoch: u64,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Stage {
    /// Everybody may try.
    #[default]
    Open,
    /// Nobody may try.
    Rest { since: Timestamp, until: Timestamp, then: Then },
    /// One may try at a time, until one succeeds.
    Trial { taken: bool },
}

/// Whose requests showed the faults in a row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Blamed {
    #[default]
    Nobody,
    One(OrgId),
    Several,
}

impl Blamed {
    fn and(self, org: OrgId) -> Self {
        match self {
            Self::Nobody => Self::One(org),
            Self::One(other) if other == org => self,
            Self::One(_) | Self::Several => Self::Several,
        }
    }
}

/// What comes after a rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    /// A probe decides.
    Probe,
    /// One may try.
    Trial,
}

/// What a rest that a probe ends is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Ejected {
    /// The host failed, or does not know our row.
    #[default]
    Host,
    /// It refused our key or our account.
    Account,
}

/// How much one fault says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    /// Enough.
    Whole,
    /// A part: so many in a row are enough.
    Part,
    /// A part, and of what requests of this organization alone show there is never enough: it may be what they ask.
    Of(OrgId),
}

/// What an attempt was begun with.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ticket {
    epoch: u64,
}

impl Pulse {
    pub(super) fn fit(&self, now: Timestamp) -> Result<(), Unfit> {
        match self.stage {
            Stage::Open | Stage::Trial { taken: false } => Ok(()),
            Stage::Trial { taken: true } => Err(Unfit { why: Why::Trial, wait: Some(SOON) }),
            Stage::Rest { then, .. } => {
                let why = match (then, self.why) {
                    (Then::Probe, Ejected::Host) => Why::Ejected,
                    (Then::Probe, Ejected::Account) => Why::Account,
                    (Then::Trial, Ejected::Host | Ejected::Account) => Why::RateLimited,
                };
                match (self.rest(now), then) {
                    (None, Then::Trial) => Ok(()),
                    (None, Then::Probe) => Err(Unfit { why, wait: Some(SOON) }),
                    (Some(left), Then::Probe) => Err(Unfit { why, wait: Some(left + SOON) }),
                    (Some(left), Then::Trial) => Err(Unfit { why, wait: Some(left) }),
                }
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    pub(super) fn rests(&self) -> bool {
        matches!(self.stage, Stage::Rest { .. })
    }

    /// Whether nothing is held against it.
    pub(super) fn is_well(&self) -> bool {
        self.is_open() && self.faults == 0 && self.rests == 0
    }

    /// How many rests it had in a row, up to now.
    pub(super) fn rests_in_a_row(&self) -> u32 {
        self.rests
    }

    /// From now on it rests for as long as what had so many rests in a row.
    pub(super) fn rest_like(&mut self, rests: u32) {
        self.rests = self.rests.max(rests);
    }

    /// How long the rest lasts yet; `None` where there is none, or it is over.
    pub(super) fn rest(&self, now: Timestamp) -> Option<Duration> {
        let Stage::Rest { since, until, .. } = self.stage else { return None };
        let set_back = since.duration_since(now) > SLACK;
        // Not from a time before its beginning: that would be longer than was meant.
        let left = until.duration_since(now.max(since));
        (!set_back && left.is_positive()).then(|| left.unsigned_abs())
    }

    /// How long until a probe decides; zero where it is due.
    pub(super) fn due(&self, now: Timestamp) -> Option<Duration> {
        match self.stage {
            Stage::Rest { then: Then::Probe, .. } => Some(self.rest(now).unwrap_or_default()),
            Stage::Open | Stage::Rest { then: Then::Trial, .. } | Stage::Trial { .. } => None,
        }
    }

    /// Begins an attempt at what is fit.
    pub(super) fn begin(&mut self, now: Timestamp) -> Ticket {
        if matches!(self.stage, Stage::Rest { .. }) && self.rest(now).is_none() {
            self.enter(Stage::Trial { taken: false });
        }
        if let Stage::Trial { taken } = &mut self.stage {
            *taken = true;
        }
        Ticket { epoch: self.epoch }
    }

    /// An attempt ended without a word on this.
    pub(super) fn give_back(&mut self, ticket: Ticket) {
        if let (Stage::Trial { taken }, true) = (&mut self.stage, ticket.epoch == self.epoch) {
            *taken = false;
        }
    }

    /// An answer has begun: that ends a trial, so that nobody waits for the end of a long answer. Until one answer has
    /// ended well, one fault ejects again.
    pub(super) fn answers(&mut self, ticket: &mut Ticket) {
        if matches!(self.stage, Stage::Trial { .. }) && ticket.epoch == self.epoch {
            let blamed = self.blamed;
            self.enter(Stage::Open);
            (self.faults, self.blamed) = (PATIENCE - 1, blamed);
            ticket.epoch = self.epoch;
        }
    }

    /// An answer has ended well.
    pub(super) fn good(&mut self, mut ticket: Ticket) {
        self.answers(&mut ticket);
        if self.is_open() && ticket.epoch == self.epoch {
            (self.faults, self.rests, self.blamed) = (0, 0, Blamed::Nobody);
        }
    }

    /// An attempt failed.
    pub(super) fn fault(&mut self, ticket: Ticket, why: Ejected, weight: Weight, now: Timestamp, jitter: f64) {
        if ticket.epoch != self.epoch || self.rests() {
            return;
        }
        self.faults = match weight {
            Weight::Whole => PATIENCE,
            Weight::Part => self.faults + 1,
            Weight::Of(org) => {
                self.blamed = self.blamed.and(org);
                let most = if self.blamed == Blamed::Several { PATIENCE } else { PATIENCE - 1 };
                (self.faults + 1).min(most)
            }
        };
        if self.faults >= PATIENCE {
            self.why = why;
            self.eject(Then::Probe, None, now, jitter);
        }
    }

    /// The host asked for a rest. It gets it, even where the answer is an old one.
    pub(super) fn limited(&mut self, ticket: Ticket, asked: Option<Duration>, now: Timestamp, jitter: f64) {
        let asked = asked.filter(|asked| !asked.is_zero()).map(|asked| asked.min(LONGEST_ASKED));
        match (&mut self.stage, asked) {
            (Stage::Rest { since, until, then }, Some(asked)) => {
                let later = after(now, asked);
                if later > *until {
                    (*since, *until, *then) = (now, later, Then::Trial);
                }
            }
            (Stage::Open | Stage::Trial { .. }, Some(_)) => self.eject(Then::Trial, asked, now, jitter),
            (_, None) if ticket.epoch != self.epoch => {}
            (Stage::Rest { .. }, None) => {}
            (Stage::Open | Stage::Trial { .. }, None) => self.eject(Then::Trial, None, now, jitter),
        }
    }

    /// A probe showed that nothing stands against another attempt.
    pub(super) fn heal(&mut self, now: Timestamp) {
        if self.due(now) == Some(Duration::ZERO) {
            self.enter(Stage::Trial { taken: false });
        }
    }

    /// A probe showed that it is as it was.
    pub(super) fn relapse(&mut self, now: Timestamp, jitter: f64) {
        if self.due(now) == Some(Duration::ZERO) {
            self.eject(Then::Probe, None, now, jitter);
        }
    }

    /// A probe that was made for some showed what holds for all.
    pub(super) fn fail(&mut self, now: Timestamp, jitter: f64) {
        if self.rests() {
            self.relapse(now, jitter);
        } else {
            self.why = Ejected::Host;
            self.eject(Then::Probe, None, now, jitter);
        }
    }

    /// A probe was refused.
    pub(super) fn refuse(&mut self, now: Timestamp, jitter: f64) {
        if self.is_open() || self.due(now) == Some(Duration::ZERO) {
            self.why = Ejected::Account;
            self.eject(Then::Probe, None, now, jitter);
        }
    }

    /// A probe was asked for a rest.
    pub(super) fn limit(&mut self, asked: Option<Duration>, now: Timestamp, jitter: f64) {
        self.heal(now);
        self.limited(Ticket { epoch: self.epoch }, asked, now, jitter);
    }

    /// Whatever happened is forgotten.
    pub(super) fn forget(&mut self) {
        self.rests = 0;
        self.enter(Stage::Open);
    }

    fn eject(&mut self, then: Then, asked: Option<Duration>, now: Timestamp, jitter: f64) {
        let length = asked.unwrap_or_else(|| rest(self.rests, jitter));
        self.rests = self.rests.saturating_add(1);
        self.enter(Stage::Rest { since: now, until: after(now, length), then });
    }

    fn enter(&mut self, stage: Stage) {
        self.stage = stage;
        self.epoch += 1;
        // Of what is on trial one fault is enough, unless it is to be shown by two.
        self.faults = if matches!(stage, Stage::Trial { .. }) { PATIENCE - 1 } else { 0 };
        self.blamed = Blamed::Nobody;
    }
}

fn after(now: Timestamp, length: Duration) -> Timestamp {
    now.saturating_add(length).unwrap_or(Timestamp::MAX)
}

/// The length of a rest after so many in a row: doubled each time, with jitter.
pub(super) fn rest(rests: u32, jitter: f64) -> Duration {
    let doubled = SHORTEST.saturating_mul(1 << rests.min(16)).min(LONGEST * 4 / 5);
    doubled + (doubled / 4).mul_f64(jitter.clamp(0.0, 1.0))
}
