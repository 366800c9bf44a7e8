use crate::import::TableError;
use crate::import::json::{Fields, items};

/// What a model's id has to be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Rule {
    /// Exactly so.
    Equals(String),
    /// So at its beginning.
    StartsWith(String),
    /// So at its end.
    EndsWith(String),
    /// So somewhere.
    Contains(String),
    /// One of them holds.
    Or(Vec<Self>),
    /// All of them hold.
    And(Vec<Self>),
}

/// Rules in rules, at most so deep.
const DEEPEST: usize = 8;

impl Rule {
    /// Reads a rule; `None` where it is of a kind that is not known, such as a regular expression.
    pub(super) fn read(at: &str, text: &str) -> Result<Option<Self>, TableError> {
        Self::read_to(at, text, DEEPEST)
    }

    fn read_to(at: &str, text: &str, deep: usize) -> Result<Option<Self>, TableError> {
        let fields = Fields::read(at, text)?;
        let mut rules = fields.iter();
        let (Some((kind, value)), None, Some(deeper)) = (rules.next(), rules.next(), deep.checked_sub(1)) else {
            return Ok(None);
        };
        let word = || serde_json::from_str::<String>(value).ok().map(|word| word.to_ascii_lowercase());
        Ok(match kind {
            "equals" => word().map(Self::Equals),
            "starts_with" => word().map(Self::StartsWith),
            "ends_with" => word().map(Self::EndsWith),
            "contains" => word().map(Self::Contains),
            "or" | "and" => {
                let inner = items(at, value)?.into_iter().map(|text| Self::read_to(at, text, deeper));
                let inner: Option<Vec<Self>> = inner.collect::<Result<_, _>>()?;
                inner.map(if kind == "or" { Self::Or } else { Self::And })
            }
            _ => None,
        })
    }

    /// Whether an id is like that, whatever its case; with the vendor before a `/`, or without.
    pub(crate) fn fits(&self, own: &str) -> bool {
        let own = own.to_ascii_lowercase();
        let bare = own.rsplit('/').next().unwrap_or_default();
        self.holds(&own) || self.holds(bare)
    }

    fn holds(&self, own: &str) -> bool {
        match self {
            Self::Equals(word) => own == word,
            Self::StartsWith(word) => own.starts_with(word.as_str()),
            Self::EndsWith(word) => own.ends_with(word.as_str()),
            Self::Contains(word) => own.contains(word.as_str()),
            Self::Or(rules) => rules.iter().any(|rule| rule.holds(own)),
            Self::And(rules) => !rules.is_empty() && rules.iter().all(|rule| rule.holds(own)),
        }
    }
}
