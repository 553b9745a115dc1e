//! Conditions that the pass over a span answers by the way come to what they are evaluated to.

use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use proptest::prelude::*;
use prost::Message;

use super::support::{any as held, ask_all_ways, double, int, list, text};
use crate::ottl::atoms::{Atoms, Lowered};
use crate::ottl::{Comparison, Condition, Context, Expression, Operator, Outcome, Owner};
use crate::ottl::{Program, View};

fn string(value: &str) -> Expression {
    Expression::String {
        value: value.to_owned(),
    }
}

fn path(context: Owner, field: &str) -> Expression {
    Expression::Path {
        context,
        field: field.to_owned(),
        keys: Vec::new(),
    }
}

fn attribute(key: &str) -> Expression {
    Expression::Path {
        context: Owner::Span,
        field: "attributes".to_owned(),
        keys: vec![string(key)],
    }
}

fn compare(op: Comparison, left: Expression, right: Expression) -> Expression {
    Expression::Compare {
        op,
        left: Box::new(left),
        right: Box::new(right),
    }
}

fn is(left: Expression, right: Expression) -> Expression {
    compare(Comparison::Equal, left, right)
}

fn call(function: &str, arguments: Vec<Expression>) -> Expression {
    Expression::Call {
        function: function.to_owned(),
        arguments,
    }
}

fn number(value: i64) -> Expression {
    Expression::Int { value }
}

fn and(terms: Vec<Expression>) -> Expression {
    Expression::And { terms }
}

fn condition(expression: Expression) -> Condition {
    Condition {
        format: 1,
        context: Context::Span,
        text: format!("{expression:?}"),
        expression,
    }
}

/// It errs unless the attribute is an integer.
fn sum() -> Expression {
    let sum = Expression::Math {
        op: Operator::Add,
        left: Box::new(attribute("a")),
        right: Box::new(number(1)),
    };
    compare(Comparison::Above, sum, number(2))
}

fn ask(expression: Expression, span: &[u8]) -> Outcome {
    let view = View {
        resources: &[],
        scopes: &[],
        span,
        event: None,
        index: None,
    };
    ask_all_ways(&condition(expression), &view)
}

/// What is lowered whole, in part, and not at all.
#[test]
fn the_common_forms_are_lowered() {
    let not = |term| Expression::Not {
        term: Box::new(term),
    };
    let whole = [
        is(attribute("k"), string("v")),
        is(string("v"), attribute("k")),
        compare(Comparison::Unequal, attribute("k"), Expression::Nil),
        compare(Comparison::AtLeast, attribute("k"), number(500)),
        call("IsMatch", vec![attribute("k"), string("^/api")]),
        is(path(Owner::Span, "kind"), number(2)),
        is(path(Owner::Span, "kind.string"), string("Server")),
        is(path(Owner::Span, "status.code"), number(2)),
        call("IsRootSpan", Vec::new()),
        and(vec![]),
        not(and(vec![
            is(attribute("k"), string("v")),
            not(call("IsRootSpan", vec![])),
        ])),
    ];
    let part = [
        and(vec![call("IsRootSpan", vec![]), sum()]),
        and(vec![is(attribute("k"), string("v")), sum(), sum()]),
    ];
    let none = [
        sum(),
        and(vec![sum(), call("IsRootSpan", vec![])]),
        is(attribute("k"), attribute("l")),
        is(path(Owner::Span, "name"), string("v")),
        is(path(Owner::Span, "attributes"), Expression::Nil),
        is(path(Owner::Span, "kind"), path(Owner::Span, "status.code")),
        is(path(Owner::Scope, "name"), string("v")),
        // It errs for some kinds.
        is(
            call("SpanID", vec![path(Owner::Span, "kind.string")]),
            string("v"),
        ),
    ];
    let lower = |expression: &Expression| {
        let program = Program::new(&condition(expression.clone())).unwrap();
        program.lower(&mut Atoms::default())
    };
    for one in &whole {
        assert!(matches!(lower(one), Some(Lowered::Whole(_))), "{one:?}");
    }
    for one in &part {
        assert!(matches!(lower(one), Some(Lowered::Guard(_))), "{one:?}");
    }
    for one in &none {
        assert!(lower(one).is_none(), "{one:?}");
    }
}

/// A page has bits for 64 questions; a condition that asks one more is evaluated.
#[test]
fn there_is_an_end_to_what_is_lowered() {
    let mut atoms = Atoms::default();
    let condition = condition(is(attribute("k"), string("v")));
    let program = Program::new(&condition).unwrap();
    for _ in 0..64 {
        assert!(program.lower(&mut atoms).is_some());
    }
    assert!(program.lower(&mut atoms).is_none());
    let many = (0..70).map(|value| is(attribute("k"), number(value)));
    let many = Expression::Or {
        terms: many.collect(),
    };
    let span = |value| Span {
        attributes: vec![entry("k", Some(int(value)))],
        ..Span::default()
    };
    let holds = |value| ask(many.clone(), &span(value).encode_to_vec());
    assert_eq!(holds(69), Outcome::True);
    assert_eq!(holds(70), Outcome::False);
}

fn entry(key: &str, value: Option<AnyValue>) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value,
        ..KeyValue::default()
    }
}

/// The first attribute that can be read counts, whatever it holds.
#[test]
fn the_first_that_can_be_read_counts() {
    let two = |first, second| Span {
        attributes: vec![entry("a", first), entry("a", second)],
        ..Span::default()
    };
    let asked = || is(attribute("a"), string("x"));
    let not = two(Some(int(1)), Some(text("x"))).encode_to_vec();
    assert_eq!(ask(asked(), &not), Outcome::False);
    let nil = two(None, Some(text("x"))).encode_to_vec();
    assert_eq!(ask(asked(), &nil), Outcome::False);
    let yes = two(Some(text("x")), Some(int(1))).encode_to_vec();
    assert_eq!(ask(asked(), &yes), Outcome::True);
    let wrong = [&[0x4a, 8, 0x0a, 1, b'a', 0x12, 3, 0x0a, 9, b'x'], &*yes].concat();
    assert_eq!(ask(asked(), &wrong), Outcome::True);
}

/// A parent's id of a wrong length is as good as none.
#[test]
fn roots_are_told_by_ids_of_the_right_length() {
    let root = |parent: &[u8]| {
        let parent_span_id = parent.to_vec();
        let span = Span {
            parent_span_id,
            ..Span::default()
        };
        ask(call("IsRootSpan", vec![]), &span.encode_to_vec())
    };
    assert_eq!(root(&[]), Outcome::True);
    assert_eq!(root(&[0; 8]), Outcome::True);
    assert_eq!(root(&[7; 4]), Outcome::True);
    assert_eq!(root(&[7; 8]), Outcome::False);
}

fn comparisons() -> impl Strategy<Value = Comparison> {
    prop::sample::select(vec![
        Comparison::Equal,
        Comparison::Unequal,
        Comparison::Below,
        Comparison::AtMost,
        Comparison::Above,
        Comparison::AtLeast,
    ])
}

fn literals() -> impl Strategy<Value = Expression> {
    prop_oneof![
        Just(Expression::Nil),
        any_bool().prop_map(|value| Expression::Bool { value }),
        (-2..300i64).prop_map(number),
        prop::sample::select(vec!["1", "2.5", "nan", "-0"]).prop_map(|value| {
            Expression::Double {
                value: value.to_owned(),
            }
        }),
        "[ab1]{0,2}".prop_map(|value| string(&value)),
        Just(Expression::Bytes {
            value: "6161".to_owned()
        }),
    ]
}

fn any_bool() -> impl Strategy<Value = bool> {
    proptest::bool::ANY
}

fn keys() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "", "a key of words", "another, longer key"])
}

fn leaves() -> impl Strategy<Value = Expression> {
    let paths = prop_oneof![
        4 => keys().prop_map(attribute),
        1 => prop::sample::select(vec!["kind", "kind.string", "status.code", "name"])
            .prop_map(|field| path(Owner::Span, field)),
    ];
    prop_oneof![
        6 => (comparisons(), paths, literals(), any_bool()).prop_map(
            |(op, path, literal, before)| if before {
                compare(op, literal, path)
            } else {
                compare(op, path, literal)
            }
        ),
        2 => keys().prop_map(|key| call("IsMatch", vec![attribute(key), string("^(a|1)b?$")])),
        1 => Just(call("IsRootSpan", vec![])),
        1 => Just(sum()),
    ]
}

fn expressions() -> impl Strategy<Value = Expression> {
    leaves().prop_recursive(4, 16, 3, |deeper| {
        let some = || prop::collection::vec(deeper.clone(), 0..4);
        prop_oneof![
            some().prop_map(|terms| Expression::And { terms }),
            some().prop_map(|terms| Expression::Or { terms }),
            deeper.clone().prop_map(|term| Expression::Not {
                term: Box::new(term)
            }),
        ]
    })
}

fn values() -> impl Strategy<Value = Option<AnyValue>> {
    prop_oneof![
        Just(None),
        Just(Some(AnyValue { value: None })),
        "[ab1]{0,2}".prop_map(|value| Some(text(&value))),
        Just(Some(text(&"ab".repeat(200)))),
        (-2..300i64).prop_map(|value| Some(int(value))),
        prop::sample::select(vec![1.0, 2.5, f64::NAN, f64::INFINITY])
            .prop_map(|value| Some(double(value))),
        any_bool().prop_map(|value| Some(held(Kind::BoolValue(value)))),
        Just(Some(held(Kind::BytesValue(b"aa".to_vec())))),
        Just(Some(list(&[text("a")]))),
    ]
}

prop_compose! {
    fn spans()(
        entries in prop::collection::vec((keys(), values()), 0..5),
        kind in -1..8,
        codes in prop::collection::vec(0..4, 0..3),
        parent in prop::sample::select(vec![vec![], vec![0; 8], vec![7; 8], vec![7; 3]]),
    ) -> Vec<u8> {
        let mut span = Span {
            attributes: entries.into_iter().map(|(key, value)| entry(key, value)).collect(),
            kind,
            parent_span_id: parent,
            name: "a".to_owned(),
            ..Span::default()
        }
        .encode_to_vec();
        for code in codes {
            let status = Status { code, message: "ab".to_owned() };
            let status = Span { status: Some(status), ..Span::default() };
            span.extend(status.encode_to_vec());
        }
        span
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Whatever is lowered comes to what is evaluated, on whole spans and on broken ones.
    #[test]
    fn lowered_conditions_come_to_what_they_are_evaluated_to(
        expression in expressions(),
        mut span in spans(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        ask(expression.clone(), &span);
        if !span.is_empty() {
            let at = at.index(span.len());
            span[at] = byte;
            ask(expression, &span);
        }
    }
}
