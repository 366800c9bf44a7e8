//! Speech to text: Whisper's as OpenAI has it, Mistral's, Azure's two, Infomaniak's batches. What is heard is [`Says::text`],
//! a quarter of a second a word, in two halves. Who is asked otherwise than is documented refuses.

use serde_json::{Value, json};

use super::turn::{model, words};
use super::{Draft, Frame, refused};
use crate::fault::{Fault, StatusFault, UsageLie};
use crate::says::Says;
use crate::wire::Asked;

/// How often a batch is asked for before it is there.
const PENDING: usize = 2;
const BATCH: &str = "0b7b2f0e-3f0c-4a55-9d1e-2b8f8e6f5a10";

/// Whether a path is one where sound is heard.
pub(super) fn is_of(path: &str) -> bool {
    path.ends_with("/audio/transcriptions")
        || path.ends_with("/transcriptions:transcribe")
        || path.contains("/speech/recognition/")
        || is_result(path)
}

fn is_result(path: &str) -> bool {
    path.contains("/ai/") && path.contains("/results/")
}

pub(super) fn draft(asked: &Asked, says: &Says, fault: Option<&Fault>) -> Draft {
    let heard = Heard { says, lie: if let Some(Fault::Usage { lie }) = fault { Some(*lie) } else { None } };
    let path = asked.path();
    let drafted = if path.ends_with("/transcriptions:transcribe") {
        heard.fast(asked)
    } else if path.contains("/speech/recognition/") {
        heard.short(asked)
    } else if is_result(path) {
        heard.result(asked)
    } else if says.chunks {
        heard.mistral(asked, fault)
    } else if path.contains("/ai/") && path.ends_with("/openai/audio/transcriptions") {
        Form::of(asked).filter(Form::is_whisper).map(|_| Draft::json(200, &json!({"batch_id": BATCH})))
    } else {
        heard.openai(asked, fault)
    };
    drafted.unwrap_or_else(|| refused::refused(asked, &StatusFault::new(422)))
}

struct Heard<'a> {
    says: &'a Says,
    lie: Option<UsageLie>,
}

impl Heard<'_> {
    fn millis(&self) -> usize {
        self.says.text.split_whitespace().count() * 250
    }

    /// How long it says that it heard, in seconds.
    fn seconds(&self) -> Option<Value> {
        match self.lie {
            Some(UsageLie::Missing) => None,
            Some(UsageLie::Negative) => Some(json!(-5)),
            Some(UsageLie::Absurd) => Some(json!(1e15)),
            Some(UsageLie::Text) => Some(json!("many")),
            Some(UsageLie::Twice | UsageLie::EveryFrame) | None => Some(json!(seconds(self.millis()))),
        }
    }

    /// Both halves: where each begins, how long it is, what is said.
    fn halves(&self) -> Vec<(usize, usize, String)> {
        let words: Vec<_> = self.says.text.split_whitespace().collect();
        let (front, back) = words.split_at(words.len().div_ceil(2));
        let half = |at: usize, words: &[&str]| (at * 250, words.len() * 250, words.join(" "));
        [half(0, front), half(front.len(), back)].into_iter().filter(|(_, len, _)| *len > 0).collect()
    }

    fn openai(&self, asked: &Asked, fault: Option<&Fault>) -> Option<Draft> {
        let form = Form::of(asked).filter(Form::is_whisper)?;
        let named = model(&form.one("model")?, self.says, fault);
        let verbose = form.one("response_format")? == "verbose_json";
        if form.one("stream").as_deref() == Some("true") {
            // As its later models do, which know no other format than JSON.
            return (!verbose).then(|| self.streamed("transcript.text.delta", "delta", "transcript.text.done"));
        }
        let mut reply = if verbose { self.verbose(&form) } else { json!({"text": self.says.text}) };
        if let (false, Some(seconds)) = (verbose, self.seconds()) {
            reply["usage"] = json!({"type": "duration", "seconds": seconds});
        }
        if self.says.model.is_some() || matches!(fault, Some(Fault::Model { .. })) {
            reply["model"] = json!(named);
        }
        Some(Draft::json(200, &reply))
    }

    fn verbose(&self, form: &Form) -> Value {
        let segment = |(id, (at, len, text)): (usize, (usize, usize, String))| {
            json!({"id": id, "seek": 0, "start": seconds(at), "end": seconds(at + len), "text": format!(" {text}"),
                "tokens": [50364], "temperature": 0.0, "avg_logprob": -0.25, "compression_ratio": 1.5, "no_speech_prob": 0.01})
        };
        let mut reply = json!({"task": "transcribe", "language": "english", "text": self.says.text,
            "segments": self.halves().into_iter().enumerate().map(segment).collect::<Vec<_>>()});
        if let Some(seconds) = self.seconds() {
            reply["duration"] = seconds;
        }
        if form.all("timestamp_granularities[]").contains(&"word".to_owned()) {
            let word = |(at, word): (usize, &str)| json!({"word": word, "start": seconds(at * 250), "end": seconds(at * 250 + 250)});
            reply["words"] = self.says.text.split_whitespace().enumerate().map(word).collect();
        }
        reply
    }

    /// <https://docs.mistral.ai/api/endpoint/audio/transcriptions>: no format is known there, and no times beside a language.
    fn mistral(&self, asked: &Asked, fault: Option<&Fault>) -> Option<Draft> {
        let form = Form::of(asked)?;
        let known = [
            "model",
            "file",
            "language",
            "temperature",
            "stream",
            "diarize",
            "context_bias[]",
            "timestamp_granularities[]",
        ];
        let timed = !form.all("timestamp_granularities[]").is_empty();
        if !form.all_are(&known) || (timed && form.one("language").is_some()) || form.file("file").is_none() {
            return None;
        }
        if form.one("stream").as_deref() == Some("true") {
            return Some(self.streamed("transcription.text.delta", "text", "transcription.done"));
        }
        let segment = |(at, len, text): (usize, usize, String)| json!({"text": text, "start": seconds(at), "end": seconds(at + len), "type": "transcription_segment"});
        let segments: Vec<_> = if timed { self.halves().into_iter().map(segment).collect() } else { Vec::new() };
        let mut reply = json!({"model": model(&form.one("model")?, self.says, fault), "text": self.says.text,
            "language": null, "segments": segments, "usage": {"prompt_tokens": 4, "completion_tokens": 9, "total_tokens": 13}});
        if let Some(seconds) = self.seconds() {
            reply["usage"]["prompt_audio_seconds"] = seconds;
        }
        Some(Draft::json(200, &reply))
    }

    fn streamed(&self, delta: &'static str, field: &str, done: &'static str) -> Draft {
        let said = |word: &str| Frame::named(delta, &json!({"type": delta, field: word}));
        let mut last = json!({"type": done, "text": self.says.text});
        if let Some(seconds) = self.seconds() {
            last["usage"] = json!({"type": "duration", "seconds": seconds});
        }
        Draft::stream(words(&self.says.text).map(said).chain([Frame::named(done, &last).end()]).collect())
    }

    /// <https://learn.microsoft.com/en-us/azure/ai-services/speech-service/fast-transcription-create>
    fn fast(&self, asked: &Asked) -> Option<Draft> {
        let form = Form::of(asked)?;
        let definition: Value = serde_json::from_str(&form.one("definition")?).ok()?;
        let known = ["locales", "profanityFilterMode", "phraseList"];
        let fits = definition.as_object()?.keys().all(|key| known.contains(&key.as_str()))
            && form.all_are(&["audio", "definition"]);
        if !fits || form.file("audio").is_none() || !asked.line(1).ends_with("?api-version=2025-10-15") {
            return None;
        }
        let locale = definition["locales"][0].as_str().unwrap_or("en-US");
        let phrase = |(at, len, text): (usize, usize, String)| {
            let word = |(place, word): (usize, &str)| json!({"text": word, "offsetMilliseconds": at + place * 250, "durationMilliseconds": 250});
            let words: Vec<_> = text.split_whitespace().enumerate().map(word).collect();
            json!({"offsetMilliseconds": at, "durationMilliseconds": len, "text": text, "locale": locale, "confidence": 0.9,
                "words": words})
        };
        let phrases: Vec<_> = self.halves().into_iter().map(phrase).collect();
        let mut reply = json!({"combinedPhrases": [{"text": self.says.text}], "phrases": phrases});
        match self.lie {
            Some(UsageLie::Missing) => {}
            Some(_) => reply["durationMilliseconds"] = json!(self.seconds()),
            None => reply["durationMilliseconds"] = json!(self.millis()),
        }
        Some(Draft::json(200, &reply))
    }

    /// <https://learn.microsoft.com/en-us/azure/ai-services/speech-service/rest-speech-to-text-short>
    fn short(&self, asked: &Asked) -> Option<Draft> {
        let query = asked.line(1).split_once('?')?.1;
        let kind = content_type(asked)?;
        let is_wav = kind.starts_with("audio/wav") && asked.body.starts_with(b"RIFF");
        let is_ogg = kind.starts_with("audio/ogg") && asked.body.starts_with(b"OggS");
        if !query.starts_with("language=") || !(is_wav || is_ogg) {
            return None;
        }
        Some(if self.says.text.is_empty() {
            Draft::json(200, &json!({"RecognitionStatus": "NoMatch", "Offset": 10_000_000, "Duration": 0}))
        } else {
            let reply = json!({"RecognitionStatus": "Success", "DisplayText": self.says.text,
                "Offset": 500_000, "Duration": self.millis() * 10_000});
            Draft::json(200, &reply)
        })
    }

    fn result(&self, asked: &Asked) -> Option<Draft> {
        if !asked.path().ends_with(BATCH) || asked.method() != "GET" {
            return None;
        }
        if asked.before < PENDING {
            return Some(Draft::json(200, &json!({"status": "pending", "url": null, "data": null})));
        }
        let data = self.verbose(&Form { parts: Vec::new() }).to_string();
        let reply = json!({"status": "success", "url": "https://elsewhere.example/x", "file_name": "x", "file_size": 9, "data": data});
        Some(Draft::json(200, &reply))
    }
}

#[expect(clippy::cast_precision_loss, reason = "a test's sound is short")]
fn seconds(millis: usize) -> f64 {
    millis as f64 / 1_000.0
}

fn content_type(asked: &Asked) -> Option<String> {
    let head = String::from_utf8_lossy(&asked.head).into_owned();
    head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-type").then(|| value.trim().to_owned())
    })
}

/// A form, and what its parts are called, whether they are files, and what they hold.
struct Form {
    parts: Vec<(String, bool, Vec<u8>)>,
}

impl Form {
    fn of(asked: &Asked) -> Option<Self> {
        let kind = content_type(asked)?;
        let boundary = format!("--{}", kind.strip_prefix("multipart/form-data; boundary=")?);
        let mut rest = asked.body.strip_prefix(boundary.as_bytes())?;
        let between = format!("\r\n{boundary}");
        let find = |text: &[u8], what: &[u8]| text.windows(what.len()).position(|window| window == what);
        let mut parts = Vec::new();
        while rest != b"--\r\n" {
            let head_end = find(rest, b"\r\n\r\n")?;
            let head = String::from_utf8(rest[..head_end].to_vec()).ok()?;
            let data = &rest[head_end + 4..];
            let end = find(data, between.as_bytes())?;
            let name = head.split("; name=\"").nth(1)?.split('"').next()?.to_owned();
            // It has a name of ours, never the caller's.
            let is_file = head.contains("; filename=\"audio.");
            parts.push((name, is_file, data[..end].to_vec()));
            rest = &data[end + between.len()..];
        }
        Some(Self { parts })
    }

    fn all(&self, name: &str) -> Vec<String> {
        let text = |(_, _, data): &(String, bool, Vec<u8>)| String::from_utf8_lossy(data).into_owned();
        self.parts.iter().filter(|(found, is_file, _)| found == name && !is_file).map(text).collect()
    }

    fn one(&self, name: &str) -> Option<String> {
        let mut all = self.all(name);
        if all.len() == 1 { all.pop() } else { None }
    }

    fn file(&self, name: &str) -> Option<&[u8]> {
        let found = self.parts.iter().find(|(found, is_file, _)| found == name && *is_file);
        found.map(|(.., data)| data.as_slice()).filter(|data| !data.is_empty())
    }

    fn all_are(&self, known: &[&str]) -> bool {
        self.parts.iter().all(|(name, ..)| known.contains(&name.as_str()))
    }

    /// Whether it is as OpenAI describes it: times go with one format alone.
    fn is_whisper(&self) -> bool {
        let format = self.one("response_format").unwrap_or_default();
        let times = self.all("timestamp_granularities[]");
        self.file("file").is_some()
            && self.one("model").is_some()
            && ["json", "verbose_json"].contains(&format.as_str())
            && (times.is_empty() || format == "verbose_json")
    }
}
