use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use phi_words::{AgreementId, Country, CredentialId, Framework, Modality, OrgId, ProviderName};
use serde::{Deserialize, Serialize};

/// An operator's attestation that an agreement stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// Its id.
    pub id: AgreementId,
    /// With whom it is.
    pub kind: Kind,
    /// The organization that it holds for; `None` for all of them. An agreement with a customer names one.
    pub org: Option<OrgId>,
    /// Who signed on the other side.
    pub counterparty: String,
    /// The SHA-256 of the document, 64 lower-case hexadecimal digits.
    pub document: String,
    /// For processing in these countries.
    pub countries: BTreeSet<Country>,
    /// For this kind of work.
    pub modalities: BTreeSet<Modality>,
    /// Under these laws.
    pub frameworks: BTreeSet<Framework>,
    /// Who looked at the document.
    pub verified_by: String,
    /// When; it stands from this day on, in UTC.
    pub verified_on: Date,
    /// When somebody must look again; it stands to the end of this day, in UTC.
    pub review_by: Date,
    /// Since when it does not stand any more.
    pub revoked: Option<Timestamp>,
}

/// With whom an agreement is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Kind {
    /// With a provider, so that PHI may be sent to it.
    Provider {
        /// The provider.
        name: ProviderName,
        /// The credential that it covers; `None` for every one.
        credential: Option<CredentialId>,
    },
    /// With the organization that we process for.
    Customer,
}

/// How an agreement is at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// It stands from this day on.
    Coming(Date),
    /// It stands, to the end of the day that is so many days after today.
    Stands {
        /// 0 on its last day.
        days: i32,
    },
    /// Since the end of this day it does not stand.
    Lapsed(Date),
    /// Since this moment it does not stand.
    Revoked(Timestamp),
}

impl Agreement {
    /// Whether it stands at this moment: verified, not due for review, not revoked.
    pub fn stands(&self, now: Timestamp) -> bool {
        matches!(self.state(now), State::Stands { .. })
    }

    /// How it is at this moment.
    pub fn state(&self, now: Timestamp) -> State {
        let today = now.to_zoned(TimeZone::UTC).date();
        match self.revoked {
            Some(revoked) if revoked <= now => State::Revoked(revoked),
            Some(_) | None if today > self.review_by => State::Lapsed(self.review_by),
            Some(_) | None if today < self.verified_on => State::Coming(self.verified_on),
            Some(_) | None => State::Stands { days: (self.review_by - today).get_days() },
        }
    }

    /// Whether it stands now, and will not, unless it is reviewed, after so long a time.
    pub fn lapses_within(&self, span: SignedDuration, now: Timestamp) -> bool {
        self.stands(now) && self.lapses().is_some_and(|lapse| lapse.duration_since(now) <= span)
    }

    /// The first moment at which it does not stand any more, unless it is revoked before; `None` at the end of all time.
    pub fn lapses(&self) -> Option<Timestamp> {
        let day_after = self.review_by.tomorrow().ok()?;
        Some(day_after.to_zoned(TimeZone::UTC).ok()?.timestamp())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_from_the_day_of_verification_to_the_end_of_the_day_of_review() {
        let agreement = Agreement {
            id: AgreementId::new(),
            kind: Kind::Customer,
            org: None,
            counterparty: "Acme".into(),
            document: "0".repeat(64),
            countries: BTreeSet::new(),
            modalities: BTreeSet::new(),
            frameworks: BTreeSet::new(),
            verified_by: "A".into(),
            verified_on: "2026-11-01".parse().unwrap(),
            review_by: "2026-11-30".parse().unwrap(),
            revoked: None,
        };
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        for (now, stands) in [
            ("2026-10-31T23:59:59.999999Z", false),
            ("2026-11-01T00:00:00Z", true),
            ("2026-11-30T23:59:59Z", true),
            ("2026-12-01T00:00:00Z", false),
        ] {
            assert_eq!(agreement.stands(at(now)), stands, "{now}");
        }
        for (now, state) in [
            ("2026-10-31T23:59:59Z", State::Coming("2026-11-01".parse().unwrap())),
            ("2026-11-01T00:00:00Z", State::Stands { days: 29 }),
            ("2026-11-30T23:59:59Z", State::Stands { days: 0 }),
            ("2026-12-01T00:00:00Z", State::Lapsed("2026-11-30".parse().unwrap())),
        ] {
            assert_eq!(agreement.state(at(now)), state, "{now}");
        }
        assert_eq!(agreement.lapses(), Some(at("2026-12-01T00:00:00Z")));
        for (now, within) in [
            ("2026-10-31T23:59:59Z", false),
            ("2026-11-01T00:00:00Z", true),
            ("2026-11-30T23:59:59Z", true),
            ("2026-12-01T00:00:00Z", false),
        ] {
            assert_eq!(agreement.lapses_within(SignedDuration::from_hours(30 * 24), at(now)), within, "{now}");
        }
        assert!(!agreement.lapses_within(SignedDuration::from_hours(30 * 24 - 1), at("2026-11-01T00:00:00Z")));
        let revoked = Agreement { revoked: Some(at("2026-11-10T12:00:00Z")), ..agreement };
        assert!(revoked.stands(at("2026-11-10T11:59:59Z")) && !revoked.stands(at("2026-11-10T12:00:00Z")));
        assert_eq!(revoked.state(at("2026-12-11T12:00:00Z")), State::Revoked(at("2026-11-10T12:00:00Z")));
    }
}
