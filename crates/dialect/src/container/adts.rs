use super::{big, mp3, place};

const RATES: [u64; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// One frame.
pub(super) struct Frame {
    len: usize,
    nanos: u64,
}

/// By its frames, one after the other, as far as they follow each other.
pub(super) fn millis(bytes: &[u8]) -> Option<u64> {
    let (mut at, mut nanos) = (mp3::after_tag(bytes), 0_u64);
    while let Some(frame) = bytes.get(at..).and_then(frame) {
        nanos += frame.nanos;
        at += frame.len;
    }
    (nanos > 0).then(|| nanos.div_ceil(1_000_000))
}

/// The frame that begins here (ISO/IEC 13818-7, 6.2).
pub(super) fn frame(bytes: &[u8]) -> Option<Frame> {
    let head = big(bytes, 0, 7)?;
    let bits = |from: u32, count: u32| (head >> from) & ((1 << count) - 1);
    let (sync, layer, rate, len) = (bits(44, 12), bits(41, 2), bits(34, 4), bits(13, 13));
    if sync != 0xfff || layer != 0 || len < 7 {
        return None;
    }
    let samples = 1_024 * (bits(0, 2) + 1);
    Some(Frame { len: place(len), nanos: samples * 1_000_000_000 / RATES.get(place(rate))? })
}
