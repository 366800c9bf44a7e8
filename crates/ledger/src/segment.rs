use std::fs::{self, File};
use std::io;
use std::path::Path;

use crate::fault::{Damage, Fault, Flaw};
use crate::format::{Header, MAX_HEADER, batch_start, first_head, index_in_name, segment_name};
use crate::window::{Broken, Cursor, Window};
use crate::{Durability, Files};

/// A segment is written under this name and gets its own once its header is on stable storage: so no segment ever has
/// half a header.
const UNNAMED: &str = "new.tmp";

/// One file of the log, opened for reading.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) header: Header,
    /// Where its first batch begins.
    pub(crate) start: Cursor,
    pub(crate) window: Window,
}

/// The first indexes of all segments of a log, in order.
pub(crate) fn list(folder: &Path) -> Result<Vec<u64>, Fault> {
    let listing = Fault::disk("listing the segments");
    let mut firsts = Vec::new();
    for entry in fs::read_dir(folder).map_err(&listing)? {
        firsts.extend(entry.map_err(&listing)?.file_name().to_str().and_then(index_in_name));
    }
    firsts.sort_unstable();
    Ok(firsts)
}

impl Segment {
    /// Opens a segment and checks its header.
    pub(crate) fn open(folder: &Path, first_index: u64) -> Result<Self, Fault> {
        let reading = Fault::disk("opening a segment");
        let mut window = Window::new(File::open(folder.join(segment_name(first_index))).map_err(&reading)?);
        let damaged = |flaw| damage(first_index, Broken { offset: 0, index: first_index, flaw });
        let (header, bytes) = Header::parse(window.at(0, MAX_HEADER).map_err(&reading)?).map_err(damaged)?;
        if header.first_index != first_index {
            return Err(damaged(Flaw::Name));
        }
        let start = batch_start(bytes as u64);
        let padding = window.at(bytes as u64, (start - bytes as u64) as usize).map_err(&reading)?;
        if padding.iter().any(|&byte| byte != 0) {
            return Err(damaged(Flaw::Header));
        }
        if first_index == 0 && header.previous != first_head(&header.origin) {
            return Err(damaged(Flaw::Chain));
        }
        let start = Cursor { offset: start, index: first_index, head: header.previous };
        Ok(Self { header, start, window })
    }

    pub(crate) fn damage(&self, broken: Broken) -> Fault {
        damage(self.header.first_index, broken)
    }

    /// Verifies that this segment leads to exactly `to`, as when it was written.
    pub(crate) fn leads_to(&mut self, to: Cursor) -> Result<(), Fault> {
        let mut at = self.start;
        while at.offset < to.offset {
            let batch = self.window.batch(at).map_err(Fault::disk("reading a segment again"))?;
            at = batch.map_err(|broken| self.damage(broken))?;
        }
        if at == to {
            Ok(())
        } else {
            Err(self.damage(Broken { offset: at.offset, index: at.index, flaw: Flaw::Mark }))
        }
    }
}

fn damage(first_index: u64, broken: Broken) -> Fault {
    let Broken { offset, index, flaw } = broken;
    Fault::Damaged(Damage { segment: segment_name(first_index), offset, index, flaw })
}

/// Makes a segment that goes on after `after`, in place of one of the same first index: nothing in that one was ever
/// acknowledged. Returns the file, and the cursor where its first batch goes.
pub(crate) fn create(
    files: &dyn Files,
    folder: &Path,
    origin: &str,
    durability: Durability,
    after: Cursor,
    created_ms: u64,
) -> Result<(File, Cursor), Fault> {
    let header =
        Header { durability, first_index: after.index, previous: after.head, created_ms, origin: origin.into() };
    let bytes = header.to_bytes();
    let unnamed = folder.join(UNNAMED);
    let made = || -> io::Result<File> {
        let file = files.create(&unnamed)?;
        files.write(&file, &bytes, 0)?;
        files.sync(&file)?;
        files.rename(&unnamed, &folder.join(segment_name(after.index)))?;
        files.sync_folder(folder)?;
        Ok(file)
    };
    let file = made().map_err(Fault::disk("creating a segment"))?;
    Ok((file, Cursor { offset: batch_start(bytes.len() as u64), ..after }))
}
