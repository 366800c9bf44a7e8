#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| phi_dialect::fuzzing::eventstream(bytes));
