use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Position;
use crate::fault::Fault;
use crate::format::{Piece, leaf};
use crate::read::{Start, Walk};
use crate::shared::Progress;
use crate::window::Cursor;

/// The records of a log, one after the other, each verified with its batch before it is given out. It ends at the last
/// whole mark; where the log has grown since, asking again goes on. After an error it ends for good.
///
/// Without a writer's word for it, it may give out the last records before they are acknowledged; what
/// [`Ledger::records`](crate::Ledger::records) gives out is acknowledged.
#[derive(Debug)]
pub struct Records {
    folder: PathBuf,
    start: Start,
    progress: Option<Arc<Progress>>,
    walk: Option<Walk>,
    at: Cursor,
    until: u64,
    failed: bool,
}

impl Records {
    /// Begins where `start` says. No file is opened yet.
    pub fn new(folder: impl AsRef<Path>, start: Start) -> Self {
        Self {
            folder: folder.as_ref().to_path_buf(),
            start,
            progress: None,
            walk: None,
            at: Cursor { offset: 0, index: 0, head: [0; 32] },
            until: 0,
            failed: false,
        }
    }

    /// The same, but only what the writer has acknowledged.
    pub(crate) fn acknowledged(self, progress: Arc<Progress>) -> Self {
        Self { progress: Some(progress), ..self }
    }

    fn step(&mut self) -> Result<Option<(Position, Vec<u8>)>, Fault> {
        loop {
            if self.at.offset >= self.until && !self.next_batch()? {
                return Ok(None);
            }
            let Some(walk) = &mut self.walk else { return Ok(None) };
            let piece = walk.segment.window.piece(self.at.offset).map_err(Fault::disk("reading a record"))?;
            // The walk saw it whole a moment ago; if it is not now, the walk shall say so.
            let Some(piece) = piece else { return Err(gone()) };
            let Piece::Record(record) = piece else {
                self.at.offset = self.until;
                continue;
            };
            let position = Position { index: self.at.index, leaf: leaf(record) };
            self.at.offset += piece.bytes();
            self.at.index += 1;
            if !matches!(self.start, Start::Index(index) if position.index < index) {
                return Ok(Some((position, record.to_vec())));
            }
        }
    }

    fn next_batch(&mut self) -> Result<bool, Fault> {
        if self.walk.is_none() {
            self.walk = Walk::open(&self.folder, self.start, self.progress.as_ref())?;
        }
        let Some(walk) = &mut self.walk else { return Ok(false) };
        let Some((from, to)) = walk.batch()? else { return Ok(false) };
        (self.at, self.until) = (from, to.offset);
        Ok(true)
    }
}

fn gone() -> Fault {
    Fault::disk("reading a record")(std::io::Error::other("it changed while it was read"))
}

impl Iterator for Records {
    type Item = Result<(Position, Vec<u8>), Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let step = self.step();
        self.failed = step.is_err();
        step.transpose()
    }
}
