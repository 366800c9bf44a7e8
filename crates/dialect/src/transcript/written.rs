use phi_words::{Completion, Usage};

use super::{EVENTS, SURE, Segment, Transcript, Wish, delta, done};
use crate::job::Made;
use crate::json::Object;
use crate::question::Format;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Writes a transcript as the caller asked for it. `heard` is what the host says that it heard, in milliseconds, for which it
/// charges; what is told is that, or else the length by the container.
pub(crate) fn written(transcript: Transcript, wish: &Wish, heard: Option<u64>) -> Made {
    let transcript = transcript.in_order();
    let told = heard.unwrap_or(wish.counted);
    let (body, media_type) = match wish.format {
        _ if wish.stream => (events(&transcript, told), EVENTS),
        Format::Json => (json(&transcript, told), JSON),
        Format::VerboseJson => (verbose(&transcript, wish, told), JSON),
        Format::Text => (format!("{}\n", transcript.text).into_bytes(), TEXT),
        Format::Srt => (srt(&transcript.segments).into_bytes(), TEXT),
        Format::Vtt => (vtt(&transcript.segments).into_bytes(), "text/vtt; charset=utf-8"),
    };
    let usage = heard.map(|audio_ms| Usage { audio_ms, ..Usage::default() });
    Made { body: Completion::new(body), media_type, usage, host_model: transcript.host_model }
}

/// All of it as one event, and the last one: of a host that says nothing before it has heard all.
fn events(transcript: &Transcript, told: u64) -> Vec<u8> {
    let text = &transcript.text;
    let mut events = Vec::new();
    if !text.is_empty() {
        events.extend_from_slice(delta(text).expose_bytes());
    }
    events.extend_from_slice(done(text, told).expose_bytes());
    events
}

fn json(transcript: &Transcript, told: u64) -> Vec<u8> {
    let mut body = Object::new();
    body.text("text", &transcript.text);
    tell(&mut body, told);
    body.finish()
}

/// What no host but OpenAI's and its like tells of a segment is zero, as the form has no way to leave it out.
fn verbose(transcript: &Transcript, wish: &Wish, told: u64) -> Vec<u8> {
    let language = transcript.language.as_ref().or(wish.language.as_ref());
    let mut body = Object::new();
    body.text("task", "transcribe");
    body.text("language", language.map(super::Language::english).unwrap_or_default());
    body.raw("duration", seconds(transcript.millis.unwrap_or(wish.counted)).as_bytes());
    body.text("text", &transcript.text);
    if wish.words {
        body.list("words", |words| {
            for word in &transcript.words {
                words.object(|one| {
                    one.text("word", &word.text);
                    one.raw("start", seconds(word.start).as_bytes()).raw("end", seconds(word.end).as_bytes());
                });
            }
        });
    }
    if wish.segments {
        body.list("segments", |segments| {
            for (id, segment) in (0..).zip(&transcript.segments) {
                segments.object(|one| {
                    one.whole("id", id).whole("seek", 0);
                    one.raw("start", seconds(segment.start).as_bytes()).raw("end", seconds(segment.end).as_bytes());
                    one.text("text", &segment.text).raw("tokens", b"[]");
                    for (name, number) in SURE.iter().zip(&segment.sure) {
                        one.raw(name, number.as_deref().unwrap_or("0").as_bytes());
                    }
                });
            }
        });
    }
    tell(&mut body, told);
    body.finish()
}

/// `usage`, as OpenAI tells it of models that are charged by time.
pub(super) fn tell(body: &mut Object, millis: u64) {
    body.object("usage", |told| {
        told.text("type", "duration");
        told.raw("seconds", seconds(millis).as_bytes());
    });
}

/// `SubRip` has no way to write an arrow: it becomes a shorter one, as Whisper writes it.
fn srt(segments: &[Segment]) -> String {
    let cue = |(number, (one, text)): (usize, (&Segment, String))| {
        let text = text.replace("-->", "->");
        format!("{number}\n{} --> {}\n{text}\n\n", clock(one.start, ','), clock(one.end, ','))
    };
    (1..).zip(cues(segments)).map(cue).collect()
}

/// `WebVTT` (<https://www.w3.org/TR/webvtt1/>) has: what could be read as a tag or as an arrow is written as it says.
fn vtt(segments: &[Segment]) -> String {
    let cue = |(one, text): (&Segment, String)| {
        let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        format!("{} --> {}\n{text}\n\n", clock(one.start, '.'), clock(one.end, '.'))
    };
    format!("WEBVTT\n\n{}", cues(segments).map(cue).collect::<String>())
}

/// The segments in which something is said, without lines that are empty: one such would end the cue.
fn cues(segments: &[Segment]) -> impl Iterator<Item = (&Segment, String)> {
    let text = |one: &Segment| {
        let lines = one.text.split(['\n', '\r']).map(str::trim).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("\n").replace('\0', "\u{fffd}")
    };
    segments.iter().map(move |one| (one, text(one))).filter(|(_, text)| !text.is_empty())
}

/// `00:01:02,345`; hours may have three digits and more.
fn clock(millis: u64, mark: char) -> String {
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    format!("{:02}:{:02}:{:02}{mark}{millis:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// Seconds, as a number of JSON.
fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}
