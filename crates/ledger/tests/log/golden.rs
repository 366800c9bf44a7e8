use std::path::Path;

use phi_crypto::hex;
use phi_ledger::read::{Records, Start, verify};
use phi_ledger::{Durability, Ledger, Options};

use crate::{append_all, copy};

/// A log that another program wrote, from `FORMAT.md` alone: two segments, of which the first was left behind with a
/// record that was never acknowledged, and has a batch that begins at the next sector; the second has a batch that
/// never was to its end.
fn golden() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden"))
}

#[test]
fn a_log_written_from_its_description_verifies() {
    let report = verify(golden()).unwrap();
    assert_eq!((report.origin.as_str(), report.records, report.segments), ("golden/1", 6, 2));
    assert_eq!(hex(&report.head), "9313d477505f96b22460c356fdb507e603a94115c5f73adb638446d7152c3a3c");
    assert_eq!((report.surplus_bytes, report.unfinished_bytes), (25, 17));
}

#[test]
fn it_is_read_recovered_and_continued() {
    let folder = tempfile::tempdir().unwrap();
    copy(golden(), folder.path());
    let (ledger, recovered) = Ledger::open(folder.path(), Options::new("golden/1", Durability::Disk)).unwrap();
    assert_eq!((recovered.records, recovered.segment, recovered.cut_bytes), (6, 5, 17));
    append_all(&ledger, &[b"seventh"]);
    let records: Vec<_> = ledger.records(Start::Time(1_700_000_000_000)).map(|record| record.unwrap().1).collect();
    let texts = [&b"first"[..], b"", b"third", &[b'x'; 208], b"fifth", &b"\x00\xff".repeat(300), b"seventh"];
    assert_eq!(records, texts);
    ledger.shutdown().unwrap();
    let late = Records::new(folder.path(), Start::Time(1_700_000_000_001));
    assert_eq!(late.map(|record| record.unwrap().0.index).collect::<Vec<_>>(), [5, 6]);
}
