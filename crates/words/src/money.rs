use std::fmt;

use serde::{Deserialize, Serialize};

use crate::modality::closed;

/// An amount in whole millionths of a US dollar. Arithmetic is checked: money neither wraps nor rounds here;
/// the one place that rounds is `catalog/src/price.rs`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MicroUsd(i64);

/// An amount of money left the range that we can count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an amount of money is too large to count")]
pub struct Overflow;

impl MicroUsd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// An amount of so many millionths of a dollar.
    pub const fn new(micros: i64) -> Self {
        Self(micros)
    }

    /// The amount in millionths of a dollar.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// The sum, or [`Overflow`].
    pub fn plus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_add(other.0).map(Self).ok_or(Overflow)
    }

    /// The difference, or [`Overflow`].
    pub fn minus(self, other: Self) -> Result<Self, Overflow> {
        self.0.checked_sub(other.0).map(Self).ok_or(Overflow)
    }
}

impl fmt::Display for MicroUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

closed!(/// A currency that prices are listed in.
Currency, "currency", "`USD`, `EUR`, `CHF` or `GBP`", {
    /// US dollar.
    Usd = "USD",
    /// Euro.
    Eur = "EUR",
    /// Swiss franc.
    Chf = "CHF",
    /// Pound sterling.
    Gbp = "GBP",
});
