use std::fs::OpenOptions;
use std::path::Path;

use crate::fault::{Fault, OpenError};
use crate::format::{first_head, segment_name};
use crate::handle::Recovered;
use crate::landmarks::Landmarks;
use crate::read::{Start, Walk};
use crate::segment::{create, list};
use crate::window::Cursor;
use crate::writer::{Tail, from_disk};
use crate::{Durability, Options};

/// The last segment, read to the end of its last whole batch.
pub(crate) struct Found {
    tail: Tail,
    landmarks: Landmarks,
    durability: Durability,
    /// What stands behind that.
    surplus_bytes: u64,
}

/// Finds the end of the log, cuts off what was never written to its end, and opens the last segment to go on; begins
/// the log where there is none.
pub(crate) fn recover(folder: &Path, options: &Options) -> Result<(Tail, Landmarks, Recovered), OpenError> {
    let Some(found) = find(folder, options)? else {
        let first = Cursor { offset: 0, index: 0, head: first_head(&options.origin) };
        let tail = begin(folder, options, first, 0)?;
        let recovered = report(&tail, 0);
        return Ok((tail, Landmarks::default(), recovered));
    };
    let Found { mut tail, landmarks, durability, surplus_bytes } = found;
    if surplus_bytes > 0 {
        let cutting = Fault::disk("cutting off an unfinished batch");
        options.files.cut(&tail.file, tail.at.offset).map_err(&cutting)?;
        options.files.sync(&tail.file).map_err(&cutting)?;
    }
    if durability != options.durability {
        // The header tells a reader what a power cut can have done to its segment.
        tail = begin(folder, options, tail.at, tail.latest_ms)?;
    }
    let recovered = report(&tail, surplus_bytes);
    Ok((tail, landmarks, recovered))
}

/// Finds the end of the log, and changes nothing; `None` where there is no log.
pub(crate) fn find(folder: &Path, options: &Options) -> Result<Option<Found>, OpenError> {
    let Some(segment) = list(folder)?.pop() else { return Ok(None) };
    let opened = OpenOptions::new().read(true).write(true).open(folder.join(segment_name(segment)));
    let file = opened.map_err(Fault::disk("opening the last segment"))?;
    // A process that ended after a failed write may have left what can be read but is not on the disk.
    options.files.sync(&file).map_err(Fault::disk("syncing the last segment"))?;
    from_disk(&file);
    let Some(mut walk) = Walk::open(folder, Start::Index(segment), None)? else {
        return Err(Fault::disk("opening the last segment")(std::io::ErrorKind::NotFound.into()).into());
    };
    let header = walk.segment.header.clone();
    if header.origin != options.origin {
        return Err(OpenError::OtherOrigin { found: header.origin });
    }
    let mut landmarks = Landmarks::default();
    while let Some((_, to)) = walk.batch()? {
        landmarks.note(segment, to);
    }
    let surplus_bytes = walk.bytes_after()?;
    let tail = Tail { file, start: walk.segment.start, at: walk.at, latest_ms: header.created_ms };
    Ok(Some(Found { tail, landmarks, durability: header.durability, surplus_bytes }))
}

impl Found {
    /// The end of the log, where writing can go on there as it is.
    pub(crate) fn untouched(self, options: &Options) -> Option<(Tail, Landmarks, Recovered)> {
        let recovered = report(&self.tail, 0);
        let fits = self.surplus_bytes == 0 && self.durability == options.durability;
        fits.then_some((self.tail, self.landmarks, recovered))
    }
}

fn begin(folder: &Path, options: &Options, after: Cursor, latest_ms: u64) -> Result<Tail, Fault> {
    let latest_ms = options.files.now_ms().max(latest_ms);
    let (file, start) = create(&*options.files, folder, &options.origin, options.durability, after, latest_ms)?;
    Ok(Tail { file, start, at: start, latest_ms })
}

fn report(tail: &Tail, cut_bytes: u64) -> Recovered {
    let Cursor { offset, index, head } = tail.at;
    Recovered { records: index, head, segment: tail.start.index, offset, cut_bytes }
}
