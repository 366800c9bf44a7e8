//! What a call costs. This is the one place where money is rounded: up, once a request; the price of a unit never is.

use std::fmt;

use jiff::civil::Date;
use phi_words::{Currency, MicroUsd, Usage};
use serde::Deserialize;

pub use self::above::Above;

mod above;

/// What a provider's list says that a route costs: whole millionths of a currency for each unit.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
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
    /// What tokens cost instead where a request's input is long; the shortest first.
    #[serde(default)]
    pub above: Vec<Above>,
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

/// What one call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// By the provider's list.
    pub list: MicroUsd,
    /// With the margin, rounded up once from the exact amount and not from `list`.
    pub charge: MicroUsd,
}

/// What is added to list prices where nothing else was agreed, in hundredths of a per cent: 10 %.
pub const MARGIN_BP: u32 = 1_000;

/// Credits that a US dollar is worth.
pub const CREDITS: u32 = 300;

/// The price of one thing that is charged for: by the list, and as it is charged. Nothing of it is rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnitPrice {
    /// The thing, as `[price.ROUTE]` spells it.
    pub of: &'static str,
    /// The number of input tokens above which this is the price; `None` for requests that no other price is for.
    pub above: Option<u64>,
    /// For how many of the unit the price is.
    pub per: u32,
    /// The unit, in the singular.
    pub unit: &'static str,
    /// By the list, in its own currency.
    pub list: Micros,
    /// In US dollars, with the margin.
    pub charge: ExactUsd,
}

/// US dollars to the sixteenth decimal: a list price, a rate and a margin multiply to no more than that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExactUsd(u128);

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

/// As it is written in a list: `0.20`, `0.065`.
impl fmt::Display for Micros {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(u128::from(self.0), 6))
    }
}

impl ExactUsd {
    const DECIMALS: usize = 16;

    /// The same amount in credits, exactly.
    pub fn credits(self) -> String {
        decimal(self.0 * u128::from(CREDITS), Self::DECIMALS)
    }
}

/// The whole amount, with two decimals or as many as it takes: `0.242`.
impl fmt::Display for ExactUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&decimal(self.0, Self::DECIMALS))
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

/// The kinds of tokens, as `[price.ROUTE]` spells them.
pub(crate) const TOKENS: [&str; 8] =
    ["input", "input_audio", "cache_read", "cache_write_5m", "cache_write_1h", "output", "output_audio", "reasoning"];

/// The price of a million of each of [`TOKENS`], in their order.
pub(crate) type Tokens = [Option<Micros>; TOKENS.len()];

/// Everything is counted in this fraction of a unit, which all units of prices divide: a million, a thousand, an hour
/// and a second in milliseconds.
const UNITS: u128 = 18_000_000;
const MILLION: u128 = 1_000_000;
/// A margin is in hundredths of a percent.
const BASIS: u128 = 10_000;

impl Price {
    /// What a token of each of [`TOKENS`] costs in a request with so many input tokens in all. The whole request is charged
    /// so, as hosts that price long input otherwise do: <https://ai.google.dev/gemini-api/docs/pricing> tells prices of
    /// prompts of more than 200,000 tokens, and <https://developers.openai.com/api/docs/pricing> of sessions of more than 272,000.
    fn tokens(&self, input_tokens: u128) -> Tokens {
        let is_above = |above: &&Above| input_tokens > u128::from(above.input_tokens);
        self.above.iter().rev().find(is_above).map_or_else(|| self.short(), Above::tokens)
    }

    /// The same in a request that is not long.
    fn short(&self) -> Tokens {
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

    /// The same price without those of long input.
    pub(crate) fn of_short(&self) -> Self {
        Self { above: Vec::new(), ..self.clone() }
    }

    /// The most that so many tokens can cost: each is of the dearest kind, and the input is as long as it may be or not.
    pub(crate) fn most(&self, (input, output): (u64, u64), usd: Micros, margin_bp: u32) -> Result<MicroUsd, CostError> {
        let reached = self.above.iter().filter(|above| input > above.input_tokens).map(Above::tokens);
        let mut most = MicroUsd::ZERO;
        for [read, heard, cached, kept, kept_long, written, said, thought] in
            std::iter::once(self.short()).chain(reached)
        {
            let dearest = Self {
                input: [read, heard, cached, kept, kept_long].into_iter().flatten().max(),
                output: [written, said, thought].into_iter().flatten().max(),
                ..self.of_short()
            };
            let usage = Usage { input, output, ..Usage::default() };
            most = most.max(dearest.cost(&usage, usd, margin_bp)?.charge);
        }
        Ok(most)
    }

    /// What `usage` costs, at `usd` dollars for a unit of the price's currency and a margin in hundredths of a percent.
    pub(crate) fn cost(&self, usage: &Usage, usd: Micros, margin_bp: u32) -> Result<Cost, CostError> {
        let exact = self.exact(usage, usd)?;
        let with_margin = exact.checked_mul(BASIS + u128::from(margin_bp)).ok_or(CostError::Overflow)?;
        Ok(Cost { list: up(exact, UNITS * MILLION)?, charge: up(with_margin, UNITS * MILLION * BASIS)? })
    }

    /// What `usage` costs by the list alone.
    pub(crate) fn list(&self, usage: &Usage, usd: Micros) -> Result<MicroUsd, CostError> {
        up(self.exact(usage, usd)?, UNITS * MILLION)
    }

    /// Millionths of micro-USD, in [`UNITS`] of them.
    fn exact(&self, usage: &Usage, usd: Micros) -> Result<u128, CostError> {
        let mut exact: u128 = 0;
        for (what, count, price, units) in self.parts(usage) {
            if count == 0 {
                continue;
            }
            let price = price.ok_or(CostError::Unpriced(what))?;
            let part = u128::from(count).checked_mul(u128::from(price.0) * units);
            exact = part.and_then(|part| exact.checked_add(part)).ok_or(CostError::Overflow)?;
        }
        exact.checked_mul(u128::from(usd.0)).ok_or(CostError::Overflow)
    }

    /// The price of each thing that the list has a price for.
    pub(crate) fn units(&self, usd: Micros, margin_bp: u32) -> Result<Vec<UnitPrice>, CostError> {
        let tokens = |above: Option<u64>, prices: Tokens| {
            TOKENS.into_iter().zip(prices).map(move |(of, price)| (of, above, price, 1_000_000, "token"))
        };
        let others = [
            ("audio_hour", None, self.audio_hour, 1, "hour"),
            ("characters", None, self.characters, 1_000_000, "character"),
            ("pages", None, self.pages, 1_000, "page"),
            ("image", None, self.image, 1, "image"),
            ("video_second", None, self.video_second, 1, "second"),
        ];
        let long = self.above.iter().flat_map(|above| tokens(Some(above.input_tokens), above.tokens()));
        let priced = |(of, above, list, per, unit): (_, _, Option<Micros>, _, _)| {
            let list = list?;
            let factors = [u128::from(usd.0), BASIS + u128::from(margin_bp)];
            let exact = factors.into_iter().try_fold(u128::from(list.0), u128::checked_mul);
            let countable = exact.filter(|exact| exact.checked_mul(u128::from(CREDITS)).is_some());
            let charge = countable.map(ExactUsd).ok_or(CostError::Overflow);
            Some(charge.map(|charge| UnitPrice { of, above, per, unit, list, charge }))
        };
        tokens(None, self.short()).chain(others).chain(long).filter_map(priced).collect()
    }

    /// What was consumed of each thing, its price, and how many [`UNITS`] one of it is.
    fn parts(&self, usage: &Usage) -> [(&'static str, u64, Option<Micros>, u128); 13] {
        const MILLIONTH: u128 = UNITS / MILLION;
        const THOUSANDTH: u128 = UNITS / 1_000;
        const MS_OF_AN_HOUR: u128 = UNITS / 3_600_000;
        let [input, input_audio, cache_read, cache_write_5m, cache_write_1h, output, output_audio, reasoning] =
            self.tokens(input_tokens(usage));
        [
            ("input", usage.input, input, MILLIONTH),
            ("audio input", usage.input_audio, input_audio.or(input), MILLIONTH),
            ("cache reads", usage.cache_read, cache_read.or(input), MILLIONTH),
            ("cache writes", usage.cache_write_5m, cache_write_5m.or(input), MILLIONTH),
            ("cache writes", usage.cache_write_1h, cache_write_1h.or(input), MILLIONTH),
            ("output", usage.output, output, MILLIONTH),
            ("audio output", usage.output_audio, output_audio.or(output), MILLIONTH),
            ("reasoning", usage.reasoning, reasoning.or(output), MILLIONTH),
            ("audio", usage.audio_ms, self.audio_hour, MS_OF_AN_HOUR),
            ("characters", usage.characters, self.characters, MILLIONTH),
            ("pages", usage.pages, self.pages, THOUSANDTH),
            ("images", usage.images, self.image, UNITS),
            ("video", usage.video_ms, self.video_second, THOUSANDTH),
        ]
    }
}

/// All of the input, by the host's count: what was read from a cache and written to one is part of it.
fn input_tokens(usage: &Usage) -> u128 {
    [usage.input, usage.input_audio, usage.cache_read, usage.cache_write_5m, usage.cache_write_1h]
        .into_iter()
        .map(u128::from)
        .sum()
}

fn up(amount: u128, per: u128) -> Result<MicroUsd, CostError> {
    // Most amounts are small, and dividing those takes a tenth of the time.
    let whole = match (u64::try_from(amount), u64::try_from(per)) {
        (Ok(amount), Ok(per)) => u128::from(amount.div_ceil(per)),
        (Ok(_) | Err(_), Err(_)) | (Err(_), Ok(_)) => amount.div_ceil(per),
    };
    i64::try_from(whole).map(MicroUsd::new).map_err(|_| CostError::Overflow)
}

/// A count of the last of so many decimals, written with all of them that are not zero, and with two at least.
fn decimal(count: u128, decimals: usize) -> String {
    let digits = format!("{count:0>width$}", width = decimals + 1);
    let (whole, part) = digits.split_at(digits.len() - decimals);
    let part = part.trim_end_matches('0');
    format!("{whole}.{part:0<2}")
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

    /// The units of a price at a margin of 10 %, as `thing list charge credits`.
    fn units(toml: &str, usd: &str) -> Vec<String> {
        let units = price(toml).units(Micros(micros(usd).unwrap()), MARGIN_BP).unwrap();
        units.iter().map(|u| format!("{} {} {} {}", u.of, u.list, u.charge, u.charge.credits())).collect()
    }

    #[test]
    fn the_price_of_a_unit_is_exact() {
        let sonnet = "currency = 'USD'\ninput = '3'\noutput = '15.00'";
        assert_eq!(units(sonnet, "1"), ["input 3.00 3.30 990.00", "output 15.00 16.50 4950.00"]);
        let gemini = "currency = 'USD'\ninput = '0.30'\noutput = '2.50'";
        assert_eq!(units(gemini, "1"), ["input 0.30 0.33 99.00", "output 2.50 2.75 825.00"]);
        assert_eq!(units("currency = 'USD'\naudio_hour = '1.00'", "1"), ["audio_hour 1.00 1.10 330.00"]);
        assert_eq!(units("currency = 'USD'\nimage = '0.03'", "1"), ["image 0.03 0.033 9.90"]);
        assert_eq!(units("currency = 'CHF'\ninput = '0.065'", "1.10"), ["input 0.065 0.07865 23.595"]);
        assert_eq!(units("currency = 'CHF'\ninput = '0'", "1.10"), ["input 0.00 0.00 0.00"]);
        let smallest = "currency = 'EUR'\ninput = '0.000001'";
        assert_eq!(units(smallest, "0.000001"), ["input 0.000001 0.0000000000011 0.00000000033"]);
        let most = price("currency = 'USD'\ninput = '999999999'");
        assert_eq!(most.units(Micros(u64::MAX), u32::MAX), Err(CostError::Overflow));
    }

    #[test]
    fn a_call_of_each_unit_is_charged_its_price() {
        let of = Usage::default();
        let million = 1_000_000;
        let calls = [
            ("input", Usage { input: million, ..of }),
            ("input_audio", Usage { input_audio: million, ..of }),
            ("cache_read", Usage { cache_read: million, ..of }),
            ("cache_write_5m", Usage { cache_write_5m: million, ..of }),
            ("cache_write_1h", Usage { cache_write_1h: million, ..of }),
            ("output", Usage { output: million, ..of }),
            ("output_audio", Usage { output_audio: million, ..of }),
            ("reasoning", Usage { reasoning: million, ..of }),
            ("audio_hour", Usage { audio_ms: 3_600_000, ..of }),
            ("characters", Usage { characters: million, ..of }),
            ("pages", Usage { pages: 1_000, ..of }),
            ("image", Usage { images: 1, ..of }),
            ("video_second", Usage { video_ms: 1_000, ..of }),
        ];
        let lines: Vec<_> = calls.iter().enumerate().map(|(at, (key, _))| format!("{key} = '{}.5'", at + 1)).collect();
        let whole = price(&format!("currency = 'USD'\n{}", lines.join("\n")));
        let units = whole.units(Micros::ONE, MARGIN_BP).unwrap();
        assert_eq!(units.len(), calls.len());
        for (unit, (key, usage)) in units.iter().zip(calls) {
            let charge = whole.cost(&usage, Micros::ONE, MARGIN_BP).unwrap().charge.micros();
            assert_eq!((unit.of, unit.charge.0), (key, u128::try_from(charge).unwrap() * 10_u128.pow(10)));
        }
        assert_eq!(price("currency = 'USD'").units(Micros::ONE, MARGIN_BP), Ok(Vec::new()));
    }

    const LONG: &str = "currency = 'USD'\ninput = '1.25'\noutput = '10'\ncache_read = '0.125'\n\
        above = [{ input_tokens = 200000, input = '2.50', output = '15', cache_read = '0.25' },\n\
                 { input_tokens = 400000, input = '5', output = '30', cache_read = '0.50' }]";

    #[test]
    fn a_long_request_is_charged_its_own_price_from_the_first_token_to_the_last() {
        let price = price(LONG);
        let of = Usage { output: 1_000, ..Usage::default() };
        let list = |usage: Usage| price.list(&usage, Micros::ONE).unwrap().micros();
        for (usage, micros) in [
            (Usage { input: 200_000, ..of }, 250_000 + 10_000),
            (Usage { input: 200_001, ..of }, 500_003 + 15_000),
            (Usage { input: 1, cache_read: 200_000, ..of }, 50_003 + 15_000),
            (Usage { input: 1, cache_read: 199_999, ..of }, 25_002 + 10_000),
            (Usage { input: 400_000, ..of }, 1_000_000 + 15_000),
            (Usage { input: 400_001, ..of }, 2_000_005 + 30_000),
            (Usage { cache_write_5m: 100_000, cache_write_1h: 100_000, input_audio: 1, ..of }, 500_003 + 15_000),
            (Usage { reasoning: 1_000_000, ..of }, 10_000_000 + 10_000),
        ] {
            assert_eq!(list(usage), micros, "{usage:?}");
        }
        let charge = |usage| charge(&price, usage, "1");
        assert_eq!(charge(Usage { input: 200_000, ..of }), 286_000);
        assert_eq!(charge(Usage { input: 100_001, cache_read: 100_000, ..of }), 319_003, "rounded up once");
        let endless = Usage { input: u64::MAX, cache_read: u64::MAX, ..of };
        assert_eq!(price.cost(&endless, Micros::ONE, 1_000), Err(CostError::Overflow));
    }

    #[test]
    fn the_most_that_tokens_can_cost_is_of_the_dearest_kind_and_length() {
        let most = |toml: &str, tokens| price(toml).most(tokens, Micros::ONE, 1_000).unwrap().micros();
        assert_eq!(most(LONG, (200_000, 1_000)), 275_000 + 11_000);
        assert_eq!(most(LONG, (200_001, 1_000)), 550_003 + 16_500);
        let cheaper = "currency = 'USD'\ninput = '4'\noutput = '8'\n\
                       above = [{ input_tokens = 10, input = '1', output = '2' }]";
        assert_eq!(most(cheaper, (1_000_000, 0)), 4_400_000, "the input may be shorter than it could be");
        let sonnet = "currency = 'USD'\ninput = '3'\noutput = '15'\ncache_write_1h = '6'\nreasoning = '20'";
        assert_eq!(most(sonnet, (1_000_000, 1_000_000)), 6_600_000 + 22_000_000);
        assert_eq!(
            price("currency = 'USD'\ninput = '3'").most((1, 1), Micros::ONE, 0),
            Err(CostError::Unpriced("output"))
        );
    }

    #[test]
    fn the_units_of_a_price_tell_those_of_long_input_too() {
        let units = price(LONG).units(Micros::ONE, MARGIN_BP).unwrap();
        let told: Vec<_> = units.iter().map(|u| (u.above, u.of, u.charge.to_string())).collect();
        let at = |above, of, charge: &str| (above, of, charge.to_owned());
        assert_eq!(told[0], at(None, "input", "1.375"));
        assert_eq!(told[3], at(Some(200_000), "input", "2.75"));
        assert_eq!(told[8], at(Some(400_000), "output", "33.00"));
    }

    proptest! {
        /// What the card says of a unit is what a call of one unit is charged, before the rounding up to a millionth; and
        /// it is written in full: read back digit by digit it is the product of its three factors.
        #[test]
        fn a_unit_is_charged_what_its_price_says(
            list in 0_u64..1_000_000_000, usd in 1_u64..3_000_000, margin_bp in 0_u32..5_000,
        ) {
            let price = Price { input: Some(Micros(list)), ..price("currency = 'USD'") };
            let units = price.units(Micros(usd), margin_bp).unwrap();
            let charge = units[0].charge.to_string();
            let (whole, part) = charge.split_once('.').unwrap();
            let read = format!("{whole}{part:0<16}").parse::<u128>().unwrap();
            prop_assert_eq!(read, u128::from(list) * u128::from(usd) * u128::from(10_000 + margin_bp));
            let call = price.cost(&Usage { input: 1_000_000, ..Usage::default() }, Micros(usd), margin_bp).unwrap();
            let over = i128::from(call.charge.micros()) * 10_i128.pow(10) - i128::try_from(read).unwrap();
            prop_assert!((0..10_i128.pow(10)).contains(&over), "{over}");
            let credits = units[0].charge.credits();
            let (whole, part) = credits.split_once('.').unwrap();
            prop_assert_eq!(format!("{whole}{part:0<16}").parse::<u128>().unwrap(), read * 300);
        }

        /// An amount reads back as it was.
        #[test]
        fn an_amount_reads_as_it_is_written(amount in 0_u64..1_000_000_000_000_000) {
            prop_assert_eq!(Micros::try_from(Micros(amount).to_string()), Ok(Micros(amount)));
        }

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
            prop_assert_eq!(price.list(&Usage { input, output, ..Usage::default() }, Micros(usd)), Ok(cost.list));
            prop_assert!(cost.charge >= cost.list);
        }
    }
}
