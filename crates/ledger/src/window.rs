use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use crate::fault::Flaw;
use crate::format::{LOST, MARK, MARK_MAGIC, MAX_PIECE, Piece, SECTOR, batch_start, head, leaf, piece};

/// A place between two pieces of a segment, where the next one begins, and what the log amounts to up to there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub(crate) offset: u64,
    pub(crate) index: u64,
    pub(crate) head: [u8; 32],
}

/// Why the bytes after a mark are no batch, and where the first bad piece begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) offset: u64,
    pub(crate) index: u64,
    pub(crate) flaw: Flaw,
}

/// How much is read at once; a piece always fits.
const CHUNK: usize = 2 * MAX_PIECE;

/// A file read through a buffer of fixed size.
#[derive(Debug)]
pub(crate) struct Window {
    file: File,
    buffer: Vec<u8>,
    /// Where in the file the buffer begins, and how many of its bytes are the file's.
    start: u64,
    filled: usize,
    /// Whether the buffer reaches to the end of the file, as it was then.
    ended: bool,
}

impl Window {
    pub(crate) fn new(file: File) -> Self {
        Self { file, buffer: vec![0; CHUNK], start: 0, filled: 0, ended: false }
    }

    pub(crate) fn file_bytes(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Reads the file anew from here on: it may have grown.
    pub(crate) fn forget(&mut self) {
        self.filled = 0;
        self.ended = false;
    }

    /// Up to `len` bytes from `offset` on, at most [`CHUNK`]; fewer where the file ends.
    pub(crate) fn at(&mut self, offset: u64, len: usize) -> io::Result<&[u8]> {
        let wanted = if self.ended { offset } else { offset + len as u64 };
        if offset < self.start || wanted > self.start + self.filled as u64 {
            self.fill(offset)?;
        }
        let rest = self.buffer.get((offset - self.start) as usize..self.filled).unwrap_or_default();
        Ok(rest.get(..len).unwrap_or(rest))
    }

    /// The piece at `offset`, where there is a whole one.
    pub(crate) fn piece(&mut self, offset: u64) -> io::Result<Option<Piece<'_>>> {
        self.at(offset, MAX_PIECE).map(piece)
    }

    /// Verifies the batch that begins at a mark's end (or the header's), holding one record at a time.
    pub(crate) fn batch(&mut self, from: Cursor) -> io::Result<Result<Cursor, Broken>> {
        let mut to = from;
        loop {
            let broken = |flaw| Ok(Err(Broken { offset: to.offset, index: from.index, flaw }));
            let Some(piece) = self.piece(to.offset)? else { return broken(Flaw::Piece) };
            let offset = to.offset + piece.bytes();
            match piece {
                Piece::Record(record) => {
                    to = Cursor { offset, index: to.index + 1, head: head(&to.head, &leaf(record)) };
                }
                Piece::Mark(mark) => {
                    let count = to.index - from.index;
                    let fits = (mark.end, mark.size, mark.head) == (offset, to.index, to.head);
                    if count == 0 || u64::from(mark.count) != count || !fits {
                        return broken(Flaw::Mark);
                    }
                    let next = batch_start(offset);
                    let padding = self.at(offset, (next - offset) as usize)?;
                    if padding.iter().any(|&byte| byte != 0) {
                        return broken(Flaw::Mark);
                    }
                    return Ok(Ok(Cursor { offset: next, ..to }));
                }
            }
        }
    }

    /// Judges what follows `last`, where [`Window::batch`] found no batch: nothing where it is what an unfinished write
    /// left. Such a write leaves no mark. Or it leaves its mark and lacks whole sectors before it, which read as zeros:
    /// then it was the very last one, as the next is not begun before this one is on stable storage; `unsynced` says
    /// that it was begun all the same.
    pub(crate) fn damage_after(&mut self, last: Cursor, unsynced: bool) -> io::Result<Option<Broken>> {
        let Some(mark) = self.next_mark(last.offset)? else { return Ok(None) };
        // Where a mark is, all before it was written: what was read before may have been half a write.
        self.forget();
        let Err(broken) = self.batch(last)? else { return Ok(None) };
        let lost = self.lost_sector(broken.offset, mark)?;
        let last_mark = unsynced || self.next_mark(mark + MARK as u64)?.is_none();
        Ok((!lost || !last_mark).then_some(broken))
    }

    /// Where the next whole mark from `offset` on begins, whatever stands before it.
    fn next_mark(&mut self, mut offset: u64) -> io::Result<Option<u64>> {
        loop {
            let bytes = self.at(offset, CHUNK)?;
            let whole = |&at: &usize| {
                let end = offset + (at + MARK) as u64;
                matches!(piece(bytes.get(at..).unwrap_or_default()), Some(Piece::Mark(mark)) if mark.end == end)
            };
            let starts = bytes.windows(MARK_MAGIC.len()).enumerate();
            let found = starts.filter(|(_, magic)| magic == MARK_MAGIC).map(|(at, _)| at).find(whole);
            if let Some(at) = found {
                return Ok(Some(offset + at as u64));
            }
            if bytes.len() < CHUNK {
                return Ok(None);
            }
            offset += (CHUNK - MARK) as u64;
        }
    }

    /// Whether some sector between two offsets, or the part of it between them, was never written.
    fn lost_sector(&mut self, from: u64, to: u64) -> io::Result<bool> {
        let mut offset = from;
        while offset < to {
            let end = (offset / SECTOR + 1).saturating_mul(SECTOR).min(to);
            let len = end - offset;
            if len >= LOST && self.at(offset, len as usize)?.iter().all(|&byte| byte == 0) {
                return Ok(true);
            }
            offset = end;
        }
        Ok(false)
    }

    fn fill(&mut self, offset: u64) -> io::Result<()> {
        self.forget();
        self.start = offset;
        while let Some(rest) = self.buffer.get_mut(self.filled..).filter(|rest| !rest.is_empty()) {
            match self.file.read_at(rest, offset + self.filled as u64) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    self.forget();
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}
