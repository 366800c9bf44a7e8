use std::collections::BTreeSet;

use jiff::civil::Date;
use phi_words::{Country, Framework, Modality, ProviderName};
use serde::Deserialize;

/// A company that answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provider {
    /// Its name, the head of its models' names.
    pub name: ProviderName,
    /// What people call it.
    pub title: String,
    /// The agreements that it offers. Whether one stands is an operator's attestation: see [`crate::Agreement`].
    pub offers: Vec<Offer>,
}

impl Provider {
    /// Whether it offers an agreement for this kind of work, in this country, under this law.
    pub fn covers(&self, country: Country, modality: Modality, framework: Framework) -> bool {
        self.offers.iter().any(|offer| {
            offer.countries.contains(&country)
                && offer.frameworks.contains(&framework)
                && offer.modalities.contains(&modality)
        })
    }
}

/// An agreement that a provider offers to make.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// For processing in these countries.
    pub countries: BTreeSet<Country>,
    /// For this kind of work.
    pub modalities: BTreeSet<Modality>,
    /// Under these laws.
    pub frameworks: BTreeSet<Framework>,
    /// Where the provider says so.
    pub source: String,
    /// When that was read.
    pub date: Date,
}
