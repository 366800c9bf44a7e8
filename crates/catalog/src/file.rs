use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use serde::de::DeserializeOwned;

use crate::{Problem, Problems};

/// The files that are part of the binary: all of the folder `catalog`, as a test sees to.
pub(crate) const BUILT_IN: &[(&str, &str)] = &[
    ("catalog/aliases.toml", include_str!("../../../catalog/aliases.toml")),
    ("catalog/anthropic.toml", include_str!("../../../catalog/anthropic.toml")),
    ("catalog/azure.toml", include_str!("../../../catalog/azure.toml")),
    ("catalog/bedrock.toml", include_str!("../../../catalog/bedrock.toml")),
    ("catalog/fal.toml", include_str!("../../../catalog/fal.toml")),
    ("catalog/fireworks.toml", include_str!("../../../catalog/fireworks.toml")),
    ("catalog/google.toml", include_str!("../../../catalog/google.toml")),
    ("catalog/infomaniak.toml", include_str!("../../../catalog/infomaniak.toml")),
    ("catalog/mistral.toml", include_str!("../../../catalog/mistral.toml")),
    ("catalog/nebius.toml", include_str!("../../../catalog/nebius.toml")),
    ("catalog/openai.toml", include_str!("../../../catalog/openai.toml")),
    ("catalog/openrouter.toml", include_str!("../../../catalog/openrouter.toml")),
    ("catalog/rates.toml", include_str!("../../../catalog/rates.toml")),
    ("catalog/regions.toml", include_str!("../../../catalog/regions.toml")),
    ("catalog/scaleway.toml", include_str!("../../../catalog/scaleway.toml")),
    ("catalog/together.toml", include_str!("../../../catalog/together.toml")),
];

/// The names and texts of an operator's `*.toml` files, sorted by name. Other files are not looked at.
///
/// # Errors
/// Every file that cannot be read. The folder has to be there.
pub fn files(folder: &Path) -> Result<Vec<(String, String)>, Problems> {
    let problem = |path: &Path, error: &std::io::Error| {
        let file = path.display().to_string();
        let hint = "it has to be a folder of readable `*.toml` files".to_owned();
        Problem { file, path: String::new(), what: format!("cannot be read: {error}"), hint }
    };
    let entries = std::fs::read_dir(folder).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let entries = entries.map_err(|error| Problems(vec![problem(folder, &error)]))?;
    let mut paths: Vec<_> = entries.iter().map(std::fs::DirEntry::path).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    let (mut texts, mut problems) = (Vec::new(), Vec::new());
    for path in paths {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        match std::fs::read_to_string(&path) {
            Ok(text) => texts.push((format!("catalog.d/{name}"), text)),
            Err(error) => problems.push(problem(&path, &error)),
        }
    }
    if problems.is_empty() { Ok(texts) } else { Err(Problems(problems)) }
}

/// The kinds of entries: the first part of a table's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    Region,
    Rate,
    Provider,
    Host,
    Route,
    Price,
    Alias,
}

impl Section {
    const ALL: [Self; 7] =
        [Self::Region, Self::Rate, Self::Provider, Self::Host, Self::Route, Self::Price, Self::Alias];

    fn as_str(self) -> &'static str {
        match self {
            Self::Region => "region",
            Self::Rate => "rate",
            Self::Provider => "provider",
            Self::Host => "host",
            Self::Route => "route",
            Self::Price => "price",
            Self::Alias => "alias",
        }
    }
}

/// Every entry of all files, those of later layers in the place of earlier ones.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    entries: BTreeMap<(Section, String), Entry>,
    pub(crate) problems: Vec<Problem>,
}

#[derive(Debug)]
struct Entry {
    file: String,
    layer: usize,
    value: toml::Value,
}

impl Entries {
    /// Lays one file over what is there. Two files of one layer may not say the same thing twice.
    pub(crate) fn add(&mut self, layer: usize, file: &str, text: &str) {
        let table = match text.parse::<toml::Table>() {
            Ok(table) => table,
            Err(error) => {
                let line = error.span().map(|span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count());
                let at = line.map(|line| format!("line {line}")).unwrap_or_default();
                let what = error.message().replace('\n', ", ");
                return self.problem(file, at, what, "it has to be TOML 1.0");
            }
        };
        for (name, value) in table {
            let section = Section::ALL.into_iter().find(|section| section.as_str() == name);
            match (section, value) {
                (Some(section), toml::Value::Table(entries)) => self.add_section(layer, file, section, entries),
                (Some(_), _) => self.problem(file, name.clone(), "is not a table", &format!("write `[{name}.NAME]`")),
                (None, _) => {
                    let known = Section::ALL.map(|section| format!("`{}`", section.as_str())).join(", ");
                    self.problem(file, name, "is no section of a catalogue", &format!("there are {known}"));
                }
            }
        }
    }

    fn add_section(&mut self, layer: usize, file: &str, section: Section, entries: toml::Table) {
        for (name, value) in entries {
            let path = format!("{}.{name}", section.as_str());
            let key = (section, name);
            match self.entries.get(&key) {
                Some(other) if other.layer == layer => {
                    let what = format!("is written in `{}` too", other.file);
                    self.problem(file, path, what, "keep one of them");
                }
                Some(_) | None => {
                    self.entries.insert(key, Entry { file: file.to_owned(), layer, value });
                }
            }
        }
    }

    /// Whether there is such an entry, sound or not.
    pub(crate) fn has(&self, section: Section, name: &str) -> bool {
        self.entries.contains_key(&(section, name.to_owned()))
    }

    /// Whether the entry that counts is one of the lowest layer: nobody laid another over it.
    pub(crate) fn is_lowest(&self, section: Section, name: &str) -> bool {
        self.entries.get(&(section, name.to_owned())).is_some_and(|entry| entry.layer == 0)
    }

    /// All entries of a section, sorted by name. Those that cannot be read are noted as problems and left out.
    pub(crate) fn take<K: FromStr, V: DeserializeOwned>(&mut self, section: Section) -> Vec<Found<K, V>>
    where
        K::Err: std::fmt::Display,
    {
        let (mut found, mut problems) = (Vec::new(), Vec::new());
        for ((_, name), entry) in self.entries.iter().filter(|((of, _), _)| *of == section) {
            let (file, path) = (entry.file.clone(), format!("{}.{name}", section.as_str()));
            let key = name.parse::<K>().map_err(|error| error.to_string());
            let value =
                entry.value.clone().try_into::<V>().map_err(|error| error.to_string().trim().replace('\n', ", "));
            match (key, value) {
                (Ok(name), Ok(value)) => found.push(Found { file, path, name, value }),
                (key, value) => {
                    let whats = [key.err(), value.err()].into_iter().flatten();
                    let hint =
                        "names, dates and amounts stand in quotes; `crates/catalog/sample.toml` shows a whole file"
                            .to_owned();
                    problems.extend(whats.map(|what| Problem {
                        file: file.clone(),
                        path: path.clone(),
                        what,
                        hint: hint.clone(),
                    }));
                }
            }
        }
        self.problems.append(&mut problems);
        found
    }

    fn problem(&mut self, file: &str, path: String, what: impl Into<String>, hint: &str) {
        self.problems.push(Problem { file: file.to_owned(), path, what: what.into(), hint: hint.to_owned() });
    }
}

/// One entry that could be read.
#[derive(Debug)]
pub(crate) struct Found<K, V> {
    pub(crate) file: String,
    pub(crate) path: String,
    pub(crate) name: K,
    pub(crate) value: V,
}

impl<K, V> Found<K, V> {
    /// A problem with it.
    pub(crate) fn problem(&self, field: &str, what: impl Into<String>, hint: impl Into<String>) -> Problem {
        let path = if field.is_empty() { self.path.clone() } else { format!("{}.{field}", self.path) };
        Problem { file: self.file.clone(), path, what: what.into(), hint: hint.into() }
    }
}
