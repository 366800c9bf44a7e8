use std::fs;
use std::sync::Arc;

use phi_ledger::read::verify;
use phi_ledger::{Durability, Fault, Ledger, OpenError, Options};
use proptest::prelude::*;

use crate::faulty::Faulty;
use crate::{append_all, last_segment, open, options, texts, wait};

proptest! {
    /// Whatever the moment, whatever syncs failed before, and whichever sectors of what was not synced reached the
    /// disk: the log opens, holds all that was acknowledged, in order, and goes on.
    #[test]
    fn a_power_cut_loses_nothing_acknowledged(
        cut_at in 6_usize..60,
        sizes in prop::collection::vec(prop::collection::vec(1_usize..1_500, 1..5), 1..12),
        failing in prop::option::of(0_usize..12),
        random in 1_u64..,
    ) {
        let (before, after) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let files = Arc::new(Faulty::power_cut_at(cut_at));
        let (ledger, _) = Ledger::open(before.path(), options(&files, 4_000)).unwrap();
        let (mut acknowledged, mut asked) = (Vec::new(), Vec::new());
        for (n, batch) in sizes.iter().enumerate() {
            if failing == Some(n) {
                files.fail_syncs(1);
            }
            let texts: Vec<_> = batch.iter().enumerate().map(|(m, size)| format!("{n}.{m} {}", "x".repeat(*size))).collect();
            let pending: Vec<_> = texts.iter().map(|text| ledger.keep(text.clone().into())).collect();
            for (text, pending) in texts.into_iter().zip(pending) {
                if wait(pending).is_ok() {
                    acknowledged.push(text.clone());
                }
                asked.push(text);
            }
        }
        let _ = ledger.shutdown();
        files.after_power_cut(after.path(), random);

        let (ledger, recovered) = open(after.path()).unwrap();
        let found = texts(after.path()).unwrap();
        prop_assert_eq!(recovered.records as usize, found.len());
        let mut rest = found.iter();
        for text in &acknowledged {
            prop_assert!(rest.any(|record| record == text), "lost or out of order: {}", &text[..5]);
        }
        prop_assert!(asked.starts_with(&found), "kept records stay in order and come once");
        append_all(&ledger, &[b"after"]);
        prop_assert!(ledger.shutdown().is_ok());
        prop_assert_eq!(verify(after.path()).unwrap().records as usize, found.len() + 1);
    }
}

/// The power goes at each of a thousand writes, and beside them; with several threads appending, and segments that end.
#[test]
fn a_thousand_power_cuts_in_busy_runs_lose_nothing_acknowledged() {
    let tried = crate::cuts::cut(1_000).unwrap();
    assert!(tried.writes >= 1_000 && tried.cuts > tried.writes, "{tried:?}");
    assert!(tried.segments > 100 && tried.acknowledged > 10_000, "{tried:?}");
}

/// Batches of 2,000 bytes, so that each has sectors of its own.
fn log(folder: &std::path::Path, durability: Durability) -> Vec<u8> {
    let options = Options { files: Arc::<Faulty>::default(), ..Options::new("test/1", durability) };
    let (ledger, _) = Ledger::open(folder, options).unwrap();
    append_all(&ledger, &[&[b'a'; 2_000], &[b'b'; 2_000], &[b'c'; 2_000]]);
    ledger.shutdown().unwrap();
    fs::read(last_segment(folder)).unwrap()
}

fn lose_sector(folder: &std::path::Path, bytes: &[u8], of: u8) {
    let first = bytes.windows(8).position(|window| window == [of; 8]).unwrap();
    let sector = first.next_multiple_of(512);
    let mut lost = bytes.to_vec();
    lost[sector..sector + 512].fill(0);
    fs::write(last_segment(folder), lost).unwrap();
}

#[test]
fn a_batch_whose_mark_alone_reached_the_disk_is_cut_and_any_other_loss_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = log(folder.path(), Durability::Disk);
    // The batch before was synced before this one was begun: what it lacks now was there once.
    lose_sector(folder.path(), &bytes, b'b');
    assert!(matches!(open(folder.path()), Err(OpenError::Fault(Fault::Damaged(damage))) if damage.index == 1));
    lose_sector(folder.path(), &bytes, b'c');
    let (ledger, recovered) = open(folder.path()).unwrap();
    assert_eq!((recovered.records, recovered.cut_bytes), (2, 2_000 + 7 + 64));
    ledger.shutdown().unwrap();
}

#[test]
fn without_syncs_a_power_cut_may_take_more_and_the_log_still_opens() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = log(folder.path(), Durability::Process);
    lose_sector(folder.path(), &bytes, b'b');
    let options = Options { files: Arc::<Faulty>::default(), ..Options::new("test/1", Durability::Process) };
    let (ledger, recovered) = Ledger::open(folder.path(), options).unwrap();
    assert_eq!(recovered.records, 1);
    ledger.shutdown().unwrap();
}
