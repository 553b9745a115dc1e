//! Bytes as text and text as bytes, and JSON.

use std::borrow::Cow;

use super::Arguments;
use super::parameters::{bytes_like, text};
use crate::ottl::text as texts;
use crate::ottl::value::{Answer, Erred, List, Map, Value};

pub(super) fn hex<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(Value::Text(Cow::Owned(texts::hex(&bytes_like(value)?))))
}

/// The bytes that hex digits spell, of either case.
pub(in crate::ottl) fn from_hex(digits: &[u8]) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).map(|digit| digit as u8);
    let pairs = digits.chunks_exact(2);
    pairs
        .map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?))
        .collect()
}

fn id<const SIZE: usize>(value: Value<'_>) -> Result<[u8; SIZE], Erred> {
    let bytes = bytes_like(value)?;
    if let Ok(id) = <[u8; SIZE]>::try_from(&*bytes) {
        return Ok(id);
    }
    let spelled = from_hex(&bytes).and_then(|id| id.try_into().ok());
    spelled.ok_or(Erred)
}

pub(super) fn span_id<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    id(value).map(Value::SpanId)
}

pub(super) fn trace_id<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    id(value).map(Value::TraceId)
}

pub(super) fn base64_decode<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    let decoded = base64(&text(value)?).ok_or(Erred)?;
    Ok(Value::Text(Cow::Owned(decoded)))
}

/// The standard alphabet, with padding; bits behind the last byte are not looked at.
fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let breaks = |byte: &&u8| !matches!(byte, b'\n' | b'\r');
    let text: Vec<u8> = text.iter().filter(breaks).copied().collect();
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let digits = match text.as_slice() {
        [digits @ .., b'=', b'='] | [digits @ .., b'='] => digits,
        digits => digits,
    };
    let mut bytes = Vec::with_capacity(digits.len() / 4 * 3 + 2);
    for group in digits.chunks(4) {
        let mut bits = 0u32;
        for at in 0..4 {
            let digit = group.get(at).map_or(Some(0), |digit| six_bits(*digit));
            bits = bits << 6 | digit?;
        }
        let [_, spelled @ ..] = bits.to_be_bytes();
        bytes.extend_from_slice(spelled.get(..group.len() - 1)?);
    }
    Some(bytes)
}

fn six_bits(digit: u8) -> Option<u32> {
    let bits = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(bits.into())
}

pub(super) fn parse_json<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    match serde_json::from_slice(&text(value)?) {
        Ok(found @ (serde_json::Value::Array(_) | serde_json::Value::Object(_))) => {
            Ok(from_json(found))
        }
        _ => Err(Erred),
    }
}

fn from_json<'e>(value: serde_json::Value) -> Value<'e> {
    match value {
        serde_json::Value::Null => Value::Nil,
        serde_json::Value::Bool(value) => Value::Bool(value),
        // Integers over 2^53 become the nearest double, as all of them do in Go.
        serde_json::Value::Number(number) => number.as_f64().map_or(Value::Nil, Value::Double),
        serde_json::Value::String(text) => Value::Text(Cow::Owned(text.into_bytes())),
        serde_json::Value::Array(items) => {
            Value::List(List::Owned(items.into_iter().map(from_json).collect()))
        }
        serde_json::Value::Object(entries) => {
            let entries = entries.into_iter();
            let entries =
                entries.map(|(key, value)| (Cow::Owned(key.into_bytes()), from_json(value)));
            Value::Map(Map::Owned(entries.collect()))
        }
    }
}
