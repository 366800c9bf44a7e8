use super::RATE;

/// Samples of one frame: 43 milliseconds, so that nothing waits long for the rest of its frame.
const BLOCK: usize = 1_024;
/// Fixed predictors are of order 0 to 4 (RFC 9639, section 9.2.5).
const MOST_ORDER: usize = 4;
/// With four bits for a Rice parameter, 15 means something else.
const MOST_RICE: u32 = 14;

/// Writes samples of 16 bits at 24 kHz, mono, as FLAC (RFC 9639), frame by frame as they come. Predictors are the fixed ones,
/// with one Rice parameter a frame: that is about half of the samples' bytes for speech.
pub(crate) struct Flac {
    has_begun: bool,
    samples: Vec<i16>,
    /// The first byte of a sample whose second is yet to come.
    odd: Option<u8>,
    frame: u32,
}

impl Flac {
    pub(crate) fn new() -> Self {
        Self { has_begun: false, samples: Vec::with_capacity(BLOCK), odd: None, frame: 0 }
    }

    /// Takes the next bytes of samples, split anywhere, and adds the frames that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.has_begun, true) {
            begin(out);
        }
        for &byte in bytes {
            let Some(low) = self.odd.take() else {
                self.odd = Some(byte);
                continue;
            };
            self.samples.push(i16::from_le_bytes([low, byte]));
            if self.samples.len() == BLOCK {
                self.write(out);
            }
        }
    }

    /// Adds the last frame, which may be shorter.
    pub(crate) fn finish(&mut self, out: &mut Vec<u8>) {
        if !self.samples.is_empty() {
            self.write(out);
        }
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        frame(&self.samples, self.frame, out);
        self.samples.clear();
        self.frame += 1;
    }
}

/// The marker and STREAMINFO (section 8.2), with zero for what is not known before the end.
fn begin(out: &mut Vec<u8>) {
    let mut bits = Bits::default();
    let block = BLOCK as u64;
    // The last block of metadata, of kind 0, 34 bytes long; sizes of blocks; sizes of frames.
    for (value, width) in [(0x80, 8), (34, 24), (block, 16), (block, 16), (0, 24), (0, 24)] {
        bits.push(value, width);
    }
    // The rate; one channel, 16 bits, each less one; the number of samples; their digest.
    for (value, width) in [(u64::from(RATE), 20), (0, 3), (15, 5), (0, 36), (0, 64), (0, 64)] {
        bits.push(value, width);
    }
    out.extend_from_slice(b"fLaC");
    out.extend_from_slice(&bits.bytes);
}

/// One frame (section 9) of at least one sample.
fn frame(samples: &[i16], number: u32, out: &mut Vec<u8>) {
    let mut bits = Bits::default();
    // Blocks of one size, which 16 bits tell; 24 kHz; one channel; 16 bits.
    bits.push(0xfff8_7708, 32);
    push_number(&mut bits, number);
    bits.push(samples.len() as u64 - 1, 16);
    bits.push(u64::from(checksum(&bits.bytes, 8, 0x07)), 8);
    let (order, residual) = predict(samples);
    let rice = rice(&residual);
    let plain = 16 * samples.len() as u64;
    if 16 * order as u64 + 10 + length(&residual, rice) < plain {
        // A fixed predictor, its first samples, one partition of residuals with a parameter of four bits.
        bits.push(0b001_000 | order as u64, 7);
        bits.push(0, 1);
        samples.iter().take(order).for_each(|sample| bits.push_signed(*sample));
        bits.push(0, 6);
        bits.push(u64::from(rice), 4);
        residual.iter().for_each(|value| bits.push_rice(folded(*value), rice));
    } else {
        bits.push(0b0000_0010, 8);
        samples.iter().for_each(|sample| bits.push_signed(*sample));
    }
    bits.fill();
    let sum = checksum(&bits.bytes, 16, 0x8005);
    bits.push(u64::from(sum), 16);
    out.extend_from_slice(&bits.bytes);
}

/// The order whose residuals are the smallest, with them.
fn predict(samples: &[i16]) -> (usize, Vec<i32>) {
    let size = |residual: &[i32]| residual.iter().map(|value| u64::from(value.unsigned_abs())).sum::<u64>();
    let mut residual: Vec<i32> = samples.iter().copied().map(i32::from).collect();
    let mut best = (0, residual.clone());
    for order in 1..=MOST_ORDER.min(samples.len() - 1) {
        // Each order is what the one before it leaves of itself, told by the difference from sample to sample.
        residual = residual.iter().zip(residual.iter().skip(1)).map(|(before, value)| value - before).collect();
        if size(&residual) < size(&best.1) {
            best = (order, residual.clone());
        }
    }
    best
}

/// The parameter with which residuals are the shortest.
fn rice(residual: &[i32]) -> u32 {
    (0..=MOST_RICE).min_by_key(|rice| length(residual, *rice)).unwrap_or_default()
}

fn length(residual: &[i32], rice: u32) -> u64 {
    residual.iter().map(|value| u64::from(folded(*value) >> rice) + 1 + u64::from(rice)).sum()
}

/// Signs go into the lowest bit (section 9.2.7.3).
const fn folded(value: i32) -> u32 {
    ((value << 1) ^ (value >> 31)).cast_unsigned()
}

/// The number of a frame, as UTF-8 writes numbers (section 9.1.5).
fn push_number(bits: &mut Bits, number: u32) {
    // So many bytes of six bits follow one that has what is left.
    let more = match number {
        0..0x80 => return bits.push(u64::from(number), 8),
        0x80..0x800 => 1,
        0x800..0x1_0000 => 2,
        0x1_0000..0x20_0000 => 3,
        0x20_0000..0x400_0000 => 4,
        0x400_0000.. => 5,
    };
    bits.push(((0xff00 >> (more + 1)) & 0xff) | u64::from(number >> (6 * more)), 8);
    for at in (0..more).rev() {
        bits.push(0x80 | u64::from((number >> (6 * at)) & 0x3f), 8);
    }
}

/// A checksum of so many bits (section 9.1.8 and 9.3).
fn checksum(bytes: &[u8], width: u32, polynomial: u16) -> u16 {
    let top = 1_u32 << (width - 1);
    let sum = bytes.iter().fold(0_u32, |sum, byte| {
        (0..8).fold(sum ^ (u32::from(*byte) << (width - 8)), |sum, _| {
            if sum & top == 0 { sum << 1 } else { (sum << 1) ^ u32::from(polynomial) }
        }) & ((1 << width) - 1)
    });
    u16::try_from(sum).unwrap_or_default()
}

/// Bits, the highest first.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    last: u8,
    used: u32,
}

impl Bits {
    fn push(&mut self, value: u64, width: u32) {
        for at in (0..width).rev() {
            self.last = (self.last << 1) | u8::from((value >> at) & 1 == 1);
            self.used += 1;
            if self.used == 8 {
                self.bytes.push(std::mem::take(&mut self.last));
                self.used = 0;
            }
        }
    }

    fn push_signed(&mut self, sample: i16) {
        self.push(u64::from(sample.cast_unsigned()), 16);
    }

    fn push_rice(&mut self, value: u32, rice: u32) {
        (0..value >> rice).for_each(|_| self.push(0, 1));
        self.push(1, 1);
        self.push(u64::from(value), rice);
    }

    fn fill(&mut self) {
        if self.used > 0 {
            self.push(0, 8 - self.used);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What another reader makes of samples that came in such pieces.
    fn read(samples: &[i16], piece: usize) -> (Vec<i32>, usize) {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let (mut flac, mut out) = (Flac::new(), Vec::new());
        bytes.chunks(piece).for_each(|piece| flac.push(piece, &mut out));
        flac.finish(&mut out);
        let length = out.len();
        let mut reader = claxon::FlacReader::new(std::io::Cursor::new(out)).expect("a stream");
        let info = reader.streaminfo();
        assert_eq!((info.sample_rate, info.channels, info.bits_per_sample, info.samples), (24_000, 1, 16, None));
        (reader.samples().map(|sample| sample.expect("a sample")).collect(), length)
    }

    fn wide(samples: &[i16]) -> Vec<i32> {
        samples.iter().copied().map(i32::from).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn whatever_is_written_reads_the_same_elsewhere(
            samples in proptest::collection::vec(any::<i16>(), 1..4_000),
            loud in 0..15_u32,
            piece in 1..3_000_usize,
        ) {
            let samples: Vec<i16> = samples.iter().map(|sample| sample >> loud).collect();
            prop_assert_eq!(read(&samples, piece).0, wide(&samples));
        }
    }

    #[test]
    fn extremes_and_long_streams_read_the_same() {
        for samples in [vec![0; 3_000], vec![i16::MIN; 1_025], [i16::MIN, i16::MAX].repeat(1_000), vec![7]] {
            assert_eq!(read(&samples, 999).0, wide(&samples));
        }
        // Numbers of frames of one byte and of two.
        let long: Vec<i16> = (0..140 * 1_024_u32).map(|at| i16::from((at / 1_024) as u8)).collect();
        assert_eq!(read(&long, 1 << 16).0, wide(&long));
    }

    #[test]
    fn a_voice_is_half_as_long() {
        let voice: Vec<i16> =
            (0..24_000).map(|at| (f64::from(at) * 0.06).sin() * 3_000.0).map(|at| at as i16).collect();
        let (read, length) = read(&voice, 4_096);
        assert_eq!(read, wide(&voice));
        assert!(length < 24_000, "{length}");
    }

    #[test]
    fn numbers_are_written_as_utf_8_writes_them() {
        for number in [0, 1, 127, 128, 2_047, 2_048, 65_535, 65_536, 0x0010_ffff] {
            let mut bits = Bits::default();
            push_number(&mut bits, number);
            let utf8 = char::from_u32(number).map(|letter| letter.to_string().into_bytes());
            assert_eq!(Some(bits.bytes), utf8, "{number}");
        }
    }
}
