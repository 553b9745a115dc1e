//! A whole W3C tracestate, by the rules of OpenTelemetry's Go SDK.

const MAX_MEMBERS: usize = 32;
const MAX_KEY: usize = 256;
const MAX_TENANT: usize = 241;
const MAX_SYSTEM: usize = 14;
const MAX_VALUE: usize = 256;

/// Its members, key and value each; `None` if one of them is bad, which spoils all.
pub(crate) fn members(state: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut members: Vec<(&[u8], &[u8])> = Vec::new();
    for member in state.split(|&byte| byte == b',') {
        if member.is_empty() {
            continue;
        }
        let trimmed = trim(member);
        let at = trimmed.iter().position(|&byte| byte == b'=')?;
        let (key, value) = (&trimmed[..at], &trimmed[at + 1..]);
        let twice = members.iter().any(|(other, _)| *other == key);
        if !is_key(key) || !is_value(value) || twice {
            return None;
        }
        members.push((key, value));
        if members.len() > MAX_MEMBERS {
            return None;
        }
    }
    Some(members)
}

fn trim(member: &[u8]) -> &[u8] {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let from = member.iter().position(|byte| !blank(byte));
    let end = member.iter().rposition(|byte| !blank(byte));
    match (from, end) {
        (Some(from), Some(end)) => &member[from..=end],
        _ => &[],
    }
}

fn is_key(key: &[u8]) -> bool {
    let rest = |byte: &u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-' | b'*' | b'/');
    let letter = |byte: &u8| byte.is_ascii_lowercase();
    let begins = |part: &[u8], first: fn(&u8) -> bool| {
        part.first().is_some_and(first) && part.iter().all(rest)
    };
    match key.iter().position(|&byte| byte == b'@') {
        None => key.len() <= MAX_KEY && begins(key, letter),
        Some(at) => {
            let (tenant, system) = (&key[..at], &key[at + 1..]);
            let first = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
            tenant.len() <= MAX_TENANT
                && system.len() <= MAX_SYSTEM
                && begins(tenant, first)
                && begins(system, letter)
        }
    }
}

fn is_value(value: &[u8]) -> bool {
    let printable = |byte: &u8| matches!(byte, 0x20..=0x7e) && !matches!(byte, b',' | b'=');
    // Blanks at its end were trimmed with the member.
    (1..=MAX_VALUE).contains(&value.len())
        && value.iter().all(printable)
        && value.last() != Some(&b' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(state: &str) -> Option<String> {
        let members = members(state.as_bytes())?;
        let found = members.iter().find(|(key, _)| *key == b"k");
        Some(found.map_or_else(String::new, |(_, value)| {
            String::from_utf8_lossy(value).into_owned()
        }))
    }

    /// What is read, what is passed over, and what one bad member spoils.
    #[test]
    fn one_bad_member_spoils_all() {
        for (state, read) in [
            ("k=v", Some("v")),
            ("a=b,k=v", Some("v")),
            ("a=b,,k=v", Some("v")),
            (" \ta=b\t , k=v ", Some("v")),
            ("k= v", Some(" v")),
            ("k=v w", Some("v w")),
            ("a=b", Some("")),
            ("a@b=c,k=v", Some("v")),
            ("1a@b=c,k=v", Some("v")),
            ("a=b, ,k=v", None),
            ("k =v", None),
            ("K=v", None),
            ("1k=v", None),
            ("k=", None),
            ("k=v=w", None),
            ("k=v,k=w", None),
            ("k=v,a", None),
            ("k=v,a@1b=c", None),
            ("k=v\u{e9}", None),
        ] {
            assert_eq!(value(state).as_deref(), read, "{state:?}");
        }
    }

    /// Bounds: members, keys with and without a tenant, values.
    #[test]
    fn what_is_too_much_is_bad() {
        let many = |count: usize| {
            let members: Vec<String> = (0..count).map(|n| format!("a{n}=b")).collect();
            members.join(",")
        };
        let key = |length: usize| format!("{}=b", "a".repeat(length));
        let both = |tenant: usize, system: usize| {
            format!("{}@{}=b", "a".repeat(tenant), "b".repeat(system))
        };
        let value = |length: usize| format!("a={}", "b".repeat(length));
        for (good, bad) in [
            (many(32), many(33)),
            (key(256), key(257)),
            (both(241, 14), both(242, 14)),
            (both(241, 14), both(241, 15)),
            (value(256), value(257)),
        ] {
            assert!(members(good.as_bytes()).is_some(), "{good}");
            assert!(members(bad.as_bytes()).is_none(), "{bad}");
        }
    }
}
