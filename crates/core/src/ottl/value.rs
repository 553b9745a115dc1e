//! What nodes evaluate to. Values borrow from the request or from the program where they can.

use std::borrow::Cow;
use std::slice;

use super::attributes::{self, Fields, Nested};

/// A string, or bytes: not known to be UTF-8, for converters may cut characters.
pub(super) type Text<'a> = Cow<'a, [u8]>;

/// An error, the third outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Erred;

/// What evaluating gives.
pub(super) type Answer<'a> = Result<Value<'a>, Erred>;

/// A value of the language.
#[derive(Clone, Debug)]
pub(super) enum Value<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(Text<'a>),
    Bytes(Text<'a>),
    List(List<'a>),
    Map(Map<'a>),
    SpanId([u8; 8]),
    TraceId([u8; 16]),
    Time(Instant),
    /// Nanoseconds.
    Duration(i64),
    /// Only from `Split`.
    Texts(Vec<Text<'a>>),
    /// The path `status`: there is but one, that of the span.
    Status,
    /// A byte of bytes, by index; it equals nothing and has no text.
    Byte,
}

impl Value<'_> {
    /// The same value, without another copy of what it holds.
    pub(super) fn borrowed(&self) -> Value<'_> {
        match self {
            Self::Nil => Value::Nil,
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Double(value) => Value::Double(*value),
            Self::Text(text) => Value::Text(Cow::Borrowed(text)),
            Self::Bytes(bytes) => Value::Bytes(Cow::Borrowed(bytes)),
            Self::List(List::Wire(nested)) => Value::List(List::Wire(*nested)),
            Self::List(List::Borrowed(members)) => Value::List(List::Borrowed(members)),
            Self::List(List::Owned(members)) => Value::List(List::Borrowed(members)),
            Self::Map(map) => Value::Map(map.borrowed()),
            Self::SpanId(id) => Value::SpanId(*id),
            Self::TraceId(id) => Value::TraceId(*id),
            Self::Time(instant) => Value::Time(*instant),
            Self::Duration(ns) => Value::Duration(*ns),
            Self::Texts(texts) => {
                Value::Texts(texts.iter().map(|text| Cow::Borrowed(&**text)).collect())
            }
            Self::Status => Value::Status,
            Self::Byte => Value::Byte,
        }
    }
}

/// An instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Instant {
    /// Since 1970, UTC.
    pub(super) seconds: i64,
    /// Under 10^9.
    pub(super) nanos: u32,
}

pub(super) const SECOND_NS: i64 = 1_000_000_000;

impl Instant {
    /// So many nanoseconds after 1970; what is beyond 64 bits of seconds wraps.
    pub(super) const fn from_ns(ns: i128) -> Self {
        Self {
            seconds: ns.div_euclid(SECOND_NS as i128) as i64,
            nanos: ns.rem_euclid(SECOND_NS as i128) as u32,
        }
    }

    /// Nanoseconds since 1970.
    pub(super) const fn ns(self) -> i128 {
        self.seconds as i128 * SECOND_NS as i128 + self.nanos as i128
    }
}

/// A list, read when it is asked.
#[derive(Clone, Debug)]
pub(super) enum List<'a> {
    /// An ArrayValue.
    Wire(Nested<'a>),
    Borrowed(&'a [Value<'a>]),
    Owned(Vec<Value<'a>>),
}

impl<'a> List<'a> {
    pub(super) fn iter(&self) -> Members<'_> {
        match self {
            Self::Wire(nested) => Members::Wire(nested.fields(), nested.depth()),
            Self::Borrowed(members) => Members::Slice(members.iter()),
            Self::Owned(members) => Members::Slice(members.iter()),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Wire(nested) => nested.fields().count(),
            Self::Borrowed(members) => members.len(),
            Self::Owned(members) => members.len(),
        }
    }

    /// The member at this place, from 0.
    pub(super) fn into_member(self, at: i64) -> Option<Value<'a>> {
        let at = usize::try_from(at).ok()?;
        match self {
            Self::Wire(nested) => Members::Wire(nested.fields(), nested.depth()).nth(at),
            Self::Borrowed(members) => members.get(at).map(Value::borrowed),
            Self::Owned(members) => members.into_iter().nth(at),
        }
    }
}

/// The members of a list, in order.
pub(super) enum Members<'a> {
    Wire(Fields<'a>, u8),
    Slice(slice::Iter<'a, Value<'a>>),
}

impl<'a> Iterator for Members<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        match self {
            // A member that cannot be read keeps its place, so that others keep theirs.
            Self::Wire(fields, depth) => {
                let member = attributes::any_value(fields.next()?, *depth);
                Some(member.unwrap_or(Value::Nil))
            }
            Self::Slice(members) => members.next().map(Value::borrowed),
        }
    }
}

/// A map, read when it is asked.
#[derive(Clone, Debug)]
pub(super) enum Map<'a> {
    /// The attributes of an owner, which is one message or several that count as one.
    Attributes(&'a [&'a [u8]], u32),
    /// A KeyValueList.
    Wire(Nested<'a>),
    Borrowed(&'a [(Text<'a>, Value<'a>)]),
    Owned(Vec<(Text<'a>, Value<'a>)>),
}

impl<'a> Map<'a> {
    fn borrowed(&self) -> Map<'_> {
        match self {
            Self::Attributes(messages, number) => Map::Attributes(messages, *number),
            Self::Wire(nested) => Map::Wire(*nested),
            Self::Borrowed(entries) => Map::Borrowed(entries),
            Self::Owned(entries) => Map::Borrowed(entries),
        }
    }

    /// Entries in their order; a key that is there twice comes twice.
    pub(super) fn iter(&self) -> Entries<'_> {
        match self {
            Self::Attributes(messages, number) => Entries::Wire(Fields::new(messages, *number), 0),
            Self::Wire(nested) => Entries::Wire(nested.fields(), nested.depth()),
            Self::Borrowed(entries) => Entries::Slice(entries.iter()),
            Self::Owned(entries) => Entries::Slice(entries.iter()),
        }
    }

    /// The first value with this key.
    pub(super) fn into_value(self, key: &[u8]) -> Option<Value<'a>> {
        let has_key = |entry: &(Text<'_>, Value<'_>)| *entry.0 == *key;
        match self {
            Self::Attributes(messages, number) => {
                attributes::find(Fields::new(messages, number), key, 0)
            }
            Self::Wire(nested) => attributes::find(nested.fields(), key, nested.depth()),
            Self::Borrowed(entries) => {
                let found = entries.iter().find(|entry| has_key(entry));
                found.map(|(_, value)| value.borrowed())
            }
            Self::Owned(entries) => entries.into_iter().find(has_key).map(|(_, value)| value),
        }
    }
}

/// The entries of a map, in order.
pub(super) enum Entries<'a> {
    Wire(Fields<'a>, u8),
    Slice(slice::Iter<'a, (Text<'a>, Value<'a>)>),
}

impl<'a> Iterator for Entries<'a> {
    type Item = (&'a [u8], Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Wire(fields, depth) => {
                fields.find_map(|message| attributes::entry(message, *depth))
            }
            Self::Slice(entries) => {
                let (key, value) = entries.next()?;
                Some((key, value.borrowed()))
            }
        }
    }
}
