/// How long frames are, by their type, the byte before them not counted (3GPP TS 26.101 and 26.201).
const NARROW: [usize; 16] = [12, 13, 15, 17, 19, 20, 26, 31, 5, 0, 0, 0, 0, 0, 0, 0];
const WIDE: [usize; 16] = [17, 23, 32, 36, 40, 46, 50, 58, 60, 5, 0, 0, 0, 0, 0, 0];

/// By its frames, each of 20 milliseconds.
pub(super) fn millis(bytes: &[u8]) -> Option<u64> {
    let (lengths, mut at) = if bytes.starts_with(b"#!AMR-WB\n") { (WIDE, 9) } else { (NARROW, 6) };
    let mut millis = 0;
    while let Some(head) = bytes.get(at) {
        millis += 20;
        at += 1 + lengths.get(usize::from(head >> 3 & 0x0f))?;
    }
    Some(millis)
}
