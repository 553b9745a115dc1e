//! A request without the spans of some traces.

use super::reader::Reader;
use super::span::{Span, Tests};
use super::types::{ScanError, TraceId};
use super::walk::{self, SPANS};
use super::write::nest;

const RESOURCE_SPANS: u64 = 0x0a;

/// Writes a request anew without the spans whose trace is not to `stay`. A ResourceSpans that is
/// left without any span goes as well; everything else stands as it stood, spans that are rejected
/// for their ids included.
///
/// # Errors
/// As [`scan`](super::scan), with the same words.
pub fn shed(body: &[u8], stay: impl Fn(&TraceId) -> bool) -> Result<Vec<u8>, ScanError> {
    let mut out = Vec::with_capacity(body.len());
    let mut request = walk::request(body);
    while let Some(found) = request.field(walk::in_request)? {
        if found.number != 1 {
            out.extend_from_slice(request.slice(found.at, found.end));
            continue;
        }
        let message = request.part(found.from, found.end, "ResourceSpans");
        let (before, guess) = (out.len(), found.end - found.from);
        let spans = nest(RESOURCE_SPANS, guess, &mut out, |out| {
            resource_spans(message, &stay, out)
        })?;
        if spans == 0 {
            out.truncate(before);
        }
    }
    Ok(out)
}

/// Appends what is left of a ResourceSpans; how many spans that are.
fn resource_spans(
    mut message: Reader<'_>,
    stay: &impl Fn(&TraceId) -> bool,
    out: &mut Vec<u8>,
) -> Result<usize, ScanError> {
    let scopes = walk::scopes_number(message)?;
    let mut spans = 0;
    while let Some(found) = message.field(walk::in_resource_spans)? {
        if found.number == scopes {
            // Even without a span left: where there are new ones, old ones beside them count not.
            let inner = message.part(found.from, found.end, "ScopeSpans");
            let key = u64::from(scopes) << 3 | 2;
            spans += nest(key, found.end - found.from, out, |out| {
                scope_spans(inner, stay, out)
            })?;
        } else {
            out.extend_from_slice(message.slice(found.at, found.end));
        }
    }
    Ok(spans)
}

fn scope_spans(
    mut message: Reader<'_>,
    stay: &impl Fn(&TraceId) -> bool,
    out: &mut Vec<u8>,
) -> Result<usize, ScanError> {
    let mut spans = 0;
    while let Some(found) = message.field(walk::in_scope_spans)? {
        if found.number == SPANS {
            let span = message.part(found.from, found.end, "Span");
            let span = Span::read(span, &Tests::default())?;
            if span.accept().is_ok_and(|trace_id| !stay(&trace_id)) {
                continue;
            }
            spans += 1;
        }
        out.extend_from_slice(message.slice(found.at, found.end));
    }
    Ok(spans)
}
