//! A tracestate as contrib's processor reads it under its gate `usetracestate`, which is neither
//! how W3C has it nor how `tracestate` reads it.

use crate::randomness::MASK;

const LONGEST: usize = 1024;
/// Empty ones count.
const MAX_MEMBERS: usize = 31;
const MAX_KEY: usize = 256;
const MAX_TENANT: usize = 241;
const MAX_SYSTEM: usize = 14;
const MAX_VALUE: usize = 256;
const DIGITS: usize = 14;

/// What the member `ot` says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ot {
    pub(crate) rv: Option<u64>,
    /// There is a `th`.
    pub(crate) th: bool,
}

/// `None`: it cannot be read, so it says nothing.
pub(crate) fn read(state: &[u8]) -> Option<Ot> {
    if state.len() > LONGEST {
        return None;
    }
    let mut found = Ot::default();
    for (at, member) in state.split(|byte| *byte == b',').enumerate() {
        if at == MAX_MEMBERS {
            return None;
        }
        let member = trim(member);
        if member.is_empty() {
            continue;
        }
        let equals = member.iter().position(|byte| *byte == b'=')?;
        let (key, value) = (&member[..equals], &member[equals + 1..]);
        if !is_key(key) || !is_value(value) {
            return None;
        }
        if key == b"ot" {
            found = read_ot(value)?; // the last one counts
        }
    }
    Some(found)
}

fn read_ot(value: &[u8]) -> Option<Ot> {
    let mut found = Ot::default();
    for pair in value.split(|byte| *byte == b';') {
        let colon = pair.iter().position(|byte| *byte == b':')?;
        let (key, value) = (&pair[..colon], &pair[colon + 1..]);
        let name = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let text = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        if !key.first()?.is_ascii_lowercase() || !key.iter().all(name) || !value.iter().all(text) {
            return None;
        }
        match key {
            b"rv" => found.rv = Some(hex(value).filter(|_| value.len() == DIGITS)?),
            b"th" => {
                hex(value).filter(|_| (1..=DIGITS).contains(&value.len()))?;
                found.th = true;
            }
            _ => {}
        }
    }
    Some(found)
}

fn hex(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0_u64, |value, digit| {
        let digit = char::from(*digit).to_digit(16)?;
        Some((value << 4 | u64::from(digit)) & MASK)
    })
}

fn trim(mut member: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = member {
        member = rest;
    }
    member
}

fn is_key(key: &[u8]) -> bool {
    let rest =
        |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-*/".contains(byte);
    let letter = |part: &[u8]| part.first().is_some_and(u8::is_ascii_lowercase);
    match key.iter().position(|byte| *byte == b'@') {
        None => key.len() <= MAX_KEY && letter(key) && key.iter().all(rest),
        Some(at) => {
            let (tenant, system) = (&key[..at], &key[at + 1..]);
            let digit = tenant.first().is_some_and(u8::is_ascii_digit);
            (letter(tenant) || digit)
                && letter(system)
                && tenant.len() <= MAX_TENANT
                && system.len() <= MAX_SYSTEM
                && tenant.iter().all(rest)
                && system.iter().all(rest)
        }
    }
}

fn is_value(value: &[u8]) -> bool {
    let good = |byte: &u8| (b' '..=b'~').contains(byte) && *byte != b'=';
    (1..=MAX_VALUE).contains(&value.len()) && value.iter().all(good) && value.last() != Some(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    const R: u64 = 0x36_fc3d_b50d_f1ed;

    fn rv(rv: u64) -> Option<Ot> {
        Some(Ot {
            rv: Some(rv),
            th: false,
        })
    }

    /// What a Collector 0.165 read of the same headers.
    #[test]
    fn it_reads_what_contrib_reads() {
        let nothing = Some(Ot::default());
        let th = Some(Ot { rv: None, th: true });
        for (state, expected) in [
            ("", nothing),
            ("a=b,,c=d", nothing),
            ("ot=rv:36fc3db50df1ed", rv(R)),
            ("ot=rv:36FC3DB50DF1ED", rv(R)),
            ("ot=th:c,ot=rv:36fc3db50df1ed", rv(R)),
            ("ot=rv:36fc3db50df1ed,ot=th:c", th),
            ("a=b , ot=th:c\t", th),
            ("ot=rv:36fc3db50df1ed;th:", None),
            ("ot=rv:36fc3db50df1ed5", None),
            ("ot=rv:36fc3db50df1e", None),
            ("ot=th:g", None),
            ("ot=th:123456789abcdef", None),
            ("ot=x", None),
            ("ot=X:1", None),
            ("ot=", None),
            ("A=b,ot=th:c", None),
            ("1a=b,ot=th:c", None),
            ("1a@b=c,ot=th:c", th),
            ("a==b,ot=th:c", None),
        ] {
            assert_eq!(read(state.as_bytes()), expected, "{state}");
        }
        let many = |count| format!("{}ot=th:c", "a=b,".repeat(count));
        assert_eq!(read(many(30).as_bytes()), th);
        assert_eq!(read(many(31).as_bytes()), None);
        let long = |value| format!("ot=th:c,a={}", "x".repeat(value));
        assert_eq!(read(long(256).as_bytes()), th);
        assert_eq!(read(long(257).as_bytes()), None);
    }
}
