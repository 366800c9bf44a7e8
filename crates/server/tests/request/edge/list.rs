//! The list of checks itself: each number has its row, and each test that a row names is there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Up to this number attacks are tried on the gateway as it is built; those after it are on what is planned.
const LAST: u32 = 54;

/// The rows of both tables, by number: what is tried, and what holds it or why nothing has to.
fn rows() -> BTreeMap<u32, (String, String)> {
    let mut rows = BTreeMap::new();
    for line in include_str!("../edge.rs").lines() {
        let mut cells = line.trim_start_matches("//! |").split('|').map(str::trim);
        let Some(Ok(number)) = cells.next().map(str::parse) else { continue };
        let row = (cells.next().unwrap().to_owned(), cells.next().unwrap().to_owned());
        assert!(rows.insert(number, row).is_none(), "{number} has two rows");
    }
    rows
}

/// The names of all functions of the workspace's crates.
fn functions(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            functions(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let names = text.lines().filter_map(|line| line.split_once("fn ")?.1.split_once('('));
            found.extend(names.map(|(name, _)| name.to_owned()));
        }
    }
}

/// The tests that a cell names: `module::test`, or `module::beginning…`.
fn named(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).filter_map(|name| Some(name.rsplit_once("::")?.1)).collect()
}

#[test]
fn every_check_has_a_test_that_is_there_or_a_reason() {
    let (rows, mut functions_of) = (rows(), BTreeSet::new());
    for entry in std::fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("..")).unwrap() {
        functions(&entry.unwrap().path(), &mut functions_of);
    }
    assert_eq!(rows.keys().copied().collect::<Vec<_>>(), (1..=LAST).collect::<Vec<_>>(), "each has one row");
    for (number, (tried, held)) in &rows {
        assert!(tried.len() > 5 && held.len() > 5, "{number}: {tried} | {held}");
        let tests = named(held);
        assert!(!tests.is_empty() || held.starts_with("does not apply: "), "{number} is held by no test");
        for test in tests {
            let there = match test.strip_suffix('…') {
                Some(beginning) => functions_of.iter().any(|name| name.starts_with(beginning)),
                None => functions_of.contains(test),
            };
            assert!(there, "{number} names `{test}`, which is nowhere");
        }
    }
    let numbered = functions_of.iter().filter_map(|name| name.strip_prefix("check_")?.get(..2)?.parse::<u32>().ok());
    for number in numbered {
        assert!(named(&rows[&number].1).iter().any(|test| test.starts_with(&format!("check_{number:02}"))), "{number}");
    }
}
