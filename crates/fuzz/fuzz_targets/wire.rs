//! Any bytes as a request: the scan against prost.
#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tailsampler_fuzz::wire::agrees(input));
