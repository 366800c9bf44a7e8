use crate::window::Cursor;

/// Places in the last segment where reading may begin, so that its end is read without its beginning. They are kept in
/// memory alone: each was verified when the log was opened, or acknowledged since.
#[derive(Debug, Default)]
pub(crate) struct Landmarks {
    /// The first index of that segment.
    segment: u64,
    cursors: Vec<Cursor>,
}

/// How far two of them are apart, in bytes.
const EVERY: u64 = 4 << 20;

impl Landmarks {
    /// The log is verified, or acknowledged, up to here. True where that is a landmark.
    pub(crate) fn note(&mut self, segment: u64, at: Cursor) -> bool {
        if self.segment != segment {
            *self = Self { segment, cursors: Vec::new() };
        }
        let last = self.cursors.last().map_or(0, |cursor| cursor.offset);
        let far = at.offset.saturating_sub(last) >= EVERY;
        if far {
            self.cursors.push(at);
        }
        far
    }

    /// The last one in this segment that does not lie behind the record `index`.
    pub(crate) fn before(&self, segment: u64, index: u64) -> Option<Cursor> {
        let found = self.cursors.iter().rev().find(|cursor| cursor.index <= index).copied();
        found.filter(|_| self.segment == segment)
    }

    /// The indexes of the records behind them, in order.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = u64> + '_ {
        self.cursors.iter().map(|cursor| cursor.index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(offset: u64, index: u64) -> Cursor {
        Cursor { offset, index, head: [0; 32] }
    }

    #[test]
    fn they_are_of_one_segment_and_far_apart() {
        let mut landmarks = Landmarks::default();
        for n in 1..=12 {
            landmarks.note(7, at(n << 20, 7 + n));
        }
        assert_eq!(landmarks.indexes().collect::<Vec<_>>(), [11, 15, 19]);
        assert_eq!(landmarks.before(7, 10), None);
        assert_eq!(landmarks.before(7, 11), Some(at(4 << 20, 11)));
        assert_eq!(landmarks.before(7, 18), Some(at(8 << 20, 15)));
        assert_eq!(landmarks.before(0, 18), None, "of another segment");
        landmarks.note(20, at(100, 21));
        assert_eq!(landmarks.indexes().count(), 0);
    }
}
