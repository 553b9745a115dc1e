//! A start succeeds whatever stands in the data directory: what is damaged is skipped and counted,
//! the books balance, and no span goes out that was never sent.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;
mod past_support;

use std::path::{Path, PathBuf};

use engine_support::{MS, error, plain, wrapped};
use opentelemetry_proto::tonic::trace::v1::Span;
use past_support::{DIRECTORIES, Harm, Past, files, harm, spans_of};
use proptest::prelude::*;
use tailsampler_core::fs::FileSystem;

proptest! {
    /// Any harm to any files.
    #[test]
    fn a_start_succeeds_for_any_bytes(
        harms in prop::collection::vec((any::<prop::sample::Index>(), harm()), 1..6),
        rounds in 1..20_u64,
    ) {
        let mut past = Past::new(&["a", "b"]);
        past.live(rounds);
        for (which, harm) in &harms {
            past.inflict(which, harm);
        }
        past.outlive();
    }

    /// A directory of nothing but noise under the right names.
    #[test]
    fn noise(
        noise in prop::collection::vec(
            (0..DIRECTORIES.len(), 0..3_u64, prop::collection::vec(any::<u8>(), 0..400)), 0..8),
    ) {
        let mut past = Past::new(&["a"]);
        for (directory, number, bytes) in noise {
            let name = match DIRECTORIES[directory] {
                "data" => "checkpoint.json".to_owned(),
                "data/plans" => format!("{number:08}.json"),
                _ => format!("{:016x}.log", number * 100),
            };
            let path = Path::new(DIRECTORIES[directory]).join(name);
            past.disk.replace(&path, &bytes).unwrap();
        }
        past.outlive();
    }

    /// One flipped bit anywhere costs at most what one request, or one kept trace, held.
    #[test]
    fn a_flip_costs_one_request(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        rounds in 1..20_u64,
    ) {
        let mut past = Past::new(&["a"]);
        past.live(rounds);
        let received = past.world.ledger()["spans"]["received"].as_u64().unwrap();
        past.inflict(&which, &Harm::Flip(at, bit));
        let ledger = past.outlive();
        // The last request of all looks as if it had never been written whole.
        let forgotten = received - ledger["spans"]["received"].as_u64().unwrap();
        prop_assert!(forgotten <= 2, "{:#}", ledger);
        let dropped = &ledger["spans"]["dropped"];
        let lost: u64 = ["corrupt", "uncounted", "quarantined"]
            .iter()
            .filter_map(|reason| dropped[reason].as_u64())
            .sum();
        prop_assert!(lost <= 4, "{:#}", ledger);
    }
}

/// Every byte of a whole directory is flipped once, and every start succeeds, balances, and loses
/// at most what one request, or one kept trace, held.
#[test]
fn every_byte_of_a_directory() {
    let mut past = Past::new(&["a"]);
    past.live(8);
    let received = past.world.ledger()["spans"]["received"].as_u64().unwrap();
    let mut left: Vec<(PathBuf, Vec<u8>)> = files(&past.disk)
        .into_iter()
        .map(|path| (path.clone(), past.disk.read(&path).unwrap().unwrap()))
        .collect();
    for file in 0..left.len() {
        for at in 0..left[file].1.len() {
            let bit = 1 << ((at * 3 + file) % 8);
            left[file].1[at] ^= bit;
            let mut again = Past::left(&left, &past.sent, past.now_ns);
            left[file].1[at] ^= bit;
            again.harmed.push(left[file].0.clone());
            again.balanced();
            again.genuine();
            let ledger = again.world.ledger();
            let forgotten = received - ledger["spans"]["received"].as_u64().unwrap();
            let dropped = &ledger["spans"]["dropped"];
            let lost: u64 = ["corrupt", "uncounted", "quarantined"]
                .iter()
                .filter_map(|reason| dropped[reason].as_u64())
                .sum();
            assert!(
                forgotten <= 2 && lost <= 4,
                "{:?} byte {at}: {ledger:#}",
                again.harmed
            );
        }
    }
}

/// What is sent and what goes out are compared by whole spans, so this must not be vacuous.
#[test]
fn kept_spans_go_out() {
    let mut past = Past::new(&["a"]);
    past.send(&[error(1, 1), plain(2, 2)]);
    past.now_ns += 10_000 * MS;
    past.world.advance(past.now_ns);
    let out: Vec<Span> = past
        .world
        .take()
        .iter()
        .flat_map(|payload| spans_of(payload))
        .collect();
    assert_eq!(out.len(), 1);
    assert_eq!(wrapped(out).resource_spans.len(), 1);
}
