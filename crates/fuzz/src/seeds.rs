//! The inputs that a target begins with.

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status, span};
use prost::Message;

use crate::engine_support::{error, plain, request};
use crate::past::Past;

/// The targets, by the names of their programs.
pub const TARGETS: [&str; 5] = ["buffer", "verdicts", "outbox", "directory", "wire"];

/// The inputs of one of them.
#[must_use]
pub fn of(target: &str) -> Vec<Vec<u8>> {
    match target {
        "wire" => requests(),
        "directory" => edits("data"),
        log => edits(&format!("data/{log}")),
    }
}

/// No edit, one of each kind with and without a right checksum, and every file as it is.
fn edits(within: &str) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for past in 0..Past::all() {
        seeds.push(vec![past]);
        for what in 0..32_u8 {
            let file = what.wrapping_mul(7) + past;
            // Past what names the file and the edit: a place, a length, a number near a power.
            seeds.push(vec![past, file, what, 90, 0, 9, 0, 140, what, 1, 2, 3]);
        }
        let files = Past::of(past).files.iter();
        let files = files.filter(|(path, _)| path.starts_with(within));
        for (at, (_, bytes)) in files.enumerate() {
            let raw = 0xe0 | past;
            for first in [raw, raw | 0x10] {
                seeds.push([&[first, at as u8, 0], bytes.as_slice()].concat());
            }
        }
    }
    seeds
}

fn requests() -> Vec<Vec<u8>> {
    let plain: Bytes = request(&[plain(1, 1), error(2, 2), plain(1, 3)]);
    let rich = rich().encode_to_vec();
    // Field 1000 of ResourceSpans is what field 2 was called once.
    let old = ExportTraceServiceRequest::decode(plain.clone()).map(|mut request| {
        let scopes = std::mem::take(&mut request.resource_spans[0].scope_spans);
        let mut group = Vec::new();
        for scope in scopes {
            prost::encoding::message::encode(1000, &scope, &mut group);
        }
        let mut old = vec![0x0a];
        prost::encoding::encode_varint(group.len() as u64, &mut old);
        [old, group].concat()
    });
    let joined = [plain.to_vec(), rich.clone()].concat();
    let mut seeds = vec![Vec::new(), plain.into(), rich, joined];
    seeds.extend(old);
    seeds
}

/// A request with something of everything.
fn rich() -> ExportTraceServiceRequest {
    let attribute = |key: &str, value| KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    };
    let text = |text: &str| Value::StringValue(text.to_owned());
    let attributes = vec![
        attribute("a", Value::IntValue(503)),
        attribute("b", text("503")),
        attribute("tailsampler.policy", text("forged")),
        attribute("c", Value::DoubleValue(0.5)),
        attribute("d", Value::BytesValue(vec![1, 2])),
    ];
    let spans = vec![Span {
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        trace_state: "z=1,ot=rv:ab00000000000c;th:4".to_owned(),
        name: "GET".to_owned(),
        kind: 2,
        start_time_unix_nano: 1_000,
        end_time_unix_nano: 2_000,
        attributes: attributes.clone(),
        events: vec![span::Event {
            name: "e".to_owned(),
            attributes: attributes.clone(),
            ..span::Event::default()
        }],
        links: vec![span::Link {
            trace_id: vec![3; 16],
            span_id: vec![4; 8],
            ..span::Link::default()
        }],
        status: Some(Status {
            message: "no".to_owned(),
            code: 2,
        }),
        flags: 1,
        ..Span::default()
    }];
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            resource: Some(Resource {
                attributes: vec![attribute("s", text("api"))],
                ..Resource::default()
            }),
            scope_spans: vec![ScopeSpans {
                scope: Some(InstrumentationScope {
                    name: "scope".to_owned(),
                    ..InstrumentationScope::default()
                }),
                spans,
                schema_url: "u".to_owned(),
            }],
            schema_url: "v".to_owned(),
        }],
    }
}
