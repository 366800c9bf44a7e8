use super::{big, place};

// Elements of Matroska (RFC 9559, section 5).
const SEGMENT: u64 = 0x1853_8067;
const INFO: u64 = 0x1549_a966;
const SCALE: u64 = 0x2a_d7b1;
const DURATION: u64 = 0x4489;
const CLUSTER: u64 = 0x1f43_b675;
const CLUSTER_TIME: u64 = 0xe7;
const GROUP: u64 = 0xa0;
const BLOCK: u64 = 0xa1;
const SIMPLE_BLOCK: u64 = 0xa3;

/// By what the head says; browsers write that before they have heard anything, and then it is when the last block begins.
pub(super) fn millis(bytes: &[u8]) -> Option<u64> {
    let (mut at, mut scale, mut stated) = (0, 1_000_000, None);
    let (mut cluster, mut last) = (0_u64, 0_u64);
    while let Some((id, content, next)) = element(bytes, at) {
        at = next;
        match id {
            // What they hold follows.
            SEGMENT | INFO | CLUSTER | GROUP => at = content,
            SCALE => scale = big(bytes, content, (next - content).min(8))?,
            DURATION => stated = float(bytes, content, next - content),
            CLUSTER_TIME => cluster = big(bytes, content, (next - content).min(8))?,
            BLOCK | SIMPLE_BLOCK => {
                let (_, track) = number(bytes, content, true)?;
                let offset = big(bytes, content + track, 2)?;
                // It has a sign.
                let time = if offset < 0x8000 {
                    cluster.checked_add(offset)?
                } else {
                    cluster.saturating_sub(0x1_0000 - offset)
                };
                last = last.max(time);
            }
            _ => {}
        }
    }
    let millis = |ticks: u64| Some(ticks.checked_mul(scale)?.div_ceil(1_000_000));
    match stated.filter(|stated| *stated > 0) {
        Some(stated) => millis(stated),
        None => millis(last),
    }
}

/// An element: its id, where its content begins, and where the next one does. Of one whose length is not told, as of those
/// that are written as they are heard, that is where its content begins.
fn element(bytes: &[u8], at: usize) -> Option<(u64, usize, usize)> {
    let (id, id_len) = number(bytes, at, false)?;
    let (size, size_len) = number(bytes, at + id_len, true)?;
    let content = at + id_len + size_len;
    let unknown = (1_u64 << (7 * size_len)) - 1;
    let next = if size == unknown { content } else { content.checked_add(place(size))? };
    Some((id, content, next))
}

/// A number of variable length (RFC 8794, section 4), without the bit that tells how long it is or with it, and its length.
fn number(bytes: &[u8], at: usize, is_plain: bool) -> Option<(u64, usize)> {
    let first = *bytes.get(at)?;
    let len = first.leading_zeros() as usize + 1;
    if len > 8 {
        return None;
    }
    let whole = big(bytes, at, len)?;
    Some((if is_plain { whole & ((1 << (7 * len)) - 1) } else { whole }, len))
}

/// A floating-point number, as a whole one.
fn float(bytes: &[u8], at: usize, len: usize) -> Option<u64> {
    let content = bytes.get(at..at + len)?;
    let float = match len {
        4 => f64::from(f32::from_be_bytes(content.try_into().ok()?)),
        8 => f64::from_be_bytes(content.try_into().ok()?),
        _ => return None,
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it lies within what is exact")]
    (0.0..9e15).contains(&float).then_some(float.ceil() as u64)
}
