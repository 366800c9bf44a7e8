//! What must hold of any bytes: the body of this crate's fuzz target (`script/fuzz`), which a test asks about all that was
//! found so far. It is not part of what ships.

use phi_words::Usage;

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

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    #[test]
    fn what_fuzzing_found_of_catalogues_holds() {
        super::replay::replay("catalogue", super::catalogue);
    }
}
