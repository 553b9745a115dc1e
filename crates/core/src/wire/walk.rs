//! The containers of a request: ResourceSpans, ScopeSpans, and the spans in them.

use super::reader::{Field, Reader};
use super::types::ScanError;

pub(crate) const RESOURCE: u32 = 1;
pub(crate) const SCOPE_SPANS: u32 = 2;
/// `instrumentation_library_spans`, as OTLP had it before 0.16.
pub(crate) const OLD_SCOPE_SPANS: u32 = 1000;
pub(crate) const SPANS: u32 = 2;

/// Hears of everything in a request, in the order of its bytes; a Resource always before its spans.
pub(crate) trait Visitor<'a> {
    /// A ResourceSpans begins, whose spans stand in fields numbered `scopes`.
    fn resource_spans(&mut self, _message: Reader<'a>, _scopes: u32) {}
    /// A Resource of it; there may be several, which count as one merged.
    fn resource(&mut self, _message: Reader<'a>) {}
    /// A ScopeSpans begins.
    fn scope_spans(&mut self, _message: Reader<'a>) {}
    /// A Span of it.
    fn span(&mut self, message: Reader<'a>) -> Result<(), ScanError>;
}

pub(crate) fn in_request(number: u32) -> bool {
    number == 1
}

pub(crate) fn in_resource_spans(number: u32) -> bool {
    matches!(number, 1..=3 | OLD_SCOPE_SPANS)
}

pub(crate) fn in_scope_spans(number: u32) -> bool {
    matches!(number, 1..=3)
}

fn in_resource(number: u32) -> bool {
    matches!(number, 1..=3)
}

/// A reader on a whole request.
pub(crate) const fn request(body: &[u8]) -> Reader<'_> {
    Reader::new(body, "ExportTraceServiceRequest")
}

/// Walks a request. `aside` hears of old scope spans that do not count, because their
/// ResourceSpans has new ones beside them (as the Collector migrates them).
pub(crate) fn walk<'a>(
    body: &'a [u8],
    visitor: &mut impl Visitor<'a>,
    aside: &mut impl Visitor<'a>,
) -> Result<(), ScanError> {
    let mut request = request(body);
    while let Some(field) = request.field(in_request)? {
        if field.number == 1 {
            let message = request.part(field.from, field.end, "ResourceSpans");
            resource_spans(message, visitor, aside)?;
        }
    }
    Ok(())
}

/// The number of the fields in which a ResourceSpans has its spans.
///
/// # Errors
/// The message is not valid on its own level.
pub(crate) fn scopes_number(mut message: Reader<'_>) -> Result<u32, ScanError> {
    let mut number = OLD_SCOPE_SPANS;
    while let Some(field) = message.field(in_resource_spans)? {
        if field.number == SCOPE_SPANS {
            number = SCOPE_SPANS;
        }
    }
    Ok(number)
}

fn resource_spans<'a>(
    message: Reader<'a>,
    visitor: &mut impl Visitor<'a>,
    aside: &mut impl Visitor<'a>,
) -> Result<(), ScanError> {
    // Resource may follow its spans, and whether field 1000 counts is known only at the end: so
    // this level is read twice, which costs one step a ScopeSpans and not one a span.
    let mut first = message;
    let mut scopes = OLD_SCOPE_SPANS;
    let mut resources: Option<(usize, usize)> = None;
    while let Some(field) = first.field(in_resource_spans)? {
        match field.number {
            RESOURCE => {
                resources =
                    Some(resources.map_or((field.at, field.end), |(at, _)| (at, field.end)));
            }
            SCOPE_SPANS => scopes = SCOPE_SPANS,
            _ => {}
        }
    }
    visitor.resource_spans(message, scopes);
    if let Some((at, end)) = resources {
        let mut between = message.part(at, end, "ResourceSpans");
        while let Some(field) = between.field(in_resource_spans)? {
            if field.number == RESOURCE {
                let resource = message.part(field.from, field.end, "Resource");
                check_resource(resource)?;
                visitor.resource(resource);
            }
        }
    }
    let mut second = message;
    while let Some(field) = second.field(in_resource_spans)? {
        if field.number == scopes {
            scope_spans(part(message, field), visitor)?;
        } else if field.number == OLD_SCOPE_SPANS {
            scope_spans(part(message, field), aside)?;
        }
    }
    Ok(())
}

fn part<'a>(message: Reader<'a>, field: Field) -> Reader<'a> {
    message.part(field.from, field.end, "ScopeSpans")
}

fn check_resource(mut message: Reader<'_>) -> Result<(), ScanError> {
    while !message.done() {
        let at = message.at();
        match message.varint()? {
            0x0a | 0x1a => drop(message.bytes()?), // attributes, entity_refs
            0x10 => drop(message.varint()?),       // dropped_attributes_count
            key => message.skip_unknown(key, at, in_resource)?,
        }
    }
    Ok(())
}

fn scope_spans<'a>(
    mut message: Reader<'a>,
    visitor: &mut impl Visitor<'a>,
) -> Result<(), ScanError> {
    visitor.scope_spans(message);
    while let Some(field) = message.field(in_scope_spans)? {
        if field.number == SPANS {
            visitor.span(message.part(field.from, field.end, "Span"))?;
        }
    }
    Ok(())
}
