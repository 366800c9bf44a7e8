use std::fs::OpenOptions;
use std::path::Path;

use crate::Options;
use crate::fault::{Fault, OpenError};
use crate::format::{first_head, segment_name};
use crate::handle::Recovered;
use crate::landmarks::Landmarks;
use crate::read::{Start, Walk};
use crate::segment::{create, list};
use crate::window::Cursor;
use crate::writer::{Tail, from_disk};

/// Finds the end of the log, cuts off what was never written to its end, and opens the last segment to go on; begins
/// the log where there is none.
pub(crate) fn recover(folder: &Path, options: &Options) -> Result<(Tail, Landmarks, Recovered), OpenError> {
    let Some(segment) = list(folder)?.pop() else {
        let first = Cursor { offset: 0, index: 0, head: first_head(&options.origin) };
        let tail = begin(folder, options, first, 0)?;
        let recovered = report(&tail, 0);
        return Ok((tail, Landmarks::default(), recovered));
    };
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
    let cut_bytes = walk.bytes_after()?;
    if cut_bytes > 0 {
        let cutting = Fault::disk("cutting off an unfinished batch");
        options.files.cut(&file, walk.at.offset).map_err(&cutting)?;
        options.files.sync(&file).map_err(&cutting)?;
    }
    let mut tail = Tail { file, start: walk.segment.start, at: walk.at, latest_ms: header.created_ms };
    if header.durability != options.durability {
        // The header tells a reader what a power cut can have done to its segment.
        tail = begin(folder, options, tail.at, header.created_ms)?;
    }
    let recovered = report(&tail, cut_bytes);
    Ok((tail, landmarks, recovered))
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
