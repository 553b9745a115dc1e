//! What is written on kept spans, and what is cut from them.

use super::attribute;
use super::reader::{LEN, Reader};
use super::tracestate::{Edit, rewrite};
use super::write::{field, nest};

const TRACE_STATE: u32 = 3;
const ATTRIBUTES: u32 = 9;

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
}

/// Writes spans with one stamp.
pub(super) struct Stamper {
    edit: Edit,
    /// The attributes for root spans, as fields of a span.
    annotations: Vec<u8>,
    /// The attributes for every span.
    marks: Vec<u8>,
    /// The tracestate of the span at hand.
    state: Vec<u8>,
}

fn annotation(key: &str, value: &str, out: &mut Vec<u8>) {
    nest(0x4a, 64, out, |out| {
        field(0x0a, key.as_bytes(), out);
        nest(0x12, 32, out, |out| field(0x0a, value.as_bytes(), out));
    });
}

/// An attribute that is true.
fn flag(key: &str, out: &mut Vec<u8>) {
    nest(0x4a, 64, out, |out| {
        field(0x0a, key.as_bytes(), out);
        nest(0x12, 2, out, |out| out.extend_from_slice(&[0x10, 1]));
    });
}

impl Stamper {
    pub(super) fn new(stamp: &Stamp<'_>) -> Self {
        let mut annotations = Vec::new();
        if stamp.annotate {
            annotation("tailsampler.policy", stamp.policy, &mut annotations);
            annotation("tailsampler.reason", stamp.reason, &mut annotations);
        }
        let mut marks = Vec::new();
        if stamp.truncated {
            flag("tailsampler.truncated", &mut marks);
        }
        Self {
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
