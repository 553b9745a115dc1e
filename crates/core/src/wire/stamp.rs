//! What is written on kept spans, and what is cut from them.

use super::attribute;
use super::reader::{LEN, Reader};
use super::tracestate::{Edit, rewrite};
use super::write::{field, nest};

const TRACE_STATE: u32 = 3;
const ATTRIBUTES: u32 = 9;
const SPAN_ATTRIBUTE: u64 = 0x4a;

/// Attributes whose key starts so are ours alone: what a sender wrote there is cut.
const OURS: &[u8] = b"tailsampler.";

/// What the spans of a kept trace are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp<'a> {
    /// Write `tailsampler.policy` and `tailsampler.reason` on root spans.
    pub annotate: bool,
    /// Write `tailsampler.truncated` on every span: others of the trace were left out.
    pub truncated: bool,
    /// The rule that kept the trace.
    pub policy: &'a str,
    /// Why it matched.
    pub reason: &'a str,
    /// R of the trace, 56 bits.
    pub randomness: u64,
    /// T that the trace was kept under, written as `ot=th` unless a span has a stricter one;
    /// `None`: the verdict says nothing about probability, and `th` is erased.
    pub threshold: Option<u64>,
    /// Write R as `ot=rv`: it cannot be read off the trace id.
    pub write_rv: bool,
    /// What the scopes around the spans are told, if they are.
    pub scope: Option<OnScope<'a>>,
}

/// What contrib writes on scopes where its gate `recordpolicy` is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnScope<'a> {
    /// The policy that kept the trace.
    pub policy: &'a str,
    /// Of a composite policy, the part that did.
    pub part: Option<&'a str>,
    /// The spans came after the verdict.
    pub late: bool,
}

const POLICY: &str = "tailsampling.policy";
const PART: &str = "tailsampling.composite_policy";
const LATE: &str = "tailsampling.cached_decision";
const SCOPE: u64 = 0x0a;
const SCOPE_ATTRIBUTE: u64 = 0x1a;

/// Writes spans with one stamp.
pub(super) struct Stamper {
    /// Attributes for the scopes, as fields of one.
    on_scope: Option<Vec<u8>>,
    edit: Edit,
    /// The attributes for root spans, as fields of a span.
    annotations: Vec<u8>,
    /// The attributes for every span.
    marks: Vec<u8>,
    /// The tracestate of the span at hand.
    state: Vec<u8>,
}

fn annotation(tag: u64, key: &str, value: &str, out: &mut Vec<u8>) {
    nest(tag, 64, out, |out| {
        field(0x0a, key.as_bytes(), out);
        nest(0x12, 32, out, |out| field(0x0a, value.as_bytes(), out));
    });
}

/// An attribute that is true.
fn flag(tag: u64, key: &str, out: &mut Vec<u8>) {
    nest(tag, 64, out, |out| {
        field(0x0a, key.as_bytes(), out);
        nest(0x12, 2, out, |out| out.extend_from_slice(&[0x10, 1]));
    });
}

impl Stamper {
    pub(super) fn new(stamp: &Stamp<'_>) -> Self {
        let mut annotations = Vec::new();
        if stamp.annotate {
            annotation(
                SPAN_ATTRIBUTE,
                "tailsampler.policy",
                stamp.policy,
                &mut annotations,
            );
            annotation(
                SPAN_ATTRIBUTE,
                "tailsampler.reason",
                stamp.reason,
                &mut annotations,
            );
        }
        let mut marks = Vec::new();
        if stamp.truncated {
            flag(SPAN_ATTRIBUTE, "tailsampler.truncated", &mut marks);
        }
        let on_scope = stamp.scope.map(|scope| {
            let mut fields = Vec::new();
            if let Some(part) = scope.part.filter(|_| !scope.late) {
                annotation(SCOPE_ATTRIBUTE, PART, part, &mut fields);
            }
            annotation(SCOPE_ATTRIBUTE, POLICY, scope.policy, &mut fields);
            if scope.late {
                flag(SCOPE_ATTRIBUTE, LATE, &mut fields);
            }
            fields
        });
        Self {
            on_scope,
            edit: Edit {
                randomness: stamp.randomness,
                threshold: stamp.threshold,
                write_rv: stamp.write_rv,
            },
            annotations,
            marks,
            state: Vec::new(),
        }
    }

    /// Appends the scope of a ScopeSpans to `out`, if it is told something: then it is not to be
    /// copied beside.
    pub(super) fn scope(&self, mut scope_spans: Reader<'_>, out: &mut Vec<u8>) -> bool {
        let Some(fields) = &self.on_scope else {
            return false;
        };
        nest(SCOPE, 64 + fields.len(), out, |out| {
            while let Ok(Some(found)) = scope_spans.field(|_| false) {
                if (found.number, found.wire) == (1, LEN) {
                    let scope = scope_spans.part(found.from, found.end, "InstrumentationScope");
                    copy_scope(scope, out);
                }
            }
            out.extend_from_slice(fields);
        });
        true
    }

    /// Appends a span, which was found valid, to `out`.
    pub(super) fn span(&mut self, message: Reader<'_>, root: bool, out: &mut Vec<u8>) {
        let mut state: &[u8] = &[];
        let mut ours = false;
        let mut look = message;
        while let Ok(Some(found)) = look.field(|_| false) {
            match found.number {
                TRACE_STATE => state = look.slice(found.from, found.end),
                ATTRIBUTES => ours |= is_ours(look.part(found.from, found.end, "KeyValue")),
                _ => {}
            }
        }
        self.state.clear();
        let rewritten = rewrite(state, &self.edit, &mut self.state);
        if ours || rewritten {
            copy_without(message, rewritten, out);
        } else {
            out.extend_from_slice(message.rest());
        }
        if !self.state.is_empty() {
            field(0x1a, &self.state, out);
        }
        out.extend_from_slice(&self.marks);
        if root {
            out.extend_from_slice(&self.annotations);
        }
    }
}

/// Appends the fields of a scope but for what is written on it.
fn copy_scope(mut scope: Reader<'_>, out: &mut Vec<u8>) {
    while let Ok(Some(found)) = scope.field(|_| false) {
        let written = (found.number, found.wire) == (3, LEN)
            && attribute::read(scope.part(found.from, found.end, "KeyValue")).is_ok_and(
                |(key, _)| {
                    [POLICY, PART, LATE]
                        .iter()
                        .any(|ours| ours.as_bytes() == key)
                },
            );
        if !written {
            out.extend_from_slice(scope.slice(found.at, found.end));
        }
    }
}

fn is_ours(message: Reader<'_>) -> bool {
    attribute::read(message).is_ok_and(|(key, _)| key.starts_with(OURS))
}

/// Appends a span without its attributes of ours, and without its tracestate if `state`.
fn copy_without(mut message: Reader<'_>, state: bool, out: &mut Vec<u8>) {
    while let Ok(Some(found)) = message.field(|_| false) {
        let cut = match (found.number, found.wire) {
            (TRACE_STATE, LEN) => state,
            (ATTRIBUTES, LEN) => is_ours(message.part(found.from, found.end, "KeyValue")),
            _ => false,
        };
        if !cut {
            out.extend_from_slice(message.slice(found.at, found.end));
        }
    }
}
