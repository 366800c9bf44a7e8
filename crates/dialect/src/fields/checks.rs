use phi_words::Refusal;

use super::{Found, invalid, unsupported};
use crate::json::{Kind, Value};

/// More output tokens than any model makes: what is above is nonsense, or an attempt at our arithmetic.
pub(super) const MAX_TOKENS: u64 = 10_000_000;

pub(super) fn boolean(name: &'static str, value: Value<'_>) -> Result<(), Refusal> {
    value.truth().map(drop).ok_or_else(|| invalid(name, "must be a boolean"))
}

pub(super) fn text(name: &'static str, value: Value<'_>) -> Result<(), Refusal> {
    match value.kind() {
        Kind::Text => Ok(()),
        Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::List | Kind::Object => {
            Err(invalid(name, "must be a string"))
        }
    }
}

pub(super) fn number(name: &'static str, value: Value<'_>, low: f64, high: f64) -> Result<(), Refusal> {
    match value.number() {
        Some(number) if (low..=high).contains(&number) => Ok(()),
        Some(_) | None => Err(invalid(name, &format!("must be a number from {low} to {high}"))),
    }
}

pub(super) fn whole(name: &'static str, value: Value<'_>, low: u64, high: u64) -> Result<(), Refusal> {
    match value.whole() {
        Some(number) if (low..=high).contains(&number) => Ok(()),
        Some(_) | None => Err(invalid(name, &format!("must be a whole number from {low} to {high}"))),
    }
}

pub(super) fn seed(name: &'static str, value: Value<'_>) -> Result<(), Refusal> {
    let number = std::str::from_utf8(value.raw()).ok().and_then(|raw| raw.parse::<i64>().ok());
    number.map(drop).ok_or_else(|| invalid(name, "must be a whole number of 64 bits"))
}

pub(super) fn one_of(name: &'static str, value: Value<'_>, words: &[&str]) -> Result<(), Refusal> {
    match value.text() {
        Some(word) if words.contains(&&*word) => Ok(()),
        Some(_) | None => Err(invalid(name, &format!("must be one of `{}`", words.join(" ")))),
    }
}

/// A field that may only ask for what happens anyway.
pub(super) fn moot(name: &'static str, value: Value<'_>, accepted: &[&str]) -> Result<(), Refusal> {
    let raw: Vec<u8> = value.raw().iter().copied().filter(|b| !b.is_ascii_whitespace()).collect();
    if accepted.iter().any(|json| json.as_bytes() == raw) {
        return Ok(());
    }
    Err(unsupported(name, "cannot be set to this here", "leave the field out"))
}

pub(super) fn stop(name: &'static str, value: Value<'_>) -> Result<(), Refusal> {
    let rule = "must be a string, or 1 to 16 strings, none of them empty";
    let filled = |value: Value<'_>| value.text().is_some_and(|text| !text.is_empty());
    let fits = match value.items() {
        Some(items) => {
            let stops: Vec<_> = items.take(17).collect();
            (1..=16).contains(&stops.len()) && stops.into_iter().all(filled)
        }
        None => filled(value),
    };
    if fits { Ok(()) } else { Err(invalid(name, rule)) }
}

pub(super) fn logit_bias(name: &'static str, value: Value<'_>) -> Result<(), Refusal> {
    let members = value.members().ok_or_else(|| invalid(name, "must be an object of numbers"))?;
    for (_, bias) in members {
        number(name, bias, -100.0, 100.0)?;
    }
    Ok(())
}

/// `metadata`: up to 16 pairs of strings (OpenAI's limit).
pub(super) fn metadata(name: &'static str, value: Value<'_>) -> Result<(), Refusal> {
    let rule = "must be an object of up to 16 strings";
    let members: Vec<_> = value.members().ok_or_else(|| invalid(name, rule))?.take(17).collect();
    let fits = members.len() <= 16 && members.iter().all(|(_, value)| value.kind() == Kind::Text);
    if fits { Ok(()) } else { Err(invalid(name, rule)) }
}

/// `prediction`: `{"type":"content","content":…}` and nothing else.
pub(super) fn prediction(name: &'static str, value: Value<'_>, found: &mut Found) -> Result<(), Refusal> {
    let members = value.members().ok_or_else(|| invalid(name, "must be an object"))?;
    let mut typed = false;
    for (key, value) in members {
        match &*key {
            "type" => typed = value.text().is_some_and(|text| text == "content"),
            "content" => super::messages::plain_content(name, value)?,
            _ => found.unknown(name, &key, ["type", "content"])?,
        }
    }
    if typed { Ok(()) } else { Err(invalid(name, "must be of type `content`")) }
}

/// Whether a number is zero, however it is written.
pub(super) fn is_zero(value: Value<'_>) -> bool {
    value.number().is_some_and(|number| number.abs() < f64::MIN_POSITIVE)
}

/// Whether a list or an object is empty.
pub(super) fn is_empty(value: Value<'_>) -> bool {
    let no_items = value.items().is_some_and(|mut items| items.next().is_none());
    no_items || value.members().is_some_and(|mut members| members.next().is_none())
}
