//! Fields of spans and of what they belong to, read from the wire. The last of a field counts.

use std::borrow::Cow;
use std::slice;

use super::attributes::Fields;
use super::condition::Owner;
use super::text::hex;
use super::value::{Instant, Map, Value};
use super::{SpanIndex, View};
use crate::wire::reader::{FIXED32, FIXED64, LEN, Reader, VARINT};

const PARENT: u32 = 4;
const KIND: u32 = 6;
const STATUS: u32 = 15;
const KINDS: [&str; 6] = [
    "Unspecified",
    "Internal",
    "Server",
    "Client",
    "Producer",
    "Consumer",
];
const LONG_KINDS: [&str; 6] = [
    "SPAN_KIND_UNSPECIFIED",
    "SPAN_KIND_INTERNAL",
    "SPAN_KIND_SERVER",
    "SPAN_KIND_CLIENT",
    "SPAN_KIND_PRODUCER",
    "SPAN_KIND_CONSUMER",
];

/// How a field is read; numbers are those of OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Read {
    Attributes(u32),
    Text(u32),
    /// Schema URLs, which do not reach policies.
    Empty,
    /// An unsigned number of 32 bits.
    Count(u32),
    /// The 64 bits of a time, as a signed number.
    Nanos(u32),
    /// The same, as a time.
    Time(u32),
    TraceId,
    TraceIdHex,
    SpanId(u32),
    SpanIdHex(u32),
    TraceState,
    Kind,
    KindName(&'static [&'static str; 6]),
    Flags,
    Status,
    StatusCode,
    StatusMessage,
    /// Events or links, which can be counted only.
    Members(u32),
}

/// A field of an owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    owner: Owner,
    pub(super) read: Read,
}

impl Field {
    /// The field with this dotted name.
    pub(super) fn named(owner: Owner, name: &str) -> Option<Self> {
        let read = match owner {
            Owner::Resource => match name {
                "attributes" => Read::Attributes(1),
                "dropped_attributes_count" => Read::Count(2),
                "schema_url" => Read::Empty,
                _ => return None,
            },
            Owner::Scope => match name {
                "name" => Read::Text(1),
                "version" => Read::Text(2),
                "attributes" => Read::Attributes(3),
                "dropped_attributes_count" => Read::Count(4),
                "schema_url" => Read::Empty,
                _ => return None,
            },
            Owner::Span => of_span(name)?,
            Owner::Event => match name {
                "time" => Read::Time(1),
                "time_unix_nano" => Read::Nanos(1),
                "name" => Read::Text(2),
                "attributes" => Read::Attributes(3),
                "dropped_attributes_count" => Read::Count(4),
                _ => return None,
            },
        };
        Some(Self { owner, read })
    }

    pub(super) const fn is_of_span(self) -> bool {
        matches!(self.owner, Owner::Span)
    }

    pub(super) fn is_span_attributes(self) -> bool {
        self.owner == Owner::Span && matches!(self.read, Read::Attributes(_))
    }

    /// What it is on this span; a field that is not there has its default.
    pub(super) fn read<'e>(self, view: &'e View<'e>) -> Value<'e> {
        let messages = match self.owner {
            Owner::Resource => view.resources,
            Owner::Scope => view.scopes,
            Owner::Span => slice::from_ref(&view.span),
            Owner::Event => view.event.as_slice(),
        };
        let index = view.index.filter(|_| self.owner == Owner::Span);
        let messages = Messages {
            all: messages,
            index: index.map(|index| (index, view.span)),
        };
        let text = |text| Value::Text(Cow::Borrowed(text));
        match self.read {
            Read::Attributes(number) => Value::Map(Map::Attributes(messages.all, number)),
            Read::Text(number) => text(bytes(messages, number)),
            Read::TraceState => text(bytes(messages, 3)),
            Read::Empty => text(b""),
            Read::Count(number) => Value::Int((varint(messages, number) as u32).into()),
            Read::Kind => Value::Int(kind(messages).into()),
            Read::KindName(names) => {
                let name = usize::try_from(kind(messages)).ok();
                text(
                    name.and_then(|at| names.get(at))
                        .map_or(b"", |it| it.as_bytes()),
                )
            }
            Read::Nanos(number) => Value::Int(nanos(messages, number)),
            Read::Time(number) => Value::Time(Instant::from_ns(nanos(messages, number).into())),
            Read::TraceId => Value::TraceId(id(messages, 1)),
            Read::TraceIdHex => Value::Text(Cow::Owned(hex(&id::<16>(messages, 1)))),
            Read::SpanId(number) => Value::SpanId(id(messages, number)),
            Read::SpanIdHex(number) => Value::Text(Cow::Owned(hex(&id::<8>(messages, number)))),
            Read::Flags => {
                let flags = messages
                    .last(16, FIXED32)
                    .and_then(|found| found.try_into().ok());
                Value::Int(flags.map_or(0, u32::from_le_bytes).into())
            }
            Read::Status => Value::Status,
            Read::StatusCode => {
                let codes = messages.statuses();
                let codes = codes.filter_map(|status| last(&[status], 3, VARINT)).last();
                Value::Int((codes.map_or(0, number) as i32).into())
            }
            Read::StatusMessage => {
                let said = messages.statuses();
                let said = said.filter_map(|status| last(&[status], 2, LEN)).last();
                text(said.unwrap_or_default())
            }
            Read::Members(number) => {
                let count = Fields::new(messages.all, number).count();
                Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
            }
        }
    }
}

fn of_span(name: &str) -> Option<Read> {
    Some(match name {
        "trace_id" => Read::TraceId,
        "trace_id.string" => Read::TraceIdHex,
        "span_id" => Read::SpanId(2),
        "span_id.string" => Read::SpanIdHex(2),
        "parent_span_id" => Read::SpanId(PARENT),
        "parent_span_id.string" => Read::SpanIdHex(PARENT),
        "trace_state" => Read::TraceState,
        "name" => Read::Text(5),
        "kind" => Read::Kind,
        "kind.string" => Read::KindName(&KINDS),
        "kind.deprecated_string" => Read::KindName(&LONG_KINDS),
        "start_time" => Read::Time(7),
        "end_time" => Read::Time(8),
        "start_time_unix_nano" => Read::Nanos(7),
        "end_time_unix_nano" => Read::Nanos(8),
        "attributes" => Read::Attributes(9),
        "dropped_attributes_count" => Read::Count(10),
        "events" => Read::Members(11),
        "dropped_events_count" => Read::Count(12),
        "links" => Read::Members(13),
        "dropped_links_count" => Read::Count(14),
        "status" => Read::Status,
        "status.code" => Read::StatusCode,
        "status.message" => Read::StatusMessage,
        "flags" => Read::Flags,
        _ => return None,
    })
}

/// Whether the parent span id is absent or all zero.
pub(super) fn is_root(view: &View<'_>) -> bool {
    let messages = Messages {
        all: &[view.span],
        index: view.index.map(|index| (index, view.span)),
    };
    id::<8>(messages, PARENT) == [0; 8]
}

/// The messages of an owner, and where the fields of a span stand.
#[derive(Clone, Copy)]
struct Messages<'a> {
    all: &'a [&'a [u8]],
    index: Option<(&'a SpanIndex, &'a [u8])>,
}

impl<'a> Messages<'a> {
    /// What the last field with this number and wire type holds.
    fn last(self, number: u32, wire: u8) -> Option<&'a [u8]> {
        match self.index {
            Some((index, span)) => index.last(span, number),
            None => last(self.all, number, wire),
        }
    }

    fn statuses(self) -> impl Iterator<Item = &'a [u8]> {
        let one = self
            .index
            .and_then(|(index, span)| index.last(span, STATUS));
        let all = if self.index.is_some() { &[] } else { self.all };
        one.into_iter().chain(Fields::new(all, STATUS))
    }
}

/// What the last field with this number and wire type holds.
fn last<'a>(messages: &[&'a [u8]], number: u32, wire: u8) -> Option<&'a [u8]> {
    let mut found = None;
    for message in messages {
        let mut message = Reader::new(message, "");
        while let Ok(Some(field)) = message.field(|_| false) {
            if field.number == number && field.wire == wire {
                found = Some(message.slice(field.from, field.end));
            }
        }
    }
    found
}

fn bytes(messages: Messages<'_>, number: u32) -> &[u8] {
    messages.last(number, LEN).unwrap_or_default()
}

fn number(varint: &[u8]) -> u64 {
    Reader::new(varint, "").varint().unwrap_or(0)
}

fn varint(messages: Messages<'_>, at: u32) -> u64 {
    messages.last(at, VARINT).map_or(0, number)
}

fn kind(messages: Messages<'_>) -> i32 {
    varint(messages, KIND) as i32
}

fn nanos(messages: Messages<'_>, number: u32) -> i64 {
    let found = messages
        .last(number, FIXED64)
        .and_then(|found| found.try_into().ok());
    found.map_or(0, i64::from_le_bytes)
}

/// An id of the right length; any other is as good as none.
fn id<const SIZE: usize>(messages: Messages<'_>, number: u32) -> [u8; SIZE] {
    bytes(messages, number).try_into().unwrap_or([0; SIZE])
}
