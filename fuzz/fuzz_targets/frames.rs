//! `frames` of `runtime/fuzzing.rs`; `tools/long/fuzz` runs it.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| edgetl::fuzzing::frames(bytes));
