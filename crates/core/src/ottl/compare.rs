//! Comparisons, which give a bool and never an error.

use std::cmp::Ordering;

use super::condition::Comparison;
use super::value::{Map, Value};

/// Whether the comparison holds.
pub(super) fn compare(op: Comparison, left: &Value<'_>, right: &Value<'_>) -> bool {
    use Value::{Bool, Bytes, Double, Duration, Int, List, Map, Nil, SpanId, Status};
    use Value::{Text, Time, TraceId};
    match (left, right) {
        (Nil, Nil) => holds(op, Some(Ordering::Equal)),
        (Bool(one), Bool(two)) => holds(op, Some(one.cmp(two))),
        (Int(one), Int(two)) | (Duration(one), Duration(two)) => holds(op, Some(one.cmp(two))),
        (Double(one), Double(two)) => holds(op, one.partial_cmp(two)),
        (Int(one), Double(two)) => holds(op, (*one as f64).partial_cmp(two)),
        (Double(one), Int(two)) => holds(op, one.partial_cmp(&(*two as f64))),
        (Text(one), Text(two)) | (Bytes(one), Bytes(two)) => holds(op, Some(one.cmp(two))),
        (Time(one), Time(two)) => holds(op, Some(one.cmp(two))),
        (SpanId(one), SpanId(two)) => equal(op, || one == two),
        (TraceId(one), TraceId(two)) => equal(op, || one == two),
        (List(one), List(two)) => equal(op, || {
            one.len() == two.len()
                && one
                    .iter()
                    .zip(two.iter())
                    .all(|(one, two)| same(&one, &two))
        }),
        (Map(one), Map(two)) => equal(op, || same_maps(one, two)),
        (Status, Status) => equal(op, || true),
        _ => op == Comparison::Unequal,
    }
}

/// Whether the two are equal, by the rules of `==`.
pub(super) fn equals(left: &Value<'_>, right: &Value<'_>) -> bool {
    compare(Comparison::Equal, left, right)
}

/// The operator that says the same of the two sides exchanged.
pub(super) const fn mirrored(op: Comparison) -> Comparison {
    match op {
        Comparison::Below => Comparison::Above,
        Comparison::AtMost => Comparison::AtLeast,
        Comparison::Above => Comparison::Below,
        Comparison::AtLeast => Comparison::AtMost,
        Comparison::Equal | Comparison::Unequal => op,
    }
}

/// `None`: one of them is no number.
#[inline]
pub(super) fn holds(op: Comparison, order: Option<Ordering>) -> bool {
    let Some(order) = order else {
        return op == Comparison::Unequal;
    };
    match op {
        Comparison::Equal => order.is_eq(),
        Comparison::Unequal => order.is_ne(),
        Comparison::Below => order.is_lt(),
        Comparison::AtMost => order.is_le(),
        Comparison::Above => order.is_gt(),
        Comparison::AtLeast => order.is_ge(),
    }
}

/// Of what has no order.
fn equal(op: Comparison, are: impl FnOnce() -> bool) -> bool {
    match op {
        Comparison::Equal => are(),
        Comparison::Unequal => !are(),
        _ => false,
    }
}

/// Whether members of lists and maps are equal: 2 and 2.0 are not.
fn same(left: &Value<'_>, right: &Value<'_>) -> bool {
    let mixed = matches!(
        (left, right),
        (Value::Int(_), Value::Double(_)) | (Value::Double(_), Value::Int(_))
    );
    !mixed && equals(left, right)
}

/// As many entries, and for each of the left one an equal first one on the right.
fn same_maps(left: &Map<'_>, right: &Map<'_>) -> bool {
    // Sorted, not searched: senders choose how many there are. The sort keeps equal keys in order.
    let mut there: Vec<_> = right.iter().collect();
    there.sort_by_key(|(key, _)| *key);
    left.iter().count() == there.len()
        && left.iter().all(|(key, value)| {
            let at = there.partition_point(|(other, _)| *other < key);
            let found = there.get(at).filter(|(other, _)| *other == key);
            found.is_some_and(|(_, other)| same(&value, other))
        })
}
