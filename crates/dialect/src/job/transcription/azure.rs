//! Azure Speech, which has two ways to hear what is sent as a file. A row says by `own` which is meant.

use bytes::Bytes;

use super::one::{self, Read, lacking};
use super::{asking, bias, misfit, upload};
use crate::container::{Coding, Container};
use crate::job::{Begin, Message, Verb};
use crate::json::{Document, List, Object, Value};
use crate::question::{Fields, Recording};
use crate::transcript::{Language, Segment, Transcript, Word};
use crate::{Carry, Field, HostFault, Misfit};

/// Fast transcription (<https://learn.microsoft.com/en-us/azure/ai-services/speech-service/fast-transcription-create>).
const FAST: &str = "/transcriptions:transcribe?api-version=2025-10-15";
/// The interface for short audio (<https://learn.microsoft.com/en-us/azure/ai-services/speech-service/rest-speech-to-text-short>).
const SHORT: &str = "/speech/recognition/conversation/cognitiveservices/v1";
/// What `own` says of a row for short audio.
const OWN_SHORT: &str = "short-audio";
/// The most that is heard there, in milliseconds.
const LONGEST_SHORT: u64 = 60_000;
const JSON: &str = "application/json";

/// Whether a row is for short audio.
pub(super) fn is_short(carry: &Carry) -> bool {
    carry.own.as_str() == OWN_SHORT
}

pub(super) fn fits(recording: &Recording, carry: &Carry) -> Result<(), Misfit> {
    let wish = &recording.wish;
    let locale = wish.language.as_ref().map(|language| language.locale(carry.country));
    if locale == Some(None) {
        return misfit("language");
    }
    if !is_short(carry) {
        return Ok(());
    }
    let takes =
        |contained: crate::container::Contained| contained.coding != Coding::Other && contained.millis <= LONGEST_SHORT;
    if !recording.contained.is_none_or(takes) {
        return misfit("file");
    }
    if wish.words {
        return misfit("timestamp_granularities");
    }
    // It does not find out what is spoken.
    if locale.is_none() { Err(Misfit { field: Field::Needed("language") }) } else { Ok(()) }
}

pub(super) fn begin(fields: &Fields, recording: &Recording, carry: &Carry) -> Begin {
    let wish = &recording.wish;
    let locale = wish.language.as_ref().and_then(|language| language.locale(carry.country));
    if is_short(carry) {
        let left_out = asking(fields, &["prompt", "temperature", "context_bias", "user"]);
        return one::begin(wish, short(&locale.unwrap_or_default(), recording), read_short, left_out);
    }
    let mut definition = Object::new();
    if let Some(locale) = locale {
        definition.list("locales", |locales| _ = locales.text(&locale));
    }
    // As it was said: what a patient says is not for us to mask.
    definition.text("profanityFilterMode", "None");
    let bias = bias(fields);
    if !bias.is_empty() {
        let mut phrases = List::new();
        bias.iter().for_each(|word| _ = phrases.text(&word.replace('_', " ")));
        let mut list = Object::new();
        list.raw("phrases", &phrases.finish());
        definition.raw("phraseList", &list.finish());
    }
    let definition = String::from_utf8(definition.finish()).unwrap_or_default();
    let message = upload(FAST, JSON, &[("definition", &definition)], "audio", recording);
    one::begin(wish, message, read_fast, asking(fields, &["prompt", "temperature", "user"]))
}

fn short(locale: &str, recording: &Recording) -> Message {
    let container = recording.contained.map(|contained| contained.container);
    let kind = match container {
        Some(Container::Ogg) => "audio/ogg; codecs=opus",
        _ => "audio/wav; codecs=audio/pcm; samplerate=16000",
    };
    Message {
        verb: Verb::Post,
        path: format!("{SHORT}?language={locale}&format=simple&profanity=raw").into(),
        accept: JSON,
        headers: Vec::new(),
        content_type: Some(kind.into()),
        body: vec![recording.sound.clone()],
        answers: &[200],
    }
}

const NO_TIME: HostFault = HostFault::Malformed("a time is none");

/// A week, in milliseconds.
const LONGEST: u64 = 604_800_000;

/// A span: where it begins, and where it ends.
fn span(one: Value<'_>) -> Result<(u64, u64), HostFault> {
    let millis = |name| one.member(name).and_then(Value::whole).filter(|millis| *millis <= LONGEST).ok_or(NO_TIME);
    let (start, length) = (millis("offsetMilliseconds")?, millis("durationMilliseconds")?);
    Ok((start, start + length))
}

fn read_fast(body: Bytes) -> Read {
    let document = Document::parse(body).map_err(|_| HostFault::Malformed("the body is not JSON"))?;
    let root = document.root();
    let said = |one: Value<'_>| {
        let text = one.member("text").and_then(Value::text).ok_or(HostFault::Malformed("a piece has no text"))?;
        Ok::<_, HostFault>(text.into_owned())
    };
    let combined = root.member("combinedPhrases").and_then(Value::items);
    let combined = combined.ok_or_else(|| lacking(root, "there is no text"))?;
    // One for each channel.
    let text = combined.map(said).collect::<Result<Vec<_>, _>>()?.join("\n");
    let (mut segments, mut words, mut language) = (Vec::new(), Vec::new(), None);
    for phrase in root.member("phrases").and_then(Value::items).into_iter().flatten() {
        let (start, end) = span(phrase)?;
        let mut segment = Segment { start, end, text: said(phrase)?, ..Segment::default() };
        let confidence = phrase.member("confidence").and_then(Value::number).filter(|sure| *sure > 0.0 && *sure <= 1.0);
        let [_, avg_logprob, ..] = &mut segment.sure;
        *avg_logprob = confidence.map(|sure| format!("{:.6}", sure.ln()));
        segments.push(segment);
        for word in phrase.member("words").and_then(Value::items).into_iter().flatten() {
            let (start, end) = span(word)?;
            words.push(Word { start, end, text: said(word)? });
        }
        let locale = phrase.member("locale").and_then(Value::text).and_then(|locale| Language::named(&locale));
        language = language.or(locale);
    }
    let millis =
        root.member("durationMilliseconds").and_then(Value::whole).filter(|millis| (1..=LONGEST).contains(millis));
    Ok((Transcript { text, language, millis, segments, words, host_model: None }, millis))
}

/// What was heard is one piece. How long it is says nothing of what is charged for, which is all that was sent.
fn read_short(body: Bytes) -> Read {
    let document = Document::parse(body).map_err(|_| HostFault::Malformed("the body is not JSON"))?;
    let root = document.root();
    let status = root.member("RecognitionStatus").and_then(Value::text);
    match status.as_deref() {
        Some("Success") => {}
        // Nothing was said, or nothing that could be made out.
        Some("NoMatch" | "InitialSilenceTimeout" | "BabbleTimeout") => return Ok((Transcript::default(), None)),
        Some(_) => return Err(HostFault::Malformed("nothing was recognized, for a reason that is not the caller's")),
        None => return Err(lacking(root, "there is no status")),
    }
    let text = root.member("DisplayText").and_then(Value::text).ok_or(HostFault::Malformed("there is no text"))?;
    // In units of a hundred nanoseconds.
    let millis =
        |name| root.member(name).and_then(Value::whole).map(|ticks| ticks / 10_000).filter(|millis| *millis <= LONGEST);
    let (start, length) = (millis("Offset").ok_or(NO_TIME)?, millis("Duration").ok_or(NO_TIME)?);
    let text = text.into_owned();
    let segments = if text.is_empty() {
        Vec::new()
    } else {
        vec![Segment { start, end: start + length, text: text.clone(), ..Segment::default() }]
    };
    Ok((Transcript { text, segments, ..Transcript::default() }, None))
}
