use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use phi_words::{AliasName, Currency, MicroUsd, Modality, ModelName, ProviderName, Region, RouteId, Usage};

use crate::price::Micros;
use crate::written::WrittenAlias;
use crate::{Provider, Rate, Row, Says, Status};

/// The model that a caller names to have one chosen.
pub const AUTO: &str = "auto";

/// What a name means.
#[derive(Debug, Clone)]
pub enum Named<'a> {
    /// A route by its id.
    Route(&'a Arc<Row>),
    /// A model by its catalogue name, at every host that has it.
    Model(&'a [Arc<Row>]),
    /// An alias.
    Alias(&'a Alias),
    /// A provider's own id of a model, at any provider that calls one so.
    Own {
        /// Those of all providers.
        rows: &'a [Arc<Row>],
        /// The one provider that is meant, if the name says so.
        provider: Option<&'a ProviderName>,
    },
}

impl<'a> Named<'a> {
    /// Tells of each route that the name may mean in a region, with its place in an alias's list of models; that order
    /// precedes every other. Whether they serve it is not asked here.
    pub fn choices(&self, region: &Region, each: &mut dyn FnMut(&'a Arc<Row>, usize)) {
        match self {
            Self::Route(row) => each(row, 0),
            Self::Model(rows) => rows.iter().for_each(|row| each(row, 0)),
            Self::Own { rows, provider } => {
                let theirs = |row: &&Arc<Row>| provider.is_none_or(|provider| row.provider == *provider);
                rows.iter().filter(theirs).for_each(|row| each(row, 0));
            }
            Self::Alias(alias) => {
                let rows = alias.rows.get(region).map(Vec::as_slice).unwrap_or_default();
                rows.iter().for_each(|(rank, row)| each(row, *rank));
            }
        }
    }
}

/// A name that stands for models, in order, for each region.
#[derive(Debug, Clone)]
pub struct Alias {
    /// The name.
    pub name: AliasName,
    /// The models' catalogue names. In `WORLD`, unless the file says otherwise, that of the cheapest route.
    pub regions: BTreeMap<Region, Vec<ModelName>>,
    rows: BTreeMap<Region, Vec<(usize, Arc<Row>)>>,
}

/// All names, each in the order in which they are looked up.
#[derive(Debug)]
pub(crate) struct Names {
    providers: Vec<ProviderName>,
    routes: HashMap<RouteId, Arc<Row>>,
    models: HashMap<ModelName, Vec<Arc<Row>>>,
    aliases: BTreeMap<AliasName, Alias>,
    own: HashMap<ModelName, Vec<Arc<Row>>>,
}

impl Names {
    pub(crate) fn new(
        providers: &BTreeMap<ProviderName, Provider>,
        rows: &[Arc<Row>],
        aliases: BTreeMap<AliasName, WrittenAlias>,
        rates: &BTreeMap<Currency, Rate>,
    ) -> Self {
        let mut names = Self {
            providers: providers.keys().cloned().collect(),
            routes: rows.iter().map(|row| (row.route.clone(), Arc::clone(row))).collect(),
            models: HashMap::new(),
            aliases: BTreeMap::new(),
            own: HashMap::new(),
        };
        for row in rows {
            names.models.entry(row.model.clone()).or_default().push(Arc::clone(row));
            names.own.entry(row.own.clone()).or_default().push(Arc::clone(row));
        }
        for (name, mut regions) in aliases {
            if let Some(model) = names.cheapest(regions.values().flatten(), rates) {
                regions.entry(Region::world()).or_insert_with(|| vec![model]);
            }
            let rows = regions.iter().map(|(region, models)| (region.clone(), names.in_order(models))).collect();
            names.aliases.insert(name.clone(), Alias { name, regions, rows });
        }
        names
    }

    /// What a caller's text means: a route's id, a catalogue name, an alias or a provider's own id, in that order. A
    /// text whose head before the first `/` is a provider means something at that provider alone.
    pub(crate) fn resolve(&self, name: &str) -> Option<Named<'_>> {
        if let Some(row) = self.routes.get(name) {
            return Some(Named::Route(row));
        }
        if let Some(rows) = self.models.get(name) {
            return Some(Named::Model(rows));
        }
        if let Some(alias) = self.aliases.get(name) {
            return Some(Named::Alias(alias));
        }
        let (provider, own) = match name.split_once('/') {
            Some((head, rest)) => match self.providers.iter().find(|provider| provider.as_str() == head) {
                Some(provider) => (Some(provider), rest),
                None => (None, name),
            },
            None => (None, name),
        };
        let rows = self.own.get(own)?;
        let known = rows.iter().any(|row| provider.is_none_or(|provider| row.provider == *provider));
        known.then_some(Named::Own { rows, provider })
    }

    pub(crate) fn aliases(&self) -> impl Iterator<Item = &Alias> {
        self.aliases.values()
    }

    fn in_order(&self, models: &[ModelName]) -> Vec<(usize, Arc<Row>)> {
        let ranked = models.iter().enumerate();
        ranked
            .flat_map(|(rank, model)| {
                self.models.get(model).into_iter().flatten().map(move |row| (rank, Arc::clone(row)))
            })
            .collect()
    }

    /// The model of the cheapest live route, for as many tokens out as in; what is not priced by tokens counts as dearest.
    /// A route that is said to go is taken only if all are, and then one that lasts longest: which day it is, is not known
    /// here, and a route that is gone by its vendor's word must not hide one that answers.
    fn cheapest<'a>(
        &self,
        models: impl Iterator<Item = &'a ModelName>,
        rates: &BTreeMap<Currency, Rate>,
    ) -> Option<ModelName> {
        let rows = models.filter_map(|model| self.models.get(model)).flatten();
        let sold = rows.filter(|row| row.status == Status::Live && row.is_priced());
        let goes = |row: &Row| row.retires.map(|retires| (retires.says == Says::Vendor, Reverse(retires.on)));
        let order = |row: &Row| {
            let cost = list_cost(row, rates);
            (goes(row), cost.is_none(), cost, row.route.clone())
        };
        sold.min_by_key(|row| order(row)).map(|row| row.model.clone())
    }
}

/// Nothing where the price is not one by tokens.
fn list_cost(row: &Row, rates: &BTreeMap<Currency, Rate>) -> Option<MicroUsd> {
    if row.host.free {
        return Some(MicroUsd::ZERO);
    }
    let price = row.price.as_ref()?.of_short();
    let usd = rates.get(&price.currency).map_or(Micros::ONE, |rate| rate.usd);
    let output = if row.modality == Modality::Embeddings { 0 } else { 1_000_000 };
    let usage = Usage { input: 1_000_000, output, ..Usage::default() };
    price.cost(&usage, usd, 0).ok().map(|cost| cost.list)
}
