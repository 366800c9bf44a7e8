//! Whisper and its like, as OpenAI has them (<https://platform.openai.com/docs/api-reference/audio/createTranscription>).

use std::borrow::Cow;

use bytes::Bytes;
use phi_words::Class;

use super::one::{self, Read, lacking};
use super::{asking, events, misfit, upload};
use crate::job::Begin;
use crate::json::{Document, Kind, Value};
use crate::question::{Fields, Recording, WorkQuestion};
use crate::transcript::{Language, Segment, Transcript, Word, millis};
use crate::{Carry, HostFault, Misfit};

const PATH: &str = "/audio/transcriptions";
const JSON: &str = "application/json";

/// OpenAI's later models give the text alone, and can give it as they hear it.
fn tells_text_alone(carry: &Carry) -> bool {
    carry.lacks.contains("verbose_json")
}

pub(super) fn fits(fields: &Fields, recording: &Recording, carry: &Carry) -> Result<(), Misfit> {
    if recording.wish.is_timed() && tells_text_alone(carry) {
        return misfit("response_format");
    }
    if recording.wish.words && carry.lacks.contains("timestamp_granularities") {
        return misfit("timestamp_granularities");
    }
    if fields.field("context_bias").is_some() {
        return misfit("context_bias");
    }
    Ok(())
}

pub(super) fn begin(question: &WorkQuestion, recording: &Recording, carry: &Carry, class: Class) -> Begin {
    let (fields, wish) = (question.fields(), &recording.wish);
    let follows = wish.stream && tells_text_alone(carry) && !carry.lacks.contains("stream");
    let mut texts = asked(fields, recording, carry);
    if follows {
        texts.push(("stream".into(), "true".into()));
    }
    if carry.open_body && class == Class::General {
        let unknown = question.unknown().iter();
        texts.extend(
            unknown.filter_map(|name| Some((name, fields.field(name)?))).flat_map(|(name, value)| sent(name, value)),
        );
    }
    let lacked = ["prompt", "temperature"].into_iter().filter(|name| carry.lacks.contains(*name));
    let left_out = asking(fields, &lacked.chain(["user"]).collect::<Vec<_>>());
    let texts: Vec<_> = texts.iter().map(|(name, text)| (&**name, &**text)).collect();
    let message = |accept| upload(PATH, accept, &texts, "file", recording);
    if follows {
        events::begin(wish, message(events::ACCEPT), left_out)
    } else {
        one::begin(wish, message(JSON), read, left_out)
    }
}

/// What every host of this shape is told; everything at once, so that the length is in the answer.
pub(super) fn asked<'a>(
    fields: &'a Fields,
    recording: &Recording,
    carry: &'a Carry,
) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    let format = if tells_text_alone(carry) { "json" } else { "verbose_json" };
    let mut texts: Vec<(Cow<'_, str>, Cow<'_, str>)> =
        vec![("model".into(), carry.own.as_str().into()), ("response_format".into(), format.into())];
    let mut add = |name: &'static str, text: Cow<'a, str>| {
        if !carry.lacks.contains(name) {
            texts.push((name.into(), text));
        }
    };
    if let Some(language) = &recording.wish.language {
        add("language", language.code().to_owned().into());
    }
    if let Some(prompt) = fields.field("prompt").and_then(Value::text) {
        add("prompt", prompt);
    }
    if let Some(temperature) = fields.field("temperature") {
        add("temperature", String::from_utf8_lossy(temperature.raw()));
    }
    if recording.wish.words {
        texts.push(("timestamp_granularities[]".into(), "word".into()));
        texts.push(("timestamp_granularities[]".into(), "segment".into()));
    }
    texts
}

/// A field that we do not know, as a form has it.
fn sent<'a>(name: &str, value: Value<'a>) -> Vec<(Cow<'a, str>, Cow<'a, str>)> {
    let text = |value: Value<'a>| value.text().unwrap_or_else(|| String::from_utf8_lossy(value.raw()));
    match value.kind() {
        Kind::List => {
            let items = value.items().into_iter().flatten();
            items.map(|item| (format!("{name}[]").into(), text(item))).collect()
        }
        Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::Text | Kind::Object => {
            vec![(name.to_owned().into(), text(value))]
        }
    }
}

/// Reads such an answer.
pub(super) fn read(body: Bytes) -> Read {
    let document = Document::parse(body).map_err(|_| HostFault::Malformed("the body is not JSON"))?;
    let root = document.root();
    let text = root.member("text").and_then(Value::text).ok_or_else(|| lacking(root, "there is no text"))?;
    let items = |name| root.member(name).and_then(Value::items).into_iter().flatten();
    let span = |one: Value<'_>| Ok((millis(one.member("start"))?, millis(one.member("end"))?));
    let said = |one: Value<'_>, name| {
        let said = one.member(name).and_then(Value::text).ok_or(HostFault::Malformed("a piece has no text"))?;
        Ok::<_, HostFault>(said.into_owned())
    };
    let segment = |one: Value<'_>| {
        let (start, end) = span(one)?;
        Ok(Segment { start, end, text: said(one, "text")?, ..Segment::default() }.sure_as(one))
    };
    let word = |one: Value<'_>| {
        let (start, end) = span(one)?;
        Ok(Word { start, end, text: said(one, "word")? })
    };
    let told = |value: Option<Value<'_>>| {
        value.filter(|value| !value.is_null()).and_then(|value| millis(Some(value)).ok()).filter(|told| *told > 0)
    };
    let length = told(root.member("duration"));
    let billed = told(root.member("usage").and_then(|usage| usage.member("seconds")));
    let transcript = Transcript {
        text: text.into_owned(),
        language: root.member("language").and_then(Value::text).and_then(|name| Language::named(&name)),
        millis: length,
        segments: items("segments").map(segment).collect::<Result<_, HostFault>>()?,
        words: items("words").map(word).collect::<Result<_, HostFault>>()?,
        host_model: root.member("model").and_then(Value::text).map(Into::into),
    };
    // What it charges for is in whole seconds at some.
    Ok((transcript, billed.or(length)))
}
