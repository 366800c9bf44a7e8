use phi_words::Usage;

use crate::json::{Kind, Value};
use crate::told::count;

/// Reads `TokenUsage` into disjoint buckets; `None` if it is not sound. Input stands there without what was read from the
/// cache or written to it, and the total is of all four. What is written is for five minutes, unless `cacheDetails` says
/// otherwise. Thinking is a part of the output that is not told.
pub(super) fn read(usage: Value<'_>) -> Option<Usage> {
    if usage.kind() != Kind::Object {
        return None;
    }
    let written = count(usage, "cacheWriteInputTokens")?.unwrap_or(0);
    let (mut long, mut all) = (0, None);
    for detail in usage.member("cacheDetails").and_then(Value::items).into_iter().flatten() {
        let tokens = count(detail, "inputTokens")??;
        all = Some(all.unwrap_or(0) + tokens);
        match detail.member("ttl").and_then(Value::text)?.as_ref() {
            "1h" => long += tokens,
            "5m" => {}
            _ => return None,
        }
    }
    let sound = Usage {
        input: count(usage, "inputTokens")??,
        cache_read: count(usage, "cacheReadInputTokens")?.unwrap_or(0),
        cache_write_5m: written.checked_sub(long)?,
        cache_write_1h: long,
        output: count(usage, "outputTokens")??,
        ..Usage::default()
    };
    let total = count(usage, "totalTokens")?;
    (all.is_none_or(|all| all == written) && total.is_none_or(|total| total == sound.tokens())).then_some(sound)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    fn told(usage: &str) -> Option<Usage> {
        read(Document::parse(usage.to_owned().into()).unwrap().root())
    }

    #[test]
    fn buckets_are_disjoint_and_sum_to_the_hosts_total() {
        let usage = told(
            r#"{"inputTokens":20,"outputTokens":50,"totalTokens":140,"cacheReadInputTokens":40,"cacheWriteInputTokens":30,
                "cacheDetails":[{"ttl":"1h","inputTokens":10},{"ttl":"5m","inputTokens":20}]}"#,
        );
        let usage = usage.unwrap();
        assert_eq!((usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h), (20, 40, 20, 10));
        assert_eq!((usage.input_tokens(), usage.output_tokens(), usage.tokens()), (90, 50, 140));
        let plain = told(r#"{"inputTokens":3,"outputTokens":4,"totalTokens":7,"cacheDetails":[]}"#).unwrap();
        assert_eq!((plain.input, plain.output), (3, 4));
    }

    #[test]
    fn nonsense_is_not_believed() {
        for nonsense in [
            "{}",
            "7",
            r#"{"inputTokens":3,"totalTokens":3}"#,
            r#"{"inputTokens":3,"outputTokens":4,"totalTokens":8}"#,
            r#"{"inputTokens":3,"outputTokens":4,"totalTokens":7,"cacheReadInputTokens":1}"#,
            r#"{"inputTokens":-3,"outputTokens":4,"totalTokens":1}"#,
            r#"{"inputTokens":"3","outputTokens":4,"totalTokens":7}"#,
            r#"{"inputTokens":1000000000,"outputTokens":4}"#,
            r#"{"inputTokens":3,"outputTokens":4,"cacheWriteInputTokens":2,"cacheDetails":[{"ttl":"1h","inputTokens":3}]}"#,
            r#"{"inputTokens":3,"outputTokens":4,"cacheWriteInputTokens":2,"cacheDetails":[{"ttl":"1d","inputTokens":2}]}"#,
            r#"{"inputTokens":3,"outputTokens":4,"cacheWriteInputTokens":2,"cacheDetails":[{"inputTokens":2}]}"#,
        ] {
            assert_eq!(told(nonsense), None, "{nonsense}");
        }
    }
}
