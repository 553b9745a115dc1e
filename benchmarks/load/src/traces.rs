//! Realistic spans: a shop of ten services, with the attributes an HTTP instrumentation sets.

use fastrand::Rng;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{Span, Status, span::SpanKind, status::StatusCode};

const SERVICES: [&str; 10] = [
    "api-gateway",
    "frontend",
    "checkout",
    "payment",
    "cart",
    "catalog",
    "shipping",
    "accounts",
    "currency",
    "recommend",
];
const ROUTES: [&str; 5] = [
    "/api/v1/orders/{id}",
    "/api/v1/carts/{id}/items",
    "/api/v1/products",
    "/api/v1/users/{id}",
    "/api/v1/quotes/{currency}",
];
const MILLISECOND: u64 = 1_000_000;

/// What makes a trace interesting to a sampler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Fast, and every status is 200.
    Plain,
    /// One span answered HTTP 500.
    Error,
    /// The root span lasts from 1 to 3 s.
    Slow,
}

/// The resource of one service.
pub(crate) fn resource(rng: &mut Rng) -> Resource {
    let service = SERVICES[rng.usize(..SERVICES.len())];
    Resource {
        attributes: vec![
            text("service.name", service),
            text("service.version", "2.14.1"),
            text(
                "service.instance.id",
                format!("{service}-6d4b75cb6d-{:05x}", rng.u32(..1 << 20)),
            ),
            text("telemetry.sdk.language", "java"),
            text("telemetry.sdk.name", "opentelemetry"),
            text("telemetry.sdk.version", "1.55.0"),
        ],
        ..Resource::default()
    }
}

/// The scope of an HTTP instrumentation.
pub(crate) fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "io.opentelemetry.netty-4.1".into(),
        version: "2.20.0".into(),
        ..InstrumentationScope::default()
    }
}

/// How the spans of a trace, or of a part of one, are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Make {
    /// How many.
    pub spans: usize,
    /// The first of them is the root.
    pub rooted: bool,
    /// Bytes of attributes beyond the usual ones, for each.
    pub more_bytes: usize,
    /// The start of the root, nanoseconds since the epoch.
    pub base_ns: u64,
}

/// One trace, or a part of one. Ids are placeholders of the right length.
pub(crate) fn trace(rng: &mut Rng, kind: Kind, make: Make) -> Vec<Span> {
    let Make { spans, base_ns, .. } = make;
    let lasts = match kind {
        Kind::Slow => rng.u64(1_000..3_000) * MILLISECOND,
        Kind::Plain | Kind::Error => rng.u64(20..400) * MILLISECOND,
    };
    let failing = (kind == Kind::Error).then(|| rng.usize(..spans));
    (0..spans)
        .map(|position| {
            let begins = base_ns + position as u64 * lasts / (2 * spans as u64);
            let ends = base_ns + lasts - position as u64 * lasts / (3 * spans as u64);
            let root = make.rooted && position == 0;
            let mut span = span(rng, root, failing == Some(position), begins, ends);
            pad(rng, &mut span, make.more_bytes);
            span
        })
        .collect()
}

fn span(rng: &mut Rng, root: bool, failing: bool, begins: u64, ends: u64) -> Span {
    let route = ROUTES[rng.usize(..ROUTES.len())];
    let code = if failing { 500 } else { 200 };
    Span {
        trace_id: vec![1; 16],
        span_id: vec![1; 8],
        parent_span_id: if root { Vec::new() } else { vec![1; 8] },
        flags: 0x101,
        name: format!("GET {route}"),
        kind: if root {
            SpanKind::Server
        } else {
            SpanKind::Client
        }
        .into(),
        start_time_unix_nano: begins,
        end_time_unix_nano: ends,
        attributes: vec![
            text("http.request.method", "GET"),
            text("http.route", route),
            number("http.response.status_code", code),
            text("server.address", "shop.svc"),
            text("url.scheme", "https"),
            number("thread.id", rng.i64(1..100)),
        ],
        status: failing.then(|| Status {
            code: StatusCode::Error.into(),
            message: String::new(),
        }),
        ..Span::default()
    }
}

/// Adds attributes as an SQL client or a message broker's has: texts of up to 200 bytes.
fn pad(rng: &mut Rng, span: &mut Span, mut bytes: usize) {
    // Key, tags and lengths.
    const EACH: usize = 22;
    const LONGEST: usize = 200;
    while bytes > EACH {
        let length = LONGEST.min(bytes - EACH);
        let value: String = (0..length).map(|_| rng.alphanumeric()).collect();
        let key = format!("app.detail.{:03}", span.attributes.len());
        span.attributes.push(text(&key, value));
        bytes -= EACH + length;
    }
}

fn text(key: &str, value: impl Into<String>) -> KeyValue {
    attribute(key, any_value::Value::StringValue(value.into()))
}

fn number(key: &str, value: i64) -> KeyValue {
    attribute(key, any_value::Value::IntValue(value))
}

fn attribute(key: &str, value: any_value::Value) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}
