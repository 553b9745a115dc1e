//! Tracestates, read and edited.

use super::*;

const R: u64 = 0xab_0000_0000_000c;
const HALF: u64 = 0x80_0000_0000_0000;

fn edited(state: &str, threshold: Option<u64>, write_rv: bool) -> Option<String> {
    let mut out = Vec::new();
    let edit = Edit {
        randomness: R,
        threshold,
        write_rv,
    };
    rewrite(state.as_bytes(), &edit, &mut out).then(|| String::from_utf8(out).unwrap())
}

/// The stricter of both thresholds is written, in front; one that R contradicts is erased.
#[test]
fn thresholds_are_written_raised_and_erased() {
    for (state, threshold, written) in [
        ("", Some(HALF), Some("ot=th:8")),
        ("", Some(0), Some("ot=th:0")),
        ("", Some(1), Some("ot=th:00000000000001")),
        ("", Some(1 << 56), None),
        ("", None, None),
        ("a=b", Some(HALF), Some("ot=th:8,a=b")),
        ("a=b,ot=x:y;th:4", Some(HALF), Some("ot=th:8;x:y,a=b")),
        ("a=b,ot=th:a", Some(HALF), None),
        ("ot=th:80", Some(HALF), None),
        ("ot=th:ac", Some(HALF), Some("")),
        ("ot=th:4,a=b", None, Some("a=b")),
        (
            "ot=th:X;rv:ab00000000000c",
            None,
            Some("ot=rv:ab00000000000c"),
        ),
        (
            "ot=rv:ab00000000000c",
            Some(0),
            Some("ot=rv:ab00000000000c;th:0"),
        ),
    ] {
        let found = edited(state, threshold, false);
        assert_eq!(found.as_deref(), written, "{state}");
    }
}

/// R is written where it cannot be read off the trace id, and once.
#[test]
fn randomness_is_written_when_asked() {
    let with_rv = edited("", Some(HALF), true);
    assert_eq!(with_rv.as_deref(), Some("ot=rv:ab00000000000c;th:8"));
    assert_eq!(edited("ot=rv:ab00000000000c;th:8", Some(HALF), true), None);
}

/// A list that cannot be read is nobody's to change.
#[test]
fn what_cannot_be_read_is_left_alone() {
    let long = format!("ot=x:{}", "a".repeat(260));
    for state in [
        "a",
        "=b",
        "A=b",
        "a=",
        "ot=th",
        "ot=th:8,ot=th:4",
        "a=b=c",
        "a=\u{e9}",
        &long,
    ] {
        assert_eq!(edited(state, Some(HALF), true), None, "{state}");
        assert_eq!(randomness(state.as_bytes()), None);
    }
}

/// The member stays within OpenTelemetry's 256 characters, the list within W3C's 32 members.
#[test]
fn bounds_of_the_formats_hold() {
    let long = format!("ot=x:{};y:z", "a".repeat(240));
    let found = edited(&long, Some(HALF), true).unwrap();
    assert_eq!(found, "ot=rv:ab00000000000c;th:8;y:z");
    let full = (0..32).map(|i| format!("k{i}=v")).collect::<Vec<_>>();
    let found = edited(&full.join(","), Some(HALF), false).unwrap();
    assert_eq!(found.split(',').count(), 32);
    assert!(found.starts_with("ot=th:8,k0=v") && found.ends_with("k30=v"));
}

/// `rv` is fourteen digits in lower case, and anything else is no `rv`.
#[test]
fn randomness_is_exactly_fourteen_digits() {
    assert_eq!(randomness(b"a=b, ot=th:4;rv:ab00000000000c"), Some(R));
    for bad in ["rv:ab", "rv:AB00000000000c", "rv:0ab00000000000c", "th:8"] {
        assert_eq!(randomness(format!("ot={bad}").as_bytes()), None);
    }
}
