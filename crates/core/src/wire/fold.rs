//! One delta a trace, however its spans are mixed in a request.

use hashbrown::HashTable;

use super::types::{TraceDelta, TraceId};

/// Up to this many traces are searched one by one; most requests hold fewer.
const FEW: usize = 8;

/// A table or a list that grew over this for one request is given back after it.
const KEEP: usize = 1 << 16;

/// Finds the delta of a trace in the list of them.
#[derive(Debug, Default)]
pub(crate) struct Fold {
    seed: [u64; 2],
    table: HashTable<u32>,
    recent: usize,
}

impl Fold {
    pub(crate) fn seeded(seed: [u64; 2]) -> Self {
        Self {
            seed,
            ..Self::default()
        }
    }

    /// Makes ready for the next request.
    pub(crate) fn begin(&mut self, traces: &mut Vec<TraceDelta>) {
        self.recent = 0;
        if self.table.capacity() > KEEP {
            self.table = HashTable::new();
        } else {
            self.table.clear();
        }
        if traces.capacity() > KEEP {
            *traces = Vec::new();
        } else {
            traces.clear();
        }
    }

    /// Which delta was asked for last.
    pub(crate) const fn last(&self) -> usize {
        self.recent
    }

    /// The delta of this trace, made if there is none.
    #[inline(always)]
    pub(crate) fn delta<'t>(
        &mut self,
        traces: &'t mut Vec<TraceDelta>,
        id: &TraceId,
    ) -> Option<&'t mut TraceDelta> {
        // Senders mostly write the spans of a trace one after the other.
        if traces.get(self.recent).is_none_or(|t| t.trace_id != *id) {
            self.recent = self.find(traces, id);
        }
        traces.get_mut(self.recent)
    }

    fn find(&mut self, traces: &mut Vec<TraceDelta>, id: &TraceId) -> usize {
        let new = traces.len();
        if new <= FEW {
            if let Some(found) = traces.iter().position(|t| t.trace_id == *id) {
                return found;
            }
            if new == FEW {
                for (at, delta) in traces.iter().enumerate() {
                    self.insert(traces, &delta.trace_id, at);
                }
            }
        } else {
            let found = self
                .table
                .find(hash(self.seed, id), |&at| is(traces, at, id));
            if let Some(&found) = found {
                return found as usize;
            }
        }
        traces.push(TraceDelta {
            trace_id: *id,
            ..TraceDelta::default()
        });
        if new >= FEW {
            self.insert(traces, id, new);
        }
        new
    }

    fn insert(&mut self, traces: &[TraceDelta], id: &TraceId, at: usize) {
        let seed = self.seed;
        // A span with good ids has 28 bytes or more, and a request under 4 GiB: `at` fits.
        self.table.insert_unique(hash(seed, id), at as u32, |&at| {
            traces
                .get(at as usize)
                .map_or(0, |delta| hash(seed, &delta.trace_id))
        });
    }
}

fn is(traces: &[TraceDelta], at: u32, id: &TraceId) -> bool {
    traces
        .get(at as usize)
        .is_some_and(|delta| delta.trace_id == *id)
}

/// Both halves are keyed: with one known key a sender could zero the product.
fn hash(seed: [u64; 2], id: &TraceId) -> u64 {
    let id = u128::from_le_bytes(*id);
    let product = u128::from(id as u64 ^ seed[0] ^ 0x9e37_79b9_7f4a_7c15)
        * u128::from((id >> 64) as u64 ^ seed[1] ^ 0xd1b5_4a32_d192_ed03);
    product as u64 ^ (product >> 64) as u64
}
