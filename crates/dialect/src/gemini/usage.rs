use phi_words::Usage;

use crate::json::Value;
use crate::told::{MAX_TOKENS, Told, count};

/// Hears a `usageMetadata`, and says whether there are figures in it: Vertex AI sends some that tell the kind of traffic alone.
pub(super) fn hear(told: &mut Told, usage: Value<'_>) -> bool {
    let names = ["promptTokenCount", "candidatesTokenCount", "totalTokenCount"];
    let has_figures = names.iter().any(|name| usage.member(name).is_some());
    if has_figures {
        told.hear(read(usage));
    }
    has_figures
}

/// Reads Google's `usageMetadata` into disjoint buckets; `None` if it is not sound. Cached tokens are inside
/// `promptTokenCount`; thoughts and what tools gave stand beside the rest, and the total is the sum of all four
/// (`GenerateContentResponseUsageMetadata` of Google's SDK). Of each count the details tell how much was audio.
fn read(usage: Value<'_>) -> Option<Usage> {
    let prompt = count(usage, "promptTokenCount")??;
    let whole = |name: &str| count(usage, name).map(|count| count.unwrap_or(0));
    let cache_read = whole("cachedContentTokenCount")?;
    let beside = whole("toolUsePromptTokenCount")?;
    let candidates = whole("candidatesTokenCount")?;
    let output_audio = audio(usage, "candidatesTokensDetails")?;
    // Details of a cache that was not counted tell of nothing that is in the sum.
    let cached_audio = if cache_read > 0 { audio(usage, "cacheTokensDetails")? } else { 0 };
    let input_audio = audio(usage, "promptTokensDetails")?.checked_sub(cached_audio)?;
    let sound = Usage {
        input: prompt.checked_sub(cache_read)?.checked_sub(input_audio)? + beside,
        input_audio,
        cache_read,
        output: candidates.checked_sub(output_audio)?,
        output_audio,
        reasoning: whole("thoughtsTokenCount")?,
        ..Usage::default()
    };
    let total = count(usage, "totalTokenCount")?;
    (cached_audio <= cache_read && total.is_none_or(|total| total == sound.tokens())).then_some(sound)
}

/// The tokens of audio in a list of `{"modality","tokenCount"}`; a count of zero is not written.
fn audio(usage: Value<'_>, name: &str) -> Option<u64> {
    let Some(details) = usage.member(name) else { return Some(0) };
    let mut sum = 0;
    for detail in details.items()? {
        if detail.member("modality").is_some_and(|modality| modality.is_text("AUDIO")) {
            sum += count(detail, "tokenCount")?.unwrap_or(0);
        }
    }
    (sum <= MAX_TOKENS).then_some(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    fn told(usages: &[&str], output_chars: u64) -> Option<Usage> {
        let mut told = Told::default();
        for usage in usages {
            hear(&mut told, Document::parse(usage.to_string().into()).unwrap().root());
        }
        told.figures(output_chars)
    }

    #[test]
    fn buckets_are_disjoint_and_sum_to_the_hosts_total() {
        let usage = told(
            &[r#"{"promptTokenCount":100,"cachedContentTokenCount":60,"candidatesTokenCount":20,"thoughtsTokenCount":30,
                "toolUsePromptTokenCount":7,"totalTokenCount":157,"trafficType":"ON_DEMAND",
                "promptTokensDetails":[{"modality":"TEXT","tokenCount":75},{"modality":"AUDIO","tokenCount":25}],
                "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":15},{"modality":"IMAGE"}],
                "candidatesTokensDetails":[{"modality":"TEXT","tokenCount":16},{"modality":"AUDIO","tokenCount":4}]}"#],
            9,
        )
        .unwrap();
        assert_eq!((usage.input, usage.input_audio, usage.cache_read), (37, 10, 60));
        assert_eq!((usage.output, usage.output_audio, usage.reasoning), (16, 4, 30));
        assert_eq!((usage.input_tokens(), usage.output_tokens(), usage.tokens()), (107, 50, 157));
    }

    #[test]
    fn nonsense_is_not_believed() {
        let sound = r#"{"promptTokenCount":5,"candidatesTokenCount":2,"totalTokenCount":7}"#;
        assert_eq!(told(&[sound], 3).unwrap().tokens(), 7);
        for nonsense in [
            r#"{"totalTokenCount":7}"#,
            r#"{"promptTokenCount":-5}"#,
            r#"{"promptTokenCount":"5"}"#,
            r#"{"promptTokenCount":1000000000000}"#,
            r#"{"promptTokenCount":5,"candidatesTokenCount":2,"totalTokenCount":8}"#,
            r#"{"promptTokenCount":5,"candidatesTokenCount":2,"thoughtsTokenCount":9,"totalTokenCount":7}"#,
            r#"{"promptTokenCount":5,"cachedContentTokenCount":6,"candidatesTokenCount":2}"#,
            r#"{"promptTokenCount":5,"candidatesTokenCount":2,"promptTokensDetails":[{"modality":"AUDIO","tokenCount":6}]}"#,
            r#"{"promptTokenCount":5,"candidatesTokenCount":2,"promptTokensDetails":{}}"#,
            r#"{"promptTokenCount":5,"candidatesTokenCount":2,"candidatesTokensDetails":[{"modality":"AUDIO","tokenCount":3}]}"#,
            r#"{"promptTokenCount":5,"cachedContentTokenCount":1,"candidatesTokenCount":2,
                "promptTokensDetails":[{"modality":"AUDIO","tokenCount":5}],
                "cacheTokensDetails":[{"modality":"AUDIO","tokenCount":3}]}"#,
            r#"{"promptTokenCount":5,"candidatesTokenCount":0}"#,
        ] {
            assert_eq!(told(&[nonsense], 3), None, "{nonsense}");
            assert_eq!(told(&[sound, nonsense], 3), None, "{nonsense}");
        }
        assert_eq!(told(&[], 0), None);
    }

    #[test]
    fn figures_grow_from_chunk_to_chunk_and_some_chunks_have_none() {
        let (first, last) = (
            r#"{"promptTokenCount":5,"thoughtsTokenCount":3,"totalTokenCount":8}"#,
            r#"{"promptTokenCount":5,"cachedContentTokenCount":4,"candidatesTokenCount":2,"thoughtsTokenCount":3,"totalTokenCount":10}"#,
        );
        let traffic = r#"{"trafficType":"ON_DEMAND"}"#;
        let usage = told(&[traffic, first, traffic, last, last, traffic], 3).unwrap();
        assert_eq!((usage.input, usage.cache_read, usage.output, usage.reasoning), (1, 4, 2, 3));
        assert_eq!(told(&[last, first], 3), None);
    }
}
