use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use phi_words::{Capability, Currency, Modality, ModelName, ProviderName, RouteId};

use crate::import::entry::{At, Entry, Model, Unit, spelled};
use crate::import::staged::{Staged, staged};
use crate::import::{Table, Unread};
use crate::{Catalogue, Micros, Row};

/// What a table says beside what the catalogue says.
#[derive(Debug)]
pub struct Comparison {
    /// The rows that the table speaks of.
    pub covered: BTreeSet<RouteId>,
    /// Those of them whose prices are not compared: at their hosts others hold, which the table does not tell.
    pub unpriced: BTreeSet<RouteId>,
    /// How many rows it does not speak of, by provider.
    pub uncovered: BTreeMap<ProviderName, usize>,
    /// What differs, sorted by row.
    pub differences: Vec<Difference>,
    /// Models of known companies that the catalogue has no row of.
    pub candidates: Vec<Candidate>,
    /// What could not be compared, beside what could not be read.
    pub unread: Vec<Unread>,
    pub(crate) prices: BTreeMap<RouteId, (Currency, BTreeMap<At, Micros>)>,
}

/// One thing that a row and a table say differently.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// The row.
    pub route: RouteId,
    /// The field, as a file of the catalogue spells it.
    pub field: String,
    /// What the row says; `None` where it says nothing.
    pub ours: Option<String>,
    /// What the table says, in our unit and currency.
    pub table: String,
    /// The entry, as the table names it.
    pub key: String,
    /// Whether one price is more than ten times the other: most likely an error of one of the two.
    pub far: bool,
}

/// A model that a table has and the catalogue does not.
#[derive(Debug)]
pub struct Candidate {
    /// As the table names it.
    pub key: String,
    /// The company.
    pub provider: &'static str,
    /// What kind of work it does, where that is known.
    pub modality: Option<Modality>,
    /// The row that can be staged, or why there is none.
    pub(crate) staged: Result<Staged, &'static str>,
}

impl Candidate {
    /// The id of the row that can be staged.
    ///
    /// # Errors
    /// Why there is none.
    pub fn route(&self) -> Result<&RouteId, &'static str> {
        self.staged.as_ref().map(|staged| &staged.route).map_err(|why| *why)
    }
}

pub(super) fn compare(table: &Table, catalogue: &Catalogue, today: Date, only: &BTreeSet<ProviderName>) -> Comparison {
    let is_meant = |provider: &str| only.is_empty() || only.iter().any(|name| name.as_str() == provider);
    let mut all = Comparison {
        covered: BTreeSet::new(),
        unpriced: BTreeSet::new(),
        uncovered: BTreeMap::new(),
        differences: Vec::new(),
        candidates: Vec::new(),
        unread: Vec::new(),
        prices: BTreeMap::new(),
    };
    let mut taken = BTreeMap::new();
    for entry in table.entries.iter().filter(|entry| is_meant(entry.spot.provider)) {
        let by_rule = matches!(entry.spot.model, Model::Fits(_));
        let rows: Vec<_> = catalogue.rows().iter().filter(|row| entry.spot.covers(row)).collect();
        // The first rule that fits is the one that is meant.
        for row in &rows {
            if !by_rule || !all.covered.contains(&row.route) {
                all.row(entry, row);
            }
        }
        all.covered.extend(rows.iter().map(|row| row.route.clone()));
        if rows.is_empty() {
            all.candidate(entry, catalogue, today, &mut taken);
        }
    }
    let missed = |row: &Row| is_meant(row.provider.as_str()) && !all.covered.contains(&row.route);
    for row in catalogue.rows().iter().filter(|row| missed(row)) {
        *all.uncovered.entry(row.provider.clone()).or_default() += 1;
    }
    all.differences.sort_by(|a, b| (&a.route, &a.field, &a.key).cmp(&(&b.route, &b.field, &b.key)));
    // A model that stands there by two names is told of once.
    all.differences.dedup_by(|next, one| {
        let same = (&one.route, &one.field, &one.table) == (&next.route, &next.field, &next.table);
        if same {
            one.key = format!("{}, {}", one.key, next.key);
        }
        same
    });
    all
}

impl Comparison {
    fn row(&mut self, entry: &Entry, row: &Row) {
        self.row_prices(entry, row);
        let by_tokens = matches!(row.modality, Modality::Chat | Modality::Math);
        self.number(entry, row, "context", row.context, entry.context);
        if by_tokens {
            self.number(entry, row, "max_output", row.max_output, entry.max_output);
            for (capability, can) in &entry.can {
                self.capability(entry, row, *capability, *can);
            }
        }
        self.number(entry, row, "dimension", row.dimension.map(u64::from), entry.dimension.map(u64::from));
        let ours = row.retires.map(|retires| retires.on);
        if let Some(retires) = entry.retires.filter(|retires| ours != Some(*retires)) {
            self.differ(entry, row, "retires", ours.map(|on| on.to_string()), retires.to_string());
        }
    }

    fn row_prices(&mut self, entry: &Entry, row: &Row) {
        if row.host.free || entry.prices.is_empty() {
            return;
        }
        let Some(factor) = entry.spot.factor(row.host.name.as_str()) else {
            self.unpriced.insert(row.route.clone());
            return;
        };
        if let Some(price) = row.price.as_ref().filter(|price| price.currency != entry.currency) {
            let (ours, theirs) = (price.currency.to_string(), entry.currency.to_string());
            return self.differ(entry, row, "price.currency", Some(ours), theirs);
        }
        // Vectors are not charged for, whatever tables write beside them.
        let charged = |unit: Unit| row.modality != Modality::Embeddings || unit == Unit::Input;
        for (at, price) in entry.prices.iter().filter(|((_, unit), _)| charged(*unit)) {
            let Some(theirs) = price.times(factor).and_then(|price| price.micros()) else {
                let what = format!("its `{}` is finer than a millionth at `{}`", spelled(*at), row.host.name);
                self.unread.push(Unread { what, key: entry.key.clone() });
                continue;
            };
            let ours = row.price.as_ref().and_then(|price| at.1.of(price, at.0));
            if ours == Some(theirs) {
                continue;
            }
            let shown = ours.map(|ours| ours.to_string());
            self.differ(entry, row, &format!("price.{}", spelled(*at)), shown, theirs.to_string());
            if let (Some(ours), Some(last)) = (ours, self.differences.last_mut()) {
                let (a, b) = (u128::from(ours.micros()), u128::from(theirs.micros()));
                last.far = a > 10 * b || b > 10 * a;
            }
            let prices = self.prices.entry(row.route.clone()).or_insert((entry.currency, BTreeMap::new()));
            prices.1.insert(*at, theirs);
        }
        for long in row.price.iter().flat_map(|price| &price.above) {
            let above = long.input_tokens;
            if !entry.prices.keys().any(|(known, _)| *known == above) {
                let ours = long.input.map(|input| input.to_string());
                self.differ(entry, row, &format!("price.above.{above}.input"), ours, "no such price".to_owned());
            }
        }
    }

    fn number(&mut self, entry: &Entry, row: &Row, field: &str, ours: Option<u64>, theirs: Option<u64>) {
        if let Some(theirs) = theirs.filter(|theirs| ours != Some(*theirs)) {
            self.differ(entry, row, field, ours.map(|ours| ours.to_string()), theirs.to_string());
        }
    }

    fn capability(&mut self, entry: &Entry, row: &Row, capability: Capability, can: bool) {
        let ours = row.capabilities.contains(&capability);
        if ours != can {
            let word = |can: bool| if can { "yes" } else { "no" };
            let (ours, theirs) = (word(ours).to_owned(), word(can).to_owned());
            self.differ(entry, row, &format!("capabilities.{capability}"), Some(ours), theirs);
        }
    }

    fn differ(&mut self, entry: &Entry, row: &Row, field: &str, ours: Option<String>, table: String) {
        let (route, field, key) = (row.route.clone(), field.to_owned(), entry.key.clone());
        self.differences.push(Difference { route, field, ours, table, key, far: false });
    }

    fn candidate(
        &mut self,
        entry: &Entry,
        catalogue: &Catalogue,
        today: Date,
        taken: &mut BTreeMap<RouteId, ModelName>,
    ) {
        // The same model may stand there by two names.
        if let Some(staged) = staged(entry, catalogue, today, taken).transpose() {
            let (key, provider) = (entry.key.clone(), entry.spot.provider);
            self.candidates.push(Candidate { key, provider, modality: entry.modality, staged });
        }
    }
}
