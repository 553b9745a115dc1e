//! Values as text, for `IsMatch`, `Concat` and `String`.

use std::borrow::Cow;

use super::calendar::rfc3339;
use super::decimal::shortest;
use super::value::{Erred, List, Text, Value};

/// The text of a value; of nil there is none.
///
/// # Errors
/// It has none: an infinity, a NaN, a time whose year is not of four digits.
pub(super) fn text(value: Value<'_>) -> Result<Option<Text<'_>>, Erred> {
    Ok(Some(match value {
        Value::Nil => return Ok(None),
        Value::Text(text) => text,
        Value::Bytes(bytes) => Cow::Owned(hex(&bytes)),
        Value::Bool(true) => Cow::Borrowed(b"true".as_slice()),
        Value::Bool(false) => Cow::Borrowed(b"false".as_slice()),
        other => {
            let mut out = Vec::new();
            json(&other, &mut out)?;
            Cow::Owned(out)
        }
    }))
}

/// Two lower-case digits a byte.
pub(super) fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |bits: u8| DIGITS[usize::from(bits & 15)];
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(*byte)])
        .collect()
}

/// Compact JSON, as Go writes it.
fn json(value: &Value<'_>, out: &mut Vec<u8>) -> Result<(), Erred> {
    match value {
        Value::Nil => out.extend(b"null"),
        Value::Bool(value) => out.extend(value.to_string().bytes()),
        Value::Int(value) | Value::Duration(value) => out.extend(value.to_string().bytes()),
        Value::Double(value) => out.extend(shortest(*value).ok_or(Erred)?.bytes()),
        Value::Text(text) => quote(text, out),
        Value::Bytes(bytes) => base64(bytes, out),
        Value::List(list) => write_list(list, out)?,
        Value::Texts(texts) => separated(texts, b"[]", out, |text, out| {
            quote(text, out);
            Ok(())
        })?,
        Value::Map(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            // Of a key that is there twice the last value stays, unlike where it is looked up.
            entries.reverse();
            entries.sort_by_key(|(key, _)| *key);
            entries.dedup_by_key(|(key, _)| *key);
            separated(&entries, b"{}", out, |(key, value), out| {
                quote(key, out);
                out.push(b':');
                json(value, out)
            })?;
        }
        Value::SpanId(id) => numbers(id, out),
        Value::TraceId(id) => numbers(id, out),
        Value::Time(instant) => {
            out.push(b'"');
            out.extend(rfc3339(*instant).ok_or(Erred)?.bytes());
            out.push(b'"');
        }
        Value::Status => out.extend(b"{}"),
        Value::Byte => return Err(Erred),
    }
    Ok(())
}

fn write_list(list: &List<'_>, out: &mut Vec<u8>) -> Result<(), Erred> {
    out.push(b'[');
    for (at, member) in list.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        json(&member, out)?;
    }
    out.push(b']');
    Ok(())
}

fn separated<T>(
    parts: &[T],
    brackets: &[u8; 2],
    out: &mut Vec<u8>,
    write: impl Fn(&T, &mut Vec<u8>) -> Result<(), Erred>,
) -> Result<(), Erred> {
    out.push(brackets[0]);
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(part, out)?;
    }
    out.push(brackets[1]);
    Ok(())
}

fn numbers(id: &[u8], out: &mut Vec<u8>) {
    let numbers: Vec<String> = id.iter().map(ToString::to_string).collect();
    out.extend(format!("[{}]", numbers.join(",")).bytes());
}

fn quote(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' | '\\' => out.extend([b'\\', character as u8]),
                '\n' => out.extend(b"\\n"),
                '\r' => out.extend(b"\\r"),
                '\t' => out.extend(b"\\t"),
                '\u{8}' => out.extend(b"\\b"),
                '\u{c}' => out.extend(b"\\f"),
                '\0'..' ' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    out.extend(format!("\\u{:04x}", u32::from(character)).bytes());
                }
                _ => out.extend(character.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        for _ in chunk.invalid() {
            out.extend(b"\\ufffd");
        }
    }
    out.push(b'"');
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.push(b'"');
    for group in bytes.chunks(3) {
        let mut bits = 0u32;
        for at in 0..3 {
            bits = bits << 8 | u32::from(group.get(at).copied().unwrap_or(0));
        }
        for at in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * at)) as usize & 63];
            out.push(if at <= group.len() { digit } else { b'=' });
        }
    }
    out.push(b'"');
}
