use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use phi_crypto::sha256;
use phi_ledger::read::{Records, Start, verify};
use phi_ledger::{AppendError, Durability, Fault, Ledger, MAX_RECORD, OpenError, Options, Status};

use crate::faulty::Faulty;
use crate::{ORIGIN, append_all, open, options, segments, texts, wait};

#[test]
fn what_is_appended_is_read_verified_and_found_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("made/on/the/way");
    let (ledger, recovered) = Ledger::open(&home, Options::new(ORIGIN, Durability::Disk)).unwrap();
    assert_eq!((recovered.records, recovered.cut_bytes), (0, 0));
    let pending: Vec<_> = ["a", "b", ""].map(|text| ledger.append(text.into())).into();
    let positions: Vec<_> = pending.into_iter().map(|pending| wait(pending).unwrap()).collect();
    assert_eq!(positions.iter().map(|position| position.index).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(positions[0].leaf, sha256(&[&[0], b"a"]));
    assert!(matches!(ledger.status(), Status::Healthy));
    ledger.shutdown().unwrap();

    let (ledger, recovered) = Ledger::open(&home, Options::new(ORIGIN, Durability::Disk)).unwrap();
    let chain = positions.iter().fold(sha256(&[ORIGIN.as_bytes()]), |head, at| sha256(&[&head, &at.leaf]));
    assert_eq!((recovered.records, recovered.head, recovered.cut_bytes), (3, chain, 0));
    let read: Vec<_> = ledger.records(Start::First).map(Result::unwrap).collect();
    assert_eq!(read.iter().map(|(position, _)| *position).collect::<Vec<_>>(), positions);
    assert_eq!(texts(&home).unwrap(), ["a", "b", ""]);
    let report = verify(&home).unwrap();
    assert_eq!((report.origin.as_str(), report.records, report.head), (ORIGIN, 3, chain));
    assert_eq!((report.segments, report.surplus_bytes, report.unfinished_bytes), (1, 0, 0));
    ledger.shutdown().unwrap();
}

#[test]
fn only_the_owner_can_read_it() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("log");
    open(&home).unwrap().0.shutdown().unwrap();
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(home.clone()), 0o700);
    assert_eq!(segments(&home).into_iter().map(mode).collect::<Vec<_>>(), [0o600]);
}

#[test]
fn a_second_writer_is_refused_until_the_first_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path()).unwrap();
    assert!(matches!(open(folder.path()), Err(OpenError::Locked)));
    append_all(&ledger, &[b"still the first one's"]);
    ledger.shutdown().unwrap();
    let (ledger, recovered) = open(folder.path()).unwrap();
    assert_eq!(recovered.records, 1);
    ledger.shutdown().unwrap();
}

#[test]
fn the_log_of_another_and_impossible_origins_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).unwrap().0.shutdown().unwrap();
    let open = |origin: String| Ledger::open(folder.path(), Options::new(origin, Durability::Disk));
    assert!(matches!(open("test/2".into()), Err(OpenError::OtherOrigin { found }) if found == ORIGIN));
    assert!(matches!(open(String::new()), Err(OpenError::OriginLength { bytes: 0 })));
    assert!(matches!(open("x".repeat(256)), Err(OpenError::OriginLength { bytes: 256 })));
}

#[test]
fn the_longest_record_fits_and_a_longer_one_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path()).unwrap();
    let bytes = MAX_RECORD + 1;
    for pending in [ledger.append(vec![7; bytes]), ledger.keep(vec![7; bytes])] {
        assert!(matches!(wait(pending), Err(AppendError::TooLong { bytes: found }) if found == bytes));
    }
    // More than one batch, and more than the buffer that they are read through.
    let pending: Vec<_> = (0..40).map(|n| ledger.append(vec![n; MAX_RECORD])).collect();
    pending.into_iter().for_each(|pending| assert!(wait(pending).is_ok()));
    for (n, record) in ledger.records(Start::First).enumerate() {
        assert_eq!(record.unwrap().1, vec![n as u8; MAX_RECORD]);
    }
    assert_eq!(verify(folder.path()).unwrap().records, 40);
    ledger.shutdown().unwrap();
}

#[test]
fn a_full_segment_is_followed_by_another_and_reading_begins_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path(), options(&Arc::default(), 300)).unwrap();
    let records: Vec<Vec<u8>> = (0..20_u8).map(|n| vec![b'a' + n; 30]).collect();
    append_all(&ledger, &records.iter().map(Vec::as_slice).collect::<Vec<_>>());
    assert!(segments(folder.path()).len() > 5, "they are small");
    let from = |start| -> Vec<u64> { ledger.records(start).map(|record| record.unwrap().0.index).collect() };
    assert_eq!(from(Start::First), (0..20).collect::<Vec<_>>());
    assert_eq!(from(Start::Index(13)), (13..20).collect::<Vec<_>>());
    assert_eq!(from(Start::Index(20)), []);
    assert_eq!(from(Start::Time(0)), (0..20).collect::<Vec<_>>());
    let late = from(Start::Time(u64::MAX));
    assert!((1..6).contains(&late.len()) && late.last() == Some(&19), "the last segment alone: {late:?}");
    let report = ledger.verify().unwrap();
    assert_eq!((report.records, report.segments), (20, segments(folder.path()).len() as u64));
    ledger.shutdown().unwrap();
    let (ledger, recovered) = open(folder.path()).unwrap();
    assert_eq!(recovered.records, 20);
    ledger.shutdown().unwrap();
}

#[test]
fn a_long_segment_is_read_from_any_record_and_from_its_landmarks() {
    let folder = tempfile::tempdir().unwrap();
    let long = || options(&Arc::default(), 1 << 30);
    let (ledger, _) = Ledger::open(folder.path(), long()).unwrap();
    assert_eq!((ledger.landmarks().unwrap(), ledger.landmarks_passed()), (vec![0], 0));
    let pending: Vec<_> = (0..200_u8).map(|n| ledger.append(vec![n; 50_000])).collect();
    let positions: Vec<_> = pending.into_iter().map(|pending| wait(pending).unwrap()).collect();
    let landmarks = ledger.landmarks().unwrap();
    assert_eq!((landmarks.len(), ledger.landmarks_passed()), (3, 2), "10 MB: {landmarks:?}");
    ledger.shutdown().unwrap();

    let (ledger, recovered) = Ledger::open(folder.path(), long()).unwrap();
    assert_eq!((ledger.landmarks().unwrap(), recovered.records), (landmarks.clone(), 200));
    for from in landmarks.iter().flat_map(|&at| [at.saturating_sub(1), at, at + 1]) {
        let read: Vec<_> = ledger.records(Start::Index(from)).map(Result::unwrap).collect();
        assert_eq!(read.iter().map(|(position, _)| *position).collect::<Vec<_>>(), positions[from as usize..]);
        assert!(read.iter().all(|(position, bytes)| *bytes == vec![position.index as u8; 50_000]));
    }
    append_all(&ledger, &[b"on"]);
    assert_eq!(ledger.records(Start::Index(landmarks[2])).last().unwrap().unwrap().1, b"on");

    // What lies behind a landmark is verified as ever.
    let mut bytes = fs::read(&segments(folder.path())[0]).unwrap();
    let at = bytes.len() - 200_000;
    bytes[at] ^= 1;
    fs::write(&segments(folder.path())[0], &bytes).unwrap();
    assert!(ledger.records(Start::Index(landmarks[2])).any(|record| matches!(record, Err(Fault::Damaged(_)))));
    ledger.shutdown().unwrap();
}

#[test]
fn batches_of_every_length_begin_where_they_should() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path()).unwrap();
    let records: Vec<_> = (0..530).map(|n| vec![b'x'; n]).collect();
    append_all(&ledger, &records.iter().map(Vec::as_slice).collect::<Vec<_>>());
    assert_eq!(ledger.records(Start::First).map(|record| record.unwrap().1).collect::<Vec<_>>(), records);
    ledger.shutdown().unwrap();
    let (ledger, recovered) = open(folder.path()).unwrap();
    assert_eq!((recovered.records, recovered.cut_bytes), (530, 0));
    ledger.shutdown().unwrap();
}

#[test]
fn many_records_share_one_sync() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::<Faulty>::default());
    let (ledger, _) = Ledger::open(folder.path(), options(&files, 1 << 20)).unwrap();
    let before = files.syncs();
    files.shut_gate(true);
    let pending: Vec<_> = (0..500).map(|n| ledger.append(format!("{n}").into())).collect();
    files.shut_gate(false);
    let indexes: Vec<_> = pending.into_iter().map(|pending| wait(pending).unwrap().index).collect();
    assert_eq!(indexes, (0..500).collect::<Vec<_>>());
    let syncs = files.syncs() - before;
    assert!(syncs <= 2, "one for those that came first, one for all the others: {syncs}");
    ledger.shutdown().unwrap();
}

#[test]
fn without_syncing_it_survives_the_process_and_says_so() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::<Faulty>::default());
    let process = Options { durability: Durability::Process, ..options(&files, 1 << 20) };
    let (ledger, _) = Ledger::open(folder.path(), process).unwrap();
    let before = files.syncs();
    append_all(&ledger, &[b"a", b"b"]);
    assert_eq!(files.syncs(), before);
    assert_eq!(ledger.durability().to_string(), "process");
    assert_eq!(texts(folder.path()).unwrap(), ["a", "b"]);
    ledger.shutdown().unwrap();
    // What follows is durable: so it goes to a segment that says so.
    let (ledger, _) = open(folder.path()).unwrap();
    append_all(&ledger, &[b"c"]);
    ledger.shutdown().unwrap();
    assert_eq!(texts(folder.path()).unwrap(), ["a", "b", "c"]);
    assert_eq!(segments(folder.path()).len(), 2);
}

#[test]
fn after_shutdown_nothing_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path()).unwrap();
    let kept = ledger.keep(b"before".to_vec());
    ledger.shutdown().unwrap();
    assert_eq!(wait(kept).unwrap().index, 0);
    for pending in [ledger.append(b"after".to_vec()), ledger.keep(b"after".to_vec())] {
        assert!(matches!(wait(pending), Err(AppendError::Unavailable(Fault::Stopped))));
    }
    assert!(matches!(ledger.status(), Status::Unavailable(Fault::Stopped)));
    assert_eq!(ledger.shutdown().unwrap_err().records, 1, "what was to be kept is lost, and that is said");
    assert_eq!(Records::new(folder.path(), Start::First).count(), 1);
}
