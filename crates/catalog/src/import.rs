//! What public tables of models and prices say, beside what the catalogue says. A table is read strictly, compared row by
//! row, and changes nothing: what is new in it comes out as staged rows for a person to look at.
//!
//! Amounts are decimals from the first digit to the last, never floats: `3e-07` of a dollar a token is `0.30` a million.

mod compare;
mod entry;
mod exact;
mod genai_prices;
mod json;
mod litellm;
mod models_dev;
mod reading;
mod rule;
mod staged;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use phi_words::ProviderName;
use serde::{Deserialize, Serialize};

use crate::Catalogue;
pub use crate::import::compare::{Candidate, Comparison, Difference};
use crate::import::entry::Entry;
use crate::import::json::Fields;
use crate::import::reading::Reading;

/// Whose table it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// LiteLLM's `model_prices_and_context_window.json`: one flat object, US dollars a token.
    #[serde(rename = "litellm")]
    LiteLlm,
    /// `api.json` of models.dev: providers and their models, US dollars a million tokens.
    ModelsDev,
    /// `prices/data.json` of pydantic's genai-prices: models that are named by rules, with dated prices.
    GenaiPrices,
}

/// Why a table is not taken at all.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TableError {
    /// Not JSON.
    #[error("it is not JSON at line {line}, column {column}")]
    NotJson {
        /// Counted from 1.
        line: usize,
        /// Likewise.
        column: usize,
    },
    /// Neither reading of a name that stands twice is the right one.
    #[error("`{0}` stands in it twice, so that one of them would be ignored")]
    Twice(String),
    /// Not what the format says.
    #[error("it is no table of {0}: {1}")]
    Shape(&'static str, String),
    /// It is not known whose it is.
    #[error("it is not seen whose table it is")]
    Unknown,
    /// Prices that cannot be right, each with its place.
    #[error("{} of its prices cannot be right{}", .0.len(), .0.iter().map(|bad| format!("\n  {bad}")).collect::<String>())]
    Prices(Vec<String>),
    /// Something was to be left out, and is not there.
    #[error("it has no entry `{0}` to be left out")]
    NoEntry(String),
}

/// A table that was read.
#[derive(Debug)]
pub struct Table {
    entries: Vec<Entry>,
    elsewhere: BTreeMap<String, usize>,
    unread: Vec<Unread>,
    wordless: BTreeMap<String, usize>,
    oddities: BTreeSet<&'static str>,
}

/// Something of a table that could not be understood.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unread {
    /// Why.
    pub what: String,
    /// The entry, as the table names it.
    pub key: String,
}

impl Format {
    /// Every one.
    pub const ALL: &'static [Self] = &[Self::LiteLlm, Self::ModelsDev, Self::GenaiPrices];

    /// As it is typed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LiteLlm => "litellm",
            Self::ModelsDev => "models-dev",
            Self::GenaiPrices => "genai-prices",
        }
    }

    /// Where the table is published.
    pub const fn source(self) -> &'static str {
        match self {
            Self::LiteLlm => "https://github.com/BerriAI/litellm/blob/main/model_prices_and_context_window.json",
            Self::ModelsDev => "https://models.dev/api.json",
            Self::GenaiPrices => "https://github.com/pydantic/genai-prices/blob/main/prices/data.json",
        }
    }

    /// The format that the outermost values of a text have alone.
    ///
    /// # Errors
    /// [`TableError::Unknown`], and what keeps the text from being read.
    pub fn seen_in(text: &str) -> Result<Self, TableError> {
        if text.trim_start().starts_with('[') {
            return Ok(Self::GenaiPrices);
        }
        let all = Fields::read("", text);
        if matches!(all, Err(TableError::Shape(..))) {
            return Err(TableError::Unknown);
        }
        let all = all?;
        let has = |name: &str| all.objects().any(|(_, inner)| inner.is_ok_and(|inner| inner.raw(name).is_some()));
        match (has("litellm_provider"), has("models")) {
            (true, false) => Ok(Self::LiteLlm),
            (false, true) => Ok(Self::ModelsDev),
            (true, true) | (false, false) => Err(TableError::Unknown),
        }
    }
}

impl std::str::FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|format| format.as_str() == text);
        found.copied().ok_or_else(|| {
            let names: Vec<String> = Self::ALL.iter().map(|format| format!("`{}`", format.as_str())).collect();
            format!("a format is one of {}", names.join(", "))
        })
    }
}

impl Table {
    /// Reads a table as it holds on a day, leaving out the entries that are named.
    ///
    /// # Errors
    /// Everything that makes the table as a whole unfit: see [`TableError`].
    pub fn read(format: Format, text: &str, today: Date, without: &BTreeSet<String>) -> Result<Self, TableError> {
        let mut reading = Reading::new(without);
        match format {
            Format::LiteLlm => litellm::read(text, &mut reading)?,
            Format::ModelsDev => models_dev::read(text, &mut reading)?,
            Format::GenaiPrices => genai_prices::read(text, today, &mut reading)?,
        }
        reading.end()
    }

    /// Compares it with the catalogue, as of a day: of these providers, or of all where none is named.
    pub fn compare(&self, catalogue: &Catalogue, today: Date, only: &BTreeSet<ProviderName>) -> Comparison {
        compare::compare(self, catalogue, today, only)
    }

    /// What it says that could not be understood.
    pub fn unread(&self) -> &[Unread] {
        &self.unread
    }

    /// How many entries are of companies that the catalogue does not know, by the table's name for them.
    pub fn elsewhere(&self) -> &BTreeMap<String, usize> {
        &self.elsewhere
    }

    /// How often it has prices for which ours have no word, by the table's name for them.
    pub fn wordless(&self) -> &BTreeMap<String, usize> {
        &self.wordless
    }

    /// What is known to be odd in such tables and was met in this one, with how it was read.
    pub fn oddities(&self) -> &BTreeSet<&'static str> {
        &self.oddities
    }
}

#[cfg(test)]
mod tests;
