use crate::fields::{Row, checks, invalid, unsupported};
use crate::json::Value;
use crate::transcript::Language;

/// The formats of a transcript.
pub(crate) const FORMATS: &[&str] = &["json", "text", "srt", "vtt", "verbose_json"];

/// The fields of `POST /audio/transcriptions` beside the file (OpenAI's specification 2.3.0, `CreateTranscriptionRequest`), and
/// Mistral's `context_bias`.
pub(crate) const TABLE: &[Row] = &[
    Row::ours("model", |value, _| checks::text("model", value)),
    Row::ours("response_format", |value, _| checks::one_of("response_format", value, FORMATS)),
    Row::ours("stream", |value, _| checks::boolean("stream", value)),
    Row::translated("language", |value, _| {
        let rule = "must be a code of ISO 639-1 such as `de`, or with a country such as `de-CH`";
        let language = value.text().and_then(|text| Language::parse(&text));
        language.map(drop).ok_or_else(|| invalid("language", rule))
    }),
    Row::translated("prompt", |value, _| checks::text("prompt", value)),
    Row::translated("temperature", |value, _| checks::number("temperature", value, 0.0, 1.0)),
    Row::translated("context_bias", |value, _| {
        let rule = "must be 1 to 100 words without spaces and commas, each of 64 characters at the most";
        let plain = |word: &str| {
            (1..=64).contains(&word.chars().count())
                && !word.contains(|letter: char| letter.is_whitespace() || letter == ',')
        };
        let fits = |item: Value<'_>| item.text().is_some_and(|word| plain(&word));
        let items: Vec<_> = value.items().into_iter().flatten().take(101).collect();
        let fits = (1..=100).contains(&items.len()) && items.into_iter().all(fits);
        if fits { Ok(()) } else { Err(invalid("context_bias", rule)) }
    }),
    Row::translated("timestamp_granularities", |value, _| {
        let rule = "must be `word`, `segment` or both";
        let mut items = value.items().ok_or_else(|| invalid("timestamp_granularities", rule))?;
        let fits = items.all(|item| item.is_text("word") || item.is_text("segment"));
        if fits { Ok(()) } else { Err(invalid("timestamp_granularities", rule)) }
    }),
    Row::moot("chunking_strategy", |value, _| checks::moot("chunking_strategy", value, &["\"auto\""])),
    Row::ours("include", |value, _| {
        let hint = "leave the field out: no host but one gives them, and that one not of every model";
        if checks::is_empty(value) { Ok(()) } else { Err(unsupported("include", "cannot be given", hint)) }
    }),
    Row::rewritten("user", |value, _| checks::text("user", value)),
];
