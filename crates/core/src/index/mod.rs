//! The traces that are held: what the plan needs to know of them, and where their spans stand.
//!
//! Spans are not here. A trace points at the records of the buffer log that hold spans of it,
//! newest first; which spans those are is read from the record when the trace is kept.

mod pins;
mod slab;
mod trace;

pub use pins::Pins;
pub use slab::Slab;
pub use trace::Trace;

use foldhash::SharedSeed;
use foldhash::quality::FoldHasher;
use hashbrown::HashTable;
use std::hash::Hasher as _;
use std::hint::black_box;

use crate::wire::TraceId;

/// A growing table moves only its own part of the traces, so that growth never stalls the writer.
const TABLES: usize = 256;

const _: () = assert!(TABLES.is_power_of_two(), "no table is picked more often");

/// No record: the end of a chain.
pub const NO_RECORD: u32 = u32::MAX;

/// Hashes trace ids with a secret, since senders choose the ids.
#[derive(Clone, Debug)]
pub struct TraceHasher {
    secret: u64,
    shared: SharedSeed,
}

impl TraceHasher {
    /// A hasher with this secret.
    #[must_use]
    pub const fn new(secret: u64) -> Self {
        // Half of an id is multiplied by what stands here: 0 would swallow the other half, and
        // ids of 64 bits would all look the same. So the secret is mixed first (splitmix64).
        let mixed = secret.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self {
            secret: mixed ^ (mixed >> 31),
            shared: SharedSeed::from_u64(mixed.rotate_left(17)),
        }
    }

    /// 64 well mixed bits.
    #[must_use]
    pub fn hash(&self, trace_id: &TraceId) -> u64 {
        let mut hasher = FoldHasher::with_seed(self.secret, &self.shared);
        hasher.write(trace_id);
        hasher.finish()
    }
}

/// One record of the buffer log that holds spans of a trace, and the one before it.
#[derive(Clone, Copy, Debug)]
struct RecordRef {
    /// Position in the buffer log, 48 bits: 256 TiB. Packed beside `older` into 12 bytes.
    position_low: u32,
    position_high: u32,
    older: u32,
}

/// The traces that are held.
pub struct Index {
    hasher: TraceHasher,
    tables: Vec<HashTable<u32>>,
    traces: Slab<Trace>,
    records: Slab<RecordRef>,
    spans: u64,
    bytes: u64,
}

impl Index {
    /// An empty index.
    #[must_use]
    pub fn new(hasher: TraceHasher) -> Self {
        Self {
            hasher,
            tables: (0..TABLES).map(|_| HashTable::new()).collect(),
            traces: Slab::new(),
            records: Slab::new(),
            spans: 0,
            bytes: 0,
        }
    }

    /// The keyed hash that the other methods want.
    #[must_use]
    pub fn hash(&self, trace_id: &TraceId) -> u64 {
        self.hasher.hash(trace_id)
    }

    /// Where a trace stands, if it is held.
    #[must_use]
    pub fn find(&self, hash: u64, trace_id: &TraceId) -> Option<u32> {
        self.tables[table_of(hash)]
            .find(hash, |&slot| self.traces[slot].trace_id == *trace_id)
            .copied()
    }

    /// Begin to hold a trace, which must not be held yet.
    pub fn insert(&mut self, hash: u64, trace: Trace) -> u32 {
        assert!(trace.spans > 0, "a trace has spans");
        assert_eq!(
            hash,
            self.hasher.hash(&trace.trace_id),
            "the hash is its own"
        );
        assert_eq!(
            trace.newest, NO_RECORD,
            "a trace that begins has no records yet"
        );
        let held = self.find(hash, &trace.trace_id);
        assert!(held.is_none(), "no trace is held twice");
        self.spans += u64::from(trace.spans);
        self.bytes += trace.bytes;
        let slot = self.traces.insert(trace);
        let (traces, hasher) = (&self.traces, &self.hasher);
        self.tables[table_of(hash)]
            .insert_unique(hash, slot, |&slot| hasher.hash(&traces[slot].trace_id));
        slot
    }

    /// The trace in this slot.
    #[must_use]
    pub fn trace(&self, slot: u32) -> &Trace {
        &self.traces[slot]
    }

    /// Change a trace, and count what was added to it.
    pub fn update(&mut self, slot: u32, change: impl FnOnce(&mut Trace)) {
        let trace = &mut self.traces[slot];
        let (spans, bytes) = (trace.spans, trace.bytes);
        let (id, begun) = (trace.trace_id, (trace.stamp, trace.pin, trace.plan));
        change(trace);
        assert_eq!(trace.trace_id, id, "a trace keeps its id");
        let still = (trace.stamp, trace.pin, trace.plan);
        assert_eq!(still, begun, "a trace is judged by the plan it began under");
        assert!(
            trace.spans >= spans && trace.bytes >= bytes,
            "a trace only grows"
        );
        self.spans = self.spans + u64::from(trace.spans) - u64::from(spans);
        self.bytes = self.bytes + trace.bytes - bytes;
    }

    /// Note that a record of the buffer log holds spans of this trace.
    pub fn add_record(&mut self, slot: u32, position: u64) {
        let older = self.traces[slot].newest;
        let newest = self.records.insert(RecordRef {
            position_low: position as u32,
            position_high: (position >> 32) as u32,
            older,
        });
        assert_ne!(newest, older, "no record is older than itself");
        self.traces[slot].newest = newest;
    }

    /// Whether the slot still holds the trace it held when it had this stamp.
    #[must_use]
    pub fn is_live(&self, slot: u32, stamp: u32) -> bool {
        self.traces
            .get(slot)
            .is_some_and(|trace| trace.stamp == stamp)
    }

    /// Look at what [`Self::remove`] will touch of these traces. Each look stands alone, so that
    /// the misses of the cache overlap, which they do not while one trace is removed after the
    /// other.
    pub fn foresee(&self, slots: impl Iterator<Item = u32>) {
        for slot in slots {
            let trace = &self.traces[slot];
            let hash = self.hasher.hash(&trace.trace_id);
            let found = self.tables[table_of(hash)].find(hash, |&other| other == slot);
            // Nobody wants to know, and the compiler must not know that.
            black_box((found, self.records[trace.newest].older));
        }
    }

    /// Stop holding a trace; the positions of its records are added to `positions`, oldest first.
    pub fn remove(&mut self, slot: u32, positions: Option<&mut Vec<u64>>) -> Trace {
        let trace = self.traces.remove(slot);
        let hash = self.hasher.hash(&trace.trace_id);
        let entry = self.tables[table_of(hash)].find_entry(hash, |&other| other == slot);
        assert!(entry.is_ok(), "a held trace stands in its table");
        if let Ok(entry) = entry {
            entry.remove();
        }
        self.spans -= u64::from(trace.spans);
        self.bytes -= trace.bytes;
        assert!(
            self.spans >= self.traces.len() as u64,
            "every trace that is left has spans"
        );
        assert_ne!(trace.newest, NO_RECORD, "a trace stands somewhere");
        let mut next = trace.newest;
        let mut sink = positions;
        let from = sink.as_ref().map_or(0, |positions| positions.len());
        while next != NO_RECORD {
            let record = self.records.remove(next);
            if let Some(positions) = &mut sink {
                let high = u64::from(record.position_high) << 32;
                positions.push(high | u64::from(record.position_low));
            }
            next = record.older;
        }
        if let Some(positions) = sink {
            assert!(positions.len() > from, "a record for every trace, at least");
            positions[from..].reverse();
        }
        if self.traces.is_empty() {
            assert_eq!((self.spans, self.bytes), (0, 0), "no span without a trace");
            assert!(self.records.is_empty(), "no record without a trace");
        }
        assert!(
            self.records.len() >= self.traces.len(),
            "every trace that is left stands somewhere"
        );
        trace
    }

    /// Slots of all held traces that `which` picks; walks the whole index.
    #[must_use]
    pub fn slots(&self, mut which: impl FnMut(&Trace) -> bool) -> Vec<u32> {
        self.traces
            .iter()
            .filter(|(_, trace)| which(trace))
            .map(|(slot, _)| slot)
            .collect()
    }

    /// Traces held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.traces.len()
    }

    /// Whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.traces.len() == 0
    }

    /// Records pointed at.
    #[must_use]
    pub fn record_count(&self) -> usize {
        self.records.len()
    }

    /// Spans and bytes held, counted as traces come and go.
    #[must_use]
    pub const fn held(&self) -> (u64, u64) {
        (self.spans, self.bytes)
    }

    /// Spans and bytes held, counted one by one: the check on [`Self::held`].
    #[must_use]
    pub fn recount(&self) -> (u64, u64) {
        self.traces
            .iter()
            .fold((0, 0), |(spans, bytes), (_, trace)| {
                (spans + u64::from(trace.spans), bytes + trace.bytes)
            })
    }

    /// The smallest begin of a held trace, on the process's clock; walks the whole index.
    #[must_use]
    pub fn oldest_begin_ms(&self) -> Option<u64> {
        self.traces.iter().map(|(_, trace)| trace.began_ms).min()
    }

    /// Bytes that the traces held take, without what was asked for and is free again.
    #[must_use]
    pub fn used_bytes(&self) -> u64 {
        // A slot in a table of at most 7/8, and in a slab.
        let trace = size_of::<Trace>() + 6;
        (self.len() * trace + self.record_count() * size_of::<RecordRef>()) as u64
    }

    /// Bytes of memory the index has asked for.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let tables: usize = self
            .tables
            .iter()
            .map(|table| table.capacity() * 8 / 7 * (size_of::<u32>() + 1))
            .sum();
        tables + self.traces.memory_bytes() + self.records.memory_bytes()
    }
}

/// The tables are picked by bits that hashbrown uses neither for its tag nor for small tables.
const fn table_of(hash: u64) -> usize {
    (hash >> 40) as usize % TABLES
}

#[cfg(test)]
mod tests;
