use std::collections::BTreeSet;

use phi_words::{Country, ProviderName, Region};
use serde::Deserialize;

/// A set of countries: what a region is, and where a host processes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Written")]
pub enum Extent {
    /// These countries and no others.
    Countries(BTreeSet<Country>),
    /// No promise (of a host), no demand (of a region).
    Anywhere,
}

impl Extent {
    /// Whether all of it lies inside `other`. A set without a country promises nothing, so it lies nowhere.
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Countries(mine), Self::Countries(theirs)) => !mine.is_empty() && mine.is_subset(theirs),
            (Self::Countries(mine), Self::Anywhere) => !mine.is_empty(),
            (Self::Anywhere, Self::Anywhere) => true,
            (Self::Anywhere, Self::Countries(_)) => false,
        }
    }

    /// The countries, where they are named.
    pub fn countries(&self) -> Option<&BTreeSet<Country>> {
        match self {
            Self::Countries(countries) => Some(countries),
            Self::Anywhere => None,
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "neither a list of countries such as `[\"CH\"]` nor the word `anywhere`")]
enum Written {
    Countries(BTreeSet<Country>),
    Word(String),
}

impl TryFrom<Written> for Extent {
    type Error = &'static str;

    fn try_from(written: Written) -> Result<Self, Self::Error> {
        match written {
            Written::Countries(countries) if countries.is_empty() => Err("no country is named"),
            Written::Countries(countries) => Ok(Self::Countries(countries)),
            Written::Word(word) if word == "anywhere" => Ok(Self::Anywhere),
            Written::Word(_) => Err("the only word for a set of countries is `anywhere`"),
        }
    }
}

/// What a region's name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Territory {
    /// The name.
    pub name: Region,
    /// Its countries; anywhere for `WORLD` alone.
    pub extent: Extent,
    /// The providers that `auto` asks first, in this order.
    pub residents: Vec<ProviderName>,
}

impl Territory {
    /// How early `auto` asks a provider: 0 for the first resident; after all of them, everybody else alike.
    pub fn rank(&self, provider: &ProviderName) -> usize {
        self.residents.iter().position(|resident| resident == provider).unwrap_or(self.residents.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extent(codes: &[&str]) -> Extent {
        Extent::Countries(codes.iter().map(|code| code.parse().unwrap()).collect())
    }

    #[test]
    fn within_is_subset_and_nothing_is_nowhere() {
        let (none, ch, eu) = (extent(&[]), extent(&["CH"]), extent(&["DE", "FR"]));
        assert!(ch.is_within(&ch) && extent(&["FR"]).is_within(&eu));
        assert!(!eu.is_within(&extent(&["FR"])) && !ch.is_within(&eu));
        assert!(ch.is_within(&Extent::Anywhere) && Extent::Anywhere.is_within(&Extent::Anywhere));
        assert!(!Extent::Anywhere.is_within(&eu));
        assert!(!none.is_within(&ch) && !none.is_within(&none) && !none.is_within(&Extent::Anywhere));
    }
}
