//! Plans: what is refused, and what a compiled one answers.

use super::*;

fn predicate(reason: &str, test: Test) -> Predicate {
    Predicate {
        reason: reason.to_owned(),
        test,
    }
}

fn rule(name: &str, all: Vec<Clause>, wait_ms: Option<u64>) -> Rule {
    Rule {
        name: name.to_owned(),
        all,
        threshold: 0,
        wait_ms,
    }
}

/// Errors, then slow traces of one service, then slow ones, then the rest.
fn chain() -> Plan {
    let bits = |bits: &[u8]| Clause::AnyBit { bits: bits.into() };
    let slow = || Clause::DurationAtLeast { ns: 1000 };
    let keys = || vec!["k".to_owned()];
    Plan {
        format: 1,
        wait_ms: 10_000,
        predicates: vec![
            predicate(
                "http_status",
                Test::SpanIntIn {
                    keys: keys(),
                    values: vec![500],
                },
            ),
            predicate("status", Test::SpanStatusIn { codes: vec![2] }),
            predicate(
                "service",
                Test::ResourceStringIn {
                    keys: keys(),
                    values: Vec::new(),
                },
            ),
        ],
        rules: vec![
            rule("errors", vec![bits(&[0, 1])], Some(1)),
            rule("both", vec![bits(&[2]), slow()], None),
            rule("slow", vec![slow()], None),
            rule("never", vec![bits(&[])], None),
            rule("default", Vec::new(), None),
        ],
        ..Plan::default()
    }
}

/// The first rule whose every clause holds decides; at the duration counts as over it.
#[test]
fn the_first_match_decides() {
    let plan = Compiled::new(chain()).unwrap();
    for (bits, duration, rule, reason) in [
        (0b011, 5000, 0, "http_status"),
        (0b010, 0, 0, "status"),
        (0b100, 1000, 1, "service"),
        (0b100, 999, 4, "default"),
        (0, 1000, 2, "duration"),
        (0, 0, 4, "default"),
    ] {
        assert_eq!(plan.first_match(bits, duration), Some(rule));
        assert_eq!(plan.reason(rule, bits, duration), reason);
    }
    assert_eq!((plan.wait_ms(Some(0)), plan.wait_ms(Some(1))), (1, 10_000));
    assert_eq!(plan.wait_ms(None), 10_000);
}

/// A chain without a default may match nothing.
#[test]
fn nothing_may_match() {
    let mut plan = chain();
    plan.rules.pop();
    assert_eq!(Compiled::new(plan).unwrap().first_match(0, 0), None);
}

/// A plan that cannot be run is refused, in words that name the place.
#[test]
fn bad_plans_are_refused_in_words() {
    type Spoil = fn(&mut Plan);
    let cases: [(Spoil, &str); 8] = [
        (|p| p.format = 2, "format 2"),
        (
            |p| p.predicates = vec![p.predicates[0].clone(); 65],
            "65 predicates",
        ),
        (
            |p| p.predicates[1].reason.clear(),
            "predicate 1 has an empty reason",
        ),
        (
            |p| {
                p.predicates[0].test = Test::SpanIntIn {
                    keys: Vec::new(),
                    values: Vec::new(),
                }
            },
            "predicate 0 (http_status) has no keys",
        ),
        (|p| p.rules[1].name.clear(), "rule 1 has an empty name"),
        (
            |p| p.rules[1].name = "errors".to_owned(),
            "rule 1 is called \"errors\"",
        ),
        (
            |p| p.rules[0].threshold = NEVER + 1,
            "rule \"errors\" has threshold",
        ),
        (
            |p| p.rules[0].all = vec![Clause::AnyBit { bits: vec![3] }],
            "rule \"errors\" asks for predicate 3, but the plan has 3",
        ),
    ];
    for (spoil, words) in cases {
        let mut plan = chain();
        spoil(&mut plan);
        let error = Compiled::new(plan).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
