//! What becomes of a span that is kept, said by the obvious way.

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::trace::v1::Span;
use tailsampler_core::wire::Stamp;

/// R of every test here: under `th:c`, over `th:8` and `th:4`.
pub const R: u64 = 0xab_0000_0000_000c;

/// A stamp that keeps with T = 0x80000000000000.
pub const STAMP: Stamp<'static> = Stamp {
    scope: None,
    truncated: false,
    annotate: true,
    policy: "slow",
    reason: "duration",
    randomness: R,
    threshold: Some(0x80_0000_0000_0000),
    write_rv: false,
};

/// What each tracestate of the soup becomes under `STAMP`.
fn state(before: &str) -> &str {
    match before {
        "" | "ot=th:c" if before.is_empty() => "ot=th:8",
        "ot=th:c" => "",
        "a=b" => "ot=th:8,a=b",
        "ot=th:4;x:y" => "ot=th:8;x:y",
        "z=1, ot=rv:ab00000000000c;th:4 ,a=b" => "ot=rv:ab00000000000c;th:8,z=1,a=b",
        "ot=rv:00000000000001" => "ot=rv:00000000000001;th:8",
        "ot=rv:AB00000000000c" | "ot=rv:12" => "ot=th:8",
        unchanged => unchanged,
    }
}

/// The span as it should be written under `STAMP`.
pub fn stamped(mut span: Span) -> Span {
    span.attributes
        .retain(|a| !a.key.starts_with("tailsampler."));
    span.trace_state = state(&span.trace_state).to_owned();
    if span.parent_span_id.is_empty() || span.parent_span_id == [0; 8] {
        let ours = [
            ("tailsampler.policy", "slow"),
            ("tailsampler.reason", "duration"),
        ];
        span.attributes.extend(ours.map(|(key, value)| KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue {
                value: Some(Value::StringValue(value.to_owned())),
            }),
            ..KeyValue::default()
        }));
    }
    span
}

/// A scope that was told of policy `errors` and its part `soon`.
pub fn on_scope(mut scope: InstrumentationScope, late: bool) -> InstrumentationScope {
    let keys = [
        "tailsampling.policy",
        "tailsampling.composite_policy",
        "tailsampling.cached_decision",
    ];
    scope
        .attributes
        .retain(|attribute| !keys.contains(&attribute.key.as_str()));
    let mut tell = |key: &str, value| {
        scope.attributes.push(KeyValue {
            key: key.to_owned(),
            value: Some(AnyValue { value: Some(value) }),
            ..KeyValue::default()
        });
    };
    if !late {
        tell(keys[1], Value::StringValue("soon".to_owned()));
    }
    tell(keys[0], Value::StringValue("errors".to_owned()));
    if late {
        tell(keys[2], Value::BoolValue(true));
    }
    scope
}
