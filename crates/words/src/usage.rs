use serde::{Deserialize, Serialize};

use crate::modality::closed;

/// What one call consumed, in disjoint buckets that sum to the host's own total: a token is counted in one of them. Empty
/// buckets are not written down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Usage {
    /// Input tokens that were neither read from nor written to a cache, text and images.
    #[serde(skip_serializing_if = "is_zero")]
    pub input: u64,
    /// Input tokens of audio.
    #[serde(skip_serializing_if = "is_zero")]
    pub input_audio: u64,
    /// Input tokens read from the host's cache.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_read: u64,
    /// Input tokens written to the host's cache for five minutes.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write_5m: u64,
    /// Input tokens written to the host's cache for an hour.
    #[serde(skip_serializing_if = "is_zero")]
    pub cache_write_1h: u64,
    /// Output tokens that are neither audio nor reasoning.
    #[serde(skip_serializing_if = "is_zero")]
    pub output: u64,
    /// Output tokens of audio.
    #[serde(skip_serializing_if = "is_zero")]
    pub output_audio: u64,
    /// Output tokens spent on reasoning.
    #[serde(skip_serializing_if = "is_zero")]
    pub reasoning: u64,
    /// Milliseconds of audio processed.
    #[serde(skip_serializing_if = "is_zero")]
    pub audio_ms: u64,
    /// Characters spoken.
    #[serde(skip_serializing_if = "is_zero")]
    pub characters: u64,
    /// Pages read.
    #[serde(skip_serializing_if = "is_zero")]
    pub pages: u64,
    /// Images made.
    #[serde(skip_serializing_if = "is_zero")]
    pub images: u64,
    /// Milliseconds of video made.
    #[serde(skip_serializing_if = "is_zero")]
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

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
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
