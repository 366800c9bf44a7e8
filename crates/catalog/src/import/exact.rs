use crate::Micros;

/// A decimal that is not negative, exactly as it was written: `digits` of which the last `scale` stand after the point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Exact {
    digits: u128,
    scale: u32,
}

/// Why a text is no such decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Odd {
    /// No number.
    NoNumber,
    /// Below zero.
    Negative,
    /// Of more than 20 digits, or too large or fine to be an amount.
    Unwieldy,
}

const MOST_DIGITS: usize = 20;
const MOST_SCALE: i64 = 30;

impl Exact {
    pub(crate) const ONE: Self = Self::of(1, 0);

    /// So many digits, of which so many stand after the point.
    pub(crate) const fn of(digits: u128, scale: u32) -> Self {
        Self { digits, scale }
    }

    /// Reads a number of JSON: digits, perhaps a point and more, perhaps an exponent.
    pub(crate) fn parse(text: &str) -> Result<Self, Odd> {
        let (negative, text) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, part) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if !digits(whole) || (mantissa.contains('.') && !digits(part)) || !digits(unsigned) {
            return Err(Odd::NoNumber);
        }
        let all = format!("{whole}{part}");
        let significant = all.trim_start_matches('0').trim_end_matches('0');
        if significant.is_empty() {
            return Ok(Self::of(0, 0));
        }
        if negative {
            return Err(Odd::Negative);
        }
        let trailing = all.len() - all.trim_end_matches('0').len();
        let exponent: i64 = exponent.parse().map_err(|_| Odd::Unwieldy)?;
        let written = i64::try_from(part.len()).map_err(|_| Odd::Unwieldy)?;
        let trailing = i64::try_from(trailing).map_err(|_| Odd::Unwieldy)?;
        let scale = written.checked_sub(exponent).and_then(|scale| scale.checked_sub(trailing)).ok_or(Odd::Unwieldy)?;
        if significant.len() > MOST_DIGITS || !(-15..=MOST_SCALE).contains(&scale) {
            return Err(Odd::Unwieldy);
        }
        let digits: u128 = significant.parse().map_err(|_| Odd::Unwieldy)?;
        let scale = i32::try_from(scale).map_err(|_| Odd::Unwieldy)?;
        Ok(match u32::try_from(scale) {
            Ok(scale) => Self { digits, scale },
            Err(_) => Self { digits: digits * 10_u128.pow(scale.unsigned_abs()), scale: 0 },
        })
    }

    /// How many digits stand after the point, zeros at the end aside.
    pub(crate) fn decimals(self) -> u32 {
        self.scale
    }

    pub(crate) fn is_zero(self) -> bool {
        self.digits == 0
    }

    /// The product; `None` where it is more than can be counted.
    pub(crate) fn times(self, other: Self) -> Option<Self> {
        let mut product = Self { digits: self.digits.checked_mul(other.digits)?, scale: self.scale + other.scale };
        while product.scale > 0 && product.digits.is_multiple_of(10) {
            product = Self { digits: product.digits / 10, scale: product.scale - 1 };
        }
        Some(product)
    }

    /// Whether it is more than so many.
    pub(crate) fn exceeds(self, whole: u64) -> bool {
        let limit = 10_u128.checked_pow(self.scale).and_then(|one| one.checked_mul(u128::from(whole)));
        limit.is_some_and(|limit| self.digits > limit)
    }

    /// The whole number that it is, if it is one.
    pub(crate) fn whole(self) -> Option<u64> {
        if self.scale > 0 { None } else { u64::try_from(self.digits).ok() }
    }

    /// The amount in whole millionths; `None` where it is finer than that, or larger than a price can be.
    pub(crate) fn micros(self) -> Option<Micros> {
        let micros = self.digits.checked_mul(10_u128.pow(6_u32.checked_sub(self.scale)?))?;
        u64::try_from(micros).ok().filter(|micros| *micros < 1_000_000_000_000_000).map(Micros)
    }

    /// The nearest amount in whole millionths.
    pub(crate) fn nearest_micro(self) -> Self {
        match self.scale.checked_sub(6).filter(|finer| *finer > 0) {
            None => self,
            Some(finer) => {
                let one = 10_u128.pow(finer);
                Self { digits: (self.digits + one / 2) / one, scale: 6 }.times(Self::ONE).unwrap_or(self)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn a_million(text: &str) -> Option<String> {
        let product = Exact::parse(text).ok()?.times(Exact::of(1_000_000, 0))?;
        product.micros().map(|micros| micros.to_string())
    }

    #[test]
    fn a_price_of_a_token_is_that_of_a_million_to_the_last_digit() {
        for (token, million) in [
            ("3e-07", "0.30"),
            ("3E-7", "0.30"),
            ("3.0e-07", "0.30"),
            ("0.0000003", "0.30"),
            ("1.375e-06", "1.375"),
            ("0.00001500", "15.00"),
            ("1e-12", "0.000001"),
            ("15", "15000000.00"),
            ("0.015e-3", "15.00"),
            ("2.5e+0", "2500000.00"),
        ] {
            assert_eq!(a_million(token).as_deref(), Some(million), "{token}");
        }
        assert_eq!(a_million("1.2999999999999998e-06"), None, "finer than a millionth, and not rounded");
    }

    #[test]
    fn what_is_no_amount_is_not_taken_for_one() {
        for text in
            ["", "-", ".5", "5.", "1e", "e5", "1e+-5", "0x10", "1_000", " 1", "1 ", "NaN", "Infinity", "\"1\"", "１"]
        {
            assert_eq!(Exact::parse(text), Err(Odd::NoNumber), "{text}");
        }
        for text in ["-1", "-0.5", "-1e-30"] {
            assert_eq!(Exact::parse(text), Err(Odd::Negative), "{text}");
        }
        for text in ["1e400", "1e-400", "1e99999999999999999999", "123456789012345678901", "1e16"] {
            assert_eq!(Exact::parse(text), Err(Odd::Unwieldy), "{text}");
        }
        for text in ["0", "0.0", "-0", "0e5", "0e-900"] {
            assert!(Exact::parse(text).is_ok_and(Exact::is_zero), "{text}");
        }
    }

    #[test]
    fn a_rounded_second_is_told_from_a_price_that_is_meant() {
        let hour = Exact::parse("0.0002777778").unwrap().times(Exact::of(3_600, 0)).unwrap();
        assert_eq!(hour.micros(), None);
        assert_eq!(hour.nearest_micro().micros().unwrap().to_string(), "1.00");
        assert_eq!(Exact::parse("0.5").unwrap().nearest_micro(), Exact::of(5, 1));
        assert!(Exact::parse("1000.01").unwrap().exceeds(1_000) && !Exact::parse("1e3").unwrap().exceeds(1_000));
    }

    proptest! {
        /// Against the digits moved by hand.
        #[test]
        fn however_a_number_is_written_it_is_the_same(digits in 1_u64..1_000_000_000, scale in 0_usize..12, exponent in -12_i32..12) {
            let padded = format!("{digits:0>width$}", width = scale + 1);
            let (whole, part) = padded.split_at(padded.len() - scale);
            let text = if scale == 0 { format!("{whole}e{exponent}") } else { format!("{whole}.{part}e{exponent}") };
            let shift = i32::try_from(scale).unwrap() - exponent;
            let plain = if shift <= 0 {
                format!("{digits}{}", "0".repeat(usize::try_from(-shift).unwrap()))
            } else {
                let width = usize::try_from(shift).unwrap();
                let padded = format!("{digits:0>width$}", width = width + 1);
                let (whole, part) = padded.split_at(padded.len() - width);
                format!("{whole}.{part}")
            };
            prop_assume!(digits.to_string().len() + usize::try_from((-shift).max(0)).unwrap() <= 15);
            prop_assert_eq!(Exact::parse(&text), Exact::parse(&plain));
        }
    }
}
