use phi_words::Usage;

use crate::job::{Begin, Heard, Job, Made, Message, Step, Steps, Verb};
use crate::json::{Document, Value};
use crate::multipart::{Piece, Written, written};
use crate::question::{Fields, Recording};
use crate::transcript::{self, Segment, Transcript, Word};
use crate::{Carry, HostFault};

/// Asks for everything at once, and writes what the caller wants of it.
struct Transcription {
    recording: Recording,
    message: Option<Message>,
    made: Option<Made>,
}

pub(super) fn begin(fields: &Fields, recording: &Recording, carry: &Carry) -> Begin {
    let text = |name| fields.field(name).and_then(Value::text);
    let (language, prompt) = (text("language"), text("prompt"));
    let temperature = fields.field("temperature").map(Value::raw).and_then(|raw| std::str::from_utf8(raw).ok());
    let file =
        Piece::File { name: "file", called: "audio", media: "application/octet-stream", data: recording.sound.clone() };
    let mut parts = vec![Piece::Text("model", carry.own.as_str()), Piece::Text("response_format", "verbose_json")];
    parts.extend(language.as_deref().map(|language| Piece::Text("language", language)));
    parts.extend(prompt.as_deref().map(|prompt| Piece::Text("prompt", prompt)));
    parts.extend(temperature.map(|temperature| Piece::Text("temperature", temperature)));
    if recording.words {
        parts.push(Piece::Text("timestamp_granularities[]", "word"));
        parts.push(Piece::Text("timestamp_granularities[]", "segment"));
    }
    parts.push(file);
    let Written { content_type, pieces } = written(&parts);
    let message = Message {
        verb: Verb::Post,
        path: "/audio/transcriptions".into(),
        accept: "application/json",
        headers: Vec::new(),
        content_type: Some(content_type.into()),
        body: pieces,
        answers: &[200],
    };
    Begin {
        job: Job::new(Transcription { recording: recording.clone(), message: Some(message), made: None }, ""),
        left_out: Vec::new(),
    }
}

impl Steps for Transcription {
    fn next(&mut self) -> Step {
        match (self.message.take(), self.made.take()) {
            (Some(message), _) => Step::Ask(message),
            (None, Some(made)) => Step::Done(made),
            (None, None) => Step::Said,
        }
    }

    fn hear(&mut self, heard: Heard) -> Result<(), HostFault> {
        let transcript = read(heard)?;
        let usage = transcript.millis.map(|audio_ms| Usage { audio_ms, ..Usage::default() });
        self.made = Some(transcript::written(&transcript, self.recording.format, usage));
        Ok(())
    }
}

fn read(heard: Heard) -> Result<Transcript, HostFault> {
    let malformed = HostFault::Malformed;
    let document = Document::parse(heard.body.expose_into_bytes()).map_err(|_| malformed("the body is not JSON"))?;
    let root = document.root();
    let text = root.member("text").and_then(Value::text).ok_or(malformed("there is no text"))?.into_owned();
    let items = |name| root.member(name).and_then(Value::items).into_iter().flatten();
    let span = |one: Value<'_>| Some((millis(one.member("start")?)?, millis(one.member("end")?)?));
    let segment = |one: Value<'_>| {
        let (start, end) = span(one)?;
        Some(Segment { start, end, text: one.member("text")?.text()?.into_owned() })
    };
    let word = |one: Value<'_>| {
        let (start, end) = span(one)?;
        Some(Word { start, end, text: one.member("word")?.text()?.into_owned() })
    };
    Ok(Transcript {
        text,
        language: root.member("language").and_then(Value::text).map(Into::into),
        millis: root.member("duration").and_then(millis),
        segments: items("segments").map(segment).collect::<Option<_>>().ok_or(malformed("a segment is none"))?,
        words: items("words").map(word).collect::<Option<_>>().ok_or(malformed("a word is none"))?,
    })
}

/// Seconds, as milliseconds; nothing that is longer than a week.
fn millis(value: Value<'_>) -> Option<u64> {
    let seconds = value.number().filter(|seconds| (0.0..604_800.0).contains(seconds))?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies within a week")]
    Some((seconds * 1_000.0).round() as u64)
}
