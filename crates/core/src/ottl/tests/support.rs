//! A span that has a bit of everything, and conditions by their text.

use std::collections::HashMap;
use std::sync::Arc;

use opentelemetry_proto::tonic::common::v1::any_value::Value as Kind;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link};
use opentelemetry_proto::tonic::trace::v1::{Span, Status};
use prost::Message;
use serde_json::{Value, json};

use crate::ottl::{Condition, Context, Outcome, Program, SpanIndex, View};
use crate::plan::{Asks, Compiled, Plan, PlanSet, Predicate, Test, Votes};
use crate::wire::{Scan, scan};

pub(super) const T: Outcome = Outcome::True;
pub(super) const F: Outcome = Outcome::False;
pub(super) const E: Outcome = Outcome::Error;

/// 2023-11-14T22:13:20.123456789Z, a Tuesday.
pub(super) const START_NS: u64 = 1_700_000_000_123_456_789;

pub(super) fn any(value: Kind) -> AnyValue {
    AnyValue { value: Some(value) }
}

pub(super) fn text(value: &str) -> AnyValue {
    any(Kind::StringValue(value.to_owned()))
}

pub(super) fn int(value: i64) -> AnyValue {
    any(Kind::IntValue(value))
}

pub(super) fn double(value: f64) -> AnyValue {
    any(Kind::DoubleValue(value))
}

pub(super) fn list(values: &[AnyValue]) -> AnyValue {
    any(Kind::ArrayValue(ArrayValue {
        values: values.to_vec(),
    }))
}

pub(super) fn map(entries: &[(&str, AnyValue)]) -> AnyValue {
    any(Kind::KvlistValue(KeyValueList {
        values: attributes(entries),
    }))
}

pub(super) fn attributes(entries: &[(&str, AnyValue)]) -> Vec<KeyValue> {
    let entry = |(key, value): &(&str, AnyValue)| KeyValue {
        key: (*key).to_owned(),
        value: Some(value.clone()),
        ..KeyValue::default()
    };
    entries.iter().map(entry).collect()
}

fn rich_attributes() -> Vec<KeyValue> {
    let nil = AnyValue { value: None };
    let long = "k".repeat(192);
    attributes(&[
        ("s", text("GET")),
        ("empty", text("")),
        ("i", int(503)),
        ("zero", int(0)),
        ("n", int(-7)),
        ("max", int(i64::MAX)),
        ("min", int(i64::MIN)),
        ("d", double(503.0)),
        ("f", double(0.1)),
        ("negative", double(-2.75)),
        ("negative zero", double(-0.0)),
        ("nan", double(f64::NAN)),
        ("inf", double(f64::INFINITY)),
        ("huge", double(1e300)),
        ("t", any(Kind::BoolValue(true))),
        ("no", any(Kind::BoolValue(false))),
        ("b", any(Kind::BytesValue(vec![0, 0xff, 0x10]))),
        ("nil", nil.clone()),
        (
            "list",
            list(&[
                text("a"),
                int(2),
                double(2.0),
                nil.clone(),
                list(&[text("x")]),
            ]),
        ),
        (
            "map",
            map(&[
                ("b", int(1)),
                ("a", text("<\"x\">\n\u{2028}")),
                (
                    "c",
                    list(&[nil, any(Kind::BytesValue(vec![1, 2])), double(0.5)]),
                ),
                ("nested", map(&[("list", list(&[int(7), int(8)]))])),
            ]),
        ),
        ("swapped", map(&[("y", int(2)), ("x", int(1))])),
        ("twice", int(1)),
        ("twice", int(2)),
        ("maps", map(&[("k", int(1)), ("k", int(2))])),
        ("digits", text("503")),
        ("signed", text("+12")),
        ("word", text("x")),
        ("yes", text("True")),
        ("key", text("s")),
        ("place", int(1)),
        ("unicode", text("\u{c4}\u{df}\u{130}k\u{1f80}")),
        ("spaces", text("  a b\t")),
        ("csv", text("a,,b")),
        ("base64", text("aGVs\nbG8=")),
        (
            "json",
            text(r#"{"a": [1, {"b": null}], "c": "x", "a": [2, 3.5, "y"]}"#),
        ),
        ("bad json", text("{")),
        (
            "url",
            text("https://u:p%40@example.com:8080/a%20b/c.tar.gz?q=1&r#frag"),
        ),
        ("id", text("0102030405060708")),
        ("took", text("1m0.5s")),
        ("digits of a second", text("1.99999999999999999999999s")),
        (long.as_str(), text("long")),
    ])
}

/// A root span, its resource, its scope, and its first event.
pub(super) struct Scene {
    pub(super) resource: Resource,
    pub(super) scope: InstrumentationScope,
    pub(super) span: Span,
}

pub(super) fn scene() -> Scene {
    let event = Event {
        time_unix_nano: START_NS + 1_000,
        name: "exception".to_owned(),
        attributes: attributes(&[("exception.type", text("Timeout")), ("s", text("PUT"))]),
        dropped_attributes_count: 9,
    };
    Scene {
        resource: Resource {
            attributes: attributes(&[("service.name", text("checkout")), ("tier", int(3))]),
            dropped_attributes_count: 2,
            ..Resource::default()
        },
        scope: InstrumentationScope {
            name: "lib".to_owned(),
            version: "1.2".to_owned(),
            attributes: attributes(&[("k", text("v"))]),
            dropped_attributes_count: 1,
        },
        span: Span {
            trace_id: (1..=16).collect(),
            span_id: (1..=8).collect(),
            trace_state: "vendor=x1,other=y".to_owned(),
            name: "GET /api/users".to_owned(),
            kind: 2,
            start_time_unix_nano: START_NS,
            end_time_unix_nano: START_NS + 1_500_000_001,
            attributes: rich_attributes(),
            dropped_attributes_count: 4,
            events: vec![event, Event::default()],
            dropped_events_count: 5,
            links: vec![Link::default()],
            dropped_links_count: 6,
            status: Some(Status {
                code: 2,
                message: "boom".to_owned(),
            }),
            flags: 0xf000_0101,
            ..Span::default()
        },
    }
}

impl Scene {
    /// Asks a condition of the span, or of its first event.
    pub(super) fn ask(&self, condition: &Condition) -> Outcome {
        let resource = self.resource.encode_to_vec();
        let scope = self.scope.encode_to_vec();
        let event = self.span.events.first().map(Message::encode_to_vec);
        ask_all_ways(
            condition,
            &View {
                resources: &[&resource],
                scopes: &[&scope],
                span: &self.span.encode_to_vec(),
                event: event.as_deref(),
                index: None,
            },
        )
    }
}

/// Asks with and without an index of the span, and as the scan of a request does, which must all
/// come to the same.
pub(super) fn ask_all_ways(condition: &Condition, view: &View<'_>) -> Outcome {
    let program = &Program::new(condition).unwrap();
    let plain = program.ask(view);
    let index = SpanIndex::of(view.span);
    if index.is_usual() {
        let indexed = View {
            index: Some(&index),
            ..*view
        };
        assert_eq!(program.ask(&indexed), plain, "{:?}", view.span);
    }
    if condition.context == Context::Span {
        // Ids of its own come behind these, and count.
        let ids = [&[0x0a, 16][..], &[1; 16], &[0x12, 8], &[1; 8]].concat();
        let span = [&ids, view.span].concat();
        let alone = View {
            span: &span,
            event: None,
            ..*view
        };
        if let Some(scanned) = ask_the_scan(condition, &alone) {
            assert_eq!(scanned, program.ask(&alone), "{} {span:?}", condition.text);
        }
    }
    plain
}

/// What the scan says of a span; none where it refuses the span.
fn ask_the_scan(condition: &Condition, view: &View<'_>) -> Option<Outcome> {
    let predicate = |test| Predicate {
        reason: "ottl_condition".to_owned(),
        test,
    };
    // Behind so many others; two make the second page.
    let plan = |others: u16| {
        let other = predicate(Test::First {
            key: "a".to_owned(),
            asks: Asks::Bool { value: true },
        });
        let mut predicates = vec![other; others.into()];
        predicates.push(predicate(Test::Ottl {
            span: vec![condition.clone()],
            event: Vec::new(),
            failed: Some(others + 1),
        }));
        predicates.push(predicate(Test::OttlFailed { of: String::new() }));
        let plan = Plan {
            format: 1,
            wait_ms: 1,
            predicates,
            votes: Some(Votes {
                tick_ms: 1,
                ..Votes::default()
            }),
            ..Plan::default()
        };
        Arc::new(Compiled::new(plan).unwrap())
    };
    let framed = |number: u8, payload: &[u8]| {
        let mut out = vec![number << 3 | 2];
        prost::encoding::encode_varint(payload.len() as u64, &mut out);
        [&out, payload].concat()
    };
    let all = |of: &[&[u8]]| of.iter().flat_map(|one| framed(1, one)).collect::<Vec<_>>();
    let scope_spans = [all(view.scopes), framed(2, view.span)].concat();
    let resource_spans = [all(view.resources), framed(2, &scope_spans)].concat();
    let plans = PlanSet {
        previous: Some(plan(64)),
        ..PlanSet::new(plan(0))
    };
    let mut found = Scan::default();
    scan(&framed(1, &resource_spans), &plans, &mut found).ok()?;
    let trace = found.traces.first()?;
    assert_eq!(
        trace.more_bits(1),
        [trace.bits[0]],
        "on the second page {} is not what it is on the first",
        condition.text
    );
    Some(match trace.bits[0] {
        0 => Outcome::False,
        1 => Outcome::True,
        2 => Outcome::Error,
        bits => panic!("{bits} bits of two that exclude each other"),
    })
}

/// Every condition of the tables, by its text.
pub(super) fn conditions(context: Context) -> HashMap<String, Condition> {
    let all: Value = serde_json::from_str(include_str!("../conditions.json")).unwrap();
    let context = serde_json::to_value(context).unwrap();
    let of_context = all[context.as_str().unwrap()].as_object().unwrap().clone();
    let condition = |(text, node): (String, Value)| {
        let whole = json!({
            "format": 1, "context": context, "text": text, "expression": written_out(node),
        });
        (text, serde_json::from_value(whole).unwrap())
    };
    of_context.into_iter().map(condition).collect()
}

/// An expression as it crosses, of one that `conditions.py` wrote short.
fn written_out(node: Value) -> Value {
    let mut node = match node {
        Value::Null => return json!({"kind": "nil"}),
        Value::Bool(value) => return json!({"kind": "bool", "value": value}),
        Value::Number(value) => return json!({"kind": "int", "value": value}),
        Value::String(value) => return json!({"kind": "string", "value": value}),
        Value::Array(nodes) => return nodes.into_iter().map(written_out).collect(),
        Value::Object(node) => node,
    };
    if let Some(key) = node.remove("attribute") {
        let keys = [json!({"kind": "string", "value": key})];
        return json!({"kind": "path", "context": "span", "field": "attributes", "keys": keys});
    }
    for entry in node
        .get_mut("entries")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        entry["value"] = written_out(entry["value"].take());
    }
    for name in [
        "left",
        "right",
        "of",
        "term",
        "keys",
        "items",
        "arguments",
        "terms",
    ] {
        if let Some(part) = node.get_mut(name) {
            *part = written_out(part.take());
        }
    }
    Value::Object(node)
}

/// Asks every condition of the span of [`scene`], and of each the opposite.
pub(super) fn check(table: &[(&str, Outcome)]) {
    check_in(Context::Span, &scene(), table);
}

pub(super) fn check_in(context: Context, scene: &Scene, table: &[(&str, Outcome)]) {
    let known = conditions(context);
    let mut wrong = Vec::new();
    for (text, outcome) in table {
        let condition = known
            .get(*text)
            .unwrap_or_else(|| panic!("conditions.json lacks {text}; run conditions.py"));
        let found = scene.ask(condition);
        if found != *outcome {
            wrong.push(format!("{text}: {found:?}, not {outcome:?}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
