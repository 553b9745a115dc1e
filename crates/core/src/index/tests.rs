//! The index holds, finds and forgets traces, and its running counts are true.

use super::*;
use crate::wire::TraceDelta;

fn delta(id: u64, spans: u32) -> TraceDelta {
    let mut trace_id = [0; 16];
    trace_id[8..].copy_from_slice(&id.to_be_bytes());
    TraceDelta {
        trace_id,
        spans,
        bytes: u64::from(spans) * 100,
        ..TraceDelta::default()
    }
}

/// A trace is found until it is removed, and its records come back oldest first.
#[test]
fn finds_until_removed() {
    let mut index = Index::new(TraceHasher::new(7));
    let (a, b) = (delta(1, 2), delta(2, 3));
    let hash = index.hash(&a.trace_id);
    let slot = index.insert(hash, Trace::begin(&a, 0));
    let other = index.insert(index.hash(&b.trace_id), Trace::begin(&b, 0));
    for position in [10, 5_000_000_000, 7] {
        index.add_record(slot, position);
    }
    index.add_record(other, 99);
    assert_eq!(index.find(hash, &a.trace_id), Some(slot));
    assert_eq!(index.held(), (5, 500));
    let mut positions = vec![1];
    index.remove(slot, Some(&mut positions));
    assert_eq!(positions, [1, 10, 5_000_000_000, 7]);
    assert_eq!(index.find(hash, &a.trace_id), None);
    assert_eq!(index.held(), (3, 300));
    assert_eq!(index.record_count(), 1);
}

/// Running counts equal a count one by one, through growth and reuse of slots.
#[test]
fn counts_are_true() {
    let mut index = Index::new(TraceHasher::new(7));
    for id in 1..=40_000_u64 {
        let delta = delta(id, 1 + (id % 5) as u32);
        let hash = index.hash(&delta.trace_id);
        let slot = index.insert(hash, Trace::begin(&delta, 0));
        index.add_record(slot, id);
        if id % 3 == 0 {
            index.update(slot, |trace| trace.merge(&delta, 1));
        }
        if id % 2 == 0 {
            index.remove(slot, None);
        }
    }
    assert_eq!(index.held(), index.recount());
    assert_eq!(index.len(), 20_000);
    let slot = index.find(
        index.hash(&delta(39_999, 1).trace_id),
        &delta(39_999, 1).trace_id,
    );
    assert!(slot.is_some());
}

/// Ids that differ in a few bits of one half have different hashes, whatever the secret.
#[test]
fn hashes_tell_short_ids_apart() {
    for secret in [0, 1, u64::MAX, 0x9e37_79b9_7f4a_7c15] {
        let hasher = TraceHasher::new(secret);
        let mut hashes: Vec<u64> = (0..2_000_u64)
            .flat_map(|id| [delta(id, 1).trace_id, delta(id << 48, 1).trace_id])
            .flat_map(|id| {
                let mut turned = id;
                turned.rotate_left(8);
                [hasher.hash(&id), hasher.hash(&turned)]
            })
            .collect();
        hashes.sort_unstable();
        hashes.dedup();
        assert_eq!(hashes.len(), 4 * 2_000 - 3, "secret {secret}");
    }
}

/// A held trace costs a little over 100 bytes, before its records.
#[test]
fn trace_is_small() {
    assert!(size_of::<Trace>() <= 104, "{}", size_of::<Trace>());
    assert_eq!(size_of::<RecordRef>(), 12);
}

/// Segments are freed in order, and only when nothing pins them.
#[test]
fn pins_free_a_prefix() {
    let mut pins = Pins::default();
    let (a, b, c) = (pins.pin(0), pins.pin(0), pins.pin(64));
    assert_eq!((a, b, c), (0, 0, 1));
    pins.unpin(c);
    assert_eq!(pins.oldest(), Some(0));
    pins.unpin(a);
    assert_eq!(pins.oldest(), Some(0));
    pins.unpin(b);
    assert_eq!(pins.oldest(), None);
    assert_eq!(pins.pin(128), 2);
}
