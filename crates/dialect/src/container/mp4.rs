use super::{big, lasting, place};

/// By the head of the whole (`mvhd`); where that was written before anything was heard, by the times of its fragments.
pub(super) fn millis(bytes: &[u8]) -> Option<u64> {
    let movie = inner(bytes, b"moov")?;
    let (scale, length) = head(inner(movie, b"mvhd")?)?;
    if length > 0 {
        return lasting(length, scale);
    }
    let track = inner(inner(movie, b"trak")?, b"mdia")?;
    let (scale, _) = head(inner(track, b"mdhd")?)?;
    let (mut before, mut last) = (0, None);
    for (name, fragment) in boxes(bytes) {
        if name == b"moof" {
            let time = inner(inner(fragment, b"traf")?, b"tfdt")?;
            let time = if *time.first()? == 1 { big(time, 4, 8)? } else { big(time, 4, 4)? };
            before = last.replace(time).unwrap_or(0);
        }
    }
    // The last one is taken to be as long as the one before it.
    let (last, step) = (last?, last?.checked_sub(before)?);
    if step == 0 { None } else { lasting(last.checked_add(step)?, scale) }
}

/// Time scale and length, which `mvhd` and `mdhd` tell alike (ISO/IEC 14496-12, 8.2.2 and 8.4.2); a length that is not known
/// is 0.
fn head(head: &[u8]) -> Option<(u64, u64)> {
    let (scale, length, unknown) = if *head.first()? == 1 {
        (big(head, 20, 4)?, big(head, 24, 8)?, u64::MAX)
    } else {
        (big(head, 12, 4)?, big(head, 16, 4)?, u64::from(u32::MAX))
    };
    Some((scale, if length == unknown { 0 } else { length }))
}

/// What the first box of a name holds.
fn inner<'a>(bytes: &'a [u8], name: &[u8; 4]) -> Option<&'a [u8]> {
    boxes(bytes).find(|(found, _)| found == name).map(|(_, content)| content)
}

/// Each box: its name, and what it holds as far as that is there.
fn boxes(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes;
    std::iter::from_fn(move || {
        let (len, name) = (big(rest, 0, 4)?, rest.get(4..8)?);
        let (head, len) = match len {
            0 => (8, rest.len()),
            1 => (16, place(big(rest, 8, 8)?)),
            len => (8, place(len)),
        };
        let content = rest.get(head..len.min(rest.len()))?;
        rest = rest.get(len..).unwrap_or_default();
        Some((name, content))
    })
}
