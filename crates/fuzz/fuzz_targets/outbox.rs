//! A start on a data directory whose outbox was edited.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tailsampler_fuzz::start(input, "data/outbox"));
