use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use phi_words::{Class, Framework, Region};

use super::{Lack, Looked, WORKS};

/// What was looked at, for people: a table for each class, and under them what is missing.
pub(super) fn page(
    whose: &str,
    frameworks: &BTreeSet<Framework>,
    catalogue: &str,
    regions: &[&Region],
    looked: &[Looked<'_>],
) -> String {
    let laws: Vec<String> = frameworks.iter().map(ToString::to_string).collect();
    let laws = if laws.is_empty() { "no body of law".to_owned() } else { laws.join(", ") };
    let mut page = format!("Who answers {whose}, working under {laws}, with the catalogue {catalogue}.\n");
    page.push_str("A cell names who is asked first, and how many routes come after; - means that nobody answers.\n");
    for (class, title) in [(Class::General, "WITHOUT PHI"), (Class::Phi, "WITH PHI")] {
        page.push('\n');
        table(&mut page, title, regions, &|region, work| {
            looked.iter().find(|one| (one.class, one.region, one.work) == (class, region, work))
        });
    }
    missing(&mut page, looked);
    page
}

fn table<'a>(
    page: &mut String,
    title: &str,
    regions: &[&Region],
    find: &dyn Fn(&Region, &str) -> Option<&'a Looked<'a>>,
) {
    let head = std::iter::once(title.to_owned()).chain(WORKS.iter().map(|(work, ..)| (*work).to_owned()));
    let row = |region: &&Region| {
        let cells = WORKS.iter().map(|(work, ..)| find(region, work).map_or_else(String::new, Looked::cell));
        std::iter::once(region.to_string()).chain(cells).collect::<Vec<_>>()
    };
    let rows: Vec<Vec<String>> = std::iter::once(head.collect()).chain(regions.iter().map(row)).collect();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
    for row in &rows {
        let cells = row.iter().enumerate().map(|(column, cell)| format!("{cell:0$}", width(column).unwrap_or(0)));
        let _ = writeln!(page, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
}

/// Like things together: what is missing, where it is missing, and how to mend it.
fn missing(page: &mut String, looked: &[Looked<'_>]) {
    let mut groups = BTreeMap::<(Option<&str>, &str), BTreeMap<String, Vec<&Region>>>::new();
    for one in looked {
        let Some(Lack { says, mend, .. }) = &one.lack else { continue };
        let work = match one.class {
            Class::General => one.work.to_owned(),
            Class::Phi => format!("{} with PHI", one.work),
        };
        groups.entry((mend.as_deref(), says)).or_default().entry(work).or_default().push(one.region);
    }
    let (beyond, mendable): (Vec<_>, Vec<_>) = groups.iter().partition(|((mend, _), _)| mend.is_none());
    for (title, groups) in [("WHAT IS MISSING", mendable), ("WHAT NO SETTING MENDS", beyond)] {
        if !groups.is_empty() {
            let _ = writeln!(page, "\n{title}");
            groups.iter().for_each(|(lack, works)| group(page, lack, works));
        }
    }
}

/// One lack, where it shows, and how to mend it.
fn group(page: &mut String, (mend, says): &(Option<&str>, &str), works: &BTreeMap<String, Vec<&Region>>) {
    let _ = writeln!(page, "\n{says}");
    // Kinds of work that lack it in the same regions are told of together.
    let mut places = BTreeMap::<String, Vec<&str>>::new();
    for (work, regions) in works {
        let regions: Vec<&str> = regions.iter().map(|region| region.as_str()).collect();
        places.entry(regions.join(" ")).or_default().push(work);
    }
    for (regions, works) in places {
        let _ = writeln!(page, "  for {} in {regions}", works.join(", "));
    }
    if let Some(mend) = mend {
        let _ = writeln!(page, "  mend: {mend}");
    }
}

impl Looked<'_> {
    fn cell(&self) -> String {
        match self.routes.as_slice() {
            [] => "-".to_owned(),
            [one] => one.provider.to_string(),
            [first, rest @ ..] => format!("{} +{}", first.provider, rest.len()),
        }
    }
}
