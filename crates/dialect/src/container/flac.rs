use super::{big, lasting};

/// By the first block, which is `STREAMINFO` (RFC 9639, section 8.2).
pub(super) fn millis(bytes: &[u8]) -> Option<u64> {
    if bytes.get(4)? & 0x7f != 0 {
        return None;
    }
    let (rate, samples) = (rate(bytes, 8)?, big(bytes, 21, 5)? & 0xf_ffff_ffff);
    // Whoever wrote it as it was heard did not know.
    if samples == 0 { None } else { lasting(samples, rate) }
}

/// The rate that a `STREAMINFO` says whose content begins there.
pub(super) fn rate(bytes: &[u8], at: usize) -> Option<u64> {
    Some(big(bytes, at + 10, 3)? >> 4)
}
