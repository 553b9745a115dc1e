//! Evaluating: the value of a node on a span, or an error, which ends everything.

use std::borrow::Cow;

use super::View;
use super::attributes;
use super::compare::compare;
use super::math;
use super::paths::{self, Field, Read};
use super::program::{Key, Node};
use super::text;
use super::value::{Answer, Erred, List, Map, Value};
use crate::wire::w3c;

/// Whether a condition holds.
pub(super) fn truth(node: &Node, view: &View<'_>) -> Result<bool, Erred> {
    match node {
        Node::And(terms) => {
            for term in terms {
                if !truth(term, view)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        Node::Or(terms) => {
            for term in terms {
                if truth(term, view)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Node::Not(term) => Ok(!truth(term, view)?),
        Node::Compare(op, sides) => {
            let left = value(&sides.0, view)?;
            Ok(compare(*op, &left, &value(&sides.1, view)?))
        }
        Node::Matches(target, pattern) => {
            let target = text::text(value(target, view)?)?;
            Ok(target.is_some_and(|text| pattern.is_match(&text)))
        }
        Node::IsRootSpan => Ok(paths::is_root(view)),
        _ => match value(node, view)? {
            Value::Bool(value) => Ok(value),
            _ => Err(Erred),
        },
    }
}

/// The value of a node.
fn value<'e>(node: &'e Node, view: &'e View<'e>) -> Answer<'e> {
    Ok(match node {
        Node::Literal(value) => value.borrowed(),
        Node::List(items) => Value::List(List::Owned(values(items, view)?)),
        Node::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, node)| Ok((Cow::Borrowed(key.as_slice()), value(node, view)?)));
            Value::Map(Map::Owned(entries.collect::<Result<_, Erred>>()?))
        }
        Node::Path(field, keys) => path(*field, keys, view)?,
        Node::Call(run, arguments) => {
            let mut given = [Value::Nil, Value::Nil, Value::Nil];
            for (place, argument) in given.iter_mut().zip(arguments) {
                *place = value(argument, view)?;
            }
            run(given)?
        }
        Node::Concat(items, delimiter) => concat(items, delimiter, view)?,
        Node::Coalesce(items) => {
            for item in items {
                match value(item, view)? {
                    Value::Nil => {}
                    found => return Ok(found),
                }
            }
            Value::Nil
        }
        Node::Index(of, keys) => {
            let mut found = value(of, view)?;
            for key in keys {
                found = part(found, key)?;
            }
            found
        }
        Node::Math(op, sides) => {
            let left = value(&sides.0, view)?;
            math::calculate(*op, &left, &value(&sides.1, view)?)?
        }
        Node::Negate(of) => math::negate(&value(of, view)?)?,
        Node::Matches(..)
        | Node::IsRootSpan
        | Node::Compare(..)
        | Node::And(_)
        | Node::Or(_)
        | Node::Not(_) => Value::Bool(truth(node, view)?),
    })
}

fn values<'e>(nodes: &'e [Node], view: &'e View<'e>) -> Result<Vec<Value<'e>>, Erred> {
    nodes.iter().map(|node| value(node, view)).collect()
}

/// Keys are evaluated as they are reached: behind a key that is missing there are none.
fn path<'e>(field: Field, keys: &'e [Node], view: &'e View<'e>) -> Answer<'e> {
    let mut found = Value::Nil;
    let mut keys = keys.iter();
    match (view.index, keys.as_slice().first()) {
        (Some(index), Some(Node::Literal(Value::Text(key)))) if field.is_span_attributes() => {
            keys.next();
            match attributes::find(index.attributes(view.span), key, 0) {
                Some(value) => found = value,
                None => return Ok(found),
            }
        }
        _ => found = field.read(view),
    }
    for key in keys {
        found = match found {
            Value::Map(map) => {
                let Value::Text(key) = value(key, view)? else {
                    return Err(Erred);
                };
                match map.into_value(&key) {
                    Some(found) => found,
                    None => return Ok(Value::Nil),
                }
            }
            Value::List(list) => {
                let Value::Int(at) = value(key, view)? else {
                    return Err(Erred);
                };
                list.into_member(at).ok_or(Erred)?
            }
            Value::Text(Cow::Borrowed(state)) if field.read == Read::TraceState => {
                return member(state, key, view);
            }
            _ => return Err(Erred),
        };
    }
    Ok(found)
}

/// What a tracestate has under a key.
fn member<'e>(state: &'e [u8], key: &'e Node, view: &'e View<'e>) -> Answer<'e> {
    let Some(members) = w3c::members(state) else {
        return Ok(Value::Nil);
    };
    let Value::Text(key) = value(key, view)? else {
        return Err(Erred);
    };
    let found = members.iter().find(|(name, _)| *name == &*key);
    Ok(Value::Text(Cow::Borrowed(
        found.map_or(b"", |(_, value)| value),
    )))
}

/// A part of a converter's result; here a key that is missing is an error.
fn part<'e>(of: Value<'e>, key: &'e Key) -> Answer<'e> {
    let found = match (of, key) {
        (Value::Map(map), Key::Name(name)) => map.into_value(name),
        (Value::List(list), Key::Place(at)) => list.into_member(*at),
        (Value::Texts(texts), Key::Place(at)) => {
            let at = usize::try_from(*at).map_err(|_| Erred)?;
            texts.into_iter().nth(at).map(Value::Text)
        }
        (Value::Bytes(bytes), Key::Place(at)) => {
            let at = usize::try_from(*at).map_err(|_| Erred)?;
            bytes.get(at).map(|_| Value::Byte)
        }
        _ => None,
    };
    found.ok_or(Erred)
}

fn concat<'e>(items: &'e [Node], delimiter: &'e Node, view: &'e View<'e>) -> Answer<'e> {
    let Value::Text(delimiter) = value(delimiter, view)? else {
        return Err(Erred);
    };
    let mut joined = Vec::new();
    for (at, item) in items.iter().enumerate() {
        if at > 0 {
            joined.extend_from_slice(&delimiter);
        }
        match text::text(value(item, view)?)? {
            Some(text) => joined.extend_from_slice(&text),
            None => joined.extend_from_slice(b"<nil>"),
        }
    }
    Ok(Value::Text(Cow::Owned(joined)))
}
