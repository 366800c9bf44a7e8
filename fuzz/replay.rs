//! What fuzzing found and kept, asked again by ordinary tests: each crate that has fuzz targets includes this file.

use std::fs;
use std::path::Path;

/// Gives a target every file of its corpus. Where one fails, its name is the last that the test prints.
pub(crate) fn replay(target: &str, judge: impl Fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let mut files = 0;
    for entry in fs::read_dir(folder).expect("the corpus") {
        let path = entry.expect("a file").path();
        println!("{}", path.display());
        judge(&fs::read(&path).expect("a file"));
        files += 1;
    }
    assert!(files > 0, "the corpus is empty");
}
