//! How many bytes the Collector's `pdata` takes to write what it read, which is not what came: it
//! drops what it does not know, and always writes some fields, also where they are empty.

use super::reader::{LEN, Reader};
use super::schema::{self, Kind, Message};
use super::types::ScanError;

/// A tag and a length of zero.
const EMPTY: u64 = 2;
/// The largest number of a field of OTLP's trace messages.
const NUMBERS: usize = 17;

/// Nested deeper than any decoder goes: counts nothing.
const DEEPEST: u32 = 100;

/// A message of `size` bytes in another one: tag, length, message. No tag has two bytes but that
/// of a span's flags, which are no message.
pub(crate) const fn framed(size: u64) -> u64 {
    1 + varint_bytes(size) + size
}

/// A Resource, without its frame.
pub(crate) fn resource(message: Reader<'_>) -> u64 {
    size(message, &schema::RESOURCE, DEEPEST)
}

/// A Span, without its frame.
pub(crate) fn span(message: Reader<'_>) -> u64 {
    size(message, &schema::SPAN, DEEPEST)
}

/// The InstrumentationScope of a ScopeSpans, without its frame.
pub(crate) fn scope_of(mut scope_spans: Reader<'_>) -> u64 {
    let mut bytes = 0;
    while let Ok(Some(field)) = scope_spans.field(|_| false) {
        if field.number == 1 && field.wire == LEN {
            let scope = scope_spans.part(field.from, field.end, "InstrumentationScope");
            bytes = size(scope, &schema::SCOPE, DEEPEST);
        }
    }
    bytes
}

/// The `schema_url` of a ResourceSpans or a ScopeSpans, with its frame.
pub(crate) fn schema_url(mut container: Reader<'_>) -> u64 {
    let mut bytes = 0;
    while let Ok(Some(field)) = container.field(|_| false) {
        if (field.number, field.wire) == (3, LEN) {
            bytes = sized(field.end - field.from, false);
        }
    }
    bytes
}

/// The numbers of the fields of a message that are written even if they are empty.
fn always(schema: &Message) -> &'static [u32] {
    match schema.name {
        "Span" => &[1, 2, 4, 15],
        "Span.Link" => &[1, 2],
        "KeyValue" => &[2],
        _ => &[],
    }
}

/// What cannot be read counts nothing: no backend takes it either.
fn size(message: Reader<'_>, schema: &Message, depth: u32) -> u64 {
    let mut sizes = [0; NUMBERS];
    if read(message, schema, depth, &mut sizes).is_err() {
        return 0;
    }
    for number in always(schema) {
        let size = &mut sizes[*number as usize];
        *size = (*size).max(EMPTY);
    }
    sizes.iter().sum()
}

fn read(
    mut message: Reader<'_>,
    schema: &Message,
    depth: u32,
    sizes: &mut [u64; NUMBERS],
) -> Result<(), ScanError> {
    while !message.done() {
        let at = message.at();
        let key = message.varint()?;
        let (number, wire) = message.key(key, at)?;
        let known = schema.field(number);
        let Some(field) = known.filter(|field| wire == field.kind.wire()) else {
            message.skip(wire, at)?;
            continue;
        };
        // One of a oneof is there, also where it is zero; and only the last one.
        let there = schema.oneof || field.repeated;
        let value = match &field.kind {
            Kind::Message(inner) => {
                let inside = message.message(inner.name)?;
                let below = depth.checked_sub(1).map(|depth| size(inside, inner, depth));
                framed(below.unwrap_or(0))
            }
            Kind::Text | Kind::Bytes => sized(message.bytes()?.len(), there),
            Kind::Id => {
                let id = message.bytes()?;
                let zero = id.iter().all(|byte| *byte == 0);
                sized(if zero { 0 } else { id.len() }, there)
            }
            Kind::Fixed32 => fixed(4, u64::from(message.fixed32()?), there),
            Kind::Fixed64 | Kind::Double => fixed(8, message.fixed64()?, there),
            kind => varint(kind, message.varint()?, there),
        };
        // The tag of a field from 16 on has a byte more.
        let value = value + u64::from(number >= 16 && value > 0);
        let place = &mut sizes[number as usize % NUMBERS];
        *place = if field.repeated {
            *place + value
        } else {
            value
        };
        if schema.oneof {
            let last = sizes[number as usize % NUMBERS];
            *sizes = [0; NUMBERS];
            sizes[number as usize % NUMBERS] = last;
        }
    }
    Ok(())
}

const fn sized(bytes: usize, there: bool) -> u64 {
    if bytes == 0 && !there {
        0
    } else {
        framed(bytes as u64)
    }
}

const fn fixed(bytes: u64, value: u64, there: bool) -> u64 {
    if value == 0 && !there { 0 } else { 1 + bytes }
}

/// Numbers as they are kept, written in as few bytes as they need.
fn varint(kind: &Kind, value: u64, there: bool) -> u64 {
    let kept = match kind {
        Kind::Bool => u64::from(value != 0),
        Kind::Uint32 => u64::from(value as u32),
        Kind::Int32 | Kind::Enum(_) => i64::from(value as i32).cast_unsigned(),
        _ => value,
    };
    if kept == 0 && !there {
        0
    } else {
        1 + varint_bytes(kept)
    }
}

const fn varint_bytes(value: u64) -> u64 {
    // One byte for every seven bits, and one for zero.
    (u64::BITS - (value | 1).leading_zeros()).div_ceil(7) as u64
}

/// What each trace has of the ResourceSpans at hand. Whatever a sender writes, a span and a scope
/// cost the same here: nothing is searched.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    resource: u64,
    /// With its frame, as what stands beside it.
    scope: u64,
    /// What stands beside the Resource.
    beside: u64,
    /// Goes up with every ResourceSpans.
    generation: u64,
    /// By the position of a trace in the request: when it was seen last, and where below.
    places: Vec<(u64, usize)>,
    traces: Vec<Group>,
    /// Those with a span in the scope at hand.
    open: Vec<usize>,
}

#[derive(Debug)]
struct Group {
    /// Position of the trace in the request.
    trace: usize,
    /// Bytes of its scopes that are over.
    over: u64,
    /// And of the one at hand; 0: it has no span there.
    open: u64,
}

impl Groups {
    /// A ResourceSpans begins.
    pub(crate) fn begin(&mut self) {
        self.resource = 0;
        self.scope = 0;
        self.beside = 0;
        self.generation += 1;
        self.traces.clear();
        self.open.clear();
    }

    /// A part of its Resource.
    pub(crate) fn add_resource(&mut self, bytes: u64) {
        self.resource += bytes;
    }

    /// What its ResourceSpans holds beside it, with its frame.
    pub(crate) fn add_beside(&mut self, bytes: u64) {
        self.beside += bytes;
    }

    /// A ScopeSpans begins; `beside`: what it holds beside its scope, with its frame.
    pub(crate) fn begin_scope(&mut self, scope: u64, beside: u64) {
        self.end_scope();
        self.scope = framed(scope) + beside;
    }

    fn end_scope(&mut self) {
        for at in self.open.drain(..) {
            let group = &mut self.traces[at];
            group.over += framed(group.open);
            group.open = 0;
        }
    }

    /// A span of a trace.
    pub(crate) fn add_span(&mut self, trace: usize, bytes: u64) {
        if self.places.len() <= trace {
            self.places.resize(trace + 1, (0, 0));
        }
        let (seen, at) = &mut self.places[trace];
        if *seen != self.generation {
            (*seen, *at) = (self.generation, self.traces.len());
            self.traces.push(Group {
                trace,
                over: 0,
                open: 0,
            });
        }
        let group = &mut self.traces[*at];
        if group.open == 0 {
            group.open = self.scope;
            self.open.push(*at);
        }
        group.open += framed(bytes);
    }

    /// The ResourceSpans ends: the traces, and how large it is with each of them alone.
    pub(crate) fn end(&mut self) -> impl Iterator<Item = (usize, u64)> {
        self.end_scope();
        let resource = framed(self.resource) + self.beside;
        self.traces
            .drain(..)
            .map(move |group| (group.trace, resource + group.over))
    }
}
