use phi_words::{Capability, ModelName};

use crate::Carry;
use crate::middle::{Effort, Thinking};

/// What a model of Google's understands, read from its own id: the one thing that tells, since the format is the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generation {
    /// Gemini 1 and 2.0, which do not think.
    Early,
    /// Gemini 2.5, which thinks up to a budget of tokens
    /// (<https://docs.cloud.google.com/vertex-ai/generative-ai/docs/thinking>).
    Budget {
        /// The smallest budget that is not 0.
        least: u64,
        /// The largest.
        most: u64,
        /// Whether 0 is one: Pro thinks always.
        stops: bool,
    },
    /// Gemini 3 and later, and names without a number, such as `gemini-flash-latest`, which stand for the newest: they
    /// think up to a level, cannot be kept from it, and demand their seals back.
    Level,
    /// Not a Gemini, such as a Gemma.
    Other,
}

/// What a model is told of thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing: it does what it does.
    Nothing,
    /// To show what it thinks, and think as much as it finds right.
    Show,
    /// The same to a model that has to be told: a budget of -1.
    Dynamic,
    /// At most so many tokens; 0 is not at all.
    Budget(u64),
    /// One of Google's levels.
    Level(&'static str),
}

impl Generation {
    pub(super) fn of(own: &ModelName) -> Self {
        let name = own.as_str().rsplit('/').next().unwrap_or_default();
        let Some(name) = name.strip_prefix("gemini-") else { return Self::Other };
        let (number, rest) = name.split_at(name.find(|c: char| !c.is_ascii_digit()).unwrap_or(name.len()));
        match number.parse::<u64>() {
            Err(_) => Self::Level,
            Ok(2) if rest.starts_with(".5-pro") => Self::Budget { least: 128, most: 32_768, stops: false },
            Ok(2) if rest.starts_with(".5-flash-lite") => Self::Budget { least: 512, most: 24_576, stops: true },
            Ok(2) if rest.starts_with(".5") => Self::Budget { least: 1, most: 24_576, stops: true },
            Ok(0..=2) => Self::Early,
            Ok(_) => Self::Level,
        }
    }

    /// What to tell the model of a row, if anything can be told that comes to what is asked.
    pub(super) fn told(self, asked: Thinking, carry: &Carry) -> Option<Told> {
        let able = carry.capabilities.contains(&Capability::Reasoning) && !carry.lacks.contains("reasoning_effort");
        if !able {
            return matches!(asked, Thinking::Off | Thinking::Adaptive).then_some(Told::Nothing);
        }
        match (self, asked) {
            (Self::Early, Thinking::Off | Thinking::Adaptive) | (Self::Other, Thinking::Adaptive) => {
                Some(Told::Nothing)
            }
            (Self::Early | Self::Other, _) | (Self::Level, Thinking::Off | Thinking::Budget(0)) => None,
            (Self::Level, Thinking::Adaptive) => Some(Told::Show),
            (Self::Level, Thinking::Effort(effort)) => Some(Told::Level(level(effort))),
            // Superseded there, and still understood (<https://ai.google.dev/gemini-api/docs/gemini-3>).
            (Self::Level, Thinking::Budget(tokens)) => Some(Told::Budget(tokens)),
            (Self::Budget { stops, .. }, Thinking::Off | Thinking::Budget(0)) => stops.then_some(Told::Budget(0)),
            (Self::Budget { .. }, Thinking::Adaptive) => Some(Told::Dynamic),
            (Self::Budget { least, most, .. }, Thinking::Effort(effort)) => {
                Some(Told::Budget(tokens(effort).clamp(least, most)))
            }
            (Self::Budget { least, most, .. }, Thinking::Budget(tokens)) => {
                (tokens >= least).then_some(Told::Budget(tokens.min(most)))
            }
        }
    }
}

/// The levels of Gemini 3 and later. `MINIMAL` is left alone, since many of them refuse it: `LOW` is the least that all take
/// (<https://docs.cloud.google.com/vertex-ai/generative-ai/docs/thinking>).
const fn level(effort: Effort) -> &'static str {
    match effort {
        Effort::Minimal | Effort::Low => "LOW",
        Effort::Medium => "MEDIUM",
        Effort::High | Effort::XHigh | Effort::Max => "HIGH",
    }
}

/// Efforts in tokens: `low`, `medium` and `high` as LiteLLM has them, whose users expect the same of the same word
/// (<https://docs.litellm.ai/docs/providers/gemini>).
const fn tokens(effort: Effort) -> u64 {
    match effort {
        Effort::Minimal => 512,
        Effort::Low => 1_024,
        Effort::Medium => 2_048,
        Effort::High => 4_096,
        Effort::XHigh => 8_192,
        Effort::Max => 32_768,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generation(own: &str) -> Generation {
        Generation::of(&own.parse().unwrap())
    }

    #[test]
    fn a_models_name_tells_its_generation() {
        for (own, expected) in [
            ("gemini-1.5-pro-002", Generation::Early),
            ("gemini-2.0-flash-001", Generation::Early),
            ("gemini-2.5-pro", Generation::Budget { least: 128, most: 32_768, stops: false }),
            ("gemini-2.5-flash", Generation::Budget { least: 1, most: 24_576, stops: true }),
            ("google/gemini-2.5-flash-lite", Generation::Budget { least: 512, most: 24_576, stops: true }),
            ("gemini-3-pro-preview", Generation::Level),
            ("gemini-3.8-flash", Generation::Level),
            ("gemini-10", Generation::Level),
            ("gemini-99999999999999999999", Generation::Level),
            ("gemini-flash-latest", Generation::Level),
            ("gemma-4-31b-it", Generation::Other),
            ("Gemini-3", Generation::Other),
        ] {
            assert_eq!(generation(own), expected, "{own}");
        }
    }

    #[test]
    fn thinking_is_told_as_the_model_understands_it_or_not_at_all() {
        let told = |own: &str, asked| {
            let capabilities = [Capability::Reasoning].into();
            let carry = Carry { capabilities, ..Carry::plain(own.parse().unwrap()) };
            generation(own).told(asked, &carry)
        };
        let (pro, flash, lite, new) =
            ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-3.8-flash");
        for (own, asked, expected) in [
            (flash, Thinking::Off, Some(Told::Budget(0))),
            (flash, Thinking::Budget(0), Some(Told::Budget(0))),
            (flash, Thinking::Adaptive, Some(Told::Dynamic)),
            (flash, Thinking::Effort(Effort::Minimal), Some(Told::Budget(512))),
            (flash, Thinking::Effort(Effort::Low), Some(Told::Budget(1_024))),
            (flash, Thinking::Effort(Effort::Medium), Some(Told::Budget(2_048))),
            (flash, Thinking::Effort(Effort::High), Some(Told::Budget(4_096))),
            (flash, Thinking::Effort(Effort::XHigh), Some(Told::Budget(8_192))),
            (flash, Thinking::Effort(Effort::Max), Some(Told::Budget(24_576))),
            (flash, Thinking::Budget(100_000), Some(Told::Budget(24_576))),
            (pro, Thinking::Effort(Effort::Max), Some(Told::Budget(32_768))),
            (pro, Thinking::Off, None),
            (pro, Thinking::Budget(127), None),
            (lite, Thinking::Budget(511), None),
            (lite, Thinking::Budget(512), Some(Told::Budget(512))),
            (new, Thinking::Off, None),
            (new, Thinking::Budget(0), None),
            (new, Thinking::Budget(2_000), Some(Told::Budget(2_000))),
            (new, Thinking::Adaptive, Some(Told::Show)),
            (new, Thinking::Effort(Effort::Minimal), Some(Told::Level("LOW"))),
            (new, Thinking::Effort(Effort::Medium), Some(Told::Level("MEDIUM"))),
            (new, Thinking::Effort(Effort::Max), Some(Told::Level("HIGH"))),
            ("gemini-2.0-flash", Thinking::Off, Some(Told::Nothing)),
            ("gemini-2.0-flash", Thinking::Effort(Effort::Low), None),
            ("gemma-4-31b-it", Thinking::Off, None),
            ("gemma-4-31b-it", Thinking::Adaptive, Some(Told::Nothing)),
        ] {
            assert_eq!(told(own, asked), expected, "{own} {asked:?}");
        }
    }

    #[test]
    fn a_row_that_cannot_reason_is_asked_for_none() {
        let mut carry = Carry::plain("gemini-2.5-flash".parse().unwrap());
        for lacks in [false, true] {
            let told = |asked| generation("gemini-2.5-flash").told(asked, &carry);
            assert_eq!(told(Thinking::Off), Some(Told::Nothing), "{lacks}");
            assert_eq!(told(Thinking::Adaptive), Some(Told::Nothing), "{lacks}");
            assert_eq!(told(Thinking::Effort(Effort::Low)), None, "{lacks}");
            carry.capabilities.insert(Capability::Reasoning);
            carry.lacks.insert("reasoning_effort".to_owned());
        }
    }
}
