//! Kinds of values, and from one to another.

use super::Arguments;
use super::parameters::{bool_like, double_like, int_like};
use crate::ottl::text;
use crate::ottl::value::{Answer, Erred, Value};

pub(super) fn is_string<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(Value::Bool(matches!(value, Value::Text(_))))
}

pub(super) fn is_int<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(Value::Bool(matches!(value, Value::Int(_))))
}

pub(super) fn is_double<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(Value::Bool(matches!(value, Value::Double(_))))
}

pub(super) fn is_bool<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(Value::Bool(matches!(value, Value::Bool(_))))
}

pub(super) fn is_map<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(Value::Bool(matches!(value, Value::Map(_))))
}

pub(super) fn is_list<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    let is = matches!(value, Value::List(_) | Value::Texts(_));
    Ok(Value::Bool(is))
}

pub(super) fn int<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(int_like(&value)?.map_or(Value::Nil, Value::Int))
}

/// As `int`, but a text that is no number is an error.
pub(super) fn strict_int<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    match int_like(&value)? {
        Some(int) => Ok(Value::Int(int)),
        None if matches!(value, Value::Text(_)) => Err(Erred),
        None => Ok(Value::Nil),
    }
}

pub(super) fn double<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(double_like(&value)?.map_or(Value::Nil, Value::Double))
}

pub(super) fn bool<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(bool_like(&value)?.map_or(Value::Nil, Value::Bool))
}

pub(super) fn string<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    Ok(text::text(value)?.map_or(Value::Nil, Value::Text))
}
