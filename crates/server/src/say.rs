//! All printing. Everything that a command says goes through here, as a table for people or as JSON for programs.
#![expect(clippy::print_stderr, reason = "this is the one place that prints")]

use std::io::{IsTerminal, Write};

use anyhow::Context;
use phi_words::Framework;
use serde_json::Value;

/// What a command has to say.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Said {
    /// A list of things, each with the same fields.
    Rows(Vec<Value>),
    /// One thing with its fields.
    One(Value),
    /// Text as it is.
    Text(String),
    /// A page for people, and what it was made of for programs.
    Page {
        /// The page.
        text: String,
        /// What it was made of.
        data: Value,
    },
    /// The same of things that were looked at.
    Looked {
        /// The page.
        text: String,
        /// What it was made of.
        data: Value,
        /// Whether an operator has to mend something: then the command ends with status 1.
        to_mend: bool,
    },
}

impl Said {
    /// Whether an operator has to mend something.
    pub(crate) fn is_to_mend(&self) -> bool {
        match self {
            Self::Looked { to_mend, .. } => *to_mend,
            Self::Rows(_) | Self::One(_) | Self::Text(_) | Self::Page { .. } => false,
        }
    }
}

/// Prints what a command says.
pub fn say(said: &Said, json: bool) {
    let text = match (said, json) {
        (Said::Rows(rows), true) => pretty(&Value::Array(rows.clone())),
        (Said::One(one), true) => pretty(one),
        (Said::Rows(rows), false) if alike(rows) => table(rows),
        (Said::Rows(rows), false) => rows.iter().map(fields).collect::<Vec<_>>().join("\n\n"),
        (Said::One(one), false) => fields(one),
        (Said::Page { data, .. } | Said::Looked { data, .. }, true) => pretty(data),
        (Said::Text(text), _) | (Said::Page { text, .. } | Said::Looked { text, .. }, false) => {
            text.trim_end().to_owned()
        }
    };
    // A reader that left, such as `head`, is no error of ours.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Prints an error and what caused it, one cause a line.
pub fn fail(error: &anyhow::Error) {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
}

/// Prints what happens at the moment, for people who watch; standard output stays for answers.
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// Asks somebody at a terminal; `None` where nobody is there.
fn ask(question: &str) -> Option<String> {
    if !std::io::stdin().is_terminal() {
        return None;
    }
    eprint!("{question} ");
    let _ = std::io::stderr().flush();
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).ok()?;
    Some(line.trim().to_owned())
}

/// Asks somebody at a terminal for a word; an empty answer means what is offered.
///
/// # Errors
/// Where nobody is there, or the answer is no such word.
pub fn asked<T>(what: &str, flag: &str, offered: &str) -> anyhow::Result<T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let Some(answer) = ask(&format!("{what} [{offered}]:")) else {
        anyhow::bail!("{what}: not said\n  hint: add {flag}");
    };
    let text = if answer.is_empty() { offered } else { &answer };
    text.parse().with_context(|| format!("`{text}` cannot be {what}"))
}

/// Asks somebody at a terminal whether to go on.
///
/// # Errors
/// Where nobody is there, or the answer is another than yes.
pub fn agreed(what: &str) -> anyhow::Result<()> {
    match ask(&format!("{what}. Go on? [y/N]:")).as_deref() {
        Some("y" | "Y" | "yes") => Ok(()),
        Some(_) => anyhow::bail!("not agreed, so nothing was done"),
        None => anyhow::bail!("{what}, and nobody is here to agree to that\n  hint: add --yes"),
    }
}

/// Asks somebody at a terminal for the bodies of law, where none is said. Without one PHI is refused everywhere.
///
/// # Errors
/// Where an answer is no such word.
pub fn frameworks(said: Vec<Framework>) -> anyhow::Result<Vec<Framework>> {
    if !said.is_empty() {
        return Ok(said);
    }
    let question = "the bodies of law that it works under, such as `HIPAA GDPR`; without one PHI goes nowhere [none]:";
    let answer = ask(question).unwrap_or_default();
    let words = answer.split([' ', ',']).filter(|word| !word.is_empty());
    words.map(|word| word.parse().with_context(|| format!("`{word}` cannot be a body of law"))).collect()
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Whether all rows have the same fields, and none of them has parts of its own, so that they make a table.
fn alike(rows: &[Value]) -> bool {
    let names = |row: &Value| row.as_object().map(|fields| fields.keys().cloned().collect::<Vec<_>>());
    let parts =
        |value: &Value| value.is_object() || value.as_array().is_some_and(|items| items.iter().any(Value::is_object));
    let plain = |row: &Value| row.as_object().is_none_or(|fields| !fields.values().any(parts));
    rows.iter().all(plain) && rows.windows(2).all(|two| matches!(two, [a, b] if names(a) == names(b)))
}

/// Rows that all have the same fields, one below the other.
pub(crate) fn table(rows: &[Value]) -> String {
    let Some(Value::Object(first)) = rows.first() else { return "nothing yet".to_owned() };
    let names: Vec<&str> = first.keys().map(String::as_str).collect();
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| names.iter().map(|name| cell(row.get(name).unwrap_or(&Value::Null))).collect()).collect();
    let width = |column: usize| {
        let longest = cells.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count()).max();
        longest.unwrap_or(0).max(names.get(column).map_or(0, |name| name.len()))
    };
    let widths: Vec<usize> = (0..names.len()).map(width).collect();
    let line = |row: &[String]| {
        let padded: Vec<String> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let head: Vec<String> = names.iter().map(|name| name.replace('_', " ").to_uppercase()).collect();
    std::iter::once(line(&head)).chain(cells.iter().map(|row| line(row))).collect::<Vec<_>>().join("\n")
}

fn fields(one: &Value) -> String {
    let Value::Object(fields) = one else { return cell(one) };
    let width = fields.keys().map(String::len).max().unwrap_or(0);
    let line = |(name, value): (&String, &Value)| {
        let name = name.replace('_', " ");
        match below(value) {
            None => format!("{name:width$}  {}", cell(value)),
            Some(block) => format!("{name}\n  {}", block.replace('\n', "\n  ")),
        }
    };
    fields.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What stands better below its name than beside it: fields of a field, things in a list, and sentences.
fn below(value: &Value) -> Option<String> {
    match value {
        Value::Object(inner) if !inner.is_empty() => Some(fields(value)),
        Value::Array(items) if items.iter().any(Value::is_object) => Some(match alike(items) {
            true => table(items),
            false => items.iter().map(fields).collect::<Vec<_>>().join("\n\n"),
        }),
        Value::Array(items) if items.iter().any(|item| item.as_str().is_some_and(|text| text.contains(' '))) => {
            Some(items.iter().map(cell).collect::<Vec<_>>().join("\n"))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect(),
        Value::Array(items) if items.is_empty() => "-".to_owned(),
        Value::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(" "),
        Value::Bool(_) | Value::Number(_) | Value::Object(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_lines_up_and_shows_no_control_characters() {
        let rows = [json!({"name": "a", "regions": ["CH", "EU"]}), json!({"name": "b\u{1b}[2J", "regions": null})];
        assert_eq!(table(&rows), "NAME   REGIONS\na      CH EU\nb\u{fffd}[2J  -");
        assert_eq!(table(&[]), "nothing yet");
    }

    #[test]
    fn what_has_parts_is_shown_below_its_name() {
        let one = json!({
            "route": "a",
            "price": {"currency": "CHF", "units": [{"of": "input", "list": "0.20"}, {"of": "output", "list": "0.40"}]},
            "regions": ["CH", "EU"],
            "lacks": ["no key", "no price"],
            "nothing": [],
        });
        let lines = [
            "route    a",
            "price",
            "  currency  CHF",
            "  units",
            "    OF      LIST",
            "    input   0.20",
            "    output  0.40",
            "regions  CH EU",
            "lacks",
            "  no key",
            "  no price",
            "nothing  -",
        ];
        assert_eq!(fields(&one), lines.join("\n"));
        assert!(!alike(std::slice::from_ref(&one)) && alike(&[json!({"a": 1}), json!({"a": ["b"]})]));
    }
}
