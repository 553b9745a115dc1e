//! OTLP/JSON: what the mapping allows is read, what it forbids is refused in words.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod wire_support;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;
use tailsampler_core::wire::json_to_protobuf;
use wire_support::soup;
use wire_support::writer::Spelling;

fn read(json: &str) -> Result<ExportTraceServiceRequest, String> {
    let bytes = json_to_protobuf(json.as_bytes())?;
    Ok(ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap())
}

fn read_span(fields: &str) -> Result<Span, String> {
    let json = format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{{fields}}}]}}]}}]}}"#);
    let mut request = read(&json)?;
    Ok(request
        .resource_spans
        .remove(0)
        .scope_spans
        .remove(0)
        .spans
        .remove(0))
}

fn read_value(value: &str) -> Result<Value, String> {
    let span = read_span(&format!(r#""attributes":[{{"key":"k","value":{value}}}]"#))?;
    Ok(span.attributes[0].value.clone().unwrap().value.unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Any request, written as JSON in any spelling, is read back as it was.
    #[test]
    fn json_says_what_protobuf_says(body in soup::request(), snake: bool, strings: bool) {
        let Ok(request) = ExportTraceServiceRequest::decode(body.as_slice()) else {
            return Ok(());
        };
        let json = Spelling { snake, strings }.request(&request).to_string();
        prop_assert_eq!(read(&json), Ok(request));
    }

    /// Damaged JSON is refused in words or read; nothing panics.
    #[test]
    fn damaged_json_is_safe(body in soup::request(), at: prop::sample::Index, byte: u8) {
        let Ok(request) = ExportTraceServiceRequest::decode(body.as_slice()) else {
            return Ok(());
        };
        let spelling = Spelling { snake: false, strings: true };
        let mut json = spelling.request(&request).to_string().into_bytes();
        let at = at.index(json.len());
        json[at] = byte;
        if let Ok(bytes) = json_to_protobuf(&json) {
            ExportTraceServiceRequest::decode(bytes.as_slice()).unwrap();
        }
    }
}

/// The example of OTLP's own documentation.
#[test]
fn the_specification_example_is_read() {
    let json = r#"{"resourceSpans": [{
      "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]},
      "scopeSpans": [{
        "scope": {"name": "my.library", "version": "1.0.0", "attributes": [
          {"key": "my.scope.attribute", "value": {"stringValue": "some scope attribute"}}]},
        "spans": [{
          "traceId": "5B8EFFF798038103D269B633813FC60C",
          "spanId": "EEE19B7EC3C1B174",
          "parentSpanId": "EEE19B7EC3C1B173",
          "name": "I'm a server span",
          "startTimeUnixNano": "1544712660000000000",
          "endTimeUnixNano": "1544712661000000000",
          "kind": 2,
          "attributes": [{"key": "my.span.attr", "value": {"stringValue": "some value"}}]
        }]}]}]}"#;
    let request = read(json).unwrap();
    let scope = &request.resource_spans[0].scope_spans[0];
    let span = &scope.spans[0];
    assert_eq!(scope.scope.as_ref().unwrap().version, "1.0.0");
    assert_eq!(span.trace_id[..4], [0x5b, 0x8e, 0xff, 0xf7]);
    assert_eq!(
        span.span_id,
        [0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74]
    );
    assert_eq!(span.start_time_unix_nano, 1_544_712_660_000_000_000);
    assert_eq!(span.kind, 2);
}

/// Integers may be numbers, strings, or written with a point or an exponent, if they are whole.
#[test]
fn integers_in_every_spelling() {
    for (json, value) in [
        ("1", 1),
        ("\"1\"", 1),
        ("1.0", 1),
        ("1e3", 1000),
        ("\"1e3\"", 1000),
        ("\"-9223372036854775808\"", i64::MIN),
        ("9223372036854775807", i64::MAX),
    ] {
        let read = read_value(&format!(r#"{{"intValue":{json}}}"#));
        assert_eq!(read, Ok(Value::IntValue(value)), "{json}");
    }
    for json in [
        "1.5",
        "\"1.5\"",
        "\" 1\"",
        "\"\"",
        "\"+1\"",
        "9223372036854775808",
        "true",
        "[]",
    ] {
        let read = read_value(&format!(r#"{{"intValue":{json}}}"#));
        assert!(read.is_err(), "{json}");
    }
}

/// Doubles may be numbers, strings, or the three that JSON has no number for.
#[test]
fn doubles_in_every_spelling() {
    for (json, value) in [
        ("0.1", 0.1),
        ("3", 3.0),
        ("\"2.5\"", 2.5),
        ("\"Infinity\"", f64::INFINITY),
        ("\"-Infinity\"", f64::NEG_INFINITY),
        ("2.2250738585072011e-308", 2.225_073_858_507_201e-308),
    ] {
        let read = read_value(&format!(r#"{{"doubleValue":{json}}}"#));
        assert_eq!(read, Ok(Value::DoubleValue(value)), "{json}");
    }
    let nan = read_value(r#"{"doubleValue":"NaN"}"#);
    assert!(matches!(nan, Ok(Value::DoubleValue(v)) if v.is_nan()));
    assert!(read_value(r#"{"doubleValue":"inf"}"#).is_err());
}

/// Bytes are base64 in either alphabet, with or without padding.
#[test]
fn bytes_in_every_spelling() {
    for json in ["-_8=", "+/8=", "-_8", "+/8"] {
        let read = read_value(&format!(r#"{{"bytesValue":"{json}"}}"#));
        assert_eq!(read, Ok(Value::BytesValue(vec![0xfb, 0xff])), "{json}");
    }
    for json in ["a", "a=b=", "aaaa=", "a b0", "=", "aa==="] {
        assert!(
            read_value(&format!(r#"{{"bytesValue":"{json}"}}"#)).is_err(),
            "{json}"
        );
    }
}

/// Enums are integers, as OTLP says; their names are read as well.
#[test]
fn enums_by_number_and_name() {
    let span = read_span(r#""kind":"SPAN_KIND_CLIENT","status":{"code":"STATUS_CODE_ERROR"}"#);
    let span = span.unwrap();
    assert_eq!((span.kind, span.status.unwrap().code), (3, 2));
    assert_eq!(read_span(r#""kind":77"#).unwrap().kind, 77);
    assert!(read_span(r#""kind":"SPAN_KIND_CLEINT""#).is_err());
}

/// A null is as good as nothing, and so is a field that nobody knows.
#[test]
fn nulls_and_unknown_fields_are_passed_over() {
    let span = read_span(r#""name":null,"events":null,"status":null,"future":{"a":[1e999]}"#);
    assert!(span.is_err() || span == Ok(Span::default()));
    assert_eq!(
        read_span(r#""name":null,"attributes":null,"x":[{}]"#),
        Ok(Span::default())
    );
    assert_eq!(read("{}"), Ok(ExportTraceServiceRequest::default()));
}

/// A refusal names the field, what it should hold, and the place.
#[test]
fn refusals_say_what_and_where() {
    for (fields, words) in [
        (
            r#""traceId":"xyz""#,
            "Span.trace_id must be a string of hex digits at line 1 column",
        ),
        (r#""name":1"#, "Span.name must be a string"),
        (
            r#""name":"a","name":"b""#,
            "Span.name stands twice in one object",
        ),
        (r#""span_id":"","spanId":"""#, "Span.span_id stands twice"),
        (
            r#""flags":-1"#,
            "Span.flags must be an integer of 32 bits without sign",
        ),
        (r#""events":{}"#, "Span.events must be an array"),
        (r#""events":[null]"#, "Span.events may not hold null"),
        (r#""status":[]"#, "Span.status may not be an array"),
    ] {
        let error = read_span(fields).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
    let two = read_value(r#"{"intValue":1,"stringValue":"a"}"#).unwrap_err();
    assert!(
        two.contains("AnyValue.string_value is a second value"),
        "{two}"
    );
    for (json, words) in [
        ("", "EOF"),
        ("[]", "an object"),
        ("{} x", "trailing"),
        ("{", "EOF"),
    ] {
        let error = read(json).unwrap_err();
        assert!(error.contains(words), "{error}");
    }
}

/// However deep a request is nested, reading it ends in words and not in a crash.
#[test]
fn nesting_is_bounded() {
    let deep = format!(
        "{}1{}",
        r#"{"arrayValue":{"values":["#.repeat(100_000),
        "]}}".repeat(100_000)
    );
    assert!(read_value(&deep).unwrap_err().contains("recursion limit"));
}
