//! Arithmetic, by Go's rules.

use super::condition::Operator;
use super::value::{Answer, Erred, Instant, Value};

/// `left op right`.
pub(super) fn calculate<'a>(op: Operator, left: &Value<'_>, right: &Value<'_>) -> Answer<'a> {
    use Value::{Double, Duration, Int, Time};
    match (left, right) {
        (Int(one), Int(two)) => integers(op, *one, *two),
        (Double(one), Double(two)) => doubles(op, *one, *two),
        (Int(one), Double(two)) => doubles(op, *one as f64, *two),
        (Double(one), Int(two)) => doubles(op, *one, *two as f64),
        (Time(one), Time(two)) if op == Operator::Subtract => {
            let ns = (one.ns() - two.ns()).clamp(i64::MIN.into(), i64::MAX.into());
            Ok(Duration(ns as i64))
        }
        (Time(time), Duration(ns)) => match op {
            Operator::Add => Ok(Time(Instant::from_ns(time.ns() + i128::from(*ns)))),
            Operator::Subtract => Ok(Time(Instant::from_ns(time.ns() - i128::from(*ns)))),
            _ => Err(Erred),
        },
        (Duration(ns), Time(time)) if op == Operator::Add => {
            Ok(Time(Instant::from_ns(time.ns() + i128::from(*ns))))
        }
        (Duration(one), Duration(two)) => match op {
            Operator::Add => Ok(Duration(one.wrapping_add(*two))),
            Operator::Subtract => Ok(Duration(one.wrapping_sub(*two))),
            _ => Err(Erred),
        },
        _ => Err(Erred),
    }
}

/// `-value`; a duration has no negative here.
pub(super) fn negate<'a>(value: &Value<'_>) -> Answer<'a> {
    match value {
        Value::Int(value) => Ok(Value::Int(value.wrapping_neg())),
        Value::Double(value) => Ok(Value::Double(-value)),
        _ => Err(Erred),
    }
}

fn integers<'a>(op: Operator, one: i64, two: i64) -> Answer<'a> {
    Ok(Value::Int(match op {
        Operator::Add => one.wrapping_add(two),
        Operator::Subtract => one.wrapping_sub(two),
        Operator::Multiply => one.wrapping_mul(two),
        Operator::Divide if two == 0 => return Err(Erred),
        Operator::Divide => one.wrapping_div(two),
    }))
}

fn doubles<'a>(op: Operator, one: f64, two: f64) -> Answer<'a> {
    Ok(Value::Double(match op {
        Operator::Add => one + two,
        Operator::Subtract => one - two,
        Operator::Multiply => one * two,
        Operator::Divide if two == 0.0 => return Err(Erred),
        Operator::Divide => one / two,
    }))
}
