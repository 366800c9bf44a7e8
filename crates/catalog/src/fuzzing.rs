//! What must hold of any bytes: the body of this crate's fuzz target (`script/fuzz`), which a test asks about all that was
//! found so far. It is not part of what ships.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use jiff::civil::Date;
use phi_words::Usage;

use crate::import::{Format, Table};
use crate::{Catalogue, Problems};

/// Whatever an operator writes, it is a catalogue that answers, or a list of problems that can be printed. It is read
/// alone, beside a small sound file, and over the built-in ones.
pub fn catalogue(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let alone = Catalogue::parse(&[("fuzz.toml", text)]);
    let beside = Catalogue::parse(&[("base.toml", BASE), ("fuzz.toml", text)]);
    let sound = alone.is_ok() || beside.is_ok();
    for read in [alone, beside] {
        judge(read);
    }
    if sound {
        judge(Catalogue::over(&[vec![("catalog.d/fuzz.toml".into(), text.into())]]));
    }
}

const BASE: &str = include_str!("../sample.toml");

fn judge(read: Result<Catalogue, Problems>) {
    match read {
        Ok(catalogue) => answers(&catalogue),
        Err(problems) => {
            assert!(!problems.list().is_empty());
            for problem in problems.list() {
                let line = problem.to_string();
                assert!(!line.is_empty() && !line.chars().any(char::is_control), "{line:?}");
            }
        }
    }
}

/// Every route is found by its id, with or without a price; the most that can be used has a cost, or an error.
fn answers(catalogue: &Catalogue) {
    let most = Usage { input: u64::MAX, output: u64::MAX, ..Usage::default() };
    let some = Usage { input: 1_000, output: 1_000, ..Usage::default() };
    for row in catalogue.rows() {
        assert!(catalogue.row(&row.route).is_some_and(|found| found.route == row.route));
        assert!(catalogue.provider(&row.host.provider).is_some());
        for usage in [most, some] {
            if let Ok(cost) = catalogue.cost(row, &usage, 10_000) {
                assert!(cost.charge >= cost.list, "a margin makes it cheaper");
            }
        }
        let most = catalogue.most(row, (some.input, some.output), 10_000);
        if let (Ok(most), Ok(cost)) = (most, catalogue.cost(row, &some, 10_000)) {
            assert!(most >= cost.charge, "there is more than the most");
        }
        let _ = catalogue.units(row, u32::MAX);
    }
    for territory in catalogue.regions() {
        assert!(catalogue.region(&territory.name).is_some());
    }
    let _ = (catalogue.stale_rates(jiff::civil::Date::MAX), catalogue.region_names());
}

/// The built-in catalogue, which tables are compared with.
static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| Catalogue::load(None).expect("the built-in catalogue"));

/// Whatever a public table holds, it is refused in words that can be printed, or compared; what is new in it is a file that
/// the catalogue takes, and of which nothing serves.
pub fn imports(bytes: &[u8]) {
    const SOURCE: &str = "https://table.example";
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(error) = Format::seen_in(text) {
        prints(&error.to_string());
    }
    let day = Date::constant(2026, 11, 21);
    for format in Format::ALL {
        let table = match Table::read(*format, text, day, &BTreeSet::new()) {
            Ok(table) => table,
            Err(error) => {
                error.to_string().lines().for_each(prints);
                continue;
            }
        };
        let compared = table.compare(&BUILT_IN, day, &BTreeSet::new());
        for unread in table.unread().iter().chain(&compared.unread) {
            prints(&unread.what);
            prints(&unread.key);
        }
        table.elsewhere().keys().chain(table.wordless().keys()).for_each(|name| prints(name));
        for one in &compared.differences {
            [&one.field, &one.table, &one.key].into_iter().for_each(|text| prints(text));
        }
        let file = compared.file(SOURCE, day);
        if file.lines().any(|line| line.starts_with('[')) {
            let over = Catalogue::over(&[vec![("catalog.d/new.toml".into(), file)]]).expect("it fits the catalogue");
            let new = over.rows().iter().filter(|row| row.source.as_deref() == Some(SOURCE));
            new.for_each(|row| assert!(!row.is_live(day) && row.pin_only && !row.public, "{}", row.route));
        }
    }
}

/// A table may call something by no name at all, but not by one that does something to a terminal.
fn prints(line: &str) {
    assert!(!line.chars().any(char::is_control), "{line:?}");
}

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    #[test]
    fn what_fuzzing_found_of_catalogues_holds() {
        super::replay::replay("catalogue", super::catalogue);
    }

    #[test]
    fn what_fuzzing_found_of_tables_holds() {
        super::replay::replay("imports", super::imports);
    }
}
