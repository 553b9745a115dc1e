//! Prost's view of a request, and what follows from it by the obvious way.

use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tailsampler_core::plan::{Asks, Plan, Test};
use tailsampler_core::wire::{RejectedSpans, RvSource, TraceDelta};

/// A request, with every span left as its bytes.
#[derive(Clone, PartialEq, Message)]
pub struct Request {
    #[prost(message, repeated, tag = "1")]
    pub resource_spans: Vec<ResourceSpans>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ResourceSpans {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub resource: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "2")]
    pub scope_spans: Vec<ScopeSpans>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub schema_url: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "1000")]
    pub old_scope_spans: Vec<ScopeSpans>,
}

#[derive(Clone, PartialEq, Message)]
pub struct ScopeSpans {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub scope: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "2")]
    pub spans: Vec<Vec<u8>>,
    #[prost(bytes = "vec", repeated, tag = "3")]
    pub schema_url: Vec<Vec<u8>>,
}

/// A span and what stands around it; an `Err` where prost refuses.
#[derive(Clone, Debug, PartialEq)]
pub struct Flat {
    pub resource: Option<Resource>,
    pub resource_schema: Option<String>,
    pub scope: Option<InstrumentationScope>,
    pub scope_schema: Option<String>,
    pub span: Option<Span>,
    pub raw: Vec<u8>,
}

impl Flat {
    pub fn valid(&self) -> bool {
        self.resource.is_some()
            && self.resource_schema.is_some()
            && self.scope.is_some()
            && self.scope_schema.is_some()
            && self.span.is_some()
    }

    /// It has both ids.
    pub fn accepted(&self) -> bool {
        let id = |id: &[u8], len| id.len() == len && id.iter().any(|b| *b != 0);
        let span = self.span.as_ref().unwrap();
        id(&span.trace_id, 16) && id(&span.span_id, 8)
    }
}

/// Prost merges messages part by part, each of which is to be well formed: a length may not run
/// from one into the next.
fn merged<M: Message + Default>(parts: &[Vec<u8>]) -> Option<M> {
    let mut merged = M::default();
    for part in parts {
        merged.merge(part.as_slice()).ok()?;
    }
    Some(merged)
}

fn last(texts: &[Vec<u8>]) -> Option<String> {
    let mut last = String::new();
    for text in texts {
        last = String::from_utf8(text.clone()).ok()?;
    }
    Some(last)
}

/// Every span of a request, in order; old scope spans where there are no new ones.
pub fn flatten(request: &Request) -> Vec<Flat> {
    let mut flat = Vec::new();
    for group in &request.resource_spans {
        let scopes = if group.scope_spans.is_empty() {
            &group.old_scope_spans
        } else {
            &group.scope_spans
        };
        for scope in scopes {
            for span in &scope.spans {
                flat.push(Flat {
                    resource: merged(&group.resource),
                    resource_schema: last(&group.schema_url),
                    scope: merged(&scope.scope),
                    scope_schema: last(&scope.schema_url),
                    span: Span::decode(span.as_slice()).ok(),
                    raw: span.clone(),
                });
            }
        }
    }
    flat
}

/// Every part of a request, counting or not, can be decoded.
pub fn all_valid(request: &Request) -> bool {
    let scope_valid = |scope: &ScopeSpans| {
        merged::<InstrumentationScope>(&scope.scope).is_some()
            && last(&scope.schema_url).is_some()
            && scope
                .spans
                .iter()
                .all(|s| Span::decode(s.as_slice()).is_ok())
    };
    request.resource_spans.iter().all(|group| {
        merged::<Resource>(&group.resource).is_some()
            && last(&group.schema_url).is_some()
            && group.scope_spans.iter().all(scope_valid)
            && group.old_scope_spans.iter().all(scope_valid)
    })
}

fn integer(attribute: &KeyValue) -> Option<i64> {
    match attribute.value.as_ref()?.value.as_ref()? {
        any_value::Value::IntValue(value) => Some(*value),
        any_value::Value::StringValue(s) if s.bytes().all(|b| b.is_ascii_digit()) => s.parse().ok(),
        _ => None,
    }
}

fn string(attribute: &KeyValue) -> Option<&String> {
    match attribute.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(value) => Some(value),
        _ => None,
    }
}

/// The bits that a span sets, and the first integer that set one.
fn bits(flat: &Flat, plan: &Plan) -> (u64, u32) {
    let span = flat.span.as_ref().unwrap();
    let mut bits = 0;
    let holds = |attribute: &KeyValue, test: &Test| match test {
        Test::SpanIntIn { keys, values } => {
            keys.contains(&attribute.key) && integer(attribute).is_some_and(|i| values.contains(&i))
        }
        Test::SpanStringIn { keys, values } | Test::ResourceStringIn { keys, values } => {
            keys.contains(&attribute.key) && string(attribute).is_some_and(|s| values.contains(s))
        }
        _ => false,
    };
    for (position, predicate) in plan.predicates.iter().enumerate() {
        let set = match &predicate.test {
            Test::SpanStatusIn { codes } => {
                codes.contains(&span.status.as_ref().map_or(0, |status| status.code))
            }
            Test::SpanSampled => span.flags & 1 == 1,
            Test::TraceStateIn { key, values } => {
                in_state(&span.trace_state, key).is_some_and(|v| values.iter().any(|a| a == v))
            }
            Test::First { key, asks } => {
                let resource = flat.resource.as_ref().unwrap();
                [&resource.attributes, &span.attributes]
                    .into_iter()
                    .filter_map(|attributes| attributes.iter().find(|a| a.key == *key))
                    .any(|attribute| passes(attribute, asks))
            }
            Test::Lasting { .. } => false, // of the trace, and set where it is held
            test @ Test::ResourceStringIn { .. } => {
                let resource = flat.resource.as_ref().unwrap();
                resource.attributes.iter().any(|a| holds(a, test))
            }
            test => span.attributes.iter().any(|a| holds(a, test)),
        };
        bits |= u64::from(set) << position;
    }
    let witness = span.attributes.iter().find_map(|attribute| {
        let mut tests = plan.predicates.iter().map(|p| &p.test);
        let set = tests.any(|t| matches!(t, Test::SpanIntIn { .. }) && holds(attribute, t));
        set.then(|| integer(attribute).and_then(|i| u32::try_from(i).ok()))?
            .filter(|i| *i != 0)
    });
    (bits, witness.unwrap_or(0))
}

fn passes(attribute: &KeyValue, asks: &Asks) -> bool {
    let value = attribute.value.as_ref().and_then(|v| v.value.as_ref());
    match asks {
        Asks::StringIn { values } => string(attribute).is_some_and(|s| values.contains(s)),
        Asks::Matches { .. } => unreachable!("the soup asks for none"),
        Asks::IntBetween { min, max } => {
            let integer = match value {
                Some(any_value::Value::IntValue(integer)) => *integer,
                _ => 0,
            };
            *min <= integer && integer <= *max
        }
        Asks::Bool { value: asked } => {
            let set = matches!(value, Some(any_value::Value::BoolValue(true)));
            set == *asked
        }
    }
}

/// A member of the soup's tracestates, as far as W3C can read them.
fn in_state<'s>(state: &'s str, key: &str) -> Option<&'s str> {
    match (state, key) {
        ("z=1, ot=rv:ab00000000000c;th:4 ,a=b", "z") => Some("1"),
        ("z=1, ot=rv:ab00000000000c;th:4 ,a=b", "a") => Some("b"),
        ("ot=rv:00000000000001", "ot") => Some("rv:00000000000001"),
        _ => None,
    }
}

/// R as it stands in a tracestate.
fn rv(state: &str) -> Option<u64> {
    match state {
        "z=1, ot=rv:ab00000000000c;th:4 ,a=b" => Some(0xab_0000_0000_000c),
        "ot=rv:00000000000001" => Some(1),
        _ => None,
    }
}

/// What a scan should find, all of it decodable.
pub fn expect(flat: &[Flat], plans: [Option<&Plan>; 2]) -> (Vec<TraceDelta>, RejectedSpans) {
    let mut traces: Vec<TraceDelta> = Vec::new();
    let mut rejected = RejectedSpans::default();
    for one in flat {
        let span = one.span.as_ref().unwrap();
        if span.trace_id.len() != 16 || span.trace_id == [0; 16] {
            rejected.bad_trace_id += 1;
            continue;
        }
        if span.span_id.len() != 8 || span.span_id == [0; 8] {
            rejected.bad_span_id += 1;
            continue;
        }
        let at = traces.iter().position(|t| t.trace_id[..] == span.trace_id);
        let at = at.unwrap_or_else(|| {
            traces.push(TraceDelta {
                trace_id: span.trace_id.clone().try_into().unwrap(),
                ..TraceDelta::default()
            });
            traces.len() - 1
        });
        let trace = &mut traces[at];
        trace.spans += 1;
        trace.bytes += one.raw.len() as u64;
        if span.start_time_unix_nano != 0 {
            trace.first_start_ns = match trace.first_start_ns {
                0 => span.start_time_unix_nano,
                first => first.min(span.start_time_unix_nano),
            };
        }
        trace.last_end_ns = trace.last_end_ns.max(span.end_time_unix_nano);
        let tests = plans.iter().flatten().flat_map(|plan| &plan.predicates);
        if tests
            .clone()
            .any(|p| matches!(p.test, Test::Lasting { .. }))
        {
            let times = (span.start_time_unix_nano, span.end_time_unix_nano);
            trace.times.push(times.0, times.1);
        }
        for (position, plan) in plans.iter().enumerate() {
            let (bits, witness) = plan.map_or((0, 0), |plan| bits(one, plan));
            trace.bits[position] |= bits;
            if position == 0 && trace.witness == 0 {
                trace.witness = witness;
            }
        }
        let root = span.parent_span_id.is_empty() || span.parent_span_id == [0; 8];
        trace.root |= root;
        let source = if root { RvSource::Root } else { RvSource::Span };
        if let Some(rv) = rv(&span.trace_state)
            && (source > trace.rv_source || source == trace.rv_source && rv < trace.rv)
        {
            trace.rv = rv;
            trace.rv_source = source;
        }
    }
    (traces, rejected)
}
