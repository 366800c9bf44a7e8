//! Voxtral at Mistral (<https://docs.mistral.ai/api/endpoint/audio/transcriptions>). It has no formats: times come where they are
//! asked for.

use bytes::Bytes;

use super::one::{self, Read, lacking};
use super::{asking, bias, events, misfit, upload};
use crate::job::Begin;
use crate::json::{Document, Value};
use crate::question::{Fields, Recording};
use crate::transcript::{Language, Segment, Transcript, millis};
use crate::{Carry, HostFault, Misfit};

const PATH: &str = "/audio/transcriptions";

pub(super) fn fits(recording: &Recording, _: &Carry) -> Result<(), Misfit> {
    let wish = &recording.wish;
    // What words look like is not said.
    if wish.words {
        return misfit("timestamp_granularities");
    }
    // "`timestamp_granularities` is currently not compatible with `language`".
    if wish.is_timed() && wish.language.is_some() {
        return misfit("language");
    }
    Ok(())
}

pub(super) fn begin(fields: &Fields, recording: &Recording, carry: &Carry) -> Begin {
    let wish = &recording.wish;
    let temperature = fields.field("temperature").map(|value| String::from_utf8_lossy(value.raw()));
    let bias = bias(fields);
    let mut texts = vec![("model", carry.own.as_str())];
    texts.extend(wish.language.as_ref().map(|language| ("language", language.code())));
    texts.extend(temperature.as_deref().map(|temperature| ("temperature", temperature)));
    texts.extend(bias.iter().map(|word| ("context_bias[]", word.as_str())));
    if wish.is_timed() {
        texts.push(("timestamp_granularities[]", "segment"));
    }
    let left_out = asking(fields, &["prompt", "user"]);
    if wish.stream {
        texts.push(("stream", "true"));
        return events::begin(wish, upload(PATH, events::ACCEPT, &texts, "file", recording), left_out);
    }
    one::begin(wish, upload(PATH, "application/json", &texts, "file", recording), read, left_out)
}

fn read(body: Bytes) -> Read {
    let document = Document::parse(body).map_err(|_| HostFault::Malformed("the body is not JSON"))?;
    let root = document.root();
    let text = root.member("text").and_then(Value::text).ok_or_else(|| lacking(root, "there is no text"))?;
    let segment = |one: Value<'_>| {
        let text = one.member("text").and_then(Value::text).ok_or(HostFault::Malformed("a piece has no text"))?;
        let (start, end) = (millis(one.member("start"))?, millis(one.member("end"))?);
        Ok(Segment { start, end, text: text.into_owned(), ..Segment::default() })
    };
    let segments = root.member("segments").and_then(Value::items).into_iter().flatten();
    let heard = heard(root);
    let transcript = Transcript {
        text: text.into_owned(),
        language: root.member("language").and_then(Value::text).and_then(|name| Language::named(&name)),
        millis: heard,
        segments: segments.map(segment).collect::<Result<_, HostFault>>()?,
        words: Vec::new(),
        host_model: root.member("model").and_then(Value::text).map(Into::into),
    };
    Ok((transcript, heard))
}

/// What it says that it heard, which is what it charges for.
pub(super) fn heard(root: Value<'_>) -> Option<u64> {
    let seconds = root.member("usage")?.member("prompt_audio_seconds")?;
    millis(Some(seconds)).ok().filter(|heard| *heard > 0)
}
