//! What must hold of any bytes: the body of this crate's fuzz target (`script/fuzz`), which a test asks about all that was
//! found so far. It is not part of what ships.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use crate::format::{MARK, batch_start, segment_name};
use crate::read::{Records, Start, verify};
use crate::writer::recover::recover;
use crate::{Durability, Files, Options};

/// A log of two segments, written by another program: 6 records, then 25 and 17 bytes that are no part of it.
const GOLDEN: [(u64, &[u8]); 2] = [
    (0, include_bytes!("../tests/golden/00000000000000000000.log")),
    (5, include_bytes!("../tests/golden/00000000000000000005.log")),
];

/// Whatever lies in the folder of a log, all its readers say the same of it and none panics; and where it is a changed
/// log, what they give out is the beginning of the sound one. The first byte says what the others are: a segment as it
/// is, one or two of them, or changes of a sound log, after which checksums may be made anew, as a forger would.
pub fn ledger(bytes: &[u8]) {
    static SOUND: LazyLock<Vec<Vec<u8>>> =
        LazyLock::new(|| judge(&GOLDEN.map(|(first, bytes)| (first, bytes.to_vec()))).expect("a sound log"));
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let half = bytes.len() / 2;
    match kind % 4 {
        0 => drop(judge(&[(0, bytes.to_vec())])),
        1 => drop(judge(&[(0, bytes[..half].to_vec()), (u64::from(*kind) / 4, bytes[half..].to_vec())])),
        forged => {
            let mut log = GOLDEN.map(|(first, bytes)| (first, bytes.to_vec()));
            bytes.chunks(5).for_each(|change| changed(&mut log, change));
            if forged == 3 {
                log.iter_mut().for_each(|(_, segment)| seal(segment));
            }
            if let Some(records) = judge(&log) {
                assert!(SOUND.starts_with(&records), "it gives out what was never written");
            }
        }
    }
}

/// One change: of which segment, how, where, and with what.
fn changed(log: &mut [(u64, Vec<u8>); 2], change: &[u8]) {
    let [how, high, low, with, more] = *change else { return };
    let segment = &mut log[usize::from(how & 1)].1;
    let at = usize::from(u16::from_be_bytes([high, low])).min(segment.len());
    match how >> 1 & 3 {
        0 => segment[at..].iter_mut().take(1).for_each(|byte| *byte ^= with),
        1 => segment.insert(at, with),
        2 => drop(segment.drain(at..(at + usize::from(with)).min(segment.len()))),
        _ => {
            // A part of the log stands in another place of it, too.
            let from = (usize::from(with) * 4).min(segment.len());
            let part = segment[from..(from + usize::from(more)).min(segment.len())].to_vec();
            segment.splice(at..(at + part.len()).min(segment.len()), part);
        }
    }
}

/// Makes the checksums of header, records and marks anew, as far as pieces can be told.
fn seal(segment: &mut [u8]) {
    let Some(header) = segment.get(11).map(|origin| 60 + usize::from(*origin)) else { return };
    if !put_crc(segment, 0, header, header) {
        return;
    }
    let mut at = batch_start(header as u64 + 4) as usize;
    loop {
        let Some(rest) = segment.get(at..).filter(|rest| rest.len() > 7) else { return };
        if rest[0] == 1 {
            let end = at + 7 + usize::from(u16::from_be_bytes([rest[1], rest[2]]));
            let Some(record) = segment.get(at..end) else { return };
            let crc = crc32fast::hash(&[&record[..3], &record[7..]].concat());
            segment[at + 3..at + 7].copy_from_slice(&crc.to_be_bytes());
            at = end;
        } else {
            if !put_crc(segment, at, at + MARK - 4, at + MARK - 4) {
                return;
            }
            at = batch_start((at + MARK) as u64) as usize;
        }
    }
}

/// Whether there is room for it.
fn put_crc(segment: &mut [u8], from: usize, to: usize, at: usize) -> bool {
    let Some(crc) = segment.get(from..to).map(crc32fast::hash) else { return false };
    segment.get_mut(at..at + 4).map(|place| place.copy_from_slice(&crc.to_be_bytes())).is_some()
}

/// What all readers give out, where they take the log; a log that is taken can be recovered and is the same after that.
fn judge(log: &[(u64, Vec<u8>)]) -> Option<Vec<Vec<u8>>> {
    let folder = tempfile::tempdir().expect("a folder");
    for (first, bytes) in log {
        fs::write(folder.path().join(segment_name(*first)), bytes).expect("a file");
    }
    let read = || {
        Records::new(folder.path(), Start::First).map(|record| Ok(record?.1)).collect::<Result<Vec<_>, crate::Fault>>()
    };
    let (verified, records) = (verify(folder.path()), read());
    assert_eq!(verified.is_ok(), records.is_ok(), "{verified:?}");
    for start in [Start::Index(3), Start::Time(1), Start::Time(u64::MAX)] {
        assert!(records.is_err() || Records::new(folder.path(), start).all(|record| record.is_ok()));
    }
    let origin = verified.as_ref().map_or("golden/1", |report| &report.origin);
    let options = Options { files: Arc::new(Unsynced), ..Options::new(origin, Durability::Disk) };
    let recovered = recover(folder.path(), &options);
    let (report, records) = (verified.ok()?, records.expect("verified"));
    assert_eq!(report.records, records.len() as u64);
    let (tail, ..) = recovered.expect("what verifies can be recovered");
    assert_eq!((tail.at.index, tail.at.head), (report.records, report.head));
    let after = verify(folder.path()).expect("what was recovered verifies");
    assert_eq!((after.records, after.head, after.unfinished_bytes), (report.records, report.head, 0));
    assert_eq!(read().expect("what was recovered can be read"), records);
    Some(records)
}

/// A disk that need not outlive the process.
#[derive(Debug)]
struct Unsynced;

impl Files for Unsynced {
    fn sync(&self, _: &File) -> io::Result<()> {
        Ok(())
    }

    fn sync_folder(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

#[cfg(test)]
mod tests {
    #[test]
    fn what_fuzzing_found_of_logs_holds() {
        super::replay::replay("ledger", super::ledger);
    }
}
