use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize, Serializer};

use crate::NotAWord;

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $max:literal, |$b:ident| $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
        #[serde(try_from = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = NotAWord;

            fn from_str(text: &str) -> Result<Self, NotAWord> {
                let fits = (1..=$max).contains(&text.len()) && text.bytes().all(|$b| $allowed);
                if fits { Ok(Self(text.into())) } else { Err(NotAWord { what: $what, rule: $rule }) }
            }
        }

        impl TryFrom<String> for $name {
            type Error = NotAWord;

            fn try_from(text: String) -> Result<Self, NotAWord> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.as_ref().into()
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "`{}`", self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(/// What people call an organization, a role, an agent or a credential.
    Slug, "name", "1 to 63 of `a-z 0-9 -`", 63,
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
name!(/// The company that answers, such as `infomaniak`.
    ProviderName, "provider", "1 to 63 of `a-z 0-9 . -`", 63,
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-');
name!(/// A provider's endpoint at one place, such as `infomaniak-ch`.
    HostName, "host", "1 to 63 of `a-z 0-9 . -`", 63,
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-');
name!(/// A host and a model row together: unique in the deployment, never used again.
    RouteId, "route id", "1 to 96 of `a-z 0-9 . -`", 96,
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-');
name!(/// A model's name as a caller or a provider writes it.
    ModelName, "model", "1 to 200 visible ASCII characters", 200, |b| b.is_ascii_graphic());
name!(/// A name that stands for models, one list a region.
    AliasName, "alias", "1 to 63 of `a-z 0-9 . _ -`", 63,
    |b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-' || b == b'_');
name!(/// The vector space of an embedding model, `model@dimension`: failover stays inside one.
    SpaceName, "space", "1 to 96 visible ASCII characters", 96, |b| b.is_ascii_graphic());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_hold_to_their_alphabet() {
        assert!("infomaniak-gemma-4-31b".parse::<RouteId>().is_ok());
        for bad in ["", "A", "a_b", "a/b", "a b", "ä", &"a".repeat(97)] {
            assert!(bad.parse::<RouteId>().is_err(), "{bad}");
        }
        assert!("google/gemma-4-31B-it".parse::<ModelName>().is_ok());
        for bad in ["", "gpt-4\u{43e}", "a b", "a\n", "a\0"] {
            assert!(bad.parse::<ModelName>().is_err(), "{bad:?}");
        }
    }
}
