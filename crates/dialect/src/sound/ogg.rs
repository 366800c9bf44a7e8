/// What a page begins with (RFC 3533, section 6): marker, version, flags, position, three numbers, and how many segments it has.
const HEAD: usize = 27;

/// Follows the pages of Opus in Ogg, to know how long the sound is so far.
#[derive(Default)]
pub(crate) struct Pages {
    /// The head of the page that is begun, with the lengths of its segments.
    head: Vec<u8>,
    /// What of its segments is yet to come.
    rest: usize,
    position: u64,
}

impl Pages {
    /// The position after these bytes, in samples of 48 kHz (RFC 7845, section 4). `None` where they are no pages.
    pub(crate) fn push(&mut self, mut bytes: &[u8]) -> Option<u64> {
        while !bytes.is_empty() {
            let passed = self.rest.min(bytes.len());
            self.rest -= passed;
            bytes = bytes.get(passed..)?;
            let due = self.head.get(HEAD - 1).map_or(HEAD, |segments| HEAD + usize::from(*segments));
            let (taken, after) = bytes.split_at((due - self.head.len()).min(bytes.len()));
            self.head.extend_from_slice(taken);
            bytes = after;
            let segments = self.head.get(HEAD - 1).copied().map(usize::from);
            if segments.is_some_and(|segments| self.head.len() == HEAD + segments) {
                if !self.head.starts_with(b"OggS\0") {
                    return None;
                }
                let position = u64::from_le_bytes(self.head.get(6..14)?.try_into().ok()?);
                // A page on which no packet ends says that it has none.
                if position != u64::MAX {
                    self.position = position;
                }
                self.rest = self.head.get(HEAD..)?.iter().copied().map(usize::from).sum();
                self.head.clear();
            }
        }
        Some(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(position: u64, segments: &[u8]) -> Vec<u8> {
        let lengths = [segments.len() as u8];
        let data: usize = segments.iter().copied().map(usize::from).sum();
        [b"OggS\0\0", &position.to_le_bytes()[..], &[7; 12], &lengths, segments, &vec![b'O'; data]].concat()
    }

    #[test]
    fn the_last_position_is_told_however_the_bytes_are_split() {
        let sound = [page(0, &[19]), page(0, &[255, 3]), page(960, &[80; 3]), page(u64::MAX, &[255]), page(2_880, &[])];
        let sound = sound.concat();
        for split in [1, 3, 26, 27, 28, 1_000] {
            let mut pages = Pages::default();
            let told: Vec<_> = sound.chunks(split).map(|piece| pages.push(piece)).collect();
            assert_eq!(told.last(), Some(&Some(2_880)), "{split}");
            assert!(told.is_sorted());
        }
        assert_eq!(Pages::default().push(&sound[1..]), None);
        assert_eq!(Pages::default().push(&[0; 60]), None);
    }
}
