use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use jiff::civil::Date;
use phi_crypto::{hex, sha256};
use phi_words::{Currency, MicroUsd, ModelName, ProviderName, Region, RouteId, Usage};

use crate::check::{self, Parts};
use crate::file::{BUILT_IN, files};
use crate::name::AUTO;
use crate::price::{Micros, Price};
use crate::{Alias, Cost, CostError, Host, Named, Problems, Provider, Rate, Row, Status, Territory, UnitPrice};

/// Everything that is known of who could answer, as it was when it was read.
pub struct Catalogue {
    version: String,
    parts: Parts,
}

impl Catalogue {
    /// Reads the built-in files, with the `*.toml` files of an operator's folder laid over them.
    ///
    /// # Errors
    /// Everything that is wrong, with file and place. A folder that is named has to be there.
    pub fn load(overrides: Option<&Path>) -> Result<Self, Problems> {
        Self::over(&[overrides.map_or_else(|| Ok(Vec::new()), files)?])
    }

    /// Reads the built-in files with layers of files (name and text) laid over them, a later layer over an earlier one.
    ///
    /// # Errors
    /// Everything that is wrong, with file and place.
    pub fn over(layers: &[Vec<(String, String)>]) -> Result<Self, Problems> {
        let laid = layers.iter().flatten().map(|(file, text)| (file.as_str(), text.as_str()));
        let version = version(BUILT_IN.iter().copied().chain(laid));
        Ok(Self { version, parts: check::built_in_and(layers, Status::Staged)? })
    }

    /// The built-in files as if every staged route served: for tests of where traffic would go, and never for traffic.
    ///
    /// # Errors
    /// As [`Catalogue::load`].
    #[doc(hidden)]
    pub fn rehearsal() -> Result<Self, Problems> {
        Ok(Self { version: "rehearsal".into(), parts: check::built_in_and(&[], Status::Live)? })
    }

    /// These files and nothing else, likewise.
    ///
    /// # Errors
    /// As [`Catalogue::parse`].
    #[doc(hidden)]
    pub fn rehearsal_of(files: &[(&str, &str)]) -> Result<Self, Problems> {
        Ok(Self { version: "rehearsal".into(), parts: check::only(files, Status::Live)? })
    }

    /// Reads a catalogue from these files (name and text) and nothing else.
    ///
    /// # Errors
    /// Everything that is wrong, with file and place.
    pub fn parse(files: &[(&str, &str)]) -> Result<Self, Problems> {
        Ok(Self { version: version(files.iter().copied()), parts: check::only(files, Status::Staged)? })
    }

    /// The first twelve hexadecimal digits of the SHA-256 of all that was read.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The same of the built-in files alone, for those to whom the digest of an operator's files would tell something.
    pub fn built_in_version() -> String {
        version(BUILT_IN.iter().copied())
    }

    /// All regions, sorted by name.
    pub fn regions(&self) -> &[Territory] {
        &self.parts.territories
    }

    /// What a region's name stands for.
    pub fn region(&self, name: &Region) -> Option<&Territory> {
        self.parts.territories.iter().find(|territory| territory.name == *name)
    }

    /// The names of all regions, for a sentence.
    pub fn region_names(&self) -> String {
        self.parts.territories.iter().map(|territory| territory.name.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// All providers, sorted by name.
    pub fn providers(&self) -> impl ExactSizeIterator<Item = &Provider> {
        self.parts.providers.values()
    }

    /// A provider by its name.
    pub fn provider(&self, name: &ProviderName) -> Option<&Provider> {
        self.parts.providers.get(name)
    }

    /// All hosts, sorted by name.
    pub fn hosts(&self) -> &[Arc<Host>] {
        &self.parts.hosts
    }

    /// All routes, sorted by id.
    pub fn rows(&self) -> &[Arc<Row>] {
        &self.parts.rows
    }

    /// A route by its id.
    pub fn row(&self, route: &RouteId) -> Option<&Arc<Row>> {
        self.parts.rows.iter().find(|row| row.route == *route)
    }

    /// All aliases, sorted by name.
    pub fn aliases(&self) -> impl Iterator<Item = &Alias> {
        self.parts.names.aliases()
    }

    /// What a caller's text means: a route's id, a catalogue name, an alias or a provider's own id, in that order.
    /// `auto` is no name of a model: the planner knows what it means.
    pub fn resolve(&self, name: &ModelName) -> Option<Named<'_>> {
        self.parts.names.resolve(name.as_str())
    }

    /// Whether the text is `auto` or a name here, so that it may be written down.
    pub fn knows(&self, name: &ModelName) -> bool {
        name.as_str() == AUTO || self.resolve(name).is_some()
    }

    /// What `usage` of a row costs by the list, and with a margin in hundredths of a percent. A free host costs nothing.
    ///
    /// # Errors
    /// [`CostError`], where no price is known, or it is more than can be counted.
    pub fn cost(&self, row: &Row, usage: &Usage, margin_bp: u32) -> Result<Cost, CostError> {
        if row.host.free {
            return Ok(Cost { list: MicroUsd::ZERO, charge: MicroUsd::ZERO });
        }
        let price = row.price.as_ref().ok_or(CostError::Unpriced("use"))?;
        price.cost(usage, self.usd(price), margin_bp)
    }

    /// The most that so many tokens of input and output can be charged at a row, whatever kinds of tokens they are.
    ///
    /// # Errors
    /// As [`Catalogue::cost`].
    pub fn most(&self, row: &Row, tokens: (u64, u64), margin_bp: u32) -> Result<MicroUsd, CostError> {
        if row.host.free {
            return Ok(MicroUsd::ZERO);
        }
        let price = row.price.as_ref().ok_or(CostError::Unpriced("use"))?;
        price.most(tokens, self.usd(price), margin_bp)
    }

    /// What `usage` of a row costs by the list alone: [`Cost::list`], sooner.
    ///
    /// # Errors
    /// As [`Catalogue::cost`].
    pub fn list_cost(&self, row: &Row, usage: &Usage) -> Result<MicroUsd, CostError> {
        if row.host.free {
            return Ok(MicroUsd::ZERO);
        }
        let price = row.price.as_ref().ok_or(CostError::Unpriced("use"))?;
        price.list(usage, self.usd(price))
    }

    /// The price of each unit that a row's list has a price for, by the list and with a margin in hundredths of a
    /// percent. What the list has no price of its own for is charged as input or output. A free host has none.
    ///
    /// # Errors
    /// As [`Catalogue::cost`].
    pub fn units(&self, row: &Row, margin_bp: u32) -> Result<Vec<UnitPrice>, CostError> {
        if row.host.free {
            return Ok(Vec::new());
        }
        let price = row.price.as_ref().ok_or(CostError::Unpriced("use"))?;
        price.units(self.usd(price), margin_bp)
    }

    fn usd(&self, price: &Price) -> Micros {
        self.parts.rates.get(&price.currency).map_or(Micros::ONE, |rate| rate.usd)
    }

    /// The rates of exchange; US dollars need none.
    pub fn rates(&self) -> &BTreeMap<Currency, Rate> {
        &self.parts.rates
    }

    /// The currencies whose rate is older than 35 days.
    pub fn stale_rates(&self, today: Date) -> Vec<Currency> {
        self.parts.rates.iter().filter(|(_, rate)| rate.is_stale(today)).map(|(currency, _)| *currency).collect()
    }
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Catalogue({})", self.version)
    }
}

fn version<'a>(texts: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut all = Vec::new();
    for part in texts.flat_map(|(file, text)| [file, text]) {
        all.extend_from_slice(&(part.len() as u64).to_be_bytes());
        all.extend_from_slice(part.as_bytes());
    }
    let mut digits = hex(&sha256(&[&all]));
    digits.truncate(12);
    digits
}

#[cfg(test)]
mod tests;
