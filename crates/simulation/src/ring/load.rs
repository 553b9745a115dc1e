//! Traces of four spans over three seconds, the last of which may be an error.

use std::collections::VecDeque;

use super::{Fates, STEP_MS};

/// Of a trace, a second apart.
pub(super) const SPANS: u8 = 4;
const ALL: u8 = (1 << SPANS) - 1;

/// A span on its way: the number of its trace, and its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct OneSpan {
    pub(super) trace: u64,
    pub(super) number: u8,
}

impl OneSpan {
    pub(super) fn trace_id(self) -> [u8; 16] {
        trace_id(self.trace)
    }

    /// The last span of one trace in ten.
    pub(super) fn is_error(self) -> bool {
        self.number + 1 == SPANS && is_error(self.trace)
    }
}

/// Spread over all ids, and never twice the same.
fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn trace_id(trace: u64) -> [u8; 16] {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(trace + 1).to_be_bytes());
    id[8..].copy_from_slice(&mixed(trace).to_be_bytes());
    id
}

/// R of a trace.
pub(super) fn randomness(trace: u64) -> u64 {
    mixed(trace) & ((1 << 56) - 1)
}

/// T of what no error makes wanted: one trace in ten.
pub(super) const DEFAULT_T: u64 = (1 << 56) / 10 * 9;

fn is_error(trace: u64) -> bool {
    mixed(!trace).is_multiple_of(10)
}

/// Begins traces, and knows what came of each.
pub(super) struct Load {
    /// The number of its first trace.
    first: u64,
    /// The number after its last.
    end: u64,
    per_step: u64,
    begun: u64,
    /// Traces that have spans to come: when the next one is due, which, and how many they are.
    later: VecDeque<(u64, std::ops::Range<u64>, u8)>,
    arrived: Vec<u8>,
}

impl Load {
    pub(super) fn new(traces: std::ops::Range<u64>, per_s: u64) -> Self {
        Self {
            first: traces.start,
            end: traces.end,
            per_step: (per_s * STEP_MS / 1_000).max(1),
            begun: traces.start,
            arrived: traces.map(|_| 0).collect(),
            later: VecDeque::new(),
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.begun == self.end && self.later.is_empty()
    }

    /// The spans that are sent now.
    pub(super) fn turn(&mut self, now_ms: u64) -> Vec<OneSpan> {
        let fresh = self.begun..(self.begun + self.per_step).min(self.end);
        self.begun = fresh.end;
        if !fresh.is_empty() {
            self.later.push_front((now_ms, fresh, 0));
        }
        let mut spans = Vec::new();
        let mut again = VecDeque::new();
        while self.later.front().is_some_and(|(due, _, _)| *due <= now_ms) {
            let Some((_, traces, number)) = self.later.pop_front() else {
                break;
            };
            spans.extend(traces.clone().map(|trace| OneSpan { trace, number }));
            if number + 1 < SPANS {
                again.push_back((now_ms + 1_000, traces, number + 1));
            }
        }
        self.later.append(&mut again);
        self.later.make_contiguous().sort_by_key(|(due, _, _)| *due);
        spans
    }

    pub(super) fn arrived(&mut self, trace: u64, number: u8) {
        let Ok(trace) = usize::try_from(trace - self.first) else {
            return;
        };
        self.arrived[trace] |= 1 << number;
    }

    pub(super) fn fates(&self) -> Fates {
        let mut fates = Fates {
            traces: self.end - self.first,
            ..Fates::default()
        };
        for (trace, arrived) in (self.first..).zip(&self.arrived) {
            let (by_r, error) = (randomness(trace) >= DEFAULT_T, is_error(trace));
            let part = *arrived != 0 && *arrived != ALL;
            if by_r || error {
                fates.wanted += 1;
                fates.whole += u64::from(*arrived == ALL);
                fates.split += u64::from(part);
                fates.lost += u64::from(*arrived == 0);
            }
            fates.split_by_r += u64::from(part && (by_r || !error));
        }
        fates
    }
}
