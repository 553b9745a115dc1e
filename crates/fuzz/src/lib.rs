//! What the fuzz targets share: directories that gateways left, edits of them, and the promises.
//!
//! # Layout
//! - `past`: real data directories, made by the core itself, and `directory`: one as a map.
//! - `edit`: an input as a list of edits; `input`: its bytes; `seal`: checksums, given and checked.
//! - `promise`: what holds of a start, and of a repair before it.
//! - [`wire`]: what holds of a request.
//! - `limit`: memory that nothing may ask for.
//!
//! Each file in `fuzz_targets` is one target; `scripts/fuzz` builds and runs them.

mod directory;
mod edit;
mod input;
#[cfg(feature = "targets")]
mod limit;
mod past;
mod promise;
mod seal;
pub mod seeds;
pub mod wire;

#[path = "../../core/tests/engine_support/mod.rs"]
mod engine_support;
#[path = "../../core/tests/wire_support/oracle.rs"]
#[allow(
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "shared with the tests of the core"
)]
mod oracle;

/// Edit the files under `within`, start, and hold the start to its promises.
pub fn start(input: &[u8], within: &str) {
    let (past, files) = edit::edited(input, within);
    promise::start(past, &files);
}

/// Edit any files, and hold a repair and the start after it to their promises.
pub fn repair(input: &[u8]) {
    let (past, files) = edit::edited(input, "data");
    promise::repair(past, &files);
}
