//! What hosts say of their consumption, as far as it is believed.

use phi_words::Usage;

use crate::json::Value;

/// No call consumes more of anything: what is above is nonsense.
pub(crate) const MAX_TOKENS: u64 = 100_000_000;

/// A count that may be absent: `None` if it is there and no count.
pub(crate) fn count(of: Value<'_>, name: &str) -> Option<Option<u64>> {
    match of.member(name) {
        Some(value) => value.whole().filter(|count| *count <= MAX_TOKENS).map(Some),
        None => Some(None),
    }
}

/// What a host has said of its consumption so far. Some say it once, some in every chunk, growing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) enum Told {
    /// Nothing yet.
    #[default]
    Nothing,
    /// The last figures, which were sound.
    Sound(Usage),
    /// Nonsense, or figures that shrank: nothing that it says is believed any more.
    Nonsense,
}

impl Told {
    /// Hears figures; `None` for such as are not sound.
    pub(crate) fn hear(&mut self, figures: Option<Usage>) {
        *self = match (*self, figures) {
            (Self::Nonsense, _) | (_, None) => Self::Nonsense,
            (Self::Sound(before), Some(now)) if now.tokens() < before.tokens() => Self::Nonsense,
            (Self::Nothing | Self::Sound(_), Some(now)) => Self::Sound(now),
        };
    }

    /// The figures, if they are sound, and not zero where there was output.
    pub(crate) fn figures(self, output_chars: u64) -> Option<Usage> {
        match self {
            Self::Sound(usage) => (output_chars == 0 || usage.output_tokens() > 0).then_some(usage),
            Self::Nothing | Self::Nonsense => None,
        }
    }
}
