//! One pass over a request: which traces it adds to, and what.

use super::ot;
use super::paged::Pages;
use super::pdata::{self, Groups};
use super::reader::{LEN, Reader};
use super::span::{BadId, Span, Tests};
use super::tracestate;
use super::types::{Encoded, Piece, RvSource, Scan, ScanError, TraceDelta};
use super::walk::{Visitor, walk};
use crate::ottl::{Seen, SpanIndex, View, reduce};
use crate::plan::PlanSet;

/// Scans one `ExportTraceServiceRequest`, and leaves in `out` what it adds to each of its traces.
///
/// Containers, spans and their status are checked on the wire; what they nest (attributes, events,
/// links, text) is checked when a span is exported.
///
/// # Errors
/// [`ScanError`]: the request is not valid, and `out` is empty.
pub fn scan(body: &[u8], plans: &PlanSet, out: &mut Scan) -> Result<(), ScanError> {
    reset(out);
    let tests = Tests::new(plans);
    let mut scanner = Scanner {
        tests,
        around: tests.ask_ottl().then(Around::default),
        look_at_resources: tests.look_at_resources(),
        look_at_times: tests.look_at_times(),
        look_at_rv: tests.look_at_rv(),
        pages: Pages::new(plans),
        piece: tests.vote_at_ingest().then_some(0),
        groups: tests.look_at_sizes().then(|| {
            let mut groups = Groups::default();
            groups.begin();
            groups
        }),
        schema_urls: tests.count_schema_urls(),
        resource_bits: [0; 2],
        resource_seen: Default::default(),
        out,
    };
    let scanned = walk(body, &mut scanner, &mut CheckOnly);
    scanner.end_resource();
    if scanned.is_err() {
        reset(out);
    }
    scanned
}

fn reset(out: &mut Scan) {
    out.fold.begin(&mut out.traces);
    out.spans = 0;
    out.span_bytes = 0;
    out.rejected = super::types::RejectedSpans::default();
}

/// Reads spans that do not count, so that they are at least well formed.
pub(crate) struct CheckOnly;

impl<'a> Visitor<'a> for CheckOnly {
    fn span(&mut self, message: Reader<'a>) -> Result<(), ScanError> {
        Span::read(message, &Tests::default()).map(drop)
    }
}

/// What stands around the span at hand, as far as conditions in OTTL read it.
#[derive(Default)]
struct Around {
    resource: Vec<u8>,
    scope: Vec<u8>,
    /// Keys of the Resource, or of the scope, that were there already: the first counts.
    seen: Vec<Vec<u8>>,
    /// Of the span at hand.
    index: SpanIndex,
}

impl Around {
    fn begin_resource(&mut self) {
        self.resource.clear();
        self.seen.clear();
    }

    fn add_resource(&mut self, resource: Reader<'_>, tests: &Tests<'_>) {
        if tests.ottl_wants_all(true) {
            self.resource.extend_from_slice(resource.rest());
            return;
        }
        let keep = first_of(&mut self.seen, |key| tests.ottl_wants(key, true));
        reduce(resource, 1, keep, &mut self.resource);
    }

    fn begin_scope(&mut self, mut scope_spans: Reader<'_>, tests: &Tests<'_>) {
        self.scope.clear();
        let mut seen = Vec::new();
        while let Ok(Some(field)) = scope_spans.field(|_| false) {
            if field.number == 1 && field.wire == LEN {
                let scope = scope_spans.part(field.from, field.end, "InstrumentationScope");
                if tests.ottl_wants_all(false) {
                    self.scope.extend_from_slice(scope.rest());
                    continue;
                }
                let keep = first_of(&mut seen, |key| tests.ottl_wants(key, false));
                reduce(scope, 3, keep, &mut self.scope);
            }
        }
    }
}

/// Passes the first of each key that is wanted, of which there are few.
fn first_of<'s>(
    seen: &'s mut Vec<Vec<u8>>,
    wanted: impl Fn(&[u8]) -> bool + 's,
) -> impl FnMut(&[u8]) -> bool + 's {
    move |key| {
        let first = wanted(key) && !seen.iter().any(|other| other == key);
        if first {
            seen.push(key.to_vec());
        }
        first
    }
}

struct Scanner<'p, 'o> {
    tests: Tests<'p>,
    /// None where no condition in OTTL is asked that is not lowered; else what it sees beside the span.
    around: Option<Around>,
    look_at_resources: bool,
    look_at_times: bool,
    look_at_rv: bool,
    /// None where no plan has more than one page of predicates.
    pages: Option<Pages<'p>>,
    /// Where a plan asks for pieces, how many Resources the request had so far.
    piece: Option<u32>,
    /// None where no plan asks for sizes.
    groups: Option<Groups>,
    /// Sizes count the `schema_url`s.
    schema_urls: bool,
    resource_bits: [u64; 2],
    resource_seen: [Seen; 2],
    out: &'o mut Scan,
}

impl<'a> Visitor<'a> for Scanner<'_, '_> {
    fn resource_spans(&mut self, message: Reader<'a>, _scopes: u32) {
        self.end_resource();
        if self.schema_urls
            && let Some(groups) = &mut self.groups
        {
            groups.add_beside(pdata::schema_url(message));
        }
        if let Some(around) = &mut self.around {
            around.begin_resource();
        }
        if let Some(pages) = &mut self.pages {
            pages.begin_resource();
        }
        if let Some(resources) = &mut self.piece {
            *resources += 1;
        }
        self.resource_bits = [0; 2];
        self.resource_seen = Default::default();
    }

    fn resource(&mut self, message: Reader<'a>) {
        if let Some(around) = &mut self.around {
            around.add_resource(message, &self.tests);
        }
        if let Some(groups) = &mut self.groups {
            groups.add_resource(pdata::resource(message));
        }
        if let Some(pages) = &mut self.pages {
            pages.resource(message);
        }
        if self.look_at_resources {
            let bits = self.tests.resource(message, &mut self.resource_seen);
            self.resource_bits[0] |= bits[0];
            self.resource_bits[1] |= bits[1];
        }
    }

    fn scope_spans(&mut self, message: Reader<'a>) {
        if let Some(around) = &mut self.around {
            around.begin_scope(message, &self.tests);
        }
        if let Some(groups) = &mut self.groups {
            let url = if self.schema_urls {
                pdata::schema_url(message)
            } else {
                0
            };
            groups.begin_scope(pdata::scope_of(message), url);
        }
    }

    fn span(&mut self, message: Reader<'a>) -> Result<(), ScanError> {
        let bytes = (message.end() - message.at()) as u64;
        let mut span = match &mut self.around {
            None => Span::read(message, &self.tests)?,
            Some(around) => {
                let index = &mut around.index;
                index.begin(message.at());
                let note = |number, from, end| index.note(number, from, end);
                Span::read_noting(message, &self.tests, note)?
            }
        };
        let trace_id = match span.accept() {
            Ok(trace_id) => trace_id,
            Err(BadId::Trace) => {
                self.out.rejected.bad_trace_id += 1;
                return Ok(());
            }
            Err(BadId::Span) => {
                self.out.rejected.bad_span_id += 1;
                return Ok(());
            }
        };
        self.out.spans += 1;
        self.out.span_bytes += bytes;
        let parts = self.around.as_ref();
        let parts = parts.map(|around| {
            let index = Some(&around.index).filter(|index| index.is_usual());
            ([&*around.resource], [&*around.scope], index)
        });
        let view = parts.as_ref().map(|(resources, scopes, index)| View {
            resources,
            scopes,
            span: message.rest(),
            event: None,
            index: *index,
        });
        if let Some(view) = &view {
            let [current, previous] = self.tests.ottl(view, span.atoms());
            span.bits[0] |= current;
            span.bits[1] |= previous;
        }
        if let Some(delta) = self.out.fold.delta(&mut self.out.traces, &trace_id) {
            add(delta, &span, self.resource_bits, bytes, &self.tests);
            if self.look_at_times {
                delta.times.push(span.start_ns, span.end_ns);
            }
            let rv = if self.look_at_rv {
                ot::read(span.trace_state).and_then(|ot| ot.rv)
            } else {
                None
            };
            delta.first_rv = delta.first_rv.or(rv);
            if let Some(pages) = &mut self.pages {
                pages.look(message, view.as_ref())?;
                pages.add(&mut delta.pages);
            }
            if let Some(resource) = self.piece {
                let piece = piece_of(delta, resource);
                piece.spans += 1;
                piece.first_rv = piece.first_rv.or(rv);
                let bits = [0, 1].map(|plan| span.bits[plan] | self.resource_bits[plan]);
                piece.bits = self.tests.join(piece.bits, bits);
                if self.look_at_times {
                    piece.times.push(span.start_ns, span.end_ns);
                }
                if let Some(pages) = &self.pages {
                    pages.add(&mut piece.pages);
                }
            }
            if let Some(groups) = &mut self.groups {
                groups.add_span(self.out.fold.last(), pdata::span(message));
            }
        }
        Ok(())
    }
}

impl Scanner<'_, '_> {
    /// Tell the traces what the ResourceSpans at hand, if there is one, comes to with each alone.
    fn end_resource(&mut self) {
        let Some(groups) = &mut self.groups else {
            return;
        };
        for (trace, bare) in groups.end() {
            if let Some(delta) = self.out.traces.get_mut(trace) {
                let framed = pdata::framed(bare);
                let encoded = Encoded { framed, bare };
                delta.encoded.add(encoded);
                if let Some(piece) = delta.pieces.last_mut() {
                    piece.encoded = encoded; // the only one under this Resource
                }
            }
        }
        groups.begin();
    }
}

/// The piece at hand, begun if it is not yet.
fn piece_of(delta: &mut TraceDelta, resource: u32) -> &mut Piece {
    if delta
        .pieces
        .last()
        .is_none_or(|piece| piece.resource != resource)
    {
        delta.pieces.push(Piece {
            resource,
            ..Piece::default()
        });
    }
    let last = delta.pieces.len() - 1;
    &mut delta.pieces[last]
}

#[inline(always)]
fn add(
    delta: &mut TraceDelta,
    span: &Span<'_>,
    resource_bits: [u64; 2],
    bytes: u64,
    tests: &Tests<'_>,
) {
    delta.spans += 1;
    delta.bytes += bytes;
    if span.start_ns != 0 && (delta.first_start_ns == 0 || span.start_ns < delta.first_start_ns) {
        delta.first_start_ns = span.start_ns;
    }
    delta.last_end_ns = delta.last_end_ns.max(span.end_ns);
    let bits = [0, 1].map(|plan| span.bits[plan] | resource_bits[plan]);
    delta.bits = tests.join(delta.bits, bits);
    if delta.witness == 0 {
        delta.witness = span.witness;
    }
    delta.root |= span.root();
    if !span.trace_state.is_empty() {
        add_randomness(delta, span);
    }
}

#[cold]
fn add_randomness(delta: &mut TraceDelta, span: &Span<'_>) {
    let Some(rv) = tracestate::randomness(span.trace_state) else {
        return;
    };
    let source = if span.root() {
        RvSource::Root
    } else {
        RvSource::Span
    };
    if source > delta.rv_source || (source == delta.rv_source && rv < delta.rv) {
        delta.rv = rv;
        delta.rv_source = source;
    }
}
