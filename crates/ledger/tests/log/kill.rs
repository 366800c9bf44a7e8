use std::fs;
use std::sync::Arc;

use phi_ledger::read::verify;
use phi_ledger::{Durability, Fault, Flaw, Ledger, OpenError, Options};

use crate::faulty::Faulty;
use crate::{append_all, copy, last_segment, open, options, segments, texts, wait};

/// A log of two segments; the last one's bytes; and where each of its batches ends.
fn log(folder: &std::path::Path) -> (Vec<u8>, Vec<usize>) {
    let (ledger, _) = Ledger::open(folder, options(&Arc::default(), 300)).unwrap();
    let mut ends = Vec::new();
    for record in [&[b'a'; 200][..], &[b'b'; 200], b"c", b"", b"eeee"] {
        append_all(&ledger, &[record]);
        ends.push((segments(folder).len(), fs::metadata(last_segment(folder)).unwrap().len() as usize));
    }
    ledger.shutdown().unwrap();
    let last = segments(folder).len();
    assert!(last > 1);
    let ends = ends.into_iter().filter(|(segment, _)| *segment == last).map(|(_, end)| end).collect();
    (fs::read(last_segment(folder)).unwrap(), ends)
}

#[test]
fn a_kill_at_any_byte_loses_nothing_before_the_last_mark() {
    let home = tempfile::tempdir().unwrap();
    let (bytes, ends) = log(home.path());
    let before = 5 - ends.len();
    let header = 64 + "test/1".len();
    for cut in header..=bytes.len() {
        let folder = tempfile::tempdir().unwrap();
        copy(home.path(), folder.path());
        fs::write(last_segment(folder.path()), &bytes[..cut]).unwrap();
        let whole = ends.iter().filter(|&&end| end <= cut).count();
        let (ledger, recovered) = open(folder.path()).unwrap();
        let last = ends[..whole].last().copied().unwrap_or(header);
        assert_eq!(recovered.records as usize, before + whole, "cut at {cut}");
        assert_eq!((recovered.offset as usize, recovered.cut_bytes as usize), (last, cut - last), "cut at {cut}");
        assert_eq!(fs::metadata(last_segment(folder.path())).unwrap().len() as usize, last, "cut at {cut}");
        append_all(&ledger, &[b"after"]);
        ledger.shutdown().unwrap();
        assert_eq!(texts(folder.path()).unwrap().len(), before + whole + 1);
        assert_eq!(verify(folder.path()).unwrap().unfinished_bytes, 0);
    }
}

#[test]
fn a_segment_without_a_whole_header_was_never_made_so() {
    let home = tempfile::tempdir().unwrap();
    let (bytes, _) = log(home.path());
    for cut in [0, 1, 40, 69] {
        fs::write(last_segment(home.path()), &bytes[..cut]).unwrap();
        let Err(OpenError::Fault(Fault::Damaged(damage))) = open(home.path()) else { panic!("cut at {cut}") };
        assert_eq!((damage.offset, damage.flaw == Flaw::Piece), (0, false));
    }
}

#[test]
fn damage_before_the_last_mark_is_refused_with_its_place() {
    let home = tempfile::tempdir().unwrap();
    let (bytes, ends) = log(home.path());
    let (start, end) = (ends[ends.len() - 2], ends[ends.len() - 1]);
    for at in start..end - 64 {
        let mut changed = bytes.clone();
        changed[at] ^= 0x80;
        fs::write(last_segment(home.path()), &changed).unwrap();
        let Err(OpenError::Fault(Fault::Damaged(damage))) = open(home.path()) else { panic!("changed at {at}") };
        assert_eq!((damage.offset as usize, damage.index), (start, 4), "changed at {at}");
        assert!(damage.segment.ends_with(".log"));
    }
}

#[test]
fn a_killed_process_without_syncs_loses_nothing() {
    let (home, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let process = Options { files: Arc::<Faulty>::default(), ..Options::new("test/1", Durability::Process) };
    let (ledger, _) = Ledger::open(home.path(), process.clone()).unwrap();
    append_all(&ledger, &[b"1", b"2"]);
    // What the operating system holds at this moment is what is found after a kill.
    copy(home.path(), folder.path());
    ledger.shutdown().unwrap();
    let (ledger, recovered) = Ledger::open(folder.path(), process).unwrap();
    assert_eq!(recovered.records, 2);
    assert_eq!(wait(ledger.append(b"3".to_vec())).unwrap().index, 2);
    ledger.shutdown().unwrap();
}
