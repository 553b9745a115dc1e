//! Durations in words, as Go's `time.ParseDuration` reads them.

use super::Arguments;
use super::parameters::text;
use crate::ottl::value::{Answer, Erred, Value};

/// 2^63: what a negative duration can be, and a positive one cannot.
const MOST: u64 = 1 << 63;

pub(super) fn duration<'e>([value, ..]: Arguments<'e>) -> Answer<'e> {
    parse(&text(value)?).map(Value::Duration).ok_or(Erred)
}

fn parse(text: &[u8]) -> Option<i64> {
    let (negative, mut rest) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    if rest == b"0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0u64;
    while !rest.is_empty() {
        let (whole, behind) = digits(rest);
        let (fraction, behind) = match behind {
            [b'.', behind @ ..] => digits(behind),
            _ => (&[][..], behind),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let is_unit = |byte: &u8| *byte != b'.' && !byte.is_ascii_digit();
        let end = behind.iter().position(|byte| !is_unit(byte));
        let (unit, behind) = behind.split_at(end.unwrap_or(behind.len()));
        let unit_ns = unit_ns(unit)?;
        let ns = number(whole)?.checked_mul(unit_ns)?;
        let ns = ns.checked_add(part(fraction, unit_ns))?;
        total = total.checked_add(ns).filter(|total| *total <= MOST)?;
        rest = behind;
    }
    match total {
        MOST if negative => Some(i64::MIN),
        _ => {
            let total = i64::try_from(total).ok()?;
            Some(if negative { -total } else { total })
        }
    }
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text.iter().position(|byte| !byte.is_ascii_digit());
    text.split_at(end.unwrap_or(text.len()))
}

fn number(digits: &[u8]) -> Option<u64> {
    let digits = digits.iter().map(|digit| u64::from(digit - b'0'));
    digits
        .into_iter()
        .try_fold(0u64, |value, digit| {
            value.checked_mul(10)?.checked_add(digit)
        })
        .filter(|value| *value <= MOST)
}

/// A fraction of a unit, cut; Go counts it in doubles, and leaves out digits that it has no
/// room for.
fn part(fraction: &[u8], unit_ns: u64) -> u64 {
    let (mut value, mut scale) = (0u64, 1.0f64);
    for digit in fraction {
        // Before it could overflow; then it is near enough.
        if value > (MOST - 1) / 10 {
            break;
        }
        let more = value * 10 + u64::from(digit - b'0');
        if more > MOST {
            break;
        }
        value = more;
        scale *= 10.0;
    }
    (value as f64 * (unit_ns as f64 / scale)) as u64
}

fn unit_ns(unit: &[u8]) -> Option<u64> {
    Some(match unit {
        b"ns" => 1,
        b"us" | b"\xc2\xb5s" | b"\xce\xbcs" => 1_000,
        b"ms" => 1_000_000,
        b"s" => 1_000_000_000,
        b"m" => 60_000_000_000,
        b"h" => 3_600_000_000_000,
        _ => return None,
    })
}
