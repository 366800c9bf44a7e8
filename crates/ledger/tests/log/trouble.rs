//! What else a disk and a clock can do to a log that runs: each time it refuses, says why, and goes on by itself.

use std::sync::Arc;
use std::time::Duration;

use phi_ledger::read::{Start, verify};
use phi_ledger::{AppendError, Fault, Ledger, Options, Pending, Status};

use crate::faulty::Faulty;
use crate::{append_all, options, segments, texts, until, wait};

fn is_behind(ledger: &Ledger) -> bool {
    matches!(ledger.status(), Status::Unavailable(Fault::Behind { .. }))
}

fn is_refused(pending: Pending) -> bool {
    matches!(wait(pending), Err(AppendError::Unavailable(Fault::Behind { .. })))
}

#[test]
fn full_broken_or_read_only_it_says_which_and_goes_on_once_it_can() {
    // ENOSPC, EIO, EROFS, EDQUOT
    for error in [28, 5, 30, 122] {
        let (folder, files) = (tempfile::tempdir().unwrap(), Arc::<Faulty>::default());
        let (ledger, _) = Ledger::open(folder.path(), options(&files, 1 << 20)).unwrap();
        append_all(&ledger, &[b"1"]);
        files.refuse_writes(Some(error));
        assert!(wait(ledger.append(b"refused".to_vec())).is_err());
        let Status::Unavailable(Fault::Disk { source, .. }) = ledger.status() else { panic!("{error}") };
        assert_eq!(source.raw_os_error(), Some(error));
        assert!(wait(ledger.keep(b"2".to_vec())).is_err());
        files.refuse_writes(None);
        until(|| matches!(ledger.status(), Status::Healthy));
        append_all(&ledger, &[b"3"]);
        assert_eq!(texts(folder.path()).unwrap(), ["1", "2", "3"]);
        ledger.shutdown().unwrap();
    }
}

#[test]
fn a_disk_that_hangs_makes_it_refuse_until_it_has_caught_up() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::<Faulty>::default());
    let impatient = Options { patience: Duration::from_millis(1), ..options(&files, 1 << 20) };
    let (ledger, _) = Ledger::open(folder.path(), impatient).unwrap();
    files.shut_gate(true);
    let hanging = ledger.append(b"1".to_vec());
    until(|| is_behind(&ledger));
    assert!(is_refused(ledger.append(b"refused".to_vec())));
    let kept = ledger.keep(b"2".to_vec());
    files.shut_gate(false);
    assert_eq!((wait(hanging).unwrap().index, wait(kept).unwrap().index), (0, 1));
    until(|| matches!(ledger.status(), Status::Healthy));
    assert_eq!(texts(folder.path()).unwrap(), ["1", "2"]);
    ledger.shutdown().unwrap();
}

#[test]
fn no_more_waits_in_memory_than_it_was_told() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::<Faulty>::default());
    let patient = Duration::from_secs(3_600);
    let narrow = Options { patience: patient, waiting_bytes: 10_000, ..options(&files, 1 << 20) };
    let (ledger, _) = Ledger::open(folder.path(), narrow).unwrap();
    files.shut_gate(true);
    let waiting: Vec<_> = (0..101).map(|_| ledger.append(vec![b'x'; 100])).collect();
    assert!(is_behind(&ledger), "10,100 bytes wait");
    assert!(is_refused(ledger.append(b"refused".to_vec())));
    let kept = ledger.keep(b"kept".to_vec());
    files.shut_gate(false);
    waiting.into_iter().for_each(|pending| assert!(wait(pending).is_ok()));
    assert_eq!(wait(kept).unwrap().index, 101);
    append_all(&ledger, &[b"again"]);
    assert_eq!(verify(folder.path()).unwrap().records, 103);
    ledger.shutdown().unwrap();
}

#[test]
fn a_clock_that_is_set_back_hides_nothing() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::<Faulty>::default());
    files.set_clock(1_000);
    let (ledger, _) = Ledger::open(folder.path(), options(&files, 200)).unwrap();
    append_all(&ledger, &[&[b'a'; 10]]);
    files.set_clock(9_000);
    append_all(&ledger, &[&[b'b'; 90]]);
    files.set_clock(2_000);
    append_all(&ledger, &[&[b'c'; 90], &[b'd'; 90], &[b'e'; 90]]);
    assert!(segments(folder.path()).len() > 2);
    // Whatever was written when the clock showed this time or a later one is found.
    for (time, first) in [(500, b'a'), (1_500, b'a'), (8_999, b'a')] {
        let found: Vec<_> = ledger.records(Start::Time(time)).map(|record| record.unwrap().1[0]).collect();
        assert_eq!(found.first(), Some(&first), "at {time}");
        assert_eq!(found, b"abcde");
    }
    ledger.shutdown().unwrap();
}
