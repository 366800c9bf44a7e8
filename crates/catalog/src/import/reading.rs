use std::collections::{BTreeMap, BTreeSet};

use phi_words::Modality;

use crate::import::entry::{Entry, Unit, complete, spelled};
use crate::import::exact::{Exact, Odd};
use crate::import::{Table, TableError, Unread};

/// A table while it is read: what was understood of it, and everything else.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    without: &'a BTreeSet<String>,
    left_out: BTreeSet<String>,
    bad: Vec<String>,
    entries: Vec<Entry>,
    elsewhere: BTreeMap<String, usize>,
    unread: Vec<Unread>,
    wordless: BTreeMap<String, usize>,
    oddities: BTreeSet<&'static str>,
}

/// How a written amount becomes one in our unit.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scale {
    pub(super) of: Unit,
    /// So many of the table's unit make ours.
    pub(super) times: u32,
    /// Of a request with more than so many input tokens; 0 of any other.
    pub(super) above: u64,
}

/// What a price of zero means.
pub(crate) const ZERO: &str =
    "a price of zero is read as one that is not known: tables write it for what they have no price for";
const WINDOW: &str =
    "a limit of output that equals the context window is the window written twice: it is read as not known";
const SECOND: &str = "a price of a second with ten decimals and more is one of an hour that was divided and rounded: the \
                      hour is taken to the nearest millionth";
/// No model takes more tokens.
const LONGEST: u64 = 1_000_000_000;
/// Half of the last of so many decimals of a second is less than half a millionth of an hour.
const DIVIDED: u32 = 10;

impl<'a> Reading<'a> {
    pub(super) fn new(without: &'a BTreeSet<String>) -> Self {
        Self {
            without,
            left_out: BTreeSet::new(),
            bad: Vec::new(),
            entries: Vec::new(),
            elsewhere: BTreeMap::new(),
            unread: Vec::new(),
            wordless: BTreeMap::new(),
            oddities: BTreeSet::new(),
        }
    }

    /// The table, if nothing in it is unfit.
    pub(super) fn end(mut self) -> Result<Table, TableError> {
        if let Some(missing) = self.without.iter().find(|key| !self.left_out.contains(*key)) {
            return Err(TableError::NoEntry(missing.clone()));
        }
        if !self.bad.is_empty() {
            return Err(TableError::Prices(self.bad));
        }
        self.unread.sort();
        Ok(Table {
            entries: self.entries,
            elsewhere: self.elsewhere,
            unread: self.unread,
            wordless: self.wordless,
            oddities: self.oddities,
        })
    }

    /// Whether an entry is to be left out.
    pub(super) fn leaves_out(&mut self, key: &str) -> bool {
        let leaves_out = self.without.contains(key);
        if leaves_out {
            self.left_out.insert(key.to_owned());
        }
        leaves_out
    }

    /// An entry of a company that the catalogue does not know.
    pub(super) fn elsewhere(&mut self, company: &str, entries: usize) {
        *self.elsewhere.entry(company.to_owned()).or_default() += entries;
    }

    pub(super) fn unread(&mut self, key: &str, what: impl Into<String>) {
        self.unread.push(Unread { what: what.into(), key: key.to_owned() });
    }

    /// What was read, or nothing, and then it is noted why.
    pub(super) fn noting<T>(&mut self, key: &str, read: Result<Option<T>, String>) -> Option<T> {
        read.unwrap_or_else(|what| {
            self.unread(key, what);
            None
        })
    }

    pub(super) fn odd(&mut self, oddity: &'static str) {
        self.oddities.insert(oddity);
    }

    /// Takes a limit of output for none that is only the context window again.
    pub(super) fn window(&mut self, entry: &mut Entry) {
        if entry.modality == Some(Modality::Chat) && entry.max_output.is_some() && entry.max_output == entry.context {
            self.odd(WINDOW);
            entry.max_output = None;
        }
    }

    /// A price for which ours have no word. That of long requests is remembered with the entry: our price is too low there.
    pub(super) fn wordless(&mut self, entry: &mut Entry, field: &str) {
        *self.wordless.entry(field.to_owned()).or_default() += 1;
        if field.contains("above") || field.contains("tier") || field.contains("over_") {
            entry.remarks.push(format!("has other prices for long requests (`{field}`), for which ours have no word"));
        }
    }

    /// One price of an entry, from the text of a number.
    pub(super) fn price(&mut self, entry: &mut Entry, field: &str, raw: &str, scale: Scale) {
        let read = match Exact::parse(raw) {
            Ok(read) => read,
            Err(Odd::Negative) => return self.bad(entry, field, raw, "is negative"),
            Err(Odd::NoNumber) => return self.unread(&entry.key, format!("its `{field}` is no number")),
            Err(Odd::Unwieldy) => return self.bad(entry, field, raw, "has no size that a price can have"),
        };
        if scale.above > LONGEST {
            return self.unread(&entry.key, format!("its `{field}` is for more input than any model takes"));
        }
        if read.is_zero() {
            // Vectors are not charged for; nothing is unknown there.
            if entry.modality != Some(Modality::Embeddings) || scale.of != Unit::Output {
                self.odd(ZERO);
                self.unread(&entry.key, format!("its `{field}` is zero, so it is not known"));
                unknown(entry, field, scale);
            }
            return;
        }
        let Some(mut price) = read.times(Exact::of(u128::from(scale.times), 0)) else {
            return self.bad(entry, field, raw, "is more than can be counted");
        };
        if scale.of == Unit::AudioHour && price.micros().is_none() && read.decimals() >= DIVIDED {
            self.odd(SECOND);
            price = price.nearest_micro();
        }
        if price.exceeds(scale.of.absurd_above()) {
            let most = scale.of.absurd_above();
            return self.bad(entry, field, raw, &format!("comes to more than {most} for `{}`", scale.of.as_str()));
        }
        if price.micros().is_none() {
            unknown(entry, field, scale);
            return self
                .unread(&entry.key, format!("its `{field}` is finer than a millionth, so it is no price of ours"));
        }
        entry.prices.insert((scale.above, scale.of), price);
    }

    /// An entry that was read to its end.
    pub(super) fn take(&mut self, mut entry: Entry) {
        for at in complete(&mut entry.prices) {
            self.unread(&entry.key, format!("its price of `{}` has none below it", spelled(at)));
        }
        self.entries.push(entry);
    }

    fn bad(&mut self, entry: &Entry, field: &str, raw: &str, why: &str) {
        let shown: String = raw.chars().take(40).collect();
        self.bad.push(format!("`{}`: `{field}` is {shown}: it {why}", entry.key));
    }
}

/// Remembers with the entry that what a long request costs is not known: the price of a shorter one stands there instead.
fn unknown(entry: &mut Entry, field: &str, scale: Scale) {
    if scale.above > 0 {
        entry.remarks.push(format!("does not tell what is charged above {} input tokens (`{field}`)", scale.above));
    }
}
