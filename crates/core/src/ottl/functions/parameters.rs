//! What the parameters of converters take, and what they make of it.

use std::borrow::Cow;

use super::number;
use crate::ottl::value::{Erred, Instant, Text, Value};

/// A string.
pub(super) fn text(value: Value<'_>) -> Result<Text<'_>, Erred> {
    match value {
        Value::Text(text) => Ok(text),
        _ => Err(Erred),
    }
}

/// An int.
pub(super) fn int(value: &Value<'_>) -> Result<i64, Erred> {
    match value {
        Value::Int(value) => Ok(*value),
        _ => Err(Erred),
    }
}

/// A time.
pub(super) fn time(value: &Value<'_>) -> Result<Instant, Erred> {
    match value {
        Value::Time(instant) => Ok(*instant),
        _ => Err(Erred),
    }
}

/// A duration in nanoseconds.
pub(super) fn duration(value: &Value<'_>) -> Result<i64, Erred> {
    match value {
        Value::Duration(ns) => Ok(*ns),
        _ => Err(Erred),
    }
}

/// A number, a bool or digits, as an int; `None` for nil and other strings.
pub(super) fn int_like(value: &Value<'_>) -> Result<Option<i64>, Erred> {
    Ok(match value {
        Value::Nil => None,
        Value::Int(value) => Some(*value),
        Value::Double(value) => Some(cut(*value)),
        Value::Bool(value) => Some((*value).into()),
        Value::Text(text) => std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok()),
        _ => return Err(Erred),
    })
}

/// Toward zero; what does not fit is -2^63, as on the processors that Go programs mostly run on.
fn cut(value: f64) -> i64 {
    let fits = (-9_223_372_036_854_775_808.0..9_223_372_036_854_775_808.0).contains(&value);
    if fits { value as i64 } else { i64::MIN }
}

/// A number, a bool or a number in words, as a double; `None` for nil.
pub(super) fn double_like(value: &Value<'_>) -> Result<Option<f64>, Erred> {
    Ok(Some(match value {
        Value::Nil => return Ok(None),
        Value::Double(value) => *value,
        Value::Int(value) => *value as f64,
        Value::Bool(value) => f64::from(u8::from(*value)),
        Value::Text(text) => number::double(text).ok_or(Erred)?,
        _ => return Err(Erred),
    }))
}

/// A bool, a number or a bool in words, as a bool; `None` for nil.
pub(super) fn bool_like(value: &Value<'_>) -> Result<Option<bool>, Erred> {
    Ok(Some(match value {
        Value::Nil => return Ok(None),
        Value::Bool(value) => *value,
        Value::Int(value) => *value != 0,
        Value::Double(value) => *value != 0.0,
        Value::Text(text) => match &**text {
            b"1" | b"t" | b"T" | b"true" | b"TRUE" | b"True" => true,
            b"0" | b"f" | b"F" | b"false" | b"FALSE" | b"False" => false,
            _ => return Err(Erred),
        },
        _ => return Err(Erred),
    }))
}

/// Bytes, a string, a number, a bool or nil, as bytes.
pub(super) fn bytes_like(value: Value<'_>) -> Result<Text<'_>, Erred> {
    Ok(match value {
        Value::Nil => Cow::Borrowed(b""),
        Value::Bytes(bytes) | Value::Text(bytes) => bytes,
        Value::Int(value) => Cow::Owned(value.to_be_bytes().to_vec()),
        Value::Double(value) => Cow::Owned(value.to_be_bytes().to_vec()),
        Value::Bool(value) => Cow::Owned(vec![value.into()]),
        _ => return Err(Erred),
    })
}
