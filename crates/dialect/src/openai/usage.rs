use phi_words::{MicroUsd, Usage};

use crate::json::{Object, Value};
use crate::told::{Told, count};

/// Reads OpenAI's `usage` into disjoint buckets; `None` if it is not sound. There, cached and audio tokens are inside
/// `prompt_tokens`, and reasoning and audio tokens inside `completion_tokens` (specification 2.3.0, `CompletionUsage`).
/// Mistral may tell what was cached as `num_cached_tokens` (its OpenAPI, `UsageInfo`). Google's Vertex AI counts reasoning
/// beside `completion_tokens`, which the total tells: there it is the sum of all three.
pub(super) fn read(usage: Value<'_>) -> Option<Usage> {
    let prompt = count(usage, "prompt_tokens")??;
    let completion = count(usage, "completion_tokens")?.unwrap_or(0);
    let total = count(usage, "total_tokens")?;
    let details = |name: &str, field: &str| match usage.member(name) {
        Some(details) => count(details, field).map(|count| count.unwrap_or(0)),
        None => Some(0),
    };
    let cache_read = match usage.member("prompt_tokens_details") {
        Some(_) => details("prompt_tokens_details", "cached_tokens")?,
        None => count(usage, "num_cached_tokens")?.unwrap_or(0),
    };
    let cache_write_5m = details("prompt_tokens_details", "cache_write_tokens")?;
    let input_audio = details("prompt_tokens_details", "audio_tokens")?;
    let reasoning = details("completion_tokens_details", "reasoning_tokens")?;
    let output_audio = details("completion_tokens_details", "audio_tokens")?;
    let beside = reasoning > 0 && total == Some(prompt + completion + reasoning);
    let completion = if beside { completion + reasoning } else { completion };
    let sound = Usage {
        input: prompt.checked_sub(cache_read + cache_write_5m + input_audio)?,
        input_audio,
        cache_read,
        cache_write_5m,
        output: completion.checked_sub(reasoning + output_audio)?,
        output_audio,
        reasoning,
        ..Usage::default()
    };
    (total.is_none_or(|total| total == sound.tokens())).then_some(sound)
}

/// Writes `usage` as OpenAI does, from our buckets; `charged` is our own addition.
pub(super) fn write(out: &mut Object, usage: &Usage, charged: Option<MicroUsd>) {
    out.whole("prompt_tokens", usage.input_tokens())
        .whole("completion_tokens", usage.output_tokens())
        .whole("total_tokens", usage.tokens());
    out.object("prompt_tokens_details", |details| {
        details.whole("cached_tokens", usage.cache_read).whole("audio_tokens", usage.input_audio);
    });
    out.object("completion_tokens_details", |details| {
        details.whole("reasoning_tokens", usage.reasoning).whole("audio_tokens", usage.output_audio);
    });
    if let Some(charged) = charged {
        out.raw("cost_micro", charged.to_string().as_bytes());
    }
}

/// Hears the `usage` of one chunk or answer.
pub(super) fn hear(told: &mut Told, usage: Option<Value<'_>>) {
    if let Some(usage) = usage {
        told.hear(read(usage));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    fn told(usages: &[&str], output_chars: u64) -> Option<Usage> {
        let mut told = Told::default();
        for usage in usages {
            let document = Document::parse(format!("{{\"usage\":{usage}}}").into()).unwrap();
            hear(&mut told, document.root().member("usage"));
        }
        told.figures(output_chars)
    }

    #[test]
    fn buckets_are_disjoint_and_sum_to_the_hosts_total() {
        let usage = told(
            &[r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,
                "prompt_tokens_details":{"cached_tokens":60,"audio_tokens":10,"cache_write_tokens":5},
                "completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":4,"accepted_prediction_tokens":1}}"#],
            9,
        );
        let usage = usage.unwrap();
        assert_eq!((usage.input, usage.cache_read, usage.input_audio, usage.cache_write_5m), (25, 60, 10, 5));
        assert_eq!((usage.output, usage.reasoning, usage.output_audio), (16, 30, 4));
        assert_eq!((usage.input_tokens(), usage.output_tokens(), usage.tokens()), (100, 50, 150));
        let mut out = Object::new();
        write(&mut out, &usage, Some(MicroUsd::new(4200)));
        let written = String::from_utf8(out.finish()).unwrap();
        assert_eq!(
            written,
            r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":60,"audio_tokens":10},"completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":4},"cost_micro":4200}"#
        );
    }

    #[test]
    fn what_mistral_took_from_its_cache_is_told_in_two_ways_and_counted_once() {
        let plain = r#"{"prompt_tokens":100,"completion_tokens":5,"total_tokens":105,"num_cached_tokens":60}"#;
        let usage = told(&[plain], 9).unwrap();
        assert_eq!((usage.input, usage.cache_read, usage.tokens()), (40, 60, 105));
        let both = plain.replace(":60", r#":60,"prompt_tokens_details":{"cached_tokens":60}"#);
        assert_eq!(told(&[&both], 9), Some(usage));
        assert_eq!(told(&[&plain.replace(":60", ":101")], 9), None);
    }

    #[test]
    fn reasoning_that_is_counted_beside_the_answer_is_output_too() {
        let vertex = r#"{"prompt_tokens":21,"completion_tokens":1,"total_tokens":135,
            "completion_tokens_details":{"reasoning_tokens":113},"extra_properties":{"google":{"traffic_type":"ON_DEMAND"}}}"#;
        let usage = told(&[vertex], 9).unwrap();
        assert_eq!((usage.input, usage.output, usage.reasoning, usage.tokens()), (21, 1, 113, 135));
        let inside = vertex.replace(":1,", ":114,");
        assert_eq!(told(&[&inside], 9), Some(usage), "as OpenAI counts");
        for total in [22, 134, 136] {
            assert_eq!(told(&[&vertex.replace("135", &total.to_string())], 9), None, "{total}");
        }
    }

    #[test]
    fn nonsense_is_not_believed() {
        for nonsense in [
            r#"{}"#,
            r#"5"#,
            r#"{"prompt_tokens":-5,"completion_tokens":1}"#,
            r#"{"prompt_tokens":"5","completion_tokens":1}"#,
            r#"{"prompt_tokens":1000000000000000,"completion_tokens":1}"#,
            r#"{"prompt_tokens":5,"completion_tokens":1.5}"#,
            r#"{"prompt_tokens":5,"completion_tokens":1,"total_tokens":7}"#,
            r#"{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":6}}"#,
            r#"{"prompt_tokens":5,"completion_tokens":1,"completion_tokens_details":{"reasoning_tokens":2}}"#,
            r#"{"prompt_tokens":5,"completion_tokens":0}"#,
        ] {
            assert_eq!(told(&[nonsense], 3), None, "{nonsense}");
            assert_eq!(told(&[nonsense, r#"{"prompt_tokens":5,"completion_tokens":0}"#], 3), None, "{nonsense}");
        }
        assert_eq!(told(&[], 0), None);
    }

    #[test]
    fn the_last_figures_count_unless_they_shrink() {
        let (small, large) =
            (r#"{"prompt_tokens":5,"completion_tokens":1}"#, r#"{"prompt_tokens":5,"completion_tokens":9}"#);
        assert_eq!(told(&[small, "null", large, large], 3).unwrap().output, 9);
        assert_eq!(told(&[large, small], 3), None);
    }
}
