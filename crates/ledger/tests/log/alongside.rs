use std::sync::Arc;
use std::thread;

use phi_ledger::Ledger;
use phi_ledger::read::{Records, Start, verify};

use crate::faulty::Faulty;
use crate::{options, wait};

const RECORDS: usize = 2_000;

#[test]
fn readers_see_whole_batches_in_order_while_the_log_is_written() {
    let (folder, files) = (tempfile::tempdir().unwrap(), Arc::<Faulty>::default());
    let (ledger, _) = Ledger::open(folder.path(), options(&files, 20_000)).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..RECORDS / 20 {
                let pending: Vec<_> = (0..20).map(|m| ledger.append(format!("{}", n * 20 + m).into())).collect();
                pending.into_iter().for_each(|pending| assert!(wait(pending).is_ok()));
            }
        });
        scope.spawn(|| follow(ledger.records(Start::First)));
        scope.spawn(|| follow(Records::new(folder.path(), Start::First)));
        let mut seen = 0;
        while seen < RECORDS as u64 {
            let report = verify(folder.path()).unwrap();
            assert!(report.records >= seen);
            seen = report.records;
        }
    });
    ledger.shutdown().unwrap();
}

/// Asks again and again, as one reader.
fn follow(mut records: impl Iterator<Item = Result<(phi_ledger::Position, Vec<u8>), phi_ledger::Fault>>) {
    let mut seen = 0;
    while seen < RECORDS {
        let Some(record) = records.next() else {
            thread::yield_now();
            continue;
        };
        let (position, bytes) = record.unwrap();
        assert_eq!((position.index, bytes), (seen as u64, format!("{seen}").into_bytes()));
        seen += 1;
    }
}
