#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    phi_catalog::fuzzing::imports(bytes);
    #[cfg(feature = "config")]
    phi_server::fuzzing::imports(bytes);
});
