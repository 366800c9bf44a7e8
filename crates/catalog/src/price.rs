//! What a call costs. This is the one place where money is rounded: up, once a request.

use std::fmt;

use jiff::civil::Date;
use phi_words::{Currency, MicroUsd, Usage};
use serde::Deserialize;

/// What a provider's list says that a route costs: whole millionths of a currency for each unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    /// The currency of the list.
    pub currency: Currency,
    /// A million input tokens.
    pub input: Option<Micros>,
    /// A million input tokens of audio; as `input` where the list has no price of its own.
    pub input_audio: Option<Micros>,
    /// A million tokens read from a cache; likewise.
    pub cache_read: Option<Micros>,
    /// A million tokens written to a cache for five minutes; likewise.
    pub cache_write_5m: Option<Micros>,
    /// A million tokens written to a cache for an hour; likewise.
    pub cache_write_1h: Option<Micros>,
    /// A million output tokens.
    pub output: Option<Micros>,
    /// A million output tokens of audio; as `output` where the list has no price of its own.
    pub output_audio: Option<Micros>,
    /// A million output tokens of reasoning; likewise.
    pub reasoning: Option<Micros>,
    /// An hour of audio.
    pub audio_hour: Option<Micros>,
    /// A million characters.
    pub characters: Option<Micros>,
    /// A thousand pages.
    pub pages: Option<Micros>,
    /// One image.
    pub image: Option<Micros>,
    /// A second of video.
    pub video_second: Option<Micros>,
}

/// Whole millionths of a currency, written as a decimal in quotes: `"0.20"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub struct Micros(pub(crate) u64);

/// What one unit of a currency was worth.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// In US dollars.
    pub usd: Micros,
    /// Where that is from.
    pub source: String,
    /// Of which day it is.
    pub date: Date,
}

/// One line of a price list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// What is consumed.
    pub what: &'static str,
    /// How much of it the price is for.
    pub per: &'static str,
    /// The price, in the currency of the list.
    pub price: Micros,
    /// That much of it and nothing else.
    pub usage: Usage,
}

/// What one call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// By the provider's list.
    pub list: MicroUsd,
    /// With the margin, rounded up once from the exact amount and not from `list`.
    pub charge: MicroUsd,
}

/// Why a call cannot be priced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CostError {
    /// The row, or this part of what was consumed, has no price.
    #[error("no price is known for the {0} of this route")]
    Unpriced(&'static str),
    /// It is more than can be counted.
    #[error("what was consumed costs more than can be counted")]
    Overflow,
}

impl Micros {
    /// One unit of the currency is so many micros.
    pub(crate) const ONE: Self = Self(1_000_000);

    /// In millionths.
    pub fn micros(self) -> u64 {
        self.0
    }
}

impl Rate {
    /// For how many days a rate is fresh.
    pub const FRESH_DAYS: i32 = 35;

    /// How many days old it is; negative where its day is yet to come.
    pub fn age_days(&self, today: Date) -> i32 {
        (today - self.date).get_days()
    }

    /// Whether it is older than 35 days.
    pub fn is_stale(&self, today: Date) -> bool {
        self.age_days(today) > Self::FRESH_DAYS
    }
}

impl fmt::Display for Micros {
    /// As it is written: two decimals, and more where they are not zero.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0 / 1_000_000, format!("{:06}", self.0 % 1_000_000));
        let (two, rest) = part.split_at(2);
        write!(f, "{whole}.{two}{}", rest.trim_end_matches('0'))
    }
}

impl TryFrom<String> for Micros {
    type Error = &'static str;

    /// Up to nine digits, then perhaps a point and up to six more. Nothing is rounded.
    fn try_from(text: String) -> Result<Self, Self::Error> {
        const RULE: &str =
            "an amount is written in quotes as up to 9 digits, a point and up to 6 more, such as `\"0.20\"`";
        let (whole, part) = text.split_once('.').unwrap_or((&text, "0"));
        let digits = |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole, 9) || !digits(part, 6) {
            return Err(RULE);
        }
        format!("{whole}{part:0<6}").parse().map(Self).map_err(|_| RULE)
    }
}

/// Everything is counted in this fraction of a unit, which all units of prices divide: a million, a thousand, an hour
/// and a second in milliseconds.
const UNITS: u128 = 18_000_000;
const MILLION: u128 = 1_000_000;
/// A margin is in hundredths of a percent.
const BASIS: u128 = 10_000;

impl Price {
    /// Every line of the list that has a price.
    pub fn items(&self) -> Vec<Item> {
        const TOKENS: &str = "1,000,000 tokens";
        let of = Usage::default();
        let all = [
            ("input", TOKENS, self.input, Usage { input: 1_000_000, ..of }),
            ("audio input", TOKENS, self.input_audio, Usage { input_audio: 1_000_000, ..of }),
            ("cache reads", TOKENS, self.cache_read, Usage { cache_read: 1_000_000, ..of }),
            ("cache writes for 5 minutes", TOKENS, self.cache_write_5m, Usage { cache_write_5m: 1_000_000, ..of }),
            ("cache writes for an hour", TOKENS, self.cache_write_1h, Usage { cache_write_1h: 1_000_000, ..of }),
            ("output", TOKENS, self.output, Usage { output: 1_000_000, ..of }),
            ("audio output", TOKENS, self.output_audio, Usage { output_audio: 1_000_000, ..of }),
            ("reasoning", TOKENS, self.reasoning, Usage { reasoning: 1_000_000, ..of }),
            ("audio", "hour", self.audio_hour, Usage { audio_ms: 3_600_000, ..of }),
            ("characters", "1,000,000 characters", self.characters, Usage { characters: 1_000_000, ..of }),
            ("pages", "1,000 pages", self.pages, Usage { pages: 1_000, ..of }),
            ("images", "image", self.image, Usage { images: 1, ..of }),
            ("video", "second", self.video_second, Usage { video_ms: 1_000, ..of }),
        ];
        let priced = all.into_iter().filter_map(|(what, per, price, usage)| Some((what, per, price?, usage)));
        priced.map(|(what, per, price, usage)| Item { what, per, price, usage }).collect()
    }

    /// What `usage` costs, at `usd` dollars for a unit of the price's currency and a margin in hundredths of a percent.
    pub(crate) fn cost(&self, usage: &Usage, usd: Micros, margin_bp: u32) -> Result<Cost, CostError> {
        let mut exact: u128 = 0;
        for (what, count, price, per) in self.parts(usage) {
            if count == 0 {
                continue;
            }
            let price = price.ok_or(CostError::Unpriced(what))?;
            let part = u128::from(count).checked_mul(u128::from(price.0) * (UNITS / per));
            exact = part.and_then(|part| exact.checked_add(part)).ok_or(CostError::Overflow)?;
        }
        let exact = exact.checked_mul(u128::from(usd.0)).ok_or(CostError::Overflow)?;
        let with_margin = exact.checked_mul(BASIS + u128::from(margin_bp)).ok_or(CostError::Overflow)?;
        Ok(Cost { list: up(exact, UNITS * MILLION)?, charge: up(with_margin, UNITS * MILLION * BASIS)? })
    }

    /// What was consumed of each thing, its price, and for how many of it that is.
    fn parts(&self, usage: &Usage) -> [(&'static str, u64, Option<Micros>, u128); 13] {
        const SECOND: u128 = 1_000;
        const HOUR: u128 = 3_600 * SECOND;
        [
            ("input", usage.input, self.input, MILLION),
            ("audio input", usage.input_audio, self.input_audio.or(self.input), MILLION),
            ("cache reads", usage.cache_read, self.cache_read.or(self.input), MILLION),
            ("cache writes", usage.cache_write_5m, self.cache_write_5m.or(self.input), MILLION),
            ("cache writes", usage.cache_write_1h, self.cache_write_1h.or(self.input), MILLION),
            ("output", usage.output, self.output, MILLION),
            ("audio output", usage.output_audio, self.output_audio.or(self.output), MILLION),
            ("reasoning", usage.reasoning, self.reasoning.or(self.output), MILLION),
            ("audio", usage.audio_ms, self.audio_hour, HOUR),
            ("characters", usage.characters, self.characters, MILLION),
            ("pages", usage.pages, self.pages, 1_000),
            ("images", usage.images, self.image, 1),
            ("video", usage.video_ms, self.video_second, SECOND),
        ]
    }
}

fn up(amount: u128, per: u128) -> Result<MicroUsd, CostError> {
    i64::try_from(amount.div_ceil(per)).map(MicroUsd::new).map_err(|_| CostError::Overflow)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(text: &str) -> Option<u64> {
        Micros::try_from(text.to_owned()).ok().map(Micros::micros)
    }

    fn price(toml: &str) -> Price {
        toml::from_str(toml).unwrap()
    }

    fn charge(price: &Price, usage: Usage, usd: &str) -> i64 {
        price.cost(&usage, Micros(micros(usd).unwrap()), 1_000).unwrap().charge.micros()
    }

    #[test]
    fn amounts_are_read_exactly() {
        assert_eq!(micros("0.20"), Some(200_000));
        assert_eq!(micros("3"), Some(3_000_000));
        assert_eq!(micros("0.000001"), Some(1));
        for bad in ["", ".", "1.", ".5", "-1", "+1", "1e3", "0.0000001", "1,5", " 1", "1234567890", "٣"] {
            assert_eq!(micros(bad), None, "{bad}");
        }
    }

    #[test]
    fn amounts_are_shown_as_they_are_written() {
        for text in ["0.20", "3.00", "0.000001", "4.125", "999999999.999999", "1.10"] {
            assert_eq!(Micros(micros(text).unwrap()).to_string(), text);
        }
        assert_eq!(Micros(micros("3").unwrap()).to_string(), "3.00");
    }

    #[test]
    fn each_line_of_a_list_costs_what_it_says() {
        let fields = [
            "input",
            "input_audio",
            "cache_read",
            "cache_write_5m",
            "cache_write_1h",
            "output",
            "output_audio",
            "reasoning",
            "audio_hour",
            "characters",
            "pages",
            "image",
            "video_second",
        ];
        let lines = fields.iter().enumerate().map(|(at, field)| format!("{field} = '{}.5'", at + 1));
        let whole = price(&format!("currency = 'USD'\n{}", lines.collect::<Vec<_>>().join("\n")));
        let items = whole.items();
        assert_eq!(items.len(), fields.len());
        for item in items {
            let list = whole.cost(&item.usage, Micros::ONE, 0).unwrap().list.micros();
            assert_eq!(u64::try_from(list).unwrap(), item.price.micros(), "{}", item.what);
        }
        assert!(price("currency = 'USD'").items().is_empty());
    }

    #[test]
    fn a_rate_is_fresh_for_thirty_five_days() {
        let rate = Rate { usd: Micros::ONE, source: "a test".into(), date: "2026-06-30".parse().unwrap() };
        for (today, days, stale) in [("2026-06-29", -1, false), ("2026-08-04", 35, false), ("2026-08-05", 36, true)] {
            let today = today.parse().unwrap();
            assert_eq!((rate.age_days(today), rate.is_stale(today)), (days, stale), "{today}");
        }
    }

    #[test]
    fn the_worked_examples_hold() {
        let million = |input, output| Usage { input, output, ..Usage::default() };
        let sonnet = price("currency = 'USD'\ninput = '3.00'\noutput = '15.00'");
        assert_eq!(charge(&sonnet, million(1_000_000, 0), "1"), 3_300_000);
        assert_eq!(charge(&sonnet, million(0, 1_000_000), "1"), 16_500_000);
        let gemini = price("currency = 'USD'\ninput = '0.30'\noutput = '2.50'");
        assert_eq!(charge(&gemini, million(1_000_000, 0), "1"), 330_000);
        assert_eq!(charge(&gemini, million(0, 1_000_000), "1"), 2_750_000);
        let speech = price("currency = 'USD'\naudio_hour = '1.00'");
        assert_eq!(charge(&speech, Usage { audio_ms: 60_000, ..Usage::default() }, "1"), 18_334, "0.0183 a minute");
        let image = price("currency = 'USD'\nimage = '0.03'");
        assert_eq!(charge(&image, Usage { images: 1, ..Usage::default() }, "1"), 33_000);
        let gemma = price("currency = 'CHF'\ninput = '0.20'\noutput = '0.40'");
        assert_eq!(charge(&gemma, million(1_000_000, 0), "1.10"), 242_000);
    }

    #[test]
    fn nothing_costs_nothing_and_the_unknown_is_no_price() {
        let input = price("currency = 'USD'\ninput = '0.10'");
        assert_eq!(charge(&input, Usage::default(), "1"), 0);
        assert_eq!(charge(&input, Usage { input: 1, ..Usage::default() }, "1"), 1, "rounded up");
        assert_eq!(charge(&input, Usage { cache_read: 1_000_000, ..Usage::default() }, "1"), 110_000, "as input");
        let usage = Usage { output: 1, ..Usage::default() };
        assert_eq!(input.cost(&usage, Micros::ONE, 0), Err(CostError::Unpriced("output")));
        let usage = Usage { input: u64::MAX, ..Usage::default() };
        assert!(price("currency = 'USD'\ninput = '999999999'").cost(&usage, Micros::ONE, 0).is_err());
    }

    proptest! {
        /// Against plain arithmetic over tokens alone, where every unit is a million.
        #[test]
        fn the_charge_is_the_exact_amount_rounded_up(
            input in 0_u64..100_000_000, output in 0_u64..100_000_000,
            a in 0_u64..1_000_000_000, b in 0_u64..1_000_000_000,
            usd in 1_u64..3_000_000, margin_bp in 0_u32..5_000,
        ) {
            let price = Price { input: Some(Micros(a)), output: Some(Micros(b)), ..price("currency = 'USD'") };
            let cost = price.cost(&Usage { input, output, ..Usage::default() }, Micros(usd), margin_bp).unwrap();
            let exact = u128::from(input) * u128::from(a) + u128::from(output) * u128::from(b);
            let rounded = |amount: u128, zeros: u32| {
                let per = 10_u128.pow(zeros);
                i64::try_from(amount / per + u128::from(!amount.is_multiple_of(per))).unwrap()
            };
            prop_assert_eq!(cost.list.micros(), rounded(exact * u128::from(usd), 12));
            prop_assert_eq!(cost.charge.micros(), rounded(exact * u128::from(usd) * u128::from(10_000 + margin_bp), 16));
            prop_assert!(cost.charge >= cost.list);
        }
    }
}
