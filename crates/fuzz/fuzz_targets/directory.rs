//! A data directory of which any file was edited: looked at, repaired, and started on.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tailsampler_fuzz::repair(input));
