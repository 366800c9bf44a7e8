use super::{big, place};

/// Kilobits a second by version and layer, as the header counts them.
const RATES: [[u64; 14]; 5] = [
    [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
    [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
    [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
    [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
    [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
];

/// One frame.
pub(super) struct Frame {
    len: usize,
    nanos: u64,
}

/// By its frames, one after the other. What stands between them is passed over.
pub(super) fn millis(bytes: &[u8]) -> Option<u64> {
    let (mut at, mut nanos) = (after_tag(bytes), 0_u64);
    while let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= 4) {
        match frame(rest) {
            Some(frame) => {
                nanos += frame.nanos;
                at += frame.len;
            }
            None => at += 1 + memchr::memchr(0xff, rest.get(1..)?).unwrap_or(rest.len()),
        }
    }
    (nanos > 0).then(|| nanos.div_ceil(1_000_000))
}

/// Where the sound begins: after a tag in front of it, where there is one (<https://id3.org/id3v2.4.0-structure>).
pub(super) fn after_tag(bytes: &[u8]) -> usize {
    let tag = || {
        let size = bytes.starts_with(b"ID3").then(|| bytes.get(6..10))??;
        let size = size.iter().fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        Some(10 + size + if bytes.get(5)? & 0x10 != 0 { 10 } else { 0 })
    };
    tag().unwrap_or(0)
}

/// The frame that begins here (ISO/IEC 11172-3, 2.4.2.3, and 13818-3).
pub(super) fn frame(bytes: &[u8]) -> Option<Frame> {
    let head = big(bytes, 0, 4)?;
    let bits = |from: u32, count: u32| (head >> from) & ((1 << count) - 1);
    let (version, layer, rate, samples, padded) = (bits(19, 2), bits(17, 2), bits(12, 4), bits(10, 2), bits(9, 1));
    if bits(21, 11) != 0x7ff || version == 1 || layer == 0 || samples == 3 {
        return None;
    }
    let is_first = version == 3;
    let table = match (is_first, layer) {
        (true, 3) => 0,
        (true, 2) => 1,
        (true, _) => 2,
        (false, 3) => 3,
        (false, _) => 4,
    };
    let kbits: u64 = *RATES.get(table)?.get(place(rate.checked_sub(1)?))?;
    let hertz = *[44_100_u64, 48_000, 32_000].get(place(samples))? >> [2, 0, 1, 0].get(place(version))?;
    let (count, len) = match (layer, is_first) {
        (3, _) => (384, (12_000 * kbits / hertz + padded) * 4),
        (1, false) => (576, 72_000 * kbits / hertz + padded),
        _ => (1_152, 144_000 * kbits / hertz + padded),
    };
    Some(Frame { len: place(len), nanos: count * 1_000_000_000 / hertz })
}
