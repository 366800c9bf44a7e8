//! What frames cost. Each costs its caller something, and work pays for it: bytes of bodies that come, bytes of answers
//! that leave. Who sends frames alone (resets, settings, pings, empty pieces) runs out, whatever their kind.

use std::time::Duration;

use tokio::time::Instant;

use super::PREFACE;

/// The frames of a connection, as far as their heads tell.
#[derive(Debug)]
pub(super) struct Frames {
    at: At,
    head: [u8; HEAD],
    /// The first frame is whole.
    settled: bool,
    /// Frames and blocks that were begun.
    begun: u64,
    /// A block of headers has begun and not ended.
    block: bool,
    /// The highest stream that a caller began.
    last: u32,
    purse: Purse,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    /// So many bytes of the preface are to come.
    Preface(usize),
    /// So many bytes of a frame's head were read.
    Head(usize),
    /// So many bytes of its payload are to come.
    Payload(usize),
}

const HEAD: usize = 9;
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_HEADERS: u8 = 4;

impl Frames {
    pub(super) const fn new(now: Instant) -> Self {
        let (at, purse) = (At::Preface(PREFACE.len()), Purse::new(now));
        Self { at, head: [0; HEAD], settled: false, begun: 0, block: false, last: 0, purse }
    }

    /// Looks at bytes that came now.
    ///
    /// # Errors
    /// How many of them may be handed on, where nothing may after them.
    pub(super) fn look(&mut self, bytes: &[u8], now: Instant) -> Result<(), usize> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let wanted = match self.at {
                At::Preface(left) | At::Payload(left) => left,
                At::Head(have) => HEAD - have,
            };
            if self.at == At::Head(0) && !self.block {
                self.begun += 1;
            }
            let (piece, after) = rest.split_at(wanted.min(rest.len()));
            rest = after;
            let left = wanted - piece.len();
            self.at = match self.at {
                At::Preface(_) if left > 0 => At::Preface(left),
                At::Preface(_) => At::Head(0),
                At::Payload(_) => At::Payload(left),
                At::Head(have) => {
                    self.head[have..have + piece.len()].copy_from_slice(piece);
                    if left > 0 { At::Head(HEAD - left) } else { At::Payload(self.begin(now)) }
                }
            };
            let is_first = !self.settled && matches!(self.at, At::Payload(_));
            if is_first && (self.kind() != SETTINGS || self.head[4] & ACK != 0) {
                return Err(bytes.len() - rest.len());
            }
            if self.at == At::Payload(0) {
                (self.at, self.settled) = (At::Head(0), true);
                if self.purse.is_empty() {
                    return Err(bytes.len() - rest.len());
                }
            }
        }
        Ok(())
    }

    /// So many bytes left for the caller.
    pub(super) fn wrote(&mut self, bytes: usize) {
        self.purse.earn(bytes);
    }

    /// Which unfinished thing may not be waited for long: the first frame, a block of headers, whatever is no body.
    pub(super) fn awaited(&self) -> Option<u64> {
        let inside = match self.at {
            At::Preface(_) => true,
            At::Head(have) => have > 0 || !self.settled,
            At::Payload(_) => self.kind() != DATA,
        };
        (inside || self.block).then_some(self.begun)
    }

    /// The highest stream that was begun.
    pub(super) const fn last(&self) -> u32 {
        self.last
    }

    const fn kind(&self) -> u8 {
        self.head[3]
    }

    /// Reads a whole head, and gives the length of what follows it.
    fn begin(&mut self, now: Instant) -> usize {
        let [a, b, c, kind, flags, stream @ ..] = self.head;
        let length = u32::from_be_bytes([0, a, b, c]) as usize;
        self.purse.pay(now);
        if kind == DATA {
            self.purse.earn(length);
        }
        if kind == HEADERS || kind == CONTINUATION {
            self.block = flags & END_HEADERS == 0;
        }
        if kind == HEADERS {
            self.last = self.last.max(u32::from_be_bytes(stream) & (u32::MAX >> 1));
        }
        length
    }
}

/// What a connection may spend on frames, in bytes of work.
#[derive(Debug)]
struct Purse {
    bytes: u64,
    since: Instant,
}

/// One frame, in bytes of work; what is given with each second; and what can be saved up.
const COST: u64 = 64;
const A_SECOND: u64 = 10 * COST;
const MOST: u64 = 1_000 * COST;

impl Purse {
    const fn new(now: Instant) -> Self {
        Self { bytes: MOST, since: now }
    }

    fn earn(&mut self, bytes: usize) {
        self.bytes = MOST.min(self.bytes.saturating_add(bytes as u64));
    }

    fn pay(&mut self, now: Instant) {
        let waited = now.saturating_duration_since(self.since);
        if waited >= Duration::from_millis(100) {
            let given = waited.as_millis().saturating_mul(u128::from(A_SECOND)) / 1_000;
            self.earn(usize::try_from(given).unwrap_or(usize::MAX));
            self.since = now;
        }
        self.bytes = self.bytes.saturating_sub(COST);
    }

    const fn is_empty(&self) -> bool {
        self.bytes == 0
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
        let length = u32::try_from(payload.len()).expect("short").to_be_bytes();
        [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
    }

    /// A connection past its preface and settings, and the moment of it.
    fn begun() -> (Frames, Instant) {
        let now = Instant::now();
        let mut frames = Frames::new(now);
        frames.look(&[PREFACE, &frame(SETTINGS, 0, 0, &[])].concat(), now).expect("a beginning");
        (frames, now)
    }

    #[test]
    fn frames_without_work_run_out_whatever_their_kind() {
        for (what, kind, flags, payload) in [
            ("pings", 6, 0, &[0; 8][..]),
            ("settings", SETTINGS, 0, &[]),
            ("resets", 3, 0, &[0; 4]),
            ("windows", 8, 0, &[0, 0, 0, 1]),
            ("priorities", 2, 0, &[0; 5]),
            ("empty pieces", DATA, 0, &[]),
            ("empty blocks", CONTINUATION, 0, &[]),
            ("what nobody knows", 99, 0, &[0; 400]),
        ] {
            let ((mut frames, now), one) = (begun(), frame(kind, flags, 1, payload));
            let passed = (0..10_000).take_while(|_| frames.look(&one, now).is_ok()).count();
            assert!((900..1_000).contains(&passed), "{what}: {passed}");
        }
    }

    #[test]
    fn work_pays_for_frames_and_so_does_time() {
        let (mut frames, now) = begun();
        for _ in 0..10_000 {
            frames.look(&frame(DATA, 0, 1, &[0; 64]), now).expect("a body");
            frames.look(&frame(8, 0, 1, &[0, 0, 0, 1]), now).expect("an update for each piece of an answer");
            frames.wrote(64);
        }
        for number in 0..10_000 {
            let now = now + Duration::from_millis(100 * number);
            frames.look(&frame(6, 0, 0, &[0; 8]), now).expect("ten pings a second");
        }
    }

    #[test]
    fn it_is_given_up_at_the_end_of_a_frame_however_bytes_come() {
        let ping = frame(6, 0, 0, &[0; 8]);
        let all = ping.repeat(2_000);
        let (mut frames, now) = begun();
        assert_eq!(frames.look(&all, now).expect_err("too many") % ping.len(), 0);
        let (mut frames, now) = begun();
        let at = all.iter().position(|byte| frames.look(&[*byte], now).is_err()).expect("too many");
        assert_eq!((at + 1) % ping.len(), 0);
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn however_bytes_come_they_are_judged_alike(
            some in prop::collection::vec((0..12_u8, any::<u8>(), 0..9_u32, 0..40_usize), 1..40),
            spent in 0..1_100_usize,
            cuts in any::<u64>(),
        ) {
            let bytes: Vec<u8> = some.iter().flat_map(|(kind, flags, stream, length)| {
                frame(*kind, *flags, *stream, &vec![7; *length])
            }).collect();
            let judged = |cut: &dyn Fn(usize) -> bool| {
                let (mut frames, now) = begun();
                let _ = (0..spent).all(|_| frames.look(&frame(6, 0, 0, &[]), now).is_ok());
                let mut begin = 0;
                for end in (1..=bytes.len()).filter(|end| *end == bytes.len() || cut(*end)) {
                    if let Err(good) = frames.look(&bytes[begin..end], now) {
                        return (begin + good, None, 0);
                    }
                    begin = end;
                }
                (begin, frames.awaited(), frames.last())
            };
            let at_once = judged(&|_| false);
            prop_assert_eq!(judged(&|_| true), at_once);
            prop_assert_eq!(judged(&|end| cuts.rotate_left(end as u32 % 64) & 1 == 1), at_once);
        }
    }

    #[test]
    fn settings_come_first() {
        for (kind, flags) in [(HEADERS, END_HEADERS), (SETTINGS, ACK), (6, 0)] {
            let (now, first) = (Instant::now(), frame(kind, flags, 0, &[0; 8]));
            let good = Frames::new(now).look(&[PREFACE, &first].concat(), now);
            assert_eq!(good, Err(PREFACE.len() + HEAD));
        }
    }

    #[test]
    fn what_must_come_soon_is_known() {
        assert!(Frames::new(Instant::now()).awaited().is_some(), "nothing came yet");
        let (mut frames, now) = begun();
        assert_eq!(frames.awaited(), None);
        let headers = frame(HEADERS, 0, 5, b"abc");
        let (first, second) = headers.split_at(5);
        frames.look(first, now).expect("a part");
        assert!(frames.awaited().is_some());
        frames.look(second, now).expect("the rest");
        let block = frames.awaited();
        frames.look(&frame(CONTINUATION, 0, 5, b"abc"), now).expect("more");
        assert!(block.is_some() && frames.awaited() == block, "one block, one time");
        frames.look(&frame(CONTINUATION, END_HEADERS, 5, b"abc"), now).expect("its end");
        assert_eq!((frames.awaited(), frames.last()), (None, 5));
        frames.look(&frame(DATA, 0, 5, &[0; 9])[..12], now).expect("a part of a body");
        assert_eq!(frames.awaited(), None, "bodies have a time of their own");
    }
}
