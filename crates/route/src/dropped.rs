use std::borrow::Cow;

use phi_dialect::Misfit;

use crate::Lack;
use crate::health::{Unfit, Why};

/// Why a route is not in the plan, in the order of the checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Dropped {
    /// It does another kind of work.
    OtherWork,
    /// It processes outside the region, or promises no place.
    OutsideRegion,
    /// It was to be left out of the weighing.
    LeftOut,
    /// It is staged or retired.
    NotLive,
    /// It serves only those who name it.
    PinOnly,
    /// The evidence of its place is weaker than the deployment takes.
    WeakEvidence,
    /// There is no credential for it, or none that fills its address.
    NoCredential,
    /// Its price is not known.
    NoPrice,
    /// It cannot carry a field of the body.
    Misfit(Misfit),
    /// PHI may not take it.
    NotEligible(Lack),
    /// A rule forbids it.
    Denied,
    /// Its vectors lie in another space than those of the first.
    OtherSpace,
    /// It rests: it failed, or has no room.
    Unfit(Unfit),
    /// There are enough before it.
    TooMany,
}

impl Dropped {
    /// The reason as a code, which never changes its meaning.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherWork => "other_work",
            Self::NotLive => "not_live",
            Self::LeftOut => "left_out",
            Self::PinOnly => "pin_only",
            Self::OutsideRegion => "outside_region",
            Self::WeakEvidence => "weak_evidence",
            Self::NoCredential => "no_credential",
            Self::NoPrice => "no_price",
            Self::Misfit(_) => "unsupported_parameter",
            Self::NotEligible(lack) => lack.code(),
            Self::Denied => "policy_denied",
            Self::OtherSpace => "other_space",
            Self::Unfit(unfit) => unfit.why.code(),
            Self::TooMany => "too_many",
        }
    }

    /// The reason as a sentence without its subject, the route.
    pub fn sentence(&self) -> Cow<'static, str> {
        let text = match self {
            Self::OtherWork => "does another kind of work",
            Self::NotLive => "is not live: staged, or retired",
            Self::LeftOut => "was left out, as was asked",
            Self::PinOnly => "serves only those who name it",
            Self::OutsideRegion => "processes outside the region, or promises no place",
            Self::WeakEvidence => "is at a place for which there is weaker evidence than `route.evidence` demands",
            Self::NoCredential => "has no key here, or none with the parameters of its address",
            Self::NoPrice => "has no known price",
            Self::Misfit(misfit) => return format!("cannot carry `{}`", misfit.field).into(),
            Self::NotEligible(lack) => lack.sentence(),
            Self::Denied => "is not allowed by the rules, or costs money and the key is a test key",
            Self::OtherSpace => "has vectors in another space than the first route",
            Self::Unfit(unfit) => unfit.why.sentence(),
            Self::TooMany => "comes after sixteen others",
        };
        text.into()
    }

    /// How many checks a route passed.
    pub(crate) fn depth(&self) -> u8 {
        match self {
            Self::OtherWork => 0,
            Self::OutsideRegion => 1,
            Self::LeftOut => 2,
            Self::NotLive => 3,
            Self::PinOnly => 4,
            Self::WeakEvidence => 5,
            Self::NoCredential => 6,
            Self::NoPrice => 7,
            Self::Misfit(_) => 8,
            Self::NotEligible(_) => 9,
            Self::Denied => 10,
            Self::OtherSpace => 11,
            Self::Unfit(_) => 12,
            Self::TooMany => 13,
        }
    }

    /// How far a route came, in the order in which callers are told: nobody serves it, nobody can carry it, nobody stands
    /// under an agreement, a rule forbids it, everybody rests.
    pub(crate) fn step(&self) -> u8 {
        match self {
            Self::OtherWork
            | Self::NotLive
            | Self::LeftOut
            | Self::PinOnly
            | Self::OutsideRegion
            | Self::WeakEvidence
            | Self::NoCredential
            | Self::NoPrice
            | Self::OtherSpace
            | Self::TooMany => 0,
            Self::Misfit(_) => 1,
            Self::NotEligible(_) => 2,
            Self::Denied => 3,
            Self::Unfit(_) => 4,
        }
    }
}

impl Lack {
    /// The reason as a code, which never changes its meaning.
    pub fn code(self) -> &'static str {
        match self {
            Self::TestKey => "phi_test_key",
            Self::GeneralWork => "phi_general_work",
            Self::Durability => "phi_durability",
            Self::World => "phi_world",
            Self::Evidence => "phi_evidence",
            Self::Framework => "phi_no_framework",
            Self::Offer => "phi_no_offer",
            Self::Agreement => "phi_no_agreement",
            Self::Customer => "phi_no_customer_agreement",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::TestKey => "takes no PHI from a test key",
            Self::GeneralWork => "does work that never carries PHI",
            Self::Durability => "takes no PHI while `record.durability` is not \"disk\"",
            Self::World => "takes no PHI in WORLD, where no place is promised",
            Self::Evidence => "takes no PHI, since nobody but the claim says where it is",
            Self::Framework => "takes no PHI of an organization that names no body of law",
            Self::Offer => "takes no PHI: its provider offers no agreement for all of place, work and bodies of law",
            Self::Agreement => "takes no PHI: no standing agreement covers place, work, bodies of law and credential",
            Self::Customer => "takes no PHI: no standing agreement with the customer covers it",
        }
    }
}

impl Why {
    /// The reason as a code, which never changes its meaning.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ejected => "ejected",
            Self::RateLimited => "rate_limited",
            Self::Account => "account_refused",
            Self::Busy => "busy",
            Self::Trial => "on_trial",
            Self::Withdrawn => "withdrawn",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Ejected => "rests, because its host failed",
            Self::RateLimited => "rests, because its host has no room for this credential now",
            Self::Account => "rests, because its host refused the credential or its account",
            Self::Busy => "has as many requests waiting as may wait at once",
            Self::Trial => "is on trial: one request tries whether it answers again",
            Self::Withdrawn => "is withdrawn, because it answered from elsewhere than planned",
        }
    }
}
