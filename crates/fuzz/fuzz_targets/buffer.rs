//! A start on a data directory whose buffer log was edited.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tailsampler_fuzz::start(input, "data/buffer"));
