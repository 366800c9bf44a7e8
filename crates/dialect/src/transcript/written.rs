use phi_words::{Completion, Usage};

use super::{Segment, Transcript};
use crate::job::Made;
use crate::json::Object;
use crate::question::Format;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

/// Writes a transcript as the caller asked for it. Milliseconds of sound are told where they are known.
pub(crate) fn written(transcript: &Transcript, format: Format, usage: Option<Usage>) -> Made {
    let (body, media_type) = match format {
        Format::Json => (json(transcript, usage), JSON),
        Format::VerboseJson => (verbose(transcript, usage), JSON),
        Format::Text => (format!("{}\n", transcript.text).into_bytes(), TEXT),
        Format::Srt => (srt(&transcript.segments).into_bytes(), "application/x-subrip; charset=utf-8"),
        Format::Vtt => (vtt(&transcript.segments).into_bytes(), "text/vtt; charset=utf-8"),
    };
    Made { body: Completion::new(body), media_type, usage, host_model: None }
}

fn json(transcript: &Transcript, usage: Option<Usage>) -> Vec<u8> {
    let mut body = Object::new();
    body.text("text", &transcript.text);
    tell(&mut body, usage);
    body.finish()
}

fn verbose(transcript: &Transcript, usage: Option<Usage>) -> Vec<u8> {
    let mut body = Object::new();
    body.text("task", "transcribe");
    body.text("language", transcript.language.as_deref().unwrap_or_default());
    body.raw("duration", seconds(transcript.millis.unwrap_or_default()).as_bytes());
    body.text("text", &transcript.text);
    body.list("segments", |segments| {
        for (id, segment) in (0..).zip(&transcript.segments) {
            segments.object(|one| {
                one.whole("id", id).whole("seek", 0);
                one.raw("start", seconds(segment.start).as_bytes()).raw("end", seconds(segment.end).as_bytes());
                one.text("text", &segment.text).raw("tokens", b"[]");
                for unknown in ["temperature", "avg_logprob", "compression_ratio", "no_speech_prob"] {
                    one.whole(unknown, 0);
                }
            });
        }
    });
    if !transcript.words.is_empty() {
        body.list("words", |words| {
            for word in &transcript.words {
                words.object(|one| {
                    one.text("word", &word.text);
                    one.raw("start", seconds(word.start).as_bytes()).raw("end", seconds(word.end).as_bytes());
                });
            }
        });
    }
    tell(&mut body, usage);
    body.finish()
}

/// `usage`, as OpenAI tells it of models that are charged by time.
fn tell(body: &mut Object, usage: Option<Usage>) {
    if let Some(usage) = usage.filter(|usage| usage.audio_ms > 0) {
        body.object("usage", |told| {
            told.text("type", "duration");
            told.raw("seconds", seconds(usage.audio_ms).as_bytes());
        });
    }
}

fn srt(segments: &[Segment]) -> String {
    let cue = |(number, one): (usize, &Segment)| {
        format!("{number}\n{} --> {}\n{}\n\n", clock(one.start, ','), clock(one.end, ','), one.text.trim())
    };
    (1..).zip(segments).map(cue).collect()
}

fn vtt(segments: &[Segment]) -> String {
    let cue = |one: &Segment| format!("{} --> {}\n{}\n\n", clock(one.start, '.'), clock(one.end, '.'), one.text.trim());
    format!("WEBVTT\n\n{}", segments.iter().map(cue).collect::<String>())
}

/// `00:01:02,345`.
fn clock(millis: u64, mark: char) -> String {
    let (seconds, millis) = (millis / 1_000, millis % 1_000);
    format!("{:02}:{:02}:{:02}{mark}{millis:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60)
}

/// Seconds, as a number of JSON.
fn seconds(millis: u64) -> String {
    format!("{}.{:03}", millis / 1_000, millis % 1_000)
}
