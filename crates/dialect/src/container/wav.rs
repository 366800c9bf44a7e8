use super::{Coding, lasting, little, place};

const PCM: u64 = 1;
const EXTENSIBLE: u64 = 0xfffe;

/// How long it lasts and how it is written down. Of whole samples the figures that follow from others are not believed; what
/// is there counts where the length of the data is not told, or is more than that.
pub(super) fn read(bytes: &[u8]) -> Option<(u64, Coding)> {
    let (mut at, mut shape) = (12, None);
    loop {
        let (name, len) = (bytes.get(at..at + 4)?, little(bytes, at + 4, 4)?);
        at += 8;
        match name {
            b"fmt " => shape = Some(Shape::read(bytes, at, len)?),
            b"data" => {
                let there = (bytes.len() - at) as u64;
                // One that was written as it was heard says nothing, or the most that there is.
                let len = if len == 0 || len > there { there } else { len };
                let shape = shape?;
                return Some((lasting(len, shape.bytes_a_second)?, shape.coding));
            }
            _ => {}
        }
        at = at.checked_add(place(len))?.checked_add(place(len & 1))?;
    }
}

struct Shape {
    bytes_a_second: u64,
    coding: Coding,
}

impl Shape {
    fn read(bytes: &[u8], at: usize, len: u64) -> Option<Self> {
        let field = |from, size| little(bytes, at + from, size);
        let (mut kind, channels, rate) = (field(0, 2)?, field(2, 2)?, field(4, 4)?);
        let (stated, bits) = (field(8, 4)?, field(14, 2)?);
        if kind == EXTENSIBLE && len >= 40 {
            kind = field(24, 2)?;
        }
        let is_pcm = kind == PCM;
        let bytes_a_second = if is_pcm { rate * channels * bits.div_ceil(8) } else { stated };
        let coding = match (is_pcm, rate, channels, bits) {
            (true, 16_000, 1, 16) => Coding::Pcm16k,
            _ => Coding::Other,
        };
        Some(Self { bytes_a_second, coding })
    }
}
