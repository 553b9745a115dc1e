//! Lists, and what counts members.

use std::borrow::Cow;

use memchr::memmem;

use super::Arguments;
use crate::ottl::compare::equals;
use crate::ottl::value::{Answer, Erred, Value};

pub(super) fn len<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    let len = match value {
        Value::Text(bytes) | Value::Bytes(bytes) => bytes.len(),
        Value::List(list) => list.len(),
        Value::Texts(texts) => texts.len(),
        Value::Map(map) => map.iter().count(),
        _ => return Err(Erred),
    };
    place(Some(len))
}

pub(super) fn contains_value<'e>([list, item, _]: Arguments<'e>) -> Answer<'e> {
    Ok(Value::Bool(position(&list, &item)?.is_some()))
}

pub(super) fn index<'e>([target, value, _]: Arguments<'e>) -> Answer<'e> {
    match (&target, &value) {
        (Value::Text(text), Value::Text(sought)) => place(memmem::find(text, sought)),
        _ => place(position(&target, &value)?),
    }
}

/// Where in a list the first member is that equals the item.
fn position(list: &Value<'_>, item: &Value<'_>) -> Result<Option<usize>, Erred> {
    match list {
        Value::List(list) => Ok(list.iter().position(|member| equals(&member, item))),
        Value::Texts(texts) => Ok(texts.iter().position(|text| {
            let member = Value::Text(Cow::Borrowed(&**text));
            equals(&member, item)
        })),
        _ => Err(Erred),
    }
}

fn place<'e>(found: Option<usize>) -> Answer<'e> {
    let place = found.map_or(Some(-1), |at| i64::try_from(at).ok());
    place.map(Value::Int).ok_or(Erred)
}
