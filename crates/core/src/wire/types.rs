//! What a scan finds.

use super::fold::Fold;
use super::paged::PageBits;
use super::times::Times;
use crate::plan::Bits;

/// Sixteen bytes, as they came.
pub type TraceId = [u8; 16];

/// Where an explicit randomness value came from; a root's wins, then the smallest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum RvSource {
    /// No span carried `ot=rv`.
    #[default]
    None,
    /// A span that is not the root.
    Span,
    /// The root span.
    Root,
}

/// What one request adds to one trace. Spans of a trace that stand in one request are folded into
/// one of these, so that the index is asked once a trace and request, not once a span.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceDelta {
    /// The trace.
    pub trace_id: TraceId,
    /// Accepted spans of it.
    pub spans: u32,
    /// Bytes of their Span messages as received (payload only, without tag and length).
    pub bytes: u64,
    /// Smallest `start_time_unix_nano`; 0 if every span left it unset.
    pub first_start_ns: u64,
    /// Largest `end_time_unix_nano`; 0 if every span left it unset.
    pub last_end_ns: u64,
    /// OR of the predicates of the current plan ([0]) and of the previous one, while it is alive ([1]).
    pub bits: [u64; 2],
    /// The first integer that made a `span_int_in` predicate of the current plan true, for
    /// people; 0 if none (values outside 0..=u32::MAX are not shown).
    pub witness: u32,
    /// The explicit randomness, 56 bits; read with `rv_source`.
    pub rv: u64,
    /// Where `rv` came from.
    pub rv_source: RvSource,
    /// A span with an empty parent id was among them.
    pub root: bool,
    /// Start and end of its spans; empty where no plan asks for that.
    pub times: Times,
    /// What the Collector would take for these spans; zero where no plan asks for that.
    pub encoded: Encoded,
    /// The predicates beyond the first page, of the current plan and of the previous one; none
    /// where neither has more.
    pub pages: PageBits,
    /// The first `rv` of its spans in their order, as contrib reads it; looked for only where a plan
    /// asks for that.
    pub first_rv: Option<u64>,
    /// The same spans, apart by the Resource they stand under; empty where no plan asks for that.
    pub pieces: Vec<Piece>,
}

impl TraceDelta {
    /// Predicates beyond the first page that held, of the current plan (0) or the previous (1).
    #[must_use]
    pub fn more_bits(&self, plan: usize) -> &[u64] {
        self.pages.as_ref().map_or(&[], |pages| &pages[plan])
    }
}

/// Spans of a trace that stand under one Resource of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Piece {
    /// Which of the request, from 1.
    pub resource: u32,
    /// How many.
    pub spans: u32,
    /// As those of [`TraceDelta`].
    pub bits: [u64; 2],
    /// As those of [`TraceDelta`].
    pub pages: PageBits,
    /// As those of [`TraceDelta`].
    pub times: Times,
    /// As that of [`TraceDelta`].
    pub encoded: Encoded,
    /// As that of [`TraceDelta`].
    pub first_rv: Option<u64>,
}

impl Piece {
    /// The predicates that held, of the current plan (0) or of the previous one (1).
    #[must_use]
    pub fn bits(&self, plan: usize) -> Bits<'_> {
        Bits {
            first: self.bits[plan],
            more: self.pages.as_ref().map_or(&[], |pages| &pages[plan]),
        }
    }
}

/// The sizes of ResourceSpans that hold one trace alone, as the Collector would write them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Encoded {
    /// Each with its frame: what a limit on bytes counts.
    pub framed: u64,
    /// Without: what a bound on the size of a trace counts.
    pub bare: u64,
}

impl Encoded {
    /// Both of both.
    pub fn add(&mut self, other: Self) {
        self.framed = self.framed.saturating_add(other.framed);
        self.bare = self.bare.saturating_add(other.bare);
    }
}

/// Spans of a request that can never be valid, by what is wrong with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RejectedSpans {
    /// Trace id is not 16 bytes, or all zero.
    pub bad_trace_id: u64,
    /// Span id is not 8 bytes, or all zero (counted only when the trace id is good).
    pub bad_span_id: u64,
}

/// The result of a scan, reused from request to request so that it allocates nothing in the end.
/// `Scan::default()` serves tests; where senders are strangers, start from [`Scan::seeded`].
#[derive(Debug, Default)]
pub struct Scan {
    /// One entry a trace, in order of its first span in the request.
    pub traces: Vec<TraceDelta>,
    /// Accepted spans.
    pub spans: u64,
    /// Their bytes.
    pub span_bytes: u64,
    /// What was left out.
    pub rejected: RejectedSpans,
    pub(super) fold: Fold,
}

impl Scan {
    /// An empty scan whose table of trace ids is keyed by `seed`, so that a sender who does not
    /// know it cannot choose ids that collide.
    #[must_use]
    pub fn seeded(seed: [u64; 2]) -> Self {
        Self {
            fold: Fold::seeded(seed),
            ..Self::default()
        }
    }
}

/// A request that is not valid protobuf, or not an `ExportTraceServiceRequest`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} in {within} at byte {at} of the request")]
pub struct ScanError {
    /// What is wrong, e.g. `a length that runs past the end of its message`.
    pub what: &'static str,
    /// The message it was found in, e.g. `ScopeSpans`.
    pub within: &'static str,
    /// Offset from the start of the body.
    pub at: usize,
}
