//! The log changes hands while it is written: nothing is lost, nothing is written twice, and it stays one chain.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::thread::{self, JoinHandle};

use phi_ledger::read::verify;
use phi_ledger::{Fate, Held, Reached, Word};

use super::*;

/// The other process.
fn heir(folder: &Path, held: &Held) -> Result<Ledger, OpenError> {
    take_over(folder, held.reached(), held.lock().try_clone().unwrap())
}

fn take_over(folder: &Path, reached: Reached, lock: File) -> Result<Ledger, OpenError> {
    Ledger::take_over(folder, options(&Arc::default(), 1 << 20), reached, lock)
}

/// Appends what comes, and says what became of it.
fn relay(ledger: Ledger, mut from: UnixStream) -> JoinHandle<usize> {
    thread::spawn(move || {
        let (mut length, mut taken) = ([0; 2], 0);
        while from.read_exact(&mut length).is_ok() {
            let mut record = vec![0; usize::from(u16::from_be_bytes(length))];
            from.read_exact(&mut record).unwrap();
            let word = match wait(ledger.append(record)) {
                Ok(position) => Word { fate: Fate::Written, index: position.index },
                Err(_) => Word { fate: Fate::Refused, index: 0 },
            };
            from.write_all(&word.to_bytes()).unwrap();
            taken += 1;
        }
        taken
    })
}

#[test]
fn it_goes_on_in_another_process_without_a_gap() {
    let folder = tempfile::tempdir().unwrap();
    let (elder, _) = open(folder.path()).unwrap();
    append_all(&elder, &[b"one", b"two"]);
    let held = elder.hold().unwrap();
    let late = elder.append(b"three".to_vec());
    let kept = elder.keep(b"four".to_vec());
    let ledger = heir(folder.path(), &held).unwrap();
    assert!(matches!(open(folder.path()), Err(OpenError::Locked)));

    let (ours, theirs) = UnixStream::pair().unwrap();
    append_all(&ledger, &[b"of the heir"]);
    held.give_up(ours);
    let relaying = relay(ledger.clone(), theirs);
    assert_eq!((wait(late).unwrap().index, wait(kept).unwrap().index), (3, 4));
    append_all(&ledger, &[b"another"]);
    append_all(&elder, &[b"five"]);
    let read: Vec<_> = elder.records(Start::Index(4)).map(|record| record.unwrap().1).collect();
    assert_eq!(read, [&b"four"[..], b"another", b"five"], "it reads what the heir wrote");
    elder.shutdown().unwrap();
    assert_eq!(relaying.join().unwrap(), 3);
    assert!(matches!(open(folder.path()), Err(OpenError::Locked)), "the lock is the heir's");
    ledger.shutdown().unwrap();
    assert_eq!(texts(folder.path()).unwrap(), ["one", "two", "of the heir", "three", "four", "another", "five"]);
    assert_eq!(verify(folder.path()).unwrap().records, 7);
    open(folder.path()).unwrap();
}

#[test]
fn it_stays_where_it_is_where_nobody_takes_it() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path()).unwrap();
    append_all(&ledger, &[b"one"]);
    let held = ledger.hold().unwrap();
    let late = ledger.append(b"two".to_vec());
    drop(held);
    assert_eq!(wait(late).unwrap().index, 1);
    append_all(&ledger, &[b"three"]);
    assert!(matches!(open(folder.path()), Err(OpenError::Locked)));
    ledger.shutdown().unwrap();
    assert!(ledger.hold().is_err(), "nobody writes it");
    assert_eq!(texts(folder.path()).unwrap(), ["one", "two", "three"]);
}

#[test]
fn it_is_not_taken_where_it_ends_elsewhere_or_is_written_otherwise() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = open(folder.path()).unwrap();
    append_all(&ledger, &[b"one"]);
    let held = ledger.hold().unwrap();
    let lock = || held.lock().try_clone().unwrap();
    let reached = Reached { records: 2, ..held.reached() };
    assert!(matches!(take_over(folder.path(), reached, lock()), Err(OpenError::OtherEnd)));
    let process = Options { durability: Durability::Process, ..options(&Arc::default(), 1 << 20) };
    assert!(matches!(Ledger::take_over(folder.path(), process, held.reached(), lock()), Err(OpenError::OtherEnd)));
    let other = Options { origin: "test/2".to_owned(), ..options(&Arc::default(), 1 << 20) };
    assert!(matches!(
        Ledger::take_over(folder.path(), other, held.reached(), lock()),
        Err(OpenError::OtherOrigin { .. })
    ));
    drop(held);
    append_all(&ledger, &[b"two"]);
    assert_eq!(texts(folder.path()).unwrap(), ["one", "two"]);
}

#[test]
fn what_the_heir_refuses_or_keeps_is_told_and_not_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let (elder, _) = open(folder.path()).unwrap();
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    elder.hold().unwrap().give_up(ours);
    let mut hears = |record: &[u8], fate| {
        let mut came = vec![0; 2 + record.len()];
        theirs.read_exact(&mut came).unwrap();
        assert_eq!(&came[2..], record);
        theirs.write_all(&Word { fate, index: 0 }.to_bytes()).unwrap();
    };
    let refused = elder.append(b"one".to_vec());
    hears(b"one", Fate::Refused);
    assert!(wait(refused).is_err());
    let kept = elder.keep(b"two".to_vec());
    hears(b"two", Fate::Kept);
    assert!(wait(kept).is_err(), "it is not written yet");
    until(|| elder.kept() == 0);
    let lost = elder.keep(b"three".to_vec());
    hears(b"three", Fate::Refused);
    assert!(wait(lost).is_err());
    let written = elder.append(b"four".to_vec());
    hears(b"four", Fate::Written);
    assert_eq!(wait(written).unwrap().index, 0);
    assert_eq!(elder.shutdown().unwrap_err().records, 1, "nobody keeps that one");
}

#[test]
fn once_the_heir_is_gone_no_record_is_taken_and_what_was_kept_is_counted() {
    let folder = tempfile::tempdir().unwrap();
    let (elder, _) = open(folder.path()).unwrap();
    append_all(&elder, &[b"one"]);
    let held = elder.hold().unwrap();
    let (ours, theirs) = UnixStream::pair().unwrap();
    held.give_up(ours);
    drop(theirs);
    assert!(wait(elder.keep(b"two".to_vec())).is_err());
    until(|| matches!(elder.status(), phi_ledger::Status::Unavailable(_)));
    assert!(wait(elder.append(b"three".to_vec())).is_err());
    assert_eq!(elder.shutdown().unwrap_err().records, 1);
    assert_eq!(texts(folder.path()).unwrap(), ["one"]);
}
