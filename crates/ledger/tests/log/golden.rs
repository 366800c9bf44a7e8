use std::path::Path;

use phi_crypto::hex;
use phi_ledger::read::{Records, Start, verify};
use phi_ledger::{Durability, Ledger, Options};

use crate::{append_all, copy};

/// A log that another program wrote, from `FORMAT.md` alone: two segments, of which the first was left behind with a
/// record that was never acknowledged, and the second with a batch that never was to its end.
fn golden() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"))
}

#[test]
fn a_log_written_from_its_description_verifies() {
    let report = verify(golden()).unwrap();
    assert_eq!((report.origin.as_str(), report.records, report.segments), ("golden/1", 4, 2));
    assert_eq!(hex(&report.head), "d7155e74d44bdb7e8871f366e52a72c2276d37adbe5bc36d7d350e2390d05ca3");
    assert_eq!((report.surplus_bytes, report.unfinished_bytes), (25, 17));
}

#[test]
fn it_is_read_recovered_and_continued() {
    let folder = tempfile::tempdir().unwrap();
    copy(golden(), folder.path());
    let (ledger, recovered) = Ledger::open(folder.path(), Options::new("golden/1", Durability::Disk)).unwrap();
    assert_eq!((recovered.records, recovered.segment, recovered.cut_bytes), (4, 3, 17));
    append_all(&ledger, &[b"fifth"]);
    let records: Vec<_> = ledger.records(Start::Time(1_700_000_000_000)).map(|record| record.unwrap().1).collect();
    assert_eq!(records, [b"first".to_vec(), vec![], b"third".to_vec(), b"\x00\xff".repeat(300), b"fifth".to_vec()]);
    ledger.shutdown().unwrap();
    let late = Records::new(folder.path(), Start::Time(1_700_000_000_001));
    assert_eq!(late.map(|record| record.unwrap().0.index).collect::<Vec<_>>(), [3, 4]);
}
