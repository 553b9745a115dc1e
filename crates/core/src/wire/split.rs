//! A request cut in two, so that a backend that refuses it can be asked about its halves.

use super::reader::{Field, Reader};
use super::types::ScanError;
use super::walk::{self, OLD_SCOPE_SPANS, SPANS};
use super::write::field;

const RESOURCE_SPANS: u64 = 0x0a;

/// How many spans a request holds, good and bad.
///
/// # Errors
/// Its containers are not valid; spans are not looked into.
pub fn count_spans(payload: &[u8]) -> Result<usize, ScanError> {
    let mut request = walk::request(payload);
    let mut count = 0;
    while let Some(found) = request.field(walk::in_request)? {
        if found.number == 1 {
            count += in_resource_spans(request.part(found.from, found.end, "ResourceSpans"))?;
        }
    }
    Ok(count)
}

/// Cuts a request before its span number `at`, counted from 0: the first `at` spans, and the rest.
/// What stands around a cut (resource, scope, schema URLs, unknown fields) is repeated in both.
///
/// # Errors
/// As [`count_spans`].
pub fn split(payload: &[u8], at: usize) -> Result<(Vec<u8>, Vec<u8>), ScanError> {
    let mut cut = Cut::new(at);
    let mut request = walk::request(payload);
    while let Some(found) = request.field(walk::in_request)? {
        if found.number != 1 {
            cut.both(&request, found);
            continue;
        }
        let message = request.part(found.from, found.end, "ResourceSpans");
        let spans = in_resource_spans(message)?;
        if let Some(left) = cut.whole(&request, found, spans) {
            let (first, second) = split_resource_spans(message, left)?;
            field(RESOURCE_SPANS, &first, &mut cut.first);
            field(RESOURCE_SPANS, &second, &mut cut.second);
        }
    }
    Ok((cut.first, cut.second))
}

/// Two messages being made of one, and the spans that may still go to the first.
struct Cut {
    first: Vec<u8>,
    second: Vec<u8>,
    left: usize,
    passed: bool,
}

impl Cut {
    const fn new(left: usize) -> Self {
        Self {
            first: Vec::new(),
            second: Vec::new(),
            left,
            passed: left == 0,
        }
    }

    fn both(&mut self, message: &Reader<'_>, found: Field) {
        let bytes = message.slice(found.at, found.end);
        self.first.extend_from_slice(bytes);
        self.second.extend_from_slice(bytes);
    }

    /// Puts a field with so many spans on its side of the cut; or, if the cut goes through it,
    /// returns how many of them stand before the cut.
    fn whole(&mut self, message: &Reader<'_>, found: Field, spans: usize) -> Option<usize> {
        if !self.passed && spans > self.left {
            self.passed = true;
            if self.left > 0 {
                return Some(self.left);
            }
        }
        let side = if self.passed {
            &mut self.second
        } else {
            self.left -= spans;
            &mut self.first
        };
        side.extend_from_slice(message.slice(found.at, found.end));
        None
    }
}

fn in_resource_spans(mut message: Reader<'_>) -> Result<usize, ScanError> {
    let scopes = walk::scopes_number(message)?;
    let mut count = 0;
    while let Some(found) = message.field(walk::in_resource_spans)? {
        if found.number == scopes {
            count += in_scope_spans(message.part(found.from, found.end, "ScopeSpans"))?;
        }
    }
    Ok(count)
}

fn in_scope_spans(mut message: Reader<'_>) -> Result<usize, ScanError> {
    let mut count = 0;
    while let Some(found) = message.field(walk::in_scope_spans)? {
        count += usize::from(found.number == SPANS);
    }
    Ok(count)
}

fn split_resource_spans(
    mut message: Reader<'_>,
    at: usize,
) -> Result<(Vec<u8>, Vec<u8>), ScanError> {
    let scopes = walk::scopes_number(message)?;
    let mut cut = Cut::new(at);
    while let Some(found) = message.field(walk::in_resource_spans)? {
        if found.number == scopes {
            let inner = message.part(found.from, found.end, "ScopeSpans");
            let spans = in_scope_spans(inner)?;
            if let Some(left) = cut.whole(&message, found, spans) {
                let (first, second) = split_scope_spans(inner, left)?;
                let key = u64::from(scopes) << 3 | 2;
                field(key, &first, &mut cut.first);
                field(key, &second, &mut cut.second);
            }
        } else if found.number != OLD_SCOPE_SPANS {
            // Old scope spans that do not count would begin to, in a half without new ones.
            cut.both(&message, found);
        }
    }
    Ok((cut.first, cut.second))
}

fn split_scope_spans(mut message: Reader<'_>, at: usize) -> Result<(Vec<u8>, Vec<u8>), ScanError> {
    let mut cut = Cut::new(at);
    while let Some(found) = message.field(walk::in_scope_spans)? {
        if found.number == SPANS {
            cut.whole(&message, found, 1);
        } else {
            cut.both(&message, found);
        }
    }
    Ok((cut.first, cut.second))
}
