//! The form in which conditions cross, and what is refused in it.

use serde_json::{Value, json};

use super::support::conditions;
use crate::ottl::{Condition, Context, Program};

fn whole(context: &str, expression: &Value) -> Value {
    json!({"format": 1, "context": context, "text": "t", "expression": expression})
}

fn call(function: &str, arguments: &[Value]) -> Value {
    json!({"kind": "call", "function": function, "arguments": arguments})
}

fn path(context: &str, field: &str, keys: &[Value]) -> Value {
    json!({"kind": "path", "context": context, "field": field, "keys": keys})
}

/// What is read is written again, with nothing left out.
#[test]
fn conditions_go_there_and_back() {
    for context in [Context::Span, Context::SpanEvent] {
        let known = conditions(context);
        assert!(!known.is_empty());
        for condition in known.into_values() {
            let written = serde_json::to_string(&condition).unwrap();
            assert_eq!(
                serde_json::from_str::<Condition>(&written).unwrap(),
                condition
            );
        }
    }
    // As Python writes them.
    let written = json!({
        "format": 1,
        "context": "spanevent",
        "text": "attributes[\"a\"] * -0.0 >= time - span.start_time or not (0x00ff == nil)",
        "expression": {"kind": "or", "terms": [
            {"kind": "compare", "op": ">=", "left": {"kind": "math", "op": "*",
                "left": path("event", "attributes", &[json!({"kind": "string", "value": "a"})]),
                "right": {"kind": "double", "value": "-0.0"}},
             "right": {"kind": "math", "op": "-", "left": path("event", "time", &[]),
                "right": path("span", "start_time", &[])}},
            {"kind": "not", "term": {"kind": "compare", "op": "==",
                "left": {"kind": "bytes", "value": "00ff"}, "right": {"kind": "nil"}}},
        ]},
    });
    let condition: Condition = serde_json::from_value(written.clone()).unwrap();
    assert_eq!(serde_json::to_value(condition).unwrap(), written);
}

/// What Python would never write is refused, in words that name it.
#[test]
fn what_cannot_be_run_is_refused() {
    let text = |value: &str| json!({"kind": "string", "value": value});
    let name = path("span", "name", &[]);
    for (expression, said) in [
        (path("span", "nmae", &[]), "the path nmae"),
        (path("event", "name", &[]), "the path name"),
        (path("span", "name", &[text("k")]), "the path name"),
        (
            path("span", "trace_state", &[text("k"), text("k")]),
            "the path trace_state",
        ),
        (path("span", "events", &[]), "the path events"),
        (call("Now", &[]), "the converter Now"),
        (call("Len", &[]), "the converter Len"),
        (
            call("Len", &[name.clone(), name.clone()]),
            "the converter Len",
        ),
        (
            call("IsMatch", &[name.clone(), name.clone()]),
            "the converter IsMatch",
        ),
        (
            call("IsMatch", &[name.clone(), text("(")]),
            "the pattern \"(\"",
        ),
        (
            call("Concat", &[name.clone(), text("-")]),
            "the converter Concat",
        ),
        (
            json!({"kind": "double", "value": "x"}),
            "\"x\" is no literal",
        ),
        (
            json!({"kind": "bytes", "value": "abc"}),
            "\"abc\" is no literal",
        ),
        (
            json!({"kind": "span_id", "value": "abcd"}),
            "\"abcd\" is no literal",
        ),
        (
            json!({"kind": "time", "seconds": 0, "nanos": 1_000_000_000}),
            "is no literal",
        ),
        (
            json!({"kind": "index", "of": call("Split", &[name.clone(), text(",")]),
                   "keys": [{"kind": "nil"}]}),
            "is no literal",
        ),
    ] {
        let condition = serde_json::from_value(whole("span", &expression)).unwrap();
        let error = Program::new(&condition).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let on_events = serde_json::from_value(whole("spanevent", &call("IsRootSpan", &[]))).unwrap();
    assert!(Program::new(&on_events).is_err());
    let mut later: Condition =
        serde_json::from_value(whole("span", &json!({"kind": "nil"}))).unwrap();
    later.format = 2;
    assert!(
        Program::new(&later)
            .unwrap_err()
            .to_string()
            .contains("format 2")
    );
}

/// A field that is not known is a form that is not known.
#[test]
fn unknown_forms_are_refused() {
    for expression in [
        json!({"kind": "maybe"}),
        json!({"kind": "int", "value": 1, "more": 2}),
        json!({"kind": "int", "value": 1.5}),
        json!({"kind": "compare", "op": "=~", "left": {"kind": "nil"}, "right": {"kind": "nil"}}),
    ] {
        assert!(serde_json::from_value::<Condition>(whole("span", &expression)).is_err());
    }
    let nil = json!({"kind": "nil"});
    assert!(serde_json::from_value::<Condition>(whole("log", &nil)).is_err());
    assert!(serde_json::from_value::<Condition>(whole("span", &nil)).is_ok());
}
