use serde::{Deserialize, Serialize};

use crate::modality::closed;

/// What one call consumed, in disjoint buckets that sum to the host's own total: a token is counted in one of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Input tokens that were neither read from nor written to a cache, text and images.
    pub input: u64,
    /// Input tokens of audio.
    pub input_audio: u64,
    /// Input tokens read from the host's cache.
    pub cache_read: u64,
    /// Input tokens written to the host's cache for five minutes.
    pub cache_write_5m: u64,
    /// Input tokens written to the host's cache for an hour.
    pub cache_write_1h: u64,
    /// Output tokens that are neither audio nor reasoning.
    pub output: u64,
    /// Output tokens of audio.
    pub output_audio: u64,
    /// Output tokens spent on reasoning.
    pub reasoning: u64,
    /// Milliseconds of audio processed.
    pub audio_ms: u64,
    /// Characters spoken.
    pub characters: u64,
    /// Pages read.
    pub pages: u64,
    /// Images made.
    pub images: u64,
    /// Milliseconds of video made.
    pub video_ms: u64,
}

impl Usage {
    /// All input tokens, as OpenAI's `prompt_tokens` counts them.
    pub fn input_tokens(&self) -> u64 {
        [self.input, self.input_audio, self.cache_read, self.cache_write_5m, self.cache_write_1h]
            .into_iter()
            .fold(0, u64::saturating_add)
    }

    /// All output tokens, as OpenAI's `completion_tokens` counts them.
    pub fn output_tokens(&self) -> u64 {
        [self.output, self.output_audio, self.reasoning].into_iter().fold(0, u64::saturating_add)
    }

    /// All tokens.
    pub fn tokens(&self) -> u64 {
        self.input_tokens().saturating_add(self.output_tokens())
    }
}

closed!(/// How far the figures of a call can be trusted; the value of `x-phi-usage`.
Quality, "usage quality", "`verified`, `estimated` or `none`", {
    /// The host stated them and they are sound.
    Verified = "verified",
    /// We counted, because the host did not state them or stated nonsense.
    Estimated = "estimated",
    /// Nothing was consumed.
    None = "none",
});
