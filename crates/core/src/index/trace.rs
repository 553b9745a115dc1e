//! What is known of one held trace: what its plan asks for, and nothing else.

use super::NO_RECORD;
use crate::plan::Compiled;
use crate::randomness::{Source, resolve};
use crate::wire::{RvSource, TraceDelta, TraceId};

/// One held trace, 104 bytes.
#[derive(Clone, Debug)]
pub struct Trace {
    /// Its id.
    pub trace_id: TraceId,
    /// First start of its spans; 0 while none has one.
    pub first_start_ns: u64,
    /// Last end of its spans; 0 while none has one.
    pub last_end_ns: u64,
    /// OR of the predicates of the plan it began under.
    pub bits: u64,
    /// Bytes of its Span messages, as received.
    pub bytes: u64,
    /// Explicit randomness; read with `rv_source`.
    pub rv: u64,
    /// When its first span arrived, in milliseconds of the process's clock (negative times,
    /// from before a restart, are clipped to 0).
    pub began_ms: u64,
    /// When it is due, in ticks of the wheel.
    pub due_tick: u32,
    /// The newest of its records.
    pub newest: u32,
    /// Its spans.
    pub spans: u32,
    /// The first integer that made a predicate true, for people.
    pub witness: u32,
    /// Tells this trace from later ones in the same slot.
    pub stamp: u32,
    /// The segment of the buffer log it began in, as [`super::Pins`] numbers them.
    pub pin: u32,
    /// The plan it began under.
    pub plan: u32,
    /// Whose it is.
    pub tenant: u16,
    /// Where `rv` came from.
    pub rv_source: RvSource,
    /// When it is due because its root span was seen, in ticks; `u32::MAX` before that.
    pub root_tick: u32,
    /// Its root span was seen.
    pub root: bool,
}

impl Trace {
    /// A trace that begins with these spans; `bits` are those of the plan it begins under.
    #[must_use]
    pub fn begin(delta: &TraceDelta, bits: u64) -> Self {
        assert!(delta.spans > 0, "a trace begins with a span");
        Self {
            trace_id: delta.trace_id,
            first_start_ns: delta.first_start_ns,
            last_end_ns: delta.last_end_ns,
            bits,
            bytes: delta.bytes,
            rv: delta.rv,
            began_ms: 0,
            due_tick: 0,
            newest: NO_RECORD,
            spans: delta.spans,
            witness: delta.witness,
            stamp: 0,
            pin: 0,
            plan: 0,
            tenant: 0,
            rv_source: delta.rv_source,
            root_tick: u32::MAX,
            root: delta.root,
        }
    }

    /// Add more of its spans.
    pub fn merge(&mut self, delta: &TraceDelta, bits: u64) {
        assert_eq!(self.trace_id, delta.trace_id, "spans go to their own trace");
        assert!(delta.spans > 0, "nothing is added without a span");
        if delta.first_start_ns != 0
            && (self.first_start_ns == 0 || delta.first_start_ns < self.first_start_ns)
        {
            self.first_start_ns = delta.first_start_ns;
        }
        assert!(
            delta.first_start_ns == 0 || self.first_start_ns <= delta.first_start_ns,
            "no span starts before the first"
        );
        self.last_end_ns = self.last_end_ns.max(delta.last_end_ns);
        self.bits |= bits;
        self.bytes += delta.bytes;
        self.spans = self.spans.saturating_add(delta.spans);
        if self.witness == 0 {
            self.witness = delta.witness;
        }
        self.root |= delta.root;
        // A root's value wins; between equals the smallest, whatever the order of arrival.
        if delta.rv_source > self.rv_source
            || (delta.rv_source == self.rv_source && delta.rv < self.rv)
        {
            self.rv = delta.rv;
            self.rv_source = delta.rv_source;
        }
        assert!(self.rv_source >= delta.rv_source, "a root's value wins");
        assert!(
            self.rv_source > delta.rv_source || self.rv <= delta.rv,
            "between equals the smallest, whatever the order of arrival"
        );
    }

    /// Run through the times of spans that were just added, where the plan asks for each of them.
    /// `times`: first start and last end before.
    pub(crate) fn run(&mut self, mut times: (u64, u64), delta: &TraceDelta, plan: &Compiled) {
        if plan.asks_for_times() {
            self.bits |= plan.run(&mut times, &delta.times);
            (self.first_start_ns, self.last_end_ns) = times;
        }
    }

    /// R of the trace as its plan has it, and where it comes from. `first_rv`: of its spans, where
    /// that is what the plan asks for.
    #[must_use]
    pub(crate) fn randomness(&self, plan: &Compiled, first_rv: Option<u64>) -> (u64, Source) {
        let hash_trace_ids = plan.plan().hash_trace_ids;
        if plan.asks_for_rv() {
            let (rv, source) = match first_rv {
                Some(rv) => (rv, RvSource::Root),
                None => (0, RvSource::None),
            };
            return resolve(&self.trace_id, hash_trace_ids, rv, source);
        }
        resolve(&self.trace_id, hash_trace_ids, self.rv, self.rv_source)
    }

    /// Last end minus first start; 0 where either is unset, or the end comes first.
    #[must_use]
    pub const fn duration_ns(&self) -> u64 {
        if self.first_start_ns == 0 {
            return 0;
        }
        self.last_end_ns.saturating_sub(self.first_start_ns)
    }
}
