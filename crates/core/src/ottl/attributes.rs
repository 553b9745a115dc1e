//! Attributes, read from the wire when they are asked for. What cannot be read is not there.

use std::borrow::Cow;
use std::slice;

use super::value::{List, Map, Value};
use crate::wire::attribute;
use crate::wire::reader::{LEN, Reader};

/// Lists and maps that may be nested, one in another; what is deeper is nil. More than exporting
/// allows, and few enough for the stack.
const DEEPEST: u8 = 64;

/// An ArrayValue or a KeyValueList, and how many lists and maps it is nested in, itself included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Nested<'a> {
    message: &'a [u8],
    depth: u8,
}

impl<'a> Nested<'a> {
    pub(super) fn fields(self) -> Fields<'a> {
        Fields {
            message: Reader::new(self.message, "AnyValue"),
            rest: [].iter(),
            number: 1,
        }
    }

    pub(super) const fn depth(self) -> u8 {
        self.depth
    }
}

/// The length-delimited fields with one number, of one message or of several one after another.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    message: Reader<'a>,
    rest: slice::Iter<'a, &'a [u8]>,
    number: u32,
}

impl<'a> Fields<'a> {
    pub(super) fn new(messages: &'a [&'a [u8]], number: u32) -> Self {
        Self {
            message: Reader::new(&[], ""),
            rest: messages.iter(),
            number,
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            // A message that is malformed ends where it is.
            while let Ok(Some(field)) = self.message.field(|_| false) {
                if field.number == self.number && field.wire == LEN {
                    return Some(self.message.slice(field.from, field.end));
                }
            }
            self.message = Reader::new(self.rest.next()?, "");
        }
    }
}

/// The value of the first KeyValue with this key.
pub(super) fn find<'a>(
    fields: impl Iterator<Item = &'a [u8]>,
    key: &[u8],
    depth: u8,
) -> Option<Value<'a>> {
    for message in fields {
        let value = match attribute::usual(Reader::new(message, "KeyValue")) {
            Some((name, _)) if name != key => continue,
            Some((_, value)) => any_value(value.rest(), depth),
            None => match entry(message, depth) {
                Some((name, value)) if name == key => Some(value),
                _ => continue,
            },
        };
        if value.is_some() {
            return value;
        }
    }
    None
}

/// A KeyValue message; the last key counts, and the last kind of value.
pub(super) fn entry(message: &[u8], depth: u8) -> Option<(&[u8], Value<'_>)> {
    let mut message = Reader::new(message, "KeyValue");
    if let Some((key, value)) = attribute::usual(message) {
        return Some((key, any_value(value.rest(), depth)?));
    }
    let mut key: &[u8] = &[];
    let mut found = Value::Nil;
    while !message.done() {
        let at = message.at();
        match message.varint().ok()? {
            0x0a => key = message.bytes().ok()?,
            0x12 => found = read(message.bytes().ok()?, depth, found)?,
            other => message
                .skip_unknown(other, at, |number| matches!(number, 1 | 2))
                .ok()?,
        }
    }
    Some((key, found))
}

/// An AnyValue message inside of `depth` lists and maps.
pub(super) fn any_value(message: &[u8], depth: u8) -> Option<Value<'_>> {
    read(message, depth, Value::Nil)
}

fn read<'a>(message: &'a [u8], depth: u8, before: Value<'a>) -> Option<Value<'a>> {
    let mut message = Reader::new(message, "AnyValue");
    let mut value = before;
    while !message.done() {
        let at = message.at();
        value = match message.varint().ok()? {
            0x0a => Value::Text(Cow::Borrowed(message.bytes().ok()?)),
            0x10 => Value::Bool(message.varint().ok()? != 0),
            0x18 => Value::Int(message.varint().ok()?.cast_signed()),
            0x21 => Value::Double(f64::from_bits(message.fixed64().ok()?)),
            0x2a => nested(message.bytes().ok()?, depth, |it| {
                Value::List(List::Wire(it))
            }),
            0x32 => nested(message.bytes().ok()?, depth, |it| Value::Map(Map::Wire(it))),
            0x3a => Value::Bytes(Cow::Borrowed(message.bytes().ok()?)),
            0x40 => {
                message.varint().ok()?; // string_value_strindex: an index into nothing
                Value::Nil
            }
            other => {
                message
                    .skip_unknown(other, at, |number| matches!(number, 1..=8))
                    .ok()?;
                value
            }
        };
    }
    Some(value)
}

fn nested<'a>(message: &'a [u8], depth: u8, kind: fn(Nested<'a>) -> Value<'a>) -> Value<'a> {
    let depth = depth + 1;
    if depth > DEEPEST {
        return Value::Nil;
    }
    kind(Nested { message, depth })
}
