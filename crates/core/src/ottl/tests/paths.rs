//! Fields of a span, its event, its scope and its resource.

use opentelemetry_proto::tonic::trace::v1::Span;

use super::support::{E, F, Scene, T, check, check_in, scene};
use crate::ottl::Context;

/// Every field of a span, its scope and its resource is read as it was sent.
#[test]
fn fields_are_as_sent() {
    check(&[
        (
            r#"trace_id == TraceID("0102030405060708090a0b0c0d0e0f10")"#,
            T,
        ),
        (
            r#"trace_id == TraceID("0102030405060708090a0b0c0d0e0f11")"#,
            F,
        ),
        (
            r#"trace_id >= TraceID("0102030405060708090a0b0c0d0e0f10")"#,
            F,
        ),
        (
            r#"trace_id.string == "0102030405060708090a0b0c0d0e0f10""#,
            T,
        ),
        (r#"trace_id == 0x0102030405060708090a0b0c0d0e0f10"#, F),
        (r#"span_id == SpanID(0x0102030405060708)"#, T),
        (r#"span_id != span_id"#, F),
        (r#"span_id == nil"#, F),
        (r#"span_id == parent_span_id"#, F),
        (r#"span_id.string == "0102030405060708""#, T),
        (r#"parent_span_id == SpanID(0x0000000000000000)"#, T),
        (r#"parent_span_id.string == "0000000000000000""#, T),
        ("IsRootSpan()", T),
        (r#"name == "GET /api/users""#, T),
        ("kind == SPAN_KIND_SERVER", T),
        (r#"kind.string == "Server""#, T),
        (r#"kind.deprecated_string == "SPAN_KIND_SERVER""#, T),
        ("start_time_unix_nano == 1700000000123456789", T),
        ("end_time_unix_nano - start_time_unix_nano == 1500000001", T),
        ("start_time == Unix(1700000000, 123456789)", T),
        ("start_time < end_time", T),
        ("dropped_attributes_count == 4", T),
        ("dropped_events_count == 5", T),
        ("dropped_links_count == 6", T),
        ("Len(events) == 2", T),
        ("Len(links) == 1", T),
        ("IsList(events) and IsList(links)", T),
        ("Len(attributes) == 41", T),
        ("status.code == STATUS_CODE_ERROR", T),
        (r#"status.message == "boom""#, T),
        ("status == status", T),
        ("status != status", F),
        ("status == nil", F),
        ("flags == 4026532097", T),
        (r#"trace_state == "vendor=x1,other=y""#, T),
        (r#"trace_state["vendor"] == "x1""#, T),
        (r#"trace_state["none"] == """#, T),
        (r#"trace_state[name] == """#, T),
        (r#"trace_state[attributes["i"]] == """#, E),
        (r#"trace_state[attributes["none"]] == """#, E),
        (r#"resource.attributes["service.name"] == "checkout""#, T),
        (
            r#"resource.attributes["service.name"] == resource.attributes["none"]"#,
            F,
        ),
        ("resource.dropped_attributes_count == 2", T),
        (r#"resource.schema_url == """#, T),
        (r#"scope.name == "lib""#, T),
        (r#"instrumentation_scope.version == "1.2""#, T),
        (r#"scope.attributes["k"] == "v""#, T),
        ("scope.dropped_attributes_count == 1", T),
        (r#"scope.schema_url == """#, T),
    ]);
}

/// What was not sent has its default; numbers that OTLP does not know stay as they are.
#[test]
fn fields_have_defaults() {
    let bare = Scene {
        resource: Default::default(),
        scope: Default::default(),
        span: Span::default(),
    };
    check_in(
        Context::Span,
        &bare,
        &[
            (r#"name == """#, T),
            ("kind == 0", T),
            (r#"kind.string == "Unspecified""#, T),
            ("status.code == STATUS_CODE_UNSET", T),
            (r#"status.message == """#, T),
            ("start_time == Unix(0)", T),
            ("flags == 0", T),
            ("Len(attributes) == 0", T),
            ("attributes == {}", T),
            ("Len(events) == 0", T),
            (r#"trace_state == """#, T),
            (r#"trace_state["vendor"] == """#, T),
            (r#"scope.name == """#, T),
            (r#"resource.attributes["service.name"] == nil"#, T),
            (
                r#"trace_id.string == "00000000000000000000000000000000""#,
                T,
            ),
        ],
    );
    let mut odd = scene();
    odd.span.kind = -1;
    odd.span.start_time_unix_nano = u64::MAX;
    odd.span.trace_state = "Vendor=x1".to_owned();
    odd.span.parent_span_id = vec![0, 0, 0, 0, 0, 0, 0, 1];
    odd.span.status.as_mut().unwrap().code = -3;
    check_in(
        Context::Span,
        &odd,
        &[
            ("kind == -1", T),
            (r#"kind.string == """#, T),
            (r#"kind.deprecated_string == """#, T),
            ("start_time_unix_nano == -1", T),
            ("start_time < Unix(0)", T),
            ("status.code == -3", T),
            (r#"trace_state["vendor"] == nil"#, T),
            (r#"trace_state[attributes["i"]] == nil"#, T),
            ("IsRootSpan()", F),
            (r#"parent_span_id.string == "0000000000000001""#, T),
        ],
    );
}

/// Maps by strings, lists by ints; a missing key ends a path, and nothing else can be indexed.
#[test]
fn paths_go_into_maps_and_lists() {
    check(&[
        (r#"attributes["list"][0] == "a""#, T),
        (r#"attributes["list"][4][0] == "x""#, T),
        (r#"attributes["list"][1 + 1] == 2.0"#, T),
        (r#"attributes["list"][attributes["place"]] == 2"#, T),
        (r#"attributes["list"][5] == nil"#, E),
        (r#"attributes["list"][-1] == nil"#, E),
        (r#"attributes["list"]["a"] == nil"#, E),
        (r#"attributes["list"][3]["a"] == nil"#, E),
        (r#"attributes["map"]["nested"]["list"][1] == 8"#, T),
        (r#"attributes["map"]["none"] == nil"#, T),
        (r#"attributes["map"]["none"]["none"][0] == nil"#, T),
        (r#"attributes["map"]["none"][Len(nil)] == nil"#, T),
        (r#"attributes["map"][0] == nil"#, E),
        (r#"attributes["map"][attributes["i"]] == nil"#, E),
        (r#"attributes["nil"]["a"] == nil"#, E),
        (r#"attributes["none"]["a"] == nil"#, T),
        (r#"attributes["s"]["a"] == nil"#, E),
        (r#"attributes["s"][0] == nil"#, E),
        (r#"attributes["b"][0] == nil"#, E),
        (r#"attributes[attributes["key"]] == "GET""#, T),
        (r#"attributes[attributes["none"]] == nil"#, E),
        (r#"attributes[Len(nil)] == nil"#, E),
        (r#"attributes["twice"] == 1"#, T),
        (r#"attributes["maps"]["k"] == 1"#, T),
        (r#"Len(attributes["maps"]) == 2"#, T),
        (
            r#"attributes["kkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkkk"] == "long""#,
            T,
        ),
    ]);
}

/// A bare path is of the event, and the span is a word away.
#[test]
fn events_have_fields() {
    check_in(
        Context::SpanEvent,
        &scene(),
        &[
            (r#"name == "exception""#, T),
            (
                r#"spanevent.name == "exception" and span.name == "GET /api/users""#,
                T,
            ),
            (r#"attributes["exception.type"] == "Timeout""#, T),
            (
                r#"attributes["s"] == "PUT" and span.attributes["s"] == "GET""#,
                T,
            ),
            (r#"resource.attributes["service.name"] == "checkout""#, T),
            (r#"scope.name == "lib""#, T),
            ("time_unix_nano - span.start_time_unix_nano == 1000", T),
            ("time > span.start_time", T),
            ("dropped_attributes_count == 9", T),
            ("Len(span.events) == 2", T),
            (r#"attributes["none"] == nil"#, T),
            (r#"attributes["s"] + 1 == 2"#, E),
        ],
    );
    let mut without = scene();
    without.span.events.clear();
    check_in(
        Context::SpanEvent,
        &without,
        &[
            (r#"name == "exception""#, F),
            ("dropped_attributes_count == 9", F),
        ],
    );
}
