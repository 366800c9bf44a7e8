use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use phi_ledger::read::verify;
use phi_ledger::{Fault, Flaw, Ledger};
use proptest::prelude::*;

use crate::{append_all, options, segments, texts, wait};

/// A log of several segments and batches, as the bytes of its files.
static LOG: LazyLock<Vec<(String, Vec<u8>)>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path(), options(&Arc::default(), 700)).unwrap();
    append_all(&ledger, &[b"{\"first\":1}", b"", b"second", b"second"]);
    for _ in 0..6 {
        let pending: Vec<_> = (0..4).map(|n| ledger.append(vec![b'0' + n; 20 * usize::from(n) + 3])).collect();
        pending.into_iter().for_each(|pending| assert!(wait(pending).is_ok()));
    }
    ledger.shutdown().unwrap();
    files(folder.path())
});

static RECORDS: LazyLock<Vec<String>> = LazyLock::new(|| texts(write(&LOG).path()).unwrap());

fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    segments(folder).iter().map(|path| (name(path), fs::read(path).unwrap())).collect()
}

fn write(log: &[(String, Vec<u8>)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, bytes) in log {
        fs::write(folder.path().join(name), bytes).unwrap();
    }
    folder
}

/// Whether the change is found; or else the log is the original one without its end, as it would be found after a
/// power cut.
fn is_found_or_an_end_is_missing(changed: &[(String, Vec<u8>)]) -> bool {
    let folder = write(changed);
    match (verify(folder.path()), texts(folder.path())) {
        (Err(_), Err(_)) => true,
        (Ok(report), Ok(texts)) => {
            let opened = Ledger::open(folder.path(), options(&Arc::default(), 700));
            let opens = opened.is_ok_and(|(ledger, _)| ledger.shutdown().is_ok());
            let is_beginning = texts.len() < RECORDS.len() && RECORDS.starts_with(&texts);
            opens && is_beginning && report.records == texts.len() as u64
        }
        (Ok(_), Err(_)) | (Err(_), Ok(_)) => false,
    }
}

fn place() -> impl Strategy<Value = (prop::sample::Index, prop::sample::Index)> {
    any::<(prop::sample::Index, prop::sample::Index)>()
}

#[test]
fn the_log_is_worth_tampering_with() {
    assert!(LOG.len() > 2);
    assert_eq!(verify(write(&LOG).path()).unwrap().records, 28);
}

#[test]
fn every_changed_byte_is_found() {
    for segment in 0..LOG.len() {
        for at in 0..LOG[segment].1.len() {
            let mut changed = LOG.clone();
            changed[segment].1[at] ^= 1 << (at % 8);
            assert!(is_found_or_an_end_is_missing(&changed), "{segment} {at}");
        }
    }
}

#[test]
fn every_missing_or_exchanged_segment_is_found() {
    for a in 0..LOG.len() {
        let mut changed = LOG.clone();
        changed.remove(a);
        assert!(is_found_or_an_end_is_missing(&changed), "{a} is missing");
        for b in 0..a {
            let mut changed = LOG.clone();
            let bytes = std::mem::take(&mut changed[a].1);
            changed[a].1 = std::mem::replace(&mut changed[b].1, bytes);
            assert!(is_found_or_an_end_is_missing(&changed), "{a} and {b} are exchanged");
        }
    }
}

/// What a forger does who knows the format: every checksum is right.
#[test]
fn what_was_written_by_the_same_hand_elsewhere_does_not_fit() {
    let log = |texts: [&[u8]; 4]| {
        let folder = tempfile::tempdir().unwrap();
        let (ledger, _) = Ledger::open(folder.path(), options(&Arc::default(), 200)).unwrap();
        append_all(&ledger, &texts);
        ledger.shutdown().unwrap();
        folder
    };
    let (ours, theirs) = (log([b"ann", b"was", b"paid", b"1"]), log([b"bob", b"was", b"paid", b"1"]));
    let (ours, theirs) = (files(ours.path()), files(theirs.path()));
    assert_eq!(ours.len(), 2);
    for segment in 0..2 {
        let mut changed = ours.clone();
        changed[segment].1.clone_from(&theirs[segment].1);
        let Err(Fault::Damaged(damage)) = verify(write(&changed).path()) else { panic!("{segment}") };
        assert_eq!(damage.flaw, Flaw::Chain);
    }
}

#[test]
fn a_record_with_its_checksum_cannot_stand_for_another() {
    let mut changed = LOG.clone();
    let bytes = &mut changed[0].1;
    let at = bytes.windows(6).position(|window| window == b"second").unwrap() - 7;
    let record = |text: &[u8]| {
        let head = [&[1, 0, 6], text].concat();
        [&head[..3], &crc32fast::hash(&head).to_be_bytes(), text].concat()
    };
    assert_eq!(bytes[at..at + 13], record(b"second"));
    bytes[at..at + 13].copy_from_slice(&record(b"Second"));
    let Err(Fault::Damaged(damage)) = verify(write(&changed).path()) else { panic!("it is not found") };
    assert_eq!((damage.flaw, damage.index), (Flaw::Mark, 2));
}

#[test]
fn a_log_begins_with_its_origin_alone() {
    let folder = tempfile::tempdir().unwrap();
    Ledger::open(folder.path(), options(&Arc::default(), 200)).unwrap().0.shutdown().unwrap();
    let first = segments(folder.path()).remove(0);
    let mut header = fs::read(&first).unwrap();
    header.truncate(header.len() - 4);
    header[20..52].fill(7);
    let crc = crc32fast::hash(&header);
    header.extend(crc.to_be_bytes());
    fs::write(first, header).unwrap();
    assert!(matches!(verify(folder.path()), Err(Fault::Damaged(damage)) if damage.flaw == Flaw::Chain));
}

proptest! {
    #[test]
    fn deleted_bytes_are_found(place in place(), len in 1_usize..300) {
        let mut changed = LOG.clone();
        let bytes = &mut place.0.get_mut(&mut changed).1;
        let at = place.1.index(bytes.len());
        bytes.drain(at..(at + len).min(bytes.len()));
        prop_assert!(is_found_or_an_end_is_missing(&changed));
    }

    #[test]
    fn exchanged_bytes_are_found(place in place(), other in any::<prop::sample::Index>(), len in 1_usize..100) {
        let mut changed = LOG.clone();
        let bytes = &mut place.0.get_mut(&mut changed).1;
        let (a, b) = (place.1.index(bytes.len() - len), other.index(bytes.len() - len));
        prop_assume!(a + len <= b && bytes[a..a + len] != bytes[b..b + len]);
        let (left, right) = bytes.split_at_mut(b);
        left[a..a + len].swap_with_slice(&mut right[..len]);
        prop_assert!(is_found_or_an_end_is_missing(&changed));
    }

    #[test]
    fn inserted_bytes_are_found(place in place(), new in prop::collection::vec(any::<u8>(), 1..80)) {
        let mut changed = LOG.clone();
        let last = changed.len() - 1;
        let segment = place.0.index(changed.len());
        let bytes = &mut changed[segment].1;
        let at = place.1.index(bytes.len());
        bytes.splice(at..at, new);
        prop_assert!(is_found_or_an_end_is_missing(&changed), "{segment} of {last} at {at}");
    }
}
