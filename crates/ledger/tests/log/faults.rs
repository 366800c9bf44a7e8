use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use phi_ledger::read::{Start, verify};
use phi_ledger::{AppendError, Damage, Fault, Flaw, Ledger, Status};

use crate::faulty::Faulty;
use crate::{append_all, last_segment, open, options, segments, texts, until, wait};

fn is_healthy(ledger: &Ledger) -> bool {
    matches!(ledger.status(), Status::Healthy)
}

#[test]
fn a_full_disk_refuses_at_once_keeps_in_order_and_goes_on_by_itself() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::<Faulty>::default());
    let (ledger, _) = Ledger::open(folder.path(), options(&files, 1 << 20)).unwrap();
    append_all(&ledger, &[b"1"]);
    files.fill(true);
    assert!(matches!(
        wait(ledger.append(b"refused".to_vec())),
        Err(AppendError::Unavailable(Fault::Disk { source, .. })) if source.kind() == ErrorKind::StorageFull
    ));
    assert!(matches!(ledger.status(), Status::Unavailable(Fault::Disk { .. })));
    let kept: Vec<_> = ["2", "3", "4"].map(|text| ledger.keep(text.into())).into();
    for pending in kept {
        assert!(matches!(wait(pending), Err(AppendError::Unavailable(_))), "nobody waits for a full disk");
    }
    assert!(wait(ledger.append(b"refused".to_vec())).is_err());
    assert_eq!(ledger.kept(), 3);
    files.fill(false);
    until(|| is_healthy(&ledger));
    append_all(&ledger, &[b"5"]);
    assert_eq!((ledger.kept(), texts(folder.path()).unwrap()), (0, ["1", "2", "3", "4", "5"].map(String::from).into()));
    assert!(verify(folder.path()).unwrap().surplus_bytes > 0, "half of a refused record is left behind");
    ledger.shutdown().unwrap();
    let (ledger, recovered) = open(folder.path()).unwrap();
    assert_eq!(recovered.records, 5);
    ledger.shutdown().unwrap();
}

#[test]
fn after_a_failed_sync_another_segment_goes_on_from_what_was_acknowledged() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::<Faulty>::default());
    let (ledger, _) = Ledger::open(folder.path(), options(&files, 1 << 20)).unwrap();
    append_all(&ledger, &[b"1", b"2"]);
    let mut reader = ledger.records(Start::First);
    assert_eq!(reader.by_ref().count(), 2);
    files.fail_syncs(1);
    assert!(wait(ledger.append(b"refused".to_vec())).is_err());
    assert_eq!(reader.by_ref().count(), 0, "what can be read of it was never acknowledged");
    // The disk itself checks that the file whose sync failed is neither written nor synced again.
    until(|| is_healthy(&ledger));
    append_all(&ledger, &[b"3"]);
    let rest: Vec<_> = reader.map(|record| record.unwrap()).map(|(at, text)| (at.index, text)).collect();
    assert_eq!(rest, [(2, b"3".to_vec())], "a reader from before finds its way");
    assert_eq!(texts(folder.path()).unwrap(), ["1", "2", "3"]);
    assert_eq!(segments(folder.path()).len(), 2);
    assert!(ledger.verify().unwrap().surplus_bytes > 0);
    ledger.shutdown().unwrap();
}

#[test]
fn a_sync_that_fails_again_and_again_leaves_no_more_than_one_segment_behind() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::<Faulty>::default());
    let (ledger, _) = Ledger::open(folder.path(), options(&files, 1 << 20)).unwrap();
    append_all(&ledger, &[b"1"]);
    files.fail_syncs(4);
    let kept = ledger.keep(b"2".to_vec());
    assert!(wait(kept).is_err());
    until(|| is_healthy(&ledger));
    assert_eq!(texts(folder.path()).unwrap(), ["1", "2"]);
    assert_eq!(segments(folder.path()).len(), 2);
    ledger.shutdown().unwrap();
}

#[test]
fn where_the_acknowledged_part_was_lost_the_log_does_not_go_on() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::<Faulty>::default());
    let (ledger, _) = Ledger::open(folder.path(), options(&files, 1 << 20)).unwrap();
    append_all(&ledger, &[b"acknowledged"]);
    let file = fs::OpenOptions::new().write(true).open(last_segment(folder.path())).unwrap();
    let at = fs::read(last_segment(folder.path())).unwrap().windows(5).position(|bytes| bytes == b"ledge").unwrap();
    file.write_all_at(b"X", at as u64).unwrap();
    files.fail_syncs(1);
    assert!(wait(ledger.append(b"refused".to_vec())).is_err());
    until(|| matches!(ledger.status(), Status::Unavailable(Fault::Damaged(_))));
    let Status::Unavailable(Fault::Damaged(damage)) = ledger.status() else { panic!("it stays so") };
    assert_eq!((damage.index, damage.flaw), (0, Flaw::Piece));
    assert!(wait(ledger.append(b"refused".to_vec())).is_err());
    ledger.shutdown().unwrap();
}

#[test]
fn damage_in_an_older_segment_is_found_and_only_what_must_be_written_still_is() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path(), options(&Arc::default(), 200)).unwrap();
    append_all(&ledger, &[&[b'a'; 90], &[b'b'; 90], &[b'c'; 90], &[b'd'; 90]]);
    ledger.shutdown().unwrap();
    let oldest = segments(folder.path()).remove(0);
    let mut bytes = fs::read(&oldest).unwrap();
    let at = bytes.iter().position(|&byte| byte == b'a').unwrap();
    bytes[at] ^= 1;
    fs::write(&oldest, &bytes).unwrap();

    let (ledger, recovered) = open(folder.path()).unwrap();
    assert_eq!(recovered.records, 4);
    until(|| matches!(ledger.status(), Status::Unavailable(Fault::Damaged(_))));
    assert!(wait(ledger.append(b"refused".to_vec())).is_err());
    assert_eq!(wait(ledger.keep(b"the end of what was begun".to_vec())).unwrap().index, 4);
    assert!(matches!(ledger.status(), Status::Unavailable(Fault::Damaged(_))));
    ledger.shutdown().unwrap();
}

#[test]
fn reading_that_comes_upon_damage_makes_the_log_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let (ledger, _) = Ledger::open(folder.path(), options(&Arc::default(), 200)).unwrap();
    append_all(&ledger, &[&[b'a'; 90], &[b'b'; 90], &[b'c'; 90]]);
    fs::remove_file(segments(folder.path()).remove(1)).unwrap();
    assert!(ledger.records(Start::First).any(|record| matches!(record, Err(Fault::Damaged(_)))));
    assert!(wait(ledger.append(b"refused".to_vec())).is_err());
    ledger.shutdown().unwrap();
}

#[test]
fn what_waits_when_damage_is_found_is_refused_too() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::<Faulty>::default());
    let (ledger, _) = Ledger::open(folder.path(), options(&files, 1 << 20)).unwrap();
    let before = files.operations();
    files.shut_gate(true);
    let being_written = ledger.append(b"1".to_vec());
    until(|| files.operations() > before);
    let waiting = [ledger.append(b"2".to_vec()), ledger.keep(b"3".to_vec())];
    let damage = Damage { segment: "x".into(), offset: 0, index: 0, flaw: Flaw::Piece };
    ledger.condemn(damage);
    files.shut_gate(false);
    assert_eq!(wait(being_written).unwrap().index, 0);
    let [appended, kept] = waiting.map(wait);
    assert!(matches!(appended, Err(AppendError::Unavailable(Fault::Damaged(_)))));
    assert_eq!(kept.unwrap().index, 1);
    ledger.shutdown().unwrap();
}

#[test]
fn shutdown_says_what_it_could_not_write() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::<Faulty>::default());
    let (ledger, _) = Ledger::open(folder.path(), options(&files, 1 << 20)).unwrap();
    files.fill(true);
    let kept = ["1", "2"].map(|text| ledger.keep(text.into()));
    assert_eq!(ledger.shutdown().unwrap_err().records, 2);
    assert!(kept.into_iter().all(|pending| wait(pending).is_err()));
}
