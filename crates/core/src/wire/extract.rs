//! The spans of one kept trace, written out of a request.

use std::collections::BTreeSet;

use super::layout::{Container, Layout, Located};
use super::reader::Reader;
use super::stamp::Stamper;
use super::types::TraceId;
use super::walk::{OLD_SCOPE_SPANS, request};
use super::write::nest;
use super::{Stamp, deep, schema};

const RESOURCE_SPANS: u64 = 0x0a;
const SCOPE_SPANS: u64 = 0x12;
const SPANS: u64 = 0x12;
const SCOPE_FIELD: u32 = 1;

/// What became of the spans of a trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extracted {
    /// Spans written.
    pub spans: u64,
    /// Bytes of their Span messages as received.
    pub bytes: u64,
    /// Spans left out, because no backend could decode them or what they stand in.
    pub malformed_spans: u64,
    /// Bytes of those, as received.
    pub malformed_bytes: u64,
    /// Spans that were not wanted.
    pub cut_spans: u64,
    /// Bytes of those, as received.
    pub cut_bytes: u64,
}

/// Appends the spans of a trace to `out` as `resource_spans` fields of an
/// `ExportTraceServiceRequest`, stamped; and to `sizes`, for each span written, the bytes that its
/// message had as received. `layout` must be that of `body`. Of the spans only those are `wanted`
/// whose first bytes stand there, if that is said.
///
/// Resource, scope and all fields of their containers, known or not, are repeated as they came.
/// Spans are written as they came, but for what [`Stamp`] says.
pub fn extract(
    body: &[u8],
    layout: &Layout,
    trace_id: &TraceId,
    stamp: &Stamp<'_>,
    wanted: Option<&BTreeSet<u32>>,
    (out, sizes): (&mut Vec<u8>, &mut Vec<u32>),
) -> Extracted {
    let all = layout.spans_of(trace_id);
    let wanted: Option<Vec<Located>> = wanted.map(|wanted| {
        let some = all.iter().filter(|span| wanted.contains(&span.from));
        some.copied().collect()
    });
    let spans = wanted.as_deref().unwrap_or(all);
    let mut extractor = Extractor {
        body: request(body),
        layout,
        stamper: Stamper::new(stamp),
        sizes,
        done: Extracted {
            cut_spans: (all.len() - spans.len()) as u64,
            cut_bytes: (total(all) - total(spans)) as u64,
            ..Extracted::default()
        },
    };
    for group in spans.chunk_by(|a, b| a.resource == b.resource) {
        extractor.resource_spans(group, out);
    }
    extractor.done
}

struct Extractor<'a> {
    body: Reader<'a>,
    layout: &'a Layout,
    stamper: Stamper,
    sizes: &'a mut Vec<u32>,
    done: Extracted,
}

fn total(spans: &[Located]) -> usize {
    spans.iter().map(|span| span.bytes() as usize).sum()
}

impl Extractor<'_> {
    fn resource_spans(&mut self, spans: &[Located], out: &mut Vec<u8>) {
        let Some(container) = usable(&self.layout.resources, spans, |s| s.resource) else {
            return self.malformed(spans);
        };
        let (start, before) = (out.len(), self.done.spans);
        nest(RESOURCE_SPANS, total(spans), out, |out| {
            self.surroundings(container, None, out);
            for group in spans.chunk_by(|a, b| a.scope == b.scope) {
                self.scope_spans(group, out);
            }
        });
        if self.done.spans == before {
            out.truncate(start);
        }
    }

    fn scope_spans(&mut self, spans: &[Located], out: &mut Vec<u8>) {
        let Some(container) = usable(&self.layout.scopes, spans, |s| s.scope) else {
            return self.malformed(spans);
        };
        let (start, before) = (out.len(), self.done.spans);
        nest(SCOPE_SPANS, total(spans), out, |out| {
            let (from, end) = (container.from as usize, container.end as usize);
            let told = self.stamper.scope(self.body.part(from, end, ""), out);
            self.surroundings(container, told.then_some(SCOPE_FIELD), out);
            for span in spans {
                self.span(span, out);
            }
        });
        if self.done.spans == before {
            out.truncate(start);
        }
    }

    /// Everything in a container but its spans, and but for one more field.
    fn surroundings(&self, container: &Container, without: Option<u32>, out: &mut Vec<u8>) {
        let (from, end) = (container.from as usize, container.end as usize);
        let mut message = self.body.part(from, end, "");
        while let Ok(Some(field)) = message.field(|_| false) {
            // Old scope spans are either written as new ones, or did not count.
            let other = field.number != container.inner && field.number != OLD_SCOPE_SPANS;
            if other && Some(field.number) != without {
                out.extend_from_slice(message.slice(field.at, field.end));
            }
        }
    }

    fn span(&mut self, span: &Located, out: &mut Vec<u8>) {
        let (from, end) = (span.from as usize, span.end as usize);
        let message = self.body.part(from, end, "Span");
        if deep::check(message, &schema::SPAN, deep::IN_RESOURCE_SPANS - 2).is_err() {
            return self.malformed(std::slice::from_ref(span));
        }
        nest(SPANS, end - from, out, |out| {
            self.stamper.span(message, span.root, out);
        });
        self.sizes.push(span.bytes());
        self.done.spans += 1;
        self.done.bytes += u64::from(span.bytes());
    }

    fn malformed(&mut self, spans: &[Located]) {
        self.done.malformed_spans += spans.len() as u64;
        self.done.malformed_bytes += total(spans) as u64;
    }
}

fn usable<'l>(
    containers: &'l [Container],
    spans: &[Located],
    which: fn(&Located) -> u32,
) -> Option<&'l Container> {
    let container = containers.get(which(spans.first()?) as usize)?;
    container.valid.then_some(container)
}
