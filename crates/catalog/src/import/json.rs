use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::import::TableError;
use crate::import::exact::Exact;

/// The fields of an object of JSON, each with the text of its value. No name stands twice, and `null` stands for nothing.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    at: String,
    fields: Vec<(String, &'a str)>,
}

/// The values of an array.
pub(super) fn items<'a>(at: &str, text: &'a str) -> Result<Vec<&'a str>, TableError> {
    let items: Vec<&RawValue> = serde_json::from_str(text).map_err(|error| of_shape(at, &error))?;
    Ok(items.into_iter().map(RawValue::get).collect())
}

impl<'a> Fields<'a> {
    /// Reads an object that stands at this place.
    pub(super) fn read(at: &str, text: &'a str) -> Result<Self, TableError> {
        let Pairs(fields) = serde_json::from_str(text).map_err(|error| of_shape(at, &error))?;
        // They are shown and written into files, where a line that ends is another line.
        if fields.iter().any(|(name, _)| name.chars().any(char::is_control)) {
            return Err(TableError::Shape("prices", format!("a name in `{at}` holds characters that no name has")));
        }
        let mut names: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
        names.sort_unstable();
        if let Some([twice, _]) = names.windows(2).find(|two| matches!(two, [a, b] if a == b)) {
            return Err(TableError::Twice(below(at, twice)));
        }
        Ok(Self { at: at.to_owned(), fields: fields.into_iter().map(|(name, value)| (name, value.get())).collect() })
    }

    /// The names and values, in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &'a str)> {
        self.fields.iter().filter(|(_, value)| *value != "null").map(|(name, value)| (name.as_str(), *value))
    }

    /// Those of the values that are objects.
    pub(super) fn objects(&self) -> impl Iterator<Item = (&str, Result<Self, TableError>)> {
        let objects = self.iter().filter(|(_, value)| value.starts_with('{'));
        objects.map(|(name, value)| (name, Fields::read(&below(&self.at, name), value)))
    }

    /// The text of a value.
    pub(super) fn raw(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// An object below.
    pub(super) fn object(&self, name: &str) -> Result<Option<Self>, TableError> {
        self.raw(name).map(|value| Fields::read(&below(&self.at, name), value)).transpose()
    }

    /// A value of another kind: `Err` says what it should have been.
    pub(super) fn text(&self, name: &str) -> Result<Option<String>, String> {
        self.of(name, "text in one line", |value| {
            serde_json::from_str(value).ok().filter(|text: &String| !text.chars().any(char::is_control))
        })
    }

    /// Likewise.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, String> {
        self.of(name, "true or false", |value| serde_json::from_str(value).ok())
    }

    /// Likewise.
    pub(super) fn whole(&self, name: &str) -> Result<Option<u64>, String> {
        self.of(name, "whole number", |value| Exact::parse(value).ok()?.whole())
    }

    /// Likewise.
    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>, String> {
        self.of(name, "list of texts", |value| serde_json::from_str(value).ok())
    }

    fn of<T>(&self, name: &str, kind: &str, read: impl Fn(&str) -> Option<T>) -> Result<Option<T>, String> {
        let read = |value| read(value).ok_or_else(|| format!("its `{name}` is no {kind}"));
        self.raw(name).map(read).transpose()
    }
}

fn below(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

/// Places inside a part of a text are not those of the text: they are told of the whole alone.
fn of_shape(at: &str, error: &serde_json::Error) -> TableError {
    match (at.is_empty(), error.classify()) {
        (true, serde_json::error::Category::Syntax | serde_json::error::Category::Eof) => {
            TableError::NotJson { line: error.line(), column: error.column() }
        }
        (true, _) => TableError::Shape("prices", "it is not of the kind that it has to be".to_owned()),
        (false, _) => TableError::Shape("prices", format!("`{at}` is not of the kind that it has to be")),
    }
}

struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Each;

        impl<'de> Visitor<'de> for Each {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(pairs)
            }
        }
        deserializer.deserialize_map(Each).map(Pairs)
    }
}
