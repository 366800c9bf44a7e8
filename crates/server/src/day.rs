//! Days, as they are typed.

use jiff::civil::Date;

/// A day such as `2026-11-20`.
pub(crate) fn day(text: &str) -> Result<Date, String> {
    text.parse().map_err(|_: jiff::Error| format!("`{text}` is no day: write year, month and day, such as 2026-11-20"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_written_in_one_way() {
        assert_eq!(day("2026-11-20"), Ok(jiff::civil::date(2026, 11, 20)));
        for text in ["20.11.2026", "2026-13-01", "2026-02-30", "today", ""] {
            assert!(day(text).is_err_and(|told| told.contains("such as 2026-11-20")), "`{text}`");
        }
    }
}
