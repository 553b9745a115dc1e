//! What was shed at the door: counted, and remembered for as long as it bears on verdicts.

use std::collections::HashSet;

use bytes::Bytes;

use super::{Engine, Prepared};
use crate::admission::threshold;
use crate::clock::Now;
use crate::ledger::Count;
use crate::log::{Header, Kind, Record};
use crate::plan::Compiled;
use crate::randomness::resolve;
use crate::wire::{TraceId, shed};

/// Spans and bytes in the body of a [`Kind::Shed`] record.
const BODY_BYTES: usize = 16;

impl Prepared {
    /// Leave out the traces that this level sheds.
    pub fn shed(&mut self, level: u8, plan: &Compiled) {
        self.level = level;
        let least = threshold(level);
        let hash = plan.plan().hash_trace_ids;
        let mut gone: HashSet<TraceId> = HashSet::new();
        let mut count = Count::default();
        self.traces.retain(|delta| {
            let (randomness, _) = resolve(&delta.trace_id, hash, delta.rv, delta.rv_source);
            if randomness < least {
                gone.insert(delta.trace_id);
                count += Count::new(u64::from(delta.spans), delta.bytes);
            }
            randomness >= least
        });
        if gone.is_empty() {
            return;
        }
        let stay = |trace_id: &TraceId| !gone.contains(trace_id);
        // It was scanned a moment ago, so it can be read again.
        let Ok(rest) = shed(&self.body, stay) else {
            return;
        };
        self.body = Bytes::from(rest);
        self.body_crc = crc32c::crc32c(&self.body);
        self.accepted -= count;
        self.shed = count;
    }
}

/// What all of a group shed, as the body of its record.
pub(super) fn body(shed: Count) -> [u8; BODY_BYTES] {
    let mut body = [0; BODY_BYTES];
    body[..8].copy_from_slice(&shed.spans.to_le_bytes());
    body[8..].copy_from_slice(&shed.bytes.to_le_bytes());
    body
}

/// What a record says was shed; None if no group can have shed that.
pub(crate) fn shed_in(record: &Record) -> Option<Count> {
    let (spans, bytes) = record.body.split_first_chunk::<8>()?;
    let bytes: [u8; 8] = bytes.try_into().ok()?;
    let shed = Count::new(u64::from_le_bytes(*spans), u64::from_le_bytes(bytes));
    (shed.min(record.header.total) == shed).then_some(shed)
}

impl Engine {
    /// Count what was shed of requests that are acknowledged.
    pub(crate) fn count_shed(&mut self, shed: Count) {
        self.totals.dropped_overload += shed;
    }

    /// A request came under this level of overload, or what is left of it.
    pub(crate) fn note_level(&mut self, level: u8, now: Now) {
        self.levels.note(level, now);
    }

    /// The level that an earlier process ended at, if that was a moment ago.
    #[must_use]
    pub fn last_level(&self, now: Now) -> u8 {
        let moment_ms = self.longest_wait_ms();
        let since_ms = (now.mono_ns / 1_000_000).saturating_sub(moment_ms);
        self.levels.newest_since(since_ms)
    }

    /// T of what may have been shed of a trace that began then: from one wait before on, since its
    /// first spans may be among that.
    pub(super) fn shed_since(&self, began_ms: u64, wait_ms: u64) -> u64 {
        threshold(self.levels.since(began_ms.saturating_sub(wait_ms)))
    }

    /// The longest that a trace waits.
    #[must_use]
    pub fn longest_wait_ms(&self) -> u64 {
        let plans = self.plans.iter().map(|live| live.compiled.plan());
        let waits = plans.flat_map(|plan| {
            let rules = plan.rules.iter().filter_map(|rule| rule.wait_ms);
            rules.chain([plan.wait_ms])
        });
        waits.max().unwrap_or(0)
    }

    /// The header of the record that says what a group shed.
    pub(super) fn shed_header(&self, group: &[Prepared], shed: Count, now: Now) -> Header {
        // A request without spans came under no level, as far as verdicts go.
        let came = group.iter().filter(|prepared| prepared.spans() > 0);
        let level = came.map(|prepared| prepared.level).max();
        Header {
            kind: Kind::Shed,
            tenant: 0,
            plan: self.current_plan().plan().version,
            count: u32::try_from(shed.spans).unwrap_or(u32::MAX),
            rank: level.unwrap_or(0).into(),
            sequence: self.sequence + 1,
            wall_ns: now.wall_ns,
            total: self.totals.received + shed,
        }
    }
}

/// What all of a group shed.
pub(super) fn all_shed(group: &[Prepared]) -> Count {
    let shed = group.iter().map(|prepared| prepared.shed);
    shed.fold(Count::default(), |sum, shed| sum + shed)
}
