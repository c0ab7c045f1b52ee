#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| pmclone::fuzzing::webhook(bytes));
