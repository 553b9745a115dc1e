//! What the verdict log says: which traces were judged after which request, and what came late.

use std::collections::{HashMap, HashSet, VecDeque};

use super::{Found, Received};
use crate::clock::Now;
use crate::engine::{Checkpoint, Engine, Reached};
use crate::ledger::Count;
use crate::log::{Header, Kind, LogError};
use crate::verdicts::{Batch, LateSpans, Verdict, VerdictLog};
use crate::wire::TraceId;

/// What the verdict log says.
#[derive(Default)]
pub(super) struct History {
    /// Verdicts in order: the request they came after, their position.
    verdicts: VecDeque<(u64, u64, Verdict)>,
    /// How many of them are on a trace.
    ahead: HashMap<TraceId, u32>,
    /// Late spans by request and trace, with the position of their note.
    pub(super) late: HashMap<(u64, TraceId), (u64, LateSpans)>,
    /// The last request any record speaks of.
    pub(super) last_sequence: u64,
    /// The last request that a verdict after it, or the checkpoint, speaks of, and what had been
    /// received by then.
    reached: (u64, Count),
    /// Frames of the outbox whose verdict, or note on late spans, is not there.
    pub(super) unbacked: HashSet<u64>,
    /// Entries were damaged when the log was repaired.
    pub(super) incomplete: bool,
}

impl History {
    /// Read the verdict log. What was judged before the oldest request that is left has no bearing
    /// on the others: it takes effect here, so that only verdicts of late are kept in memory.
    pub(super) fn read(
        engine: &mut Engine,
        checkpoint: &Checkpoint,
        reached: &Reached,
        (received, found): (&mut Received, &mut Found),
        now: Now,
    ) -> Result<Self, LogError> {
        let oldest = first_request(engine, checkpoint)?;
        let reader = engine.verdict_reader();
        let first = reader.first().unwrap_or(0);
        let mut history = Self {
            unbacked: reached.frames.clone(),
            reached: (checkpoint.sequence, checkpoint.totals.received),
            ..Self::default()
        };
        // Verdicts older than the log reaches back were there once.
        history.unbacked.retain(|&sequence| sequence >= first);
        let mut records = reader.records(0);
        // Entries have checksums of their own, so a damaged record still gives most of them.
        while let Some(record) = records.next_found()? {
            received.claim(record.header.total);
            let sequence = record.header.sequence;
            history.last_sequence = history.last_sequence.max(sequence);
            if record.header.kind == Kind::Verdicts && sequence >= history.reached.0 {
                history.reached = (sequence, record.header.total);
            }
            match VerdictLog::decode(&record) {
                Some(Batch::Verdicts(verdicts)) => {
                    found.verdicts += verdicts.len() as u64;
                    history.incomplete |= verdicts.len() < record.header.count as usize;
                    for (at, verdict) in verdicts {
                        history.unbacked.remove(&at);
                        if sequence < oldest {
                            engine.apply(&verdict, at, reached, now, found);
                            continue;
                        }
                        *history.ahead.entry(verdict.trace_id).or_default() += 1;
                        history.verdicts.push_back((sequence, at, verdict));
                    }
                }
                Some(Batch::Late(late)) => {
                    history.incomplete |= late.len() < record.header.count as usize;
                    for (at, late) in late {
                        history.unbacked.remove(&at);
                        if late.sequence >= oldest {
                            let key = (late.sequence, late.trace_id);
                            history.late.insert(key, (at, late));
                        }
                    }
                }
                None => history.incomplete |= record.header.kind == Kind::Filler,
            }
        }
        found.add_damage("verdicts", &reader, records.damage());
        Ok(history)
    }

    /// Whether a verdict on this trace is still to be applied.
    pub(super) fn is_ahead(&self, trace_id: &TraceId) -> bool {
        self.ahead.contains_key(trace_id)
    }

    /// Whether this request was refused, and could not be cut off before its process ended: what
    /// was written after it does not count it as received.
    pub(super) fn was_refused(&self, request: &Header) -> bool {
        let (sequence, received) = self.reached;
        request.sequence <= sequence && request.total.spans > received.spans
    }

    /// The next verdict, if it fell before this request.
    pub(super) fn before(&mut self, sequence: u64) -> Option<(u64, Verdict)> {
        if self.verdicts.front()?.0 >= sequence {
            return None;
        }
        let (_, at, verdict) = self.verdicts.pop_front()?;
        assert!(
            self.is_ahead(&verdict.trace_id),
            "a verdict is ahead until it falls"
        );
        if let Some(ahead) = self.ahead.get_mut(&verdict.trace_id) {
            *ahead -= 1;
            if *ahead == 0 {
                self.ahead.remove(&verdict.trace_id);
            }
        }
        assert!(
            !self.verdicts.is_empty() || self.ahead.is_empty(),
            "behind the last verdict none is ahead"
        );
        Some((at, verdict))
    }
}

/// The number of the oldest request that is left.
fn first_request(engine: &Engine, checkpoint: &Checkpoint) -> Result<u64, LogError> {
    let mut records = engine.log_reader().records(checkpoint.freed);
    while let Some(record) = records.next_record()? {
        if record.header.kind == Kind::Request {
            return Ok(record.header.sequence);
        }
    }
    Ok(u64::MAX)
}
