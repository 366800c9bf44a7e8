use phi_words::Usage;

use crate::json::{Kind, Value};
use crate::told::count;

/// What a host has said of its consumption so far. In a stream the beginning tells the input, and what follows the whole of
/// the output; each figure is the sum so far, and one that is not repeated stands (SDK, `message_delta_usage.py`).
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told {
    counts: Counts,
    is_nonsense: bool,
}

/// Figures as Anthropic counts: input without what was read from the cache or written to it; output with thinking.
#[derive(Debug, Clone, Copy, Default)]
struct Counts {
    input: Option<u64>,
    cache_read: u64,
    /// Written to the cache, for whatever time.
    cache_write: u64,
    /// Of that, for an hour.
    cache_write_1h: u64,
    output: Option<u64>,
    /// Of the output, what was thought.
    thinking: u64,
}

impl Told {
    /// Hears the `usage` of an answer or an event. Where a figure is no count, parts are more than their whole, or
    /// input or output shrinks, nothing is believed any more.
    pub(super) fn hear(&mut self, usage: Option<Value<'_>>) {
        let Some(usage) = usage else { return };
        match self.counts.with(usage) {
            Some(now) if now.asked() >= self.counts.asked() && now.output >= self.counts.output => self.counts = now,
            Some(_) | None => self.is_nonsense = true,
        }
    }

    /// The figures, if they are sound, and not zero where there was output.
    pub(super) fn figures(self, output_chars: u64) -> Option<Usage> {
        let Counts { cache_read, cache_write, cache_write_1h, thinking, .. } = self.counts;
        let (input, output) = (self.counts.input?, self.counts.output?);
        let usage = Usage {
            input,
            cache_read,
            cache_write_5m: cache_write.checked_sub(cache_write_1h)?,
            cache_write_1h,
            output: output.checked_sub(thinking)?,
            reasoning: thinking,
            ..Usage::default()
        };
        (!self.is_nonsense && (output_chars == 0 || output > 0)).then_some(usage)
    }
}

impl Counts {
    /// These, with what is told anew; `None` where that is nonsense.
    fn with(self, usage: Value<'_>) -> Option<Self> {
        if usage.kind() != Kind::Object {
            return None;
        }
        let within = |name: &str, field: &str| match usage.member(name) {
            Some(details) => count(details, field),
            None => Some(None),
        };
        let short = within("cache_creation", "ephemeral_5m_input_tokens")?;
        let long = within("cache_creation", "ephemeral_1h_input_tokens")?;
        let parts = (short.is_some() || long.is_some()).then(|| short.unwrap_or(0) + long.unwrap_or(0));
        let whole = count(usage, "cache_creation_input_tokens")?;
        let now = Self {
            input: count(usage, "input_tokens")?.or(self.input),
            cache_read: count(usage, "cache_read_input_tokens")?.unwrap_or(self.cache_read),
            cache_write: whole.or(parts).unwrap_or(self.cache_write),
            cache_write_1h: parts.map_or(self.cache_write_1h, |_| long.unwrap_or(0)),
            output: count(usage, "output_tokens")?.or(self.output),
            thinking: within("output_tokens_details", "thinking_tokens")?.unwrap_or(self.thinking),
        };
        (parts.is_none_or(|parts| parts == now.cache_write) && now.cache_write_1h <= now.cache_write).then_some(now)
    }

    /// All of the input.
    fn asked(&self) -> u64 {
        self.input.unwrap_or(0) + self.cache_read + self.cache_write
    }
}

/// Where a message says that it was made: `usage.inference_geo`
/// (<https://platform.claude.com/docs/en/manage-claude/data-residency>). What is no text is a place that nobody knows.
pub(super) fn place(usage: Option<Value<'_>>) -> Option<Box<str>> {
    let told = usage?.member("inference_geo")?;
    Some(told.text().unwrap_or_default().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::Document;

    fn told(usages: &[&str], output_chars: u64) -> Option<Usage> {
        let mut told = Told::default();
        for usage in usages {
            let document = Document::parse(format!("{{\"usage\":{usage}}}").into()).unwrap();
            told.hear(document.root().member("usage"));
        }
        told.figures(output_chars)
    }

    #[test]
    fn buckets_are_disjoint_and_sum_to_what_is_billed() {
        let usage = told(
            &[r#"{"input_tokens":20,"cache_creation_input_tokens":30,"cache_read_input_tokens":40,
                "cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},
                "output_tokens":50,"output_tokens_details":{"thinking_tokens":35},
                "server_tool_use":null,"service_tier":"standard"}"#],
            9,
        );
        let usage = usage.unwrap();
        assert_eq!((usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h), (20, 40, 10, 20));
        assert_eq!((usage.output, usage.reasoning), (15, 35));
        assert_eq!((usage.input_tokens(), usage.output_tokens(), usage.tokens()), (90, 50, 140));
    }

    #[test]
    fn what_is_written_to_the_cache_is_for_five_minutes_where_nothing_else_is_said() {
        let usage = told(&[r#"{"input_tokens":1,"cache_creation_input_tokens":30,"output_tokens":1}"#], 1).unwrap();
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (30, 0));
        let parts = r#"{"input_tokens":1,"cache_creation":{"ephemeral_1h_input_tokens":7},"output_tokens":1}"#;
        let usage = told(&[parts], 1).unwrap();
        assert_eq!((usage.cache_write_5m, usage.cache_write_1h), (0, 7));
    }

    #[test]
    fn figures_of_a_stream_are_sums_so_far() {
        let first = r#"{"input_tokens":25,"cache_read_input_tokens":8,"cache_creation_input_tokens":5,
            "cache_creation":{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":5},"output_tokens":1}"#;
        let last = r#"{"output_tokens":15}"#;
        let usage = told(&[first, last], 9).unwrap();
        assert_eq!((usage.input, usage.cache_read, usage.cache_write_1h, usage.output), (25, 8, 5, 15));
        let repeated =
            r#"{"input_tokens":30,"cache_creation_input_tokens":6,"cache_read_input_tokens":9,"output_tokens":15}"#;
        let usage = told(&[first, repeated], 9).unwrap();
        assert_eq!((usage.input, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h), (30, 9, 1, 5));
        assert_eq!(told(&[last, first], 9), None, "output shrinks");
        assert_eq!(told(&[repeated, first], 9), None, "input shrinks");
    }

    #[test]
    fn nonsense_is_not_believed() {
        for nonsense in [
            "{}",
            "5",
            r#"{"input_tokens":5}"#,
            r#"{"output_tokens":5}"#,
            r#"{"input_tokens":-5,"output_tokens":1}"#,
            r#"{"input_tokens":"5","output_tokens":1}"#,
            r#"{"input_tokens":1.5,"output_tokens":1}"#,
            r#"{"input_tokens":1000000000000,"output_tokens":1}"#,
            r#"{"input_tokens":5,"output_tokens":0}"#,
            r#"{"input_tokens":5,"output_tokens":1,"output_tokens_details":{"thinking_tokens":2}}"#,
            r#"{"input_tokens":5,"output_tokens":1,"cache_read_input_tokens":-1}"#,
            r#"{"input_tokens":5,"output_tokens":1,"cache_creation_input_tokens":5,"cache_creation":{"ephemeral_5m_input_tokens":4}}"#,
        ] {
            assert_eq!(told(&[nonsense], 3), None, "{nonsense}");
        }
        let (small, large) = (r#"{"input_tokens":5,"output_tokens":1}"#, r#"{"input_tokens":5,"output_tokens":9}"#);
        assert_eq!(told(&[small, large, large], 3).unwrap().output, 9);
        assert_eq!(told(&[large, small, large], 3), None);
        assert_eq!(told(&[r#"{"input_tokens":-1,"output_tokens":1}"#, large], 3), None);
        assert_eq!(told(&[], 0), None);
    }
}
