use phi_words::Refusal;

use crate::fields::invalid;
use crate::json::{Kind, Value};

/// Pages that were asked for, in ranges of their numbers from 0, ascending; no page stands twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selection(Vec<(u64, u64)>);

/// The most ranges, and the last page that can be named.
const MOST: usize = 2_000;
const LAST: u64 = 9_999;
const RULE: &str = "must be numbers of pages from 0, as a list, or as a text such as `0-5,7`; each page once";

impl Selection {
    /// Reads `pages`: a list of whole numbers, or numbers and ranges between commas.
    ///
    /// # Errors
    /// `invalid_request` for anything else, an empty list, a range that falls, and a page that stands twice.
    pub(super) fn read(value: Value<'_>) -> Result<Self, Refusal> {
        let ranges: Option<Vec<_>> = match value.kind() {
            Kind::List => value.items().into_iter().flatten().map(|item| page(item.raw()).map(|n| (n, n))).collect(),
            Kind::Text => value.text().and_then(|text| text.split(',').map(range).collect()),
            Kind::Null | Kind::True | Kind::False | Kind::Number | Kind::Object => None,
        };
        let mut ranges = ranges.filter(|all| (1..=MOST).contains(&all.len())).ok_or_else(|| invalid("pages", RULE))?;
        ranges.sort_unstable();
        let overlap = ranges.iter().zip(ranges.iter().skip(1)).any(|((_, end), (start, _))| start <= end);
        if overlap { Err(invalid("pages", RULE)) } else { Ok(Self(ranges)) }
    }

    /// How many pages.
    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|(start, end)| end - start + 1).sum()
    }

    /// The last page.
    pub(super) fn last(&self) -> u64 {
        self.0.last().map_or(0, |(_, end)| *end)
    }

    /// Whether a page is among them.
    pub(crate) fn has(&self, page: u64) -> bool {
        self.0.iter().any(|(start, end)| (*start..=*end).contains(&page))
    }

    /// As those write it who count from 1: `1-6,8`.
    pub(crate) fn counted_from_one(&self) -> String {
        let written = |(start, end): &(u64, u64)| match start == end {
            true => (start + 1).to_string(),
            false => format!("{}-{}", start + 1, end + 1),
        };
        self.0.iter().map(written).collect::<Vec<_>>().join(",")
    }
}

fn range(text: &str) -> Option<(u64, u64)> {
    let (start, end) = text.split_once('-').unwrap_or((text, text));
    let (start, end) = (page(start.as_bytes())?, page(end.as_bytes())?);
    (start <= end).then_some((start, end))
}

/// A number without a sign, a space or a zero before it.
fn page(digits: &[u8]) -> Option<u64> {
    let plain = digits == b"0" || (digits.first() != Some(&b'0') && digits.iter().all(u8::is_ascii_digit));
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok().filter(|number| *number <= LAST)
}
