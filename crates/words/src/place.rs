use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::NotAWord;

/// A country by its ISO 3166-1 alpha-2 code, upper-case.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Country([u8; 2]);

impl FromStr for Country {
    type Err = NotAWord;

    fn from_str(text: &str) -> Result<Self, NotAWord> {
        match text.as_bytes() {
            &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => Ok(Self([a, b])),
            _ => Err(NotAWord { what: "country", rule: "two upper-case letters of ISO 3166-1" }),
        }
    }
}

impl TryFrom<String> for Country {
    type Error = NotAWord;

    fn try_from(text: String) -> Result<Self, NotAWord> {
        text.parse()
    }
}

impl From<Country> for String {
    fn from(country: Country) -> Self {
        country.to_string()
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b] = self.0;
        write!(f, "{}{}", char::from(a), char::from(b))
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The name of a set of countries in which a request is to be processed, upper-case. Which countries it holds is said
/// by the catalogue; that it exists there is the catalogue's to check.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Region(Arc<str>);

impl Region {
    /// The region that demands nothing.
    pub const WORLD: &'static str = "WORLD";

    /// The name, upper-case.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this is WORLD: every country, nothing demanded.
    pub fn is_world(&self) -> bool {
        &*self.0 == Self::WORLD
    }

    /// The region that demands nothing.
    pub fn world() -> Self {
        Self(Self::WORLD.into())
    }
}

impl FromStr for Region {
    type Err = NotAWord;

    /// Case does not matter; white space and everything else does.
    fn from_str(text: &str) -> Result<Self, NotAWord> {
        let mut bytes = text.bytes();
        let fits = (1..=16).contains(&text.len())
            && bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
            && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !fits {
            return Err(NotAWord { what: "region", rule: "a letter, then up to 15 letters, digits or `-`" });
        }
        Ok(Self(text.to_ascii_uppercase().into()))
    }
}

impl TryFrom<String> for Region {
    type Error = NotAWord;

    fn try_from(text: String) -> Result<Self, NotAWord> {
        text.parse()
    }
}

impl From<Region> for String {
    fn from(region: Region) -> Self {
        region.0.as_ref().into()
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for Region {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_ignores_case_alone() {
        assert_eq!("ch".parse::<Region>().map(|r| r.to_string()), Ok("CH".into()));
        for bad in ["", " CH", "CH ", "C H", "1CH", "CH\u{430}", "ca_central", "ABCDEFGHIJKLMNOPQ"] {
            assert!(bad.parse::<Region>().is_err(), "{bad:?}");
        }
    }
}
