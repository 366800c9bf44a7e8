use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use phi_words::{Class, Framework, Region, Slug};

use super::{Lack, Looked, WORKS};

/// For whom it was looked.
pub(super) struct Title<'a> {
    pub(super) whose: &'a str,
    pub(super) frameworks: &'a BTreeSet<Framework>,
    pub(super) catalogue: &'a str,
}

/// What was looked at, for people: a table for each class, and under them what is missing.
pub(super) fn page(title: &Title<'_>, org: Option<&Slug>, regions: &[&Region], looked: &[Looked<'_>]) -> String {
    let Title { whose, frameworks, catalogue } = title;
    let laws: Vec<String> = frameworks.iter().map(ToString::to_string).collect();
    let laws = if laws.is_empty() { "no body of law".to_owned() } else { laws.join(", ") };
    let mut page = format!(
        "Who answers {whose}, working under {laws}.\n\
         A cell names who is asked first, and how many routes come after; - means that nobody answers.\n\
         The catalogue is {catalogue}.\n"
    );
    for (class, title) in [(Class::General, "WITHOUT PHI"), (Class::Phi, "WITH PHI")] {
        page.push('\n');
        table(&mut page, title, regions, &|region, work| {
            looked.iter().find(|one| (one.class, one.region, one.work) == (class, region, work))
        });
    }
    missing(&mut page, regions, looked);
    let org = org.map_or("NAME", Slug::as_str);
    let _ = writeln!(page, "\nroute by route: phi explain --org {org} --region REGION --class phi");
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
fn missing(page: &mut String, regions: &[&Region], looked: &[Looked<'_>]) {
    let mut groups = BTreeMap::<_, BTreeMap<&str, [Vec<&str>; 2]>>::new();
    for one in looked {
        let Some(Lack { says, mend, then, .. }) = &one.lack else { continue };
        let key = (mend.as_deref(), then.as_deref(), says.as_str());
        let [without, with] = groups.entry(key).or_default().entry(one.work).or_default();
        match one.class {
            Class::General => without.push(one.region.as_str()),
            Class::Phi => with.push(one.region.as_str()),
        }
    }
    let (beyond, mendable): (Vec<_>, Vec<_>) = groups.iter().partition(|((mend, ..), _)| mend.is_none());
    for (title, groups) in [("WHAT IS MISSING", mendable), ("WHAT NO SETTING MENDS", beyond)] {
        if !groups.is_empty() {
            let _ = writeln!(page, "\n{title}");
        }
        for ((mend, then, says), works) in groups {
            let _ = writeln!(page, "\n{says}");
            places(page, works, regions.len());
            for (what, step) in [("mend", mend), ("then", then)] {
                if let Some(step) = step {
                    let _ = writeln!(page, "  {what}: {step}");
                }
            }
        }
    }
}

/// Where it is missing. Kinds of work that miss it in the same regions are told of together.
fn places(page: &mut String, works: &BTreeMap<&str, [Vec<&str>; 2]>, all: usize) {
    let mut lines = BTreeMap::<(Vec<&str>, &str), Vec<&str>>::new();
    for (work, [without, with]) in works {
        let same = without == with;
        let said =
            [(without, "with PHI and without", same), (without, "without PHI", !same), (with, "with PHI", !same)];
        for (regions, class, _) in said.into_iter().filter(|(regions, _, told)| *told && !regions.is_empty()) {
            lines.entry((regions.clone(), class)).or_default().push(work);
        }
    }
    for ((regions, class), works) in lines {
        let regions = if regions.len() == all && all > 1 { "every region".to_owned() } else { regions.join(" ") };
        let _ = writeln!(page, "  {class}: {} in {regions}", works.join(", "));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn said(works: &[(&'static str, &[&'static str], &[&'static str])], all: usize) -> String {
        let works = works.iter().map(|(work, without, with)| (*work, [without.to_vec(), with.to_vec()])).collect();
        let mut page = String::new();
        places(&mut page, &works, all);
        page
    }

    #[test]
    fn like_places_are_told_of_together_and_never_without_their_class() {
        assert_eq!(said(&[("chat", &["EU"], &[]), ("vision", &["EU"], &[])], 2), "  without PHI: chat, vision in EU\n");
        assert_eq!(said(&[("ocr", &["CH", "EU"], &["CH", "EU"])], 3), "  with PHI and without: ocr in CH EU\n");
        assert_eq!(said(&[("image", &[], &["CH", "EU"])], 2), "  with PHI: image in every region\n");
        let both = said(&[("chat", &["UK"], &["UK", "US"])], 4);
        assert_eq!(both, "  without PHI: chat in UK\n  with PHI: chat in UK US\n");
    }
}
