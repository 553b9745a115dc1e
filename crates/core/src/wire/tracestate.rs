//! W3C tracestate, as far as its `ot` member: OpenTelemetry's `rv` and `th`.

use crate::randomness::MASK;

/// Longest value that OpenTelemetry lets its own member have.
const MAX_OT: usize = 256;
/// Most members that W3C lets a list have.
const MAX_MEMBERS: usize = 32;
/// Hex digits of 56 bits.
const DIGITS: usize = 14;

/// What the spans of a kept trace should say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Edit {
    /// R of the trace.
    pub(crate) randomness: u64,
    /// T that the trace was kept under; `None` if that says nothing about its probability.
    pub(crate) threshold: Option<u64>,
    /// R must be written where there is none, since it cannot be read off the trace id.
    pub(crate) write_rv: bool,
}

/// A tracestate taken apart.
#[derive(Debug, Default)]
struct Parsed<'a> {
    members: usize,
    ot: Option<&'a [u8]>,
    rv: Option<u64>,
    th: Option<u64>,
    /// There is a `th`, but it is not a threshold.
    bad_th: bool,
}

/// The explicit randomness of a tracestate; `None` if there is none, or none that is valid.
pub(crate) fn randomness(state: &[u8]) -> Option<u64> {
    parse(state)?.rv
}

/// Appends the edited form of `state` to `out` and returns true; or, if it says what it should
/// already or cannot be read, appends nothing and returns false.
pub(crate) fn rewrite(state: &[u8], edit: &Edit, out: &mut Vec<u8>) -> bool {
    let Some(parsed) = parse(state) else {
        return false;
    };
    let th = new_threshold(parsed.th, edit);
    // What a sender drew itself stays; that senders disagree is not ours to hide.
    let ours = edit.write_rv.then_some(edit.randomness & MASK);
    let rv = parsed.rv.or(ours);
    if th == parsed.th && !parsed.bad_th && (!edit.write_rv || rv == parsed.rv) {
        return false;
    }
    let start = out.len();
    write_ot(parsed.ot.unwrap_or_default(), rv, th, out);
    let added = parsed.ot.is_none() && out.len() > start;
    let room = if added { MAX_MEMBERS - 1 } else { usize::MAX };
    for member in members(state).filter(|m| !is_ot(m)).take(room) {
        if out.len() > start {
            out.push(b',');
        }
        out.extend_from_slice(member);
    }
    true
}

/// An incoming T above R would have dropped the trace: whoever wrote it was wrong, and nothing
/// true can be said any more. Otherwise the stricter of both holds.
fn new_threshold(incoming: Option<u64>, edit: &Edit) -> Option<u64> {
    let incoming = incoming.unwrap_or(0);
    if incoming > edit.randomness {
        return None;
    }
    edit.threshold
        .map(|ours| ours.max(incoming))
        .filter(|th| *th <= MASK)
}

fn write_ot(old: &[u8], rv: Option<u64>, th: Option<u64>, out: &mut Vec<u8>) {
    let start = out.len();
    let next = |out: &mut Vec<u8>| {
        out.extend_from_slice(if out.len() == start { b"ot=" } else { b";" });
    };
    if let Some(rv) = rv {
        next(out);
        out.extend_from_slice(b"rv:");
        push_hex(rv, DIGITS, out);
    }
    if let Some(th) = th {
        next(out);
        out.extend_from_slice(b"th:");
        let zeros = (th.trailing_zeros() / 4) as usize;
        push_hex(th, DIGITS.saturating_sub(zeros).max(1), out);
    }
    for (key, part) in old.split(|&b| b == b';').filter_map(sub_member) {
        if key != b"rv" && key != b"th" && out.len() - start + part.len() < MAX_OT + 3 {
            next(out);
            out.extend_from_slice(part);
        }
    }
}

/// The first `count` of the fourteen digits of `value`.
fn push_hex(value: u64, count: usize, out: &mut Vec<u8>) {
    for at in (0..DIGITS).rev().take(count) {
        let digit = (value >> (4 * at)) as u8 & 0xf;
        out.push(if digit < 10 { b'0' } else { b'a' - 10 } + digit);
    }
}

fn read_hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| {
        let digit = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return None,
        };
        Some(value << 4 | u64::from(digit))
    })
}

fn read_rv(value: &[u8]) -> Option<u64> {
    (value.len() == DIGITS).then(|| read_hex(value)).flatten()
}

fn read_th(value: &[u8]) -> Option<u64> {
    if value.is_empty() || value.len() > DIGITS {
        return None;
    }
    read_hex(value).map(|th| th << (4 * (DIGITS - value.len())))
}

fn members(state: &[u8]) -> impl Iterator<Item = &[u8]> {
    state
        .split(|&b| b == b',')
        .map(trim)
        .filter(|m| !m.is_empty())
}

fn trim(mut member: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = member {
        member = rest;
    }
    member
}

fn is_ot(member: &[u8]) -> bool {
    member.starts_with(b"ot=")
}

/// `None`: not a tracestate, or two `ot` members, or an `ot` that OpenTelemetry did not write.
fn parse(state: &[u8]) -> Option<Parsed<'_>> {
    let mut parsed = Parsed::default();
    for member in members(state) {
        let equals = member.iter().position(|&b| b == b'=')?;
        let (key, value) = (member.get(..equals)?, member.get(equals + 1..)?);
        if !is_key(key) || !is_value(value) {
            return None;
        }
        parsed.members += 1;
        if key == b"ot" {
            if parsed.ot.replace(value).is_some() || value.len() > MAX_OT {
                return None;
            }
            parse_ot(value, &mut parsed)?;
        }
    }
    (parsed.members <= MAX_MEMBERS).then_some(parsed)
}

fn parse_ot(value: &[u8], parsed: &mut Parsed<'_>) -> Option<()> {
    for part in value.split(|&b| b == b';') {
        let (key, part) = sub_member(part)?;
        let value = part.get(key.len() + 1..)?;
        match key {
            b"rv" => parsed.rv = read_rv(value),
            b"th" => {
                parsed.th = read_th(value);
                parsed.bad_th = parsed.th.is_none();
            }
            _ => {}
        }
    }
    Some(())
}

/// The key of `key:value`, and the whole of it.
fn sub_member(part: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = part.iter().position(|&b| b == b':')?;
    let (key, value) = (part.get(..colon)?, part.get(colon + 1..)?);
    let good = key.first().is_some_and(u8::is_ascii_lowercase)
        && key
            .iter()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && value
            .iter()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    good.then_some((key, part))
}

fn is_key(key: &[u8]) -> bool {
    let inner = |b: &u8| {
        b.is_ascii_lowercase()
            || b.is_ascii_digit()
            || matches!(b, b'_' | b'-' | b'*' | b'/' | b'@')
    };
    key.len() <= 256
        && key
            .first()
            .is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        && key.iter().all(inner)
}

fn is_value(value: &[u8]) -> bool {
    (1..=256).contains(&value.len())
        && value
            .iter()
            .all(|b| (b' '..=b'~').contains(b) && *b != b'=')
}

#[cfg(test)]
mod tests;
