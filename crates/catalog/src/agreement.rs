use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{Timestamp, tz::TimeZone};
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

impl Agreement {
    /// Whether it stands at this moment: verified, not due for review, not revoked.
    pub fn stands(&self, now: Timestamp) -> bool {
        let today = now.to_zoned(TimeZone::UTC).date();
        self.revoked.is_none_or(|revoked| now < revoked) && self.verified_on <= today && today <= self.review_by
    }
}
