//! Any condition on any span has an outcome.

use opentelemetry_proto::tonic::common::v1::AnyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use proptest::prelude::*;
use prost::Message;

use super::support::{ask_all_ways, attributes, list, map, scene, text};
use crate::ottl::{
    Comparison, Condition, Context, Entry, Expression, Operator, Outcome, Owner, View,
};

const CALLS: &[(&str, usize)] = &[
    ("IsString", 1),
    ("IsList", 1),
    ("Int", 1),
    ("Double", 1),
    ("Bool", 1),
    ("String", 1),
    ("Len", 1),
    ("ContainsValue", 2),
    ("Index", 2),
    ("Substring", 3),
    ("Split", 2),
    ("HasPrefix", 2),
    ("HasSuffix", 2),
    ("TrimPrefix", 2),
    ("TrimSuffix", 2),
    ("Trim", 2),
    ("ToLowerCase", 1),
    ("ToUpperCase", 1),
    ("ToSnakeCase", 1),
    ("ToCamelCase", 1),
    ("Hex", 1),
    ("SHA512", 1),
    ("MD5", 1),
    ("Base64Decode", 1),
    ("ParseJSON", 1),
    ("URL", 1),
    ("SpanID", 1),
    ("TraceID", 1),
    ("IsRootSpan", 0),
    ("Duration", 1),
    ("Milliseconds", 1),
    ("Hours", 1),
    ("Unix", 2),
    ("UnixNano", 1),
    ("UnixMilli", 1),
    ("Year", 1),
    ("Day", 1),
    ("Weekday", 1),
    ("Second", 1),
];

const FIELDS: &[(Owner, &str)] = &[
    (Owner::Span, "attributes"),
    (Owner::Resource, "attributes"),
    (Owner::Scope, "attributes"),
    (Owner::Span, "name"),
    (Owner::Span, "trace_id"),
    (Owner::Span, "parent_span_id.string"),
    (Owner::Span, "kind.string"),
    (Owner::Span, "start_time"),
    (Owner::Span, "end_time"),
    (Owner::Span, "end_time_unix_nano"),
    (Owner::Span, "status"),
    (Owner::Span, "status.code"),
    (Owner::Span, "trace_state"),
    (Owner::Scope, "name"),
];

/// Short, so that they meet; some of them numbers, durations or encoded.
fn words() -> impl Strategy<Value = String> {
    prop_oneof![
        "[abc]{0,3}",
        "[-+]?[0-9a-fx._]{0,6}(p[-+]?[0-9]{1,4})?",
        "-?[0-9]{0,3}(\\.[0-9]{0,3})?(ns|us|ms|s|m|h)?",
        "(http:)?(//)?[a@:\\[\\]%25]{0,5}[/?#a.:]{0,5}",
        "[{\\[][0-9\":a,]{0,5}[}\\]]",
        any::<String>(),
    ]
}

fn literals() -> impl Strategy<Value = Expression> {
    prop_oneof![
        Just(Expression::Nil),
        any::<bool>().prop_map(|value| Expression::Bool { value }),
        prop_oneof![-3..9i64, any::<i64>()].prop_map(|value| Expression::Int { value }),
        any::<f64>().prop_map(|value| Expression::Double {
            value: value.to_string()
        }),
        words().prop_map(|value| Expression::String { value }),
        "([0-9a-f]{2}){0,4}".prop_map(|value| Expression::Bytes { value }),
        "[0-9a-f]{16}".prop_map(|value| Expression::SpanId { value }),
        (any::<i64>(), 0..1_000_000_000u32)
            .prop_map(|(seconds, nanos)| Expression::Time { seconds, nanos }),
        any::<i64>().prop_map(|ns| Expression::Duration { ns }),
    ]
}

fn keys(deeper: impl Strategy<Value = Expression>) -> impl Strategy<Value = Vec<Expression>> {
    let key = |value: &str| Expression::String {
        value: value.to_owned(),
    };
    let plain = prop_oneof![
        Just(key("a")),
        Just(key("b")),
        (0..3i64).prop_map(|value| Expression::Int { value }),
        deeper,
    ];
    prop::collection::vec(plain, 0..3)
}

fn paths(deeper: impl Strategy<Value = Expression>) -> impl Strategy<Value = Expression> {
    (prop::sample::select(FIELDS), keys(deeper)).prop_map(|((context, field), mut keys)| {
        match field {
            "attributes" => {}
            "trace_state" => keys.truncate(1),
            _ => keys.clear(),
        }
        Expression::Path {
            context,
            field: field.to_owned(),
            keys,
        }
    })
}

fn expressions() -> impl Strategy<Value = Expression> {
    let leaves = prop_oneof![literals(), paths(Just(Expression::Nil))];
    leaves.prop_recursive(5, 40, 4, |deeper| {
        let one = || deeper.clone().prop_map(Box::new);
        let some = || prop::collection::vec(deeper.clone(), 0..4);
        let operators = [
            Operator::Add,
            Operator::Subtract,
            Operator::Multiply,
            Operator::Divide,
        ];
        let comparisons = [
            Comparison::Equal,
            Comparison::Unequal,
            Comparison::Below,
            Comparison::AtMost,
            Comparison::Above,
            Comparison::AtLeast,
        ];
        let calls = prop::sample::select(CALLS).prop_flat_map({
            let deeper = deeper.clone();
            move |(function, takes)| {
                prop::collection::vec(deeper.clone(), takes).prop_map(move |arguments| {
                    Expression::Call {
                        function: function.to_owned(),
                        arguments,
                    }
                })
            }
        });
        let call = |function: &str, arguments| Expression::Call {
            function: function.to_owned(),
            arguments,
        };
        prop_oneof![
            some().prop_map(|items| Expression::List { items }),
            prop::collection::vec(("[ab]{1,2}", deeper.clone()), 0..3).prop_map(|entries| {
                let entries = entries.into_iter();
                Expression::Map {
                    entries: entries.map(|(key, value)| Entry { key, value }).collect(),
                }
            }),
            paths(deeper.clone()),
            calls.clone(),
            (calls, 0..3i64).prop_map(|(of, value)| Expression::Index {
                of: Box::new(of),
                keys: vec![Expression::Int { value }],
            }),
            deeper.clone().prop_map(move |target| {
                let value = "^[a-z]+|503$".to_owned();
                call("IsMatch", vec![target, Expression::String { value }])
            }),
            (some(), deeper.clone()).prop_map(move |(items, delimiter)| {
                call("Concat", vec![Expression::List { items }, delimiter])
            }),
            some().prop_map(move |items| call("Coalesce", vec![Expression::List { items }])),
            (prop::sample::select(operators.to_vec()), one(), one())
                .prop_map(|(op, left, right)| Expression::Math { op, left, right }),
            one().prop_map(|of| Expression::Negate { of }),
            (prop::sample::select(comparisons.to_vec()), one(), one())
                .prop_map(|(op, left, right)| Expression::Compare { op, left, right }),
            some().prop_map(|terms| Expression::And { terms }),
            some().prop_map(|terms| Expression::Or { terms }),
            one().prop_map(|term| Expression::Not { term }),
        ]
    })
}

fn any_values() -> impl Strategy<Value = AnyValue> {
    let leaves = prop_oneof![
        Just(AnyValue { value: None }),
        words().prop_map(|word| text(&word)),
        prop_oneof![-3..9i64, any::<i64>()].prop_map(|value| Kind::IntValue(value).into_any()),
        any::<f64>().prop_map(|value| Kind::DoubleValue(value).into_any()),
        any::<bool>().prop_map(|value| Kind::BoolValue(value).into_any()),
        prop::collection::vec(any::<u8>(), 0..17)
            .prop_map(|value| Kind::BytesValue(value).into_any()),
    ];
    leaves.prop_recursive(3, 12, 3, |deeper| {
        let several = prop::collection::vec(deeper, 0..4);
        prop_oneof![
            several.clone().prop_map(|values| list(&values)),
            several.prop_map(|values| {
                let entries: Vec<_> = ["a", "b", "a", "c"].into_iter().zip(values).collect();
                map(&entries)
            }),
        ]
    })
}

trait IntoAny {
    fn into_any(self) -> AnyValue;
}

impl IntoAny for Kind {
    fn into_any(self) -> AnyValue {
        AnyValue { value: Some(self) }
    }
}

fn ask(expression: Expression, span: &[u8]) -> Outcome {
    let condition = Condition {
        format: 1,
        context: Context::Span,
        text: String::new(),
        expression,
    };
    let other = scene();
    let outcome = ask_all_ways(
        &condition,
        &View {
            resources: &[&other.resource.encode_to_vec()],
            scopes: &[&other.scope.encode_to_vec()],
            span,
            event: None,
            index: None,
        },
    );
    // What was written and read again is the same condition.
    let written = serde_json::to_string(&condition).unwrap();
    assert_eq!(
        serde_json::from_str::<Condition>(&written).unwrap(),
        condition
    );
    outcome
}

const fn opposite(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::True => Outcome::False,
        Outcome::False => Outcome::True,
        Outcome::Error => Outcome::Error,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    /// Nothing panics, `not` is the opposite, and `and` and `or` with itself change nothing.
    #[test]
    fn every_condition_has_an_outcome(
        expression in expressions(),
        values in prop::collection::vec(any_values(), 0..4),
        trace_state in prop_oneof![Just(String::new()), "[a-c=,]{0,8}"],
        times in any::<(u64, u64)>(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut span = scene().span;
        let entries: Vec<_> = ["a", "b", "a", "c"].into_iter().zip(values).collect();
        span.attributes = attributes(&entries);
        span.trace_state = trace_state;
        (span.start_time_unix_nano, span.end_time_unix_nano) = times;
        let mut span = span.encode_to_vec();
        let outcome = ask(expression.clone(), &span);
        let term = || Box::new(expression.clone());
        let terms = || vec![expression.clone(), expression.clone()];
        prop_assert_eq!(ask(Expression::Not { term: term() }, &span), opposite(outcome));
        prop_assert_eq!(ask(Expression::And { terms: terms() }, &span), outcome);
        prop_assert_eq!(ask(Expression::Or { terms: terms() }, &span), outcome);
        // A byte that is wrong may change the outcome, and nothing more.
        let at = at.index(span.len());
        span[at] = byte;
        ask(expression.clone(), &span);
        ask(expression, &span[..at]);
    }
}
