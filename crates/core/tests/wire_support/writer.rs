//! OTLP/JSON from decoded messages, written the obvious way.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, span};
use serde_json::{Value, json};

/// The freedom that the mapping leaves.
#[derive(Clone, Copy, Debug)]
pub struct Spelling {
    /// Names as in the proto files.
    pub snake: bool,
    /// 64-bit integers as strings, as protobuf writes them.
    pub strings: bool,
}

impl Spelling {
    pub fn request(self, request: &ExportTraceServiceRequest) -> Value {
        self.object(&[(
            "resource_spans",
            list(&request.resource_spans, |r| self.group(r)),
        )])
    }

    /// An object of these fields, one that nobody knows, and one that is null.
    fn object(self, fields: &[(&str, Value)]) -> Value {
        let mut object = serde_json::Map::new();
        for (name, value) in fields {
            let name = if self.snake {
                (*name).to_owned()
            } else {
                camel(name)
            };
            object.insert(name, value.clone());
        }
        object.insert(
            "unknownField".to_owned(),
            json!({"deep": [1, {"er": null}]}),
        );
        Value::Object(object)
    }

    fn integer(self, value: impl ToString) -> Value {
        let text = value.to_string();
        if self.strings {
            Value::String(text)
        } else {
            serde_json::from_str(&text).unwrap()
        }
    }

    fn group(self, group: &ResourceSpans) -> Value {
        self.object(&[
            (
                "resource",
                group
                    .resource
                    .as_ref()
                    .map_or(Value::Null, |r| self.resource(r)),
            ),
            (
                "scope_spans",
                list(&group.scope_spans, |s| self.scope_spans(s)),
            ),
            ("schema_url", json!(group.schema_url)),
        ])
    }

    fn resource(self, resource: &Resource) -> Value {
        self.object(&[
            ("attributes", self.attributes(&resource.attributes)),
            (
                "dropped_attributes_count",
                json!(resource.dropped_attributes_count),
            ),
        ])
    }

    fn scope_spans(self, scope: &ScopeSpans) -> Value {
        self.object(&[
            (
                "scope",
                scope.scope.as_ref().map_or(Value::Null, |s| self.scope(s)),
            ),
            ("spans", list(&scope.spans, |s| self.span(s))),
            ("schema_url", json!(scope.schema_url)),
        ])
    }

    fn scope(self, scope: &InstrumentationScope) -> Value {
        self.object(&[
            ("name", json!(scope.name)),
            ("version", json!(scope.version)),
            ("attributes", self.attributes(&scope.attributes)),
            (
                "dropped_attributes_count",
                json!(scope.dropped_attributes_count),
            ),
        ])
    }

    fn span(self, span: &Span) -> Value {
        let status = span.status.as_ref().map_or(Value::Null, |status| {
            self.object(&[
                ("message", json!(status.message)),
                ("code", json!(status.code)),
            ])
        });
        self.object(&[
            ("trace_id", hex(&span.trace_id)),
            ("span_id", hex(&span.span_id)),
            ("trace_state", json!(span.trace_state)),
            ("parent_span_id", hex(&span.parent_span_id)),
            ("flags", json!(span.flags)),
            ("name", json!(span.name)),
            ("kind", json!(span.kind)),
            (
                "start_time_unix_nano",
                self.integer(span.start_time_unix_nano),
            ),
            ("end_time_unix_nano", self.integer(span.end_time_unix_nano)),
            ("attributes", self.attributes(&span.attributes)),
            (
                "dropped_attributes_count",
                json!(span.dropped_attributes_count),
            ),
            ("events", list(&span.events, |e| self.event(e))),
            ("dropped_events_count", json!(span.dropped_events_count)),
            ("links", list(&span.links, |l| self.link(l))),
            ("dropped_links_count", json!(span.dropped_links_count)),
            ("status", status),
        ])
    }

    fn event(self, event: &span::Event) -> Value {
        self.object(&[
            ("time_unix_nano", self.integer(event.time_unix_nano)),
            ("name", json!(event.name)),
            ("attributes", self.attributes(&event.attributes)),
            (
                "dropped_attributes_count",
                json!(event.dropped_attributes_count),
            ),
        ])
    }

    fn link(self, link: &span::Link) -> Value {
        self.object(&[
            ("trace_id", hex(&link.trace_id)),
            ("span_id", hex(&link.span_id)),
            ("trace_state", json!(link.trace_state)),
            ("attributes", self.attributes(&link.attributes)),
            (
                "dropped_attributes_count",
                json!(link.dropped_attributes_count),
            ),
            ("flags", json!(link.flags)),
        ])
    }

    fn attributes(self, attributes: &[KeyValue]) -> Value {
        list(attributes, |attribute| {
            let value = attribute.value.as_ref();
            self.object(&[
                ("key", json!(attribute.key)),
                ("value", value.map_or(Value::Null, |v| self.any(v))),
                ("key_strindex", json!(attribute.key_strindex)),
            ])
        })
    }

    fn any(self, value: &AnyValue) -> Value {
        let field = match &value.value {
            None => return self.object(&[]),
            Some(Any::StringValue(text)) => ("string_value", json!(text)),
            Some(Any::BoolValue(value)) => ("bool_value", json!(value)),
            Some(Any::IntValue(value)) => ("int_value", self.integer(value)),
            Some(Any::DoubleValue(value)) => ("double_value", json!(value)),
            Some(Any::BytesValue(bytes)) => ("bytes_value", base64(bytes)),
            Some(Any::StringValueStrindex(index)) => ("string_value_strindex", json!(index)),
            Some(Any::ArrayValue(array)) => {
                let values = list(&array.values, |v| self.any(v));
                ("array_value", self.object(&[("values", values)]))
            }
            Some(Any::KvlistValue(pairs)) => {
                let values = self.attributes(&pairs.values);
                ("kvlist_value", self.object(&[("values", values)]))
            }
        };
        self.object(&[field])
    }
}

fn list<T>(items: &[T], write: impl Fn(&T) -> Value) -> Value {
    Value::Array(items.iter().map(write).collect())
}

fn camel(snake: &str) -> String {
    let mut words = snake.split('_');
    let first = words.next().unwrap().to_owned();
    words.fold(first, |name, word| {
        let (head, tail) = word.split_at(1);
        name + &head.to_uppercase() + tail
    })
}

fn hex(bytes: &[u8]) -> Value {
    let digits = bytes.iter().map(|byte| format!("{byte:02X}"));
    Value::String(digits.collect())
}

fn base64(bytes: &[u8]) -> Value {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let word = group.iter().fold(0u32, |word, b| word << 8 | u32::from(*b));
        let word = word << (8 * (3 - group.len()));
        for at in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * at)) as usize & 63];
            text.push(if at <= group.len() { digit.into() } else { '=' });
        }
    }
    Value::String(text)
}
