//! What conditions read of the messages around a span, so that the rest is passed over once and
//! not with every span.

use std::collections::BTreeSet;

use super::{Condition, Expression, Owner};
use crate::wire::attribute;
use crate::wire::reader::{LEN, Reader};

/// The attributes of one owner that conditions read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wants {
    keys: BTreeSet<Vec<u8>>,
    /// All of them: as a map, or by keys that are not written down.
    all: bool,
}

impl Wants {
    /// What these conditions read of an owner.
    pub(crate) fn of<'c>(conditions: impl Iterator<Item = &'c Condition>, owner: Owner) -> Self {
        let mut wants = Self::default();
        for condition in conditions {
            each(&condition.expression, &mut |expression| {
                let Expression::Path {
                    context,
                    field,
                    keys,
                } = expression
                else {
                    return;
                };
                if *context != owner || field != "attributes" {
                    return;
                }
                match keys.first() {
                    Some(Expression::String { value }) => {
                        wants.keys.insert(value.clone().into());
                    }
                    _ => wants.all = true,
                }
            });
        }
        wants
    }

    /// More of them.
    pub(crate) fn add(&mut self, other: Self) {
        self.keys.extend(other.keys);
        self.all |= other.all;
    }

    /// Whether all attributes are read, as a map or by keys that are not written down.
    pub(crate) const fn all(&self) -> bool {
        self.all
    }

    /// Whether this attribute is read.
    pub(crate) fn has(&self, key: &[u8]) -> bool {
        self.all || self.keys.contains(key)
    }
}

/// Whether conditions read the events or the links of a span.
pub(crate) fn reads_events(conditions: &[Condition]) -> bool {
    let mut reads = false;
    for condition in conditions {
        each(&condition.expression, &mut |expression| {
            if let Expression::Path { context, field, .. } = expression {
                let lists = matches!(field.as_str(), "events" | "links");
                reads |= *context == Owner::Span && lists;
            }
        });
    }
    reads
}

fn each(expression: &Expression, see: &mut impl FnMut(&Expression)) {
    see(expression);
    match expression {
        Expression::List { items } => items.iter().for_each(|one| each(one, see)),
        Expression::Map { entries } => entries.iter().for_each(|entry| each(&entry.value, see)),
        Expression::Path { keys, .. } => keys.iter().for_each(|one| each(one, see)),
        Expression::Call { arguments, .. } => arguments.iter().for_each(|one| each(one, see)),
        Expression::Index { of, keys } => {
            each(of, see);
            keys.iter().for_each(|one| each(one, see));
        }
        Expression::Math { left, right, .. } | Expression::Compare { left, right, .. } => {
            each(left, see);
            each(right, see);
        }
        Expression::Negate { of } => each(of, see),
        Expression::And { terms } | Expression::Or { terms } => {
            terms.iter().for_each(|one| each(one, see));
        }
        Expression::Not { term } => each(term, see),
        Expression::Nil
        | Expression::Bool { .. }
        | Expression::Int { .. }
        | Expression::Double { .. }
        | Expression::String { .. }
        | Expression::Bytes { .. }
        | Expression::SpanId { .. }
        | Expression::TraceId { .. }
        | Expression::Time { .. }
        | Expression::Duration { .. } => {}
    }
}

/// Appends a message without those of its attributes, which stand in fields of this number, that
/// `keep` refuses.
pub(crate) fn reduce(
    message: Reader<'_>,
    attributes: u32,
    mut keep: impl FnMut(&[u8]) -> bool,
    out: &mut Vec<u8>,
) {
    copy(message, out, |field, part| {
        field != attributes || attribute::read(part).is_ok_and(|(key, _)| keep(key))
    });
}

/// Appends a Span without its events and links.
pub(crate) fn without_events(span: &[u8], out: &mut Vec<u8>) {
    copy(Reader::new(span, "Span"), out, |field, _| {
        !matches!(field, 11 | 13)
    });
}

fn copy(
    mut message: Reader<'_>,
    out: &mut Vec<u8>,
    mut stays: impl FnMut(u32, Reader<'_>) -> bool,
) {
    while let Ok(Some(field)) = message.field(|_| false) {
        let part = message.part(field.from, field.end, "KeyValue");
        if field.wire != LEN || stays(field.number, part) {
            out.extend_from_slice(message.slice(field.at, field.end));
        }
    }
}
