//! Where the spans of each trace stand in a request, for writing them out again.

use super::deep::{IN_RESOURCE_SPANS, check, check_text};
use super::reader::Reader;
use super::scan::CheckOnly;
use super::schema::{self, Message};
use super::span::{Span, Tests};
use super::types::{ScanError, TraceId};
use super::walk::{SPANS, Visitor, walk};

/// One accepted span.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Located {
    /// Its trace.
    pub trace_id: TraceId,
    /// Which ResourceSpans it stands in, counted from 0 in the request.
    pub resource: u32,
    /// Which ScopeSpans it stands in, counted from 0 in the request.
    pub scope: u32,
    /// First byte of its Span message.
    pub from: u32,
    /// One past its last byte.
    pub end: u32,
    /// It has no parent.
    pub root: bool,
    /// Its status is an error.
    pub error: bool,
}

impl Located {
    /// Bytes of the Span message.
    #[must_use]
    pub const fn bytes(&self) -> u32 {
        self.end - self.from
    }
}

/// `STATUS_CODE_ERROR`.
const STATUS_ERROR: i32 = 2;

/// A ResourceSpans or a ScopeSpans.
#[derive(Clone, Copy, Debug)]
pub(super) struct Container {
    pub(super) from: u32,
    pub(super) end: u32,
    /// The number of the fields that are not repeated with every group: spans, or scopes.
    pub(super) inner: u32,
    /// Everything in it but those fields would be decoded by a backend.
    pub(super) valid: bool,
}

/// The spans of a request by trace. Made for one request after another: it keeps its buffers.
#[derive(Debug, Default)]
pub struct Layout {
    pub(super) resources: Vec<Container>,
    pub(super) scopes: Vec<Container>,
    spans: Vec<Located>,
}

impl Layout {
    /// Lays out one request. Accepts what [`scan`](super::scan) accepts.
    ///
    /// # Errors
    /// As [`scan`](super::scan), with the same words.
    pub fn of(body: &[u8]) -> Result<Self, ScanError> {
        let mut layout = Self::default();
        layout.read(body)?;
        Ok(layout)
    }

    /// As [`Layout::of`], in the buffers of this one.
    ///
    /// # Errors
    /// As [`Layout::of`]; the layout is then empty.
    pub fn read(&mut self, body: &[u8]) -> Result<(), ScanError> {
        self.clear();
        let walked = if u32::try_from(body.len()).is_ok() {
            walk(body, self, &mut CheckOnly)
        } else {
            Err(super::walk::request(body).error("more than 4 GiB", 0))
        };
        if walked.is_err() {
            self.clear();
        }
        self.spans
            .sort_unstable_by(|a, b| (&a.trace_id, a.from).cmp(&(&b.trace_id, b.from)));
        walked
    }

    /// Lays out the spans of one trace alone, passing over those that begin with another id.
    ///
    /// A span may name its trace twice, and the last one counts; such a span can be missed here.
    /// Whoever knows how many there should be notices, and asks [`Layout::of`].
    ///
    /// # Errors
    /// As [`Layout::of`].
    pub fn of_trace(body: &[u8], trace_id: &TraceId) -> Result<Self, ScanError> {
        let mut layout = Self::default();
        let mut only = OnlyTrace {
            layout: &mut layout,
            trace_id,
        };
        walk(body, &mut only, &mut Pass)?;
        Ok(layout)
    }

    fn clear(&mut self) {
        self.resources.clear();
        self.scopes.clear();
        self.spans.clear();
    }

    /// Every accepted span, by trace id, and in a trace in the order of the request.
    #[must_use]
    pub fn spans(&self) -> &[Located] {
        &self.spans
    }

    /// The spans of one trace, in the order of the request.
    #[must_use]
    pub fn spans_of(&self, trace_id: &TraceId) -> &[Located] {
        let first = self.spans.partition_point(|s| s.trace_id < *trace_id);
        let rest = self.spans.get(first..).unwrap_or_default();
        let count = rest.partition_point(|s| s.trace_id == *trace_id);
        rest.get(..count).unwrap_or_default()
    }
}

// `read` refuses bodies over 4 GiB, so every position and every count fits in 32 bits.
fn container(message: Reader<'_>, inner: u32, valid: bool) -> Container {
    Container {
        from: message.at() as u32,
        end: message.end() as u32,
        inner,
        valid,
    }
}

/// Whether what a container holds beside its spans (its first field, a message, and its
/// schema_url) would be decoded.
fn holds_valid(mut message: Reader<'_>, first: &Message, depth: u32) -> bool {
    while let Ok(Some(field)) = message.field(|_| false) {
        let mut part = message.part(field.at, field.end, first.name);
        let checked = match field.number {
            1 => check(
                message.part(field.from, field.end, first.name),
                first,
                depth - 1,
            ),
            3 => part.varint().and_then(|_| check_text(&mut part, field.at)),
            _ => Ok(()),
        };
        if checked.is_err() {
            return false;
        }
    }
    true
}

/// Passes over spans that do not count.
struct Pass;

impl<'a> Visitor<'a> for Pass {
    fn span(&mut self, _message: Reader<'a>) -> Result<(), ScanError> {
        Ok(())
    }
}

/// Lays out the spans of one trace.
struct OnlyTrace<'l> {
    layout: &'l mut Layout,
    trace_id: &'l TraceId,
}

impl<'a> Visitor<'a> for OnlyTrace<'_> {
    fn resource_spans(&mut self, message: Reader<'a>, scopes: u32) {
        self.layout.resource_spans(message, scopes);
    }

    fn scope_spans(&mut self, message: Reader<'a>) {
        self.layout.scope_spans(message);
    }

    fn span(&mut self, message: Reader<'a>) -> Result<(), ScanError> {
        if let [0x0a, 0x10, rest @ ..] = message.rest()
            && !rest.starts_with(self.trace_id)
        {
            return Ok(());
        }
        let before = self.layout.spans.len();
        self.layout.span(message)?;
        if self
            .layout
            .spans
            .last()
            .is_some_and(|span| span.trace_id != *self.trace_id)
        {
            self.layout.spans.truncate(before);
        }
        Ok(())
    }
}

impl<'a> Visitor<'a> for Layout {
    fn resource_spans(&mut self, message: Reader<'a>, scopes: u32) {
        let valid = holds_valid(message, &schema::RESOURCE, IN_RESOURCE_SPANS);
        self.resources.push(container(message, scopes, valid));
    }

    fn scope_spans(&mut self, message: Reader<'a>) {
        let valid = holds_valid(message, &schema::SCOPE, IN_RESOURCE_SPANS - 1);
        self.scopes.push(container(message, SPANS, valid));
    }

    fn span(&mut self, message: Reader<'a>) -> Result<(), ScanError> {
        let span = Span::read(message, &Tests::default())?;
        if let Ok(trace_id) = span.accept() {
            self.spans.push(Located {
                trace_id,
                resource: (self.resources.len() - 1) as u32,
                scope: (self.scopes.len() - 1) as u32,
                from: message.at() as u32,
                end: message.end() as u32,
                root: span.root(),
                error: span.status == STATUS_ERROR,
            });
        }
        Ok(())
    }
}
