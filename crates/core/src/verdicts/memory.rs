//! Which traces were judged lately, so that late spans follow the verdict.
//!
//! An entry is a keyed 64-bit fingerprint and the position of the verdict in the verdict log,
//! whose lowest spare bit says kept: 16 bytes, 24 with the table's slack. A late span of a dropped
//! trace, by far the most frequent, is answered from memory; one of a kept trace reads the rest
//! from the log.

use hashbrown::HashTable;

use crate::log::POSITION_BOUND;

/// Positions are below 2^63; the top bit says kept.
const KEPT: u64 = 1 << 63;

const _: () = assert!(POSITION_BOUND < KEPT, "no position has the top bit");

#[derive(Clone, Copy)]
struct Entry {
    fingerprint: u64,
    place: u64,
}

/// A growing table moves only its own part of the entries, so that growth never stalls the writer.
const TABLES: usize = 64;

const _: () = assert!(TABLES.is_power_of_two(), "no table is picked more often");

/// One half of the memory: what was judged in a while.
struct Generation {
    tables: Vec<HashTable<Entry>>,
    len: usize,
    began_ms: u64,
}

impl Default for Generation {
    fn default() -> Self {
        Self {
            tables: (0..TABLES).map(|_| HashTable::new()).collect(),
            len: 0,
            began_ms: 0,
        }
    }
}

impl Generation {
    /// The tables are picked by bits that hashbrown uses neither for its tag nor for small tables.
    const fn table_of(fingerprint: u64) -> usize {
        (fingerprint >> 40) as usize % TABLES
    }

    /// A new one, in the memory of one that is forgotten, unless that is far more than was of use.
    fn after(mut self, useful: usize, began_ms: u64) -> Self {
        let room: usize = self.tables.iter().map(HashTable::capacity).sum();
        if room / 8 > useful {
            self = Self::default();
        }
        self.tables.iter_mut().for_each(HashTable::clear);
        Self {
            len: 0,
            began_ms,
            ..self
        }
    }

    fn find(&self, fingerprint: u64) -> Option<&Entry> {
        self.tables[Self::table_of(fingerprint)]
            .find(fingerprint, |entry| entry.fingerprint == fingerprint)
    }

    fn insert(&mut self, entry: Entry) {
        let table = &mut self.tables[Self::table_of(entry.fingerprint)];
        let before = table.len();
        table
            .entry(
                entry.fingerprint,
                |other| other.fingerprint == entry.fingerprint,
                |other| other.fingerprint,
            )
            .and_modify(|other| other.place = entry.place)
            .or_insert(entry);
        self.len += table.len() - before;
    }

    fn forget(&mut self, fingerprint: u64) {
        let table = &mut self.tables[Self::table_of(fingerprint)];
        let found = table.find_entry(fingerprint, |entry| entry.fingerprint == fingerprint);
        if let Ok(entry) = found {
            entry.remove();
            self.len -= 1;
        }
    }
}

/// The verdicts of late, in two generations: when the younger one is full or old, the elder one
/// is forgotten whole. So entries live between half and all of the age and count allowed, and
/// nothing is spent on forgetting them one by one.
pub struct VerdictMemory {
    young: Generation,
    old: Generation,
    max_traces: usize,
    max_age_ms: u64,
}

impl VerdictMemory {
    /// An empty memory with these bounds.
    #[must_use]
    pub fn new(max_traces: usize, max_age_ms: u64) -> Self {
        Self {
            young: Generation::default(),
            old: Generation::default(),
            max_traces: max_traces.max(2),
            max_age_ms,
        }
    }

    /// Remember a verdict.
    pub fn insert(&mut self, fingerprint: u64, position: u64, kept: bool, now_ms: u64) {
        assert!(position < KEPT, "the top bit is taken");
        self.turn(now_ms);
        assert!(self.young.len < self.max_traces, "bounded");
        let place = position | if kept { KEPT } else { 0 };
        self.young.insert(Entry { fingerprint, place });
        assert!(
            self.len() <= self.max_traces,
            "both generations are bounded"
        );
    }

    /// Where the verdict on this trace stands, and whether it was kept.
    #[must_use]
    pub fn find(&self, fingerprint: u64) -> Option<(u64, bool)> {
        [&self.young, &self.old].into_iter().find_map(|generation| {
            let entry = generation.find(fingerprint)?;
            Some((entry.place & !KEPT, entry.place & KEPT != 0))
        })
    }

    /// Forget the verdict on this trace.
    pub fn forget(&mut self, fingerprint: u64) {
        self.young.forget(fingerprint);
        self.old.forget(fingerprint);
        let found = self.find(fingerprint);
        assert!(found.is_none(), "what is forgotten is not found");
    }

    /// Forget what is too old by now.
    pub fn turn(&mut self, now_ms: u64) {
        let old = now_ms.saturating_sub(self.young.began_ms) >= self.max_age_ms / 2;
        if old || self.young.len >= self.max_traces / 2 {
            let next = std::mem::take(&mut self.old).after(self.young.len, now_ms);
            self.old = std::mem::replace(&mut self.young, next);
        }
        assert!(
            self.young.len < self.max_traces / 2,
            "there is room for one more"
        );
    }

    /// Verdicts remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len + self.old.len
    }

    /// Whether none is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How far back it reaches, in milliseconds.
    #[must_use]
    pub fn reach_ms(&self, now_ms: u64) -> u64 {
        let began = if self.old.len == 0 {
            self.young.began_ms
        } else {
            self.old.began_ms
        };
        now_ms.saturating_sub(began)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A verdict is remembered for at least half the age and half the count, and then forgotten.
    #[test]
    fn bounded_by_age_and_count() {
        let mut memory = VerdictMemory::new(1_000, 60_000);
        memory.insert(1, 96, true, 0);
        memory.insert(2, 192, false, 0);
        memory.turn(29_999);
        assert_eq!(memory.find(1), Some((96, true)));
        assert_eq!(memory.find(2), Some((192, false)));
        memory.turn(30_000);
        assert_eq!(memory.find(1), Some((96, true)));
        memory.turn(60_000);
        assert_eq!(memory.find(1), None);
        for fingerprint in 0..10_000_u64 {
            memory.insert(
                fingerprint.wrapping_mul(0x9e37_79b9_7f4a_7c15),
                fingerprint,
                false,
                60_001,
            );
            assert!(memory.len() <= 1_000);
        }
        assert_eq!(
            memory.find(9_999_u64.wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            Some((9_999, false))
        );
    }
}
