//! Times and durations, as numbers.

use super::Arguments;
use super::parameters::{duration, int, time};
use crate::ottl::calendar;
use crate::ottl::value::{Answer, Instant, SECOND_NS, Value};

const MINUTE_NS: i64 = 60 * SECOND_NS;
const HOUR_NS: i64 = 60 * MINUTE_NS;

fn whole<'e>(value: &Value<'e>, unit_ns: i64) -> Answer<'e> {
    Ok(Value::Int(duration(value)? / unit_ns))
}

fn real<'e>(value: &Value<'e>, unit_ns: i64) -> Answer<'e> {
    let ns = duration(value)?;
    // In two parts, for the sum of both is nearer to the truth than one quotient.
    let rest = (ns % unit_ns) as f64 / unit_ns as f64;
    Ok(Value::Double((ns / unit_ns) as f64 + rest))
}

pub(super) fn nanoseconds<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    whole(&value, 1)
}

pub(super) fn microseconds<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    whole(&value, 1_000)
}

pub(super) fn milliseconds<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    whole(&value, 1_000_000)
}

pub(super) fn seconds<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    real(&value, SECOND_NS)
}

pub(super) fn minutes<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    real(&value, MINUTE_NS)
}

pub(super) fn hours<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    real(&value, HOUR_NS)
}

pub(super) fn unix<'e>([seconds, nanoseconds, _]: Arguments<'e>) -> Answer<'e> {
    let ns = i128::from(int(&seconds)?) * i128::from(SECOND_NS) + i128::from(int(&nanoseconds)?);
    Ok(Value::Time(Instant::from_ns(ns)))
}

/// Whole units since 1970, cut downward; what is over 64 bits wraps.
fn since_1970<'e>(value: &Value<'e>, unit_ns: i128) -> Answer<'e> {
    Ok(Value::Int(time(value)?.ns().div_euclid(unit_ns) as i64))
}

pub(super) fn unix_nano<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    since_1970(&value, 1)
}

pub(super) fn unix_micro<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    since_1970(&value, 1_000)
}

pub(super) fn unix_milli<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    since_1970(&value, 1_000_000)
}

pub(super) fn unix_seconds<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    since_1970(&value, SECOND_NS.into())
}

fn of<'e>(value: &Value<'e>, part: impl Fn(Instant) -> i64) -> Answer<'e> {
    Ok(Value::Int(part(time(value)?)))
}

pub(super) fn year<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    of(&value, |instant| calendar::date(instant).0)
}

pub(super) fn month<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    of(&value, |instant| calendar::date(instant).1)
}

pub(super) fn day<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    of(&value, |instant| calendar::date(instant).2)
}

pub(super) fn weekday<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    of(&value, calendar::weekday)
}

pub(super) fn hour<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    of(&value, |instant| calendar::time_of_day(instant).0)
}

pub(super) fn minute<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    of(&value, |instant| calendar::time_of_day(instant).1)
}

pub(super) fn second<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    of(&value, |instant| calendar::time_of_day(instant).2)
}

pub(super) fn nanosecond<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    of(&value, |instant| instant.nanos.into())
}
