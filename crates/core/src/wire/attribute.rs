//! One attribute, read as far as predicates need it.

use super::reader::Reader;
use super::types::ScanError;
use crate::plan::Value;

const KEY: u64 = 0x0a;
const VALUE: u64 = 0x12;

fn in_key_value(number: u32) -> bool {
    matches!(number, 1..=3)
}

fn in_any_value(number: u32) -> bool {
    matches!(number, 1..=8)
}

/// The key and the value of a KeyValue message.
///
/// # Errors
/// It is malformed. That is found again, and counted, when its span is exported; until then it
/// matches nothing.
#[inline(always)]
pub(crate) fn read(message: Reader<'_>) -> Result<(&[u8], Value<'_>), ScanError> {
    match usual(message) {
        Some((key, value)) => Ok((key, value_of(value)?)),
        None => read_any(message),
    }
}

/// The value of an attribute of the usual shape.
///
/// # Errors
/// As [`read`].
#[inline(always)]
pub(crate) fn value_of(message: Reader<'_>) -> Result<Value<'_>, ScanError> {
    match message.rest() {
        // One field that fills the message; a length under 128 is one byte.
        [0x0a, length, text @ ..] if text.len() == usize::from(*length) && *length < 0x80 => {
            Ok(Value::Text(text))
        }
        [0x18, number] if *number < 0x80 => Ok(Value::Int(i64::from(*number))),
        [0x18, low, high] if *low >= 0x80 && *high < 0x80 => {
            Ok(Value::Int(i64::from(*low & 0x7f) | i64::from(*high) << 7))
        }
        _ => read_value(message, Value::None),
    }
}

/// The usual shape: a key, then a value, then nothing, all of it under 128 bytes. What follows the
/// key is known to be the value, so the key is final, and a key that no predicate asks for settles
/// the attribute without another look.
#[inline(always)]
pub(crate) fn usual(message: Reader<'_>) -> Option<(&[u8], Reader<'_>)> {
    let [0x0a, key_len, rest @ ..] = message.rest() else {
        return None;
    };
    let (key, rest) = rest.split_at_checked(usize::from(*key_len))?;
    let [0x12, value_len, value @ ..] = rest else {
        return None;
    };
    if *key_len >= 0x80 || *value_len >= 0x80 || value.len() != usize::from(*value_len) {
        return None;
    }
    let end = message.end();
    Some((key, message.part(end - value.len(), end, "AnyValue")))
}

/// Fields in any order, any number of times: the last key counts, and the last kind of value.
fn read_any(mut message: Reader<'_>) -> Result<(&[u8], Value<'_>), ScanError> {
    let mut key: &[u8] = &[];
    let mut value = Value::None;
    while !message.done() {
        let at = message.at();
        match message.varint()? {
            KEY => key = message.bytes()?,
            VALUE => value = read_value(message.message("AnyValue")?, value)?,
            0x18 => drop(message.varint()?), // key_strindex
            other => message.skip_unknown(other, at, in_key_value)?,
        }
    }
    Ok((key, value))
}

fn read_value<'a>(mut message: Reader<'a>, before: Value<'a>) -> Result<Value<'a>, ScanError> {
    let mut value = before;
    while !message.done() {
        let at = message.at();
        value = match message.varint()? {
            0x0a => Value::Text(message.bytes()?),
            0x18 => Value::Int(message.varint()?.cast_signed()),
            0x10 => Value::Bool(message.varint()? != 0),
            0x40 => {
                message.varint()?; // string_value_strindex
                Value::Other
            }
            0x21 => Value::Double(f64::from_bits(message.fixed64()?)),
            0x2a | 0x32 | 0x3a => {
                message.bytes()?; // array, kvlist, bytes
                Value::Other
            }
            other => {
                message.skip_unknown(other, at, in_any_value)?;
                value
            }
        };
    }
    Ok(value)
}
