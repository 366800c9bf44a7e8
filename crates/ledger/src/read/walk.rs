use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Durability;
use crate::fault::{Fault, Flaw};
use crate::segment::{Segment, list};
use crate::shared::Progress;
use crate::window::{Broken, Cursor};

/// Where to begin to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// At the first record of the log.
    First,
    /// At the record of this index.
    Index(u64),
    /// At the first record of the segment that was being written at this time, in milliseconds since 1970: what was
    /// appended since is found, and some records before it.
    Time(u64),
}

/// Goes from batch to batch and from segment to segment, and verifies each.
#[derive(Debug)]
pub(crate) struct Walk {
    folder: PathBuf,
    pub(crate) segment: Segment,
    /// The end of the last batch that verified.
    pub(crate) at: Cursor,
    /// The first index of the segment after this one: what this one holds beyond it is not part of the log.
    next: Option<u64>,
    /// Goes no further than the writer says, where it is asked; and how many segments it had begun then.
    limit: Option<(Arc<Progress>, u64)>,
    /// Bytes in segments beyond the first index of their next.
    pub(crate) surplus_bytes: u64,
    pub(crate) segments: u64,
}

impl Walk {
    /// Begins where `start` says; `None` where there is no segment.
    pub(crate) fn open(folder: &Path, start: Start, progress: Option<&Arc<Progress>>) -> Result<Option<Self>, Fault> {
        let limit = progress.map(|progress| (Arc::clone(progress), progress.segments()));
        let firsts = list(folder)?;
        let Some(chosen) = choose(folder, &firsts, start)? else { return Ok(None) };
        let segment = Segment::open(folder, chosen)?;
        if start == Start::First && chosen != 0 {
            return Err(segment.damage(Broken { offset: 0, index: 0, flaw: Flaw::Gap }));
        }
        let landmark = match (start, progress) {
            (Start::Index(index), Some(progress)) => progress.landmarks().before(chosen, index),
            (Start::First | Start::Time(_), _) | (Start::Index(_), None) => None,
        };
        Ok(Some(Self {
            folder: folder.to_path_buf(),
            at: landmark.unwrap_or(segment.start),
            segment,
            next: firsts.into_iter().find(|&first| first > chosen),
            limit,
            surplus_bytes: 0,
            segments: 1,
        }))
    }

    /// The next batch: where it begins and ends, both in `self.segment`; `None` where there is none yet.
    pub(crate) fn batch(&mut self) -> Result<Option<(Cursor, Cursor)>, Fault> {
        loop {
            if self.next.is_some_and(|first| self.at.index >= first) && !self.enter_next()? {
                return Ok(None);
            }
            let from = self.at;
            match self.segment.window.batch(from).map_err(Fault::disk("reading a segment"))? {
                Ok(to) if self.is_beyond_limit(to) => {
                    self.segment.window.forget();
                    return Ok(None);
                }
                Ok(_) if self.next.is_none() && self.writer_went_on()? => {}
                Ok(to) if self.next.is_some_and(|first| to.index > first) => {
                    return Err(self.segment.damage(Broken {
                        offset: from.offset,
                        index: from.index,
                        flaw: Flaw::Mark,
                    }));
                }
                Ok(to) => {
                    self.at = to;
                    return Ok(Some((from, to)));
                }
                Err(broken) if self.next.is_some() => return Err(self.segment.damage(broken)),
                Err(_) => {
                    self.segment.window.forget();
                    self.next = self.find_next()?;
                    if self.next.is_none() {
                        return self.unfinished().map(|()| None);
                    }
                }
            }
        }
    }

    /// How many bytes follow the last batch that verified.
    pub(crate) fn bytes_after(&self) -> Result<u64, Fault> {
        let bytes = self.segment.window.file_bytes().map_err(Fault::disk("reading a segment"))?;
        Ok(bytes.saturating_sub(self.at.offset))
    }

    fn is_beyond_limit(&self, to: Cursor) -> bool {
        self.limit.as_ref().is_some_and(|(progress, _)| to.index > progress.records())
    }

    /// Whether the writer has begun another segment since. Then the batch at hand may be one that it never
    /// acknowledged, and this segment may even have been replaced.
    fn writer_went_on(&mut self) -> Result<bool, Fault> {
        let Some((progress, seen)) = &mut self.limit else { return Ok(false) };
        let segments = progress.segments();
        if segments == *seen {
            return Ok(false);
        }
        *seen = segments;
        self.segment = Segment::open(&self.folder, self.segment.header.first_index)?;
        self.next = self.find_next()?;
        Ok(true)
    }

    fn find_next(&self) -> Result<Option<u64>, Fault> {
        Ok(list(&self.folder)?.into_iter().find(|&first| first > self.segment.header.first_index))
    }

    /// Goes on to the next segment, which says where this one ended. False where this one was read past that, which
    /// can only be while it was the last: a later reader will know better.
    fn enter_next(&mut self) -> Result<bool, Fault> {
        let Some(first) = self.next else { return Ok(false) };
        if self.at.index > first {
            return Ok(false);
        }
        let next = Segment::open(&self.folder, first)?;
        let broken = |flaw| next.damage(Broken { offset: 0, index: first, flaw });
        if next.header.origin != self.segment.header.origin {
            return Err(broken(Flaw::Origin));
        }
        if next.start.head != self.at.head {
            return Err(broken(Flaw::Chain));
        }
        self.surplus_bytes += self.bytes_after()?;
        self.segments += 1;
        self.at = next.start;
        self.segment = next;
        self.next = self.find_next()?;
        Ok(true)
    }

    /// Damage where something else follows than nothing or a write that never ended.
    fn unfinished(&mut self) -> Result<(), Fault> {
        let unsynced = self.segment.header.durability == Durability::Process;
        let judged = self.segment.window.damage_after(self.at, unsynced);
        self.segment.window.forget();
        match judged.map_err(Fault::disk("reading a segment"))? {
            None => Ok(()),
            Some(broken) => Err(self.segment.damage(broken)),
        }
    }
}

fn choose(folder: &Path, firsts: &[u64], start: Start) -> Result<Option<u64>, Fault> {
    let oldest = firsts.first().copied();
    Ok(match start {
        Start::First => oldest,
        Start::Index(index) => firsts.iter().rev().copied().find(|&first| first <= index).or(oldest),
        Start::Time(ms) => {
            let mut chosen = oldest;
            for &first in firsts {
                if Segment::open(folder, first)?.header.created_ms > ms {
                    break;
                }
                chosen = Some(first);
            }
            chosen
        }
    })
}
