use serde::Deserialize;

use super::{Micros, Price, TOKENS, Tokens};

/// What tokens cost where a request has more than so many of input: all of its tokens, not those beyond alone. It tells a
/// price for each kind of token that the list has one for, and for no other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Above {
    /// More input than this: whatever the host counts, what was read from a cache and written to one too.
    pub input_tokens: u64,
    /// As in [`Price`].
    pub input: Option<Micros>,
    /// Likewise.
    pub input_audio: Option<Micros>,
    /// Likewise.
    pub cache_read: Option<Micros>,
    /// Likewise.
    pub cache_write_5m: Option<Micros>,
    /// Likewise.
    pub cache_write_1h: Option<Micros>,
    /// Likewise.
    pub output: Option<Micros>,
    /// Likewise.
    pub output_audio: Option<Micros>,
    /// Likewise.
    pub reasoning: Option<Micros>,
}

impl Above {
    /// In the order of [`TOKENS`].
    pub(crate) fn tokens(&self) -> Tokens {
        [
            self.input,
            self.input_audio,
            self.cache_read,
            self.cache_write_5m,
            self.cache_write_1h,
            self.output,
            self.output_audio,
            self.reasoning,
        ]
    }
}

impl Price {
    /// What keeps the prices of long input from being clear.
    pub(crate) fn unclear_above(&self) -> Option<String> {
        let mut shorter = 0;
        for above in &self.above {
            if above.input_tokens <= shorter {
                return Some(format!("{} input tokens is not more than {shorter}", above.input_tokens));
            }
            shorter = above.input_tokens;
            let pairs = TOKENS.into_iter().zip(self.short().into_iter().zip(above.tokens()));
            let unlike = pairs.into_iter().find(|(_, (short, long))| short.is_some() != long.is_some());
            if let Some((kind, (short, _))) = unlike {
                let says = if short.is_some() { "not above" } else { "above" };
                let not = if short.is_some() { "below" } else { "not below" };
                return Some(format!("`{kind}` has a price {not} and {says} {shorter} input tokens"));
            }
        }
        None
    }
}
