//! What was measured: every wait is kept, so that a quantile is exact.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

/// The answers of one span of time.
#[derive(Debug, Default)]
pub struct Tally {
    /// From the first byte of a request to the last of its answer.
    pub(super) waits: Vec<Duration>,
    /// From the first byte of a request to the first of its answer's content.
    pub(super) firsts: Vec<Duration>,
    /// Between two reads of content of one stream.
    pub(super) gaps: Vec<Duration>,
    /// Frames in all streams that ended.
    pub(super) frames: u64,
    /// Calls that were left midway on purpose.
    pub(super) aborted: u64,
    /// What went wrong, and how often.
    pub(super) errors: BTreeMap<String, u64>,
}

impl Tally {
    /// Answers that were as expected.
    pub fn requests(&self) -> usize {
        self.waits.len()
    }

    /// One line: counts, and quantiles in microseconds.
    pub fn to_json(mut self, over: Duration) -> Value {
        json!({
            "seconds": over.as_secs_f64(),
            "requests": self.requests(),
            "frames": self.frames,
            "aborted": self.aborted,
            "errors": self.errors,
            "wait": quantiles(&mut self.waits),
            "first": quantiles(&mut self.firsts),
            "gap": quantiles(&mut self.gaps),
        })
    }
}

/// The smallest value that so large a part of all does not exceed; 0 where there is none.
fn quantiles(values: &mut [Duration]) -> Value {
    values.sort_unstable();
    let at = |percent: usize| {
        let rank = (values.len() * percent).div_ceil(100).max(1);
        values.get(rank - 1).map_or(0.0, |value| value.as_secs_f64() * 1e6)
    };
    json!({"p50": at(50), "p99": at(99), "max": at(100)})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_the_value_that_so_many_do_not_exceed() {
        let waits = (1..=200).rev().map(Duration::from_micros).collect();
        let told = Tally { waits, ..Tally::default() }.to_json(Duration::from_secs(2));
        assert_eq!(told["wait"], json!({"p50": 100.0, "p99": 198.0, "max": 200.0}));
        assert_eq!(told["gap"], json!({"p50": 0.0, "p99": 0.0, "max": 0.0}));
        assert_eq!((&told["requests"], &told["seconds"]), (&json!(200), &json!(2.0)));
    }
}
