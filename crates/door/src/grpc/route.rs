//! What a request's head asks for, and the ways it can be wrong.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use tailsampler_core::intake::Signal;

use crate::counters::Outcome;
use crate::fault::Fault;
use crate::inflate::Encoding;

pub(super) const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
const EXPORT_LOGS: &str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
const EXPORT_METRICS: &str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";

/// A call that is served here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rpc {
    Export(Signal),
    HealthCheck,
    HealthWatch,
}

/// What the head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) rpc: Rpc,
    pub(super) encoding: Option<Encoding>,
    pub(super) timeout: Option<Duration>,
}

/// A head that is not served.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unserved {
    /// Not gRPC at all: an HTTP status.
    Http(StatusCode),
    /// gRPC, and refused as such.
    Grpc(Fault),
    /// The same, and the answer lists the encodings that are known.
    Encoding(Fault),
}

impl Unserved {
    /// The line of the statistics it counts in.
    pub(super) const fn outcome(&self) -> Outcome {
        match self {
            Self::Http(_) => Outcome::Unsupported,
            Self::Grpc(fault) | Self::Encoding(fault) => fault.outcome,
        }
    }
}

pub(super) fn route(head: &Parts, passes: impl Fn(Signal) -> bool) -> Result<Route, Unserved> {
    if head.method != Method::POST {
        return Err(Unserved::Http(StatusCode::METHOD_NOT_ALLOWED));
    }
    content_type(&head.headers)?;
    let rpc = match head.uri.path() {
        EXPORT => Rpc::Export(Signal::Traces),
        EXPORT_LOGS if passes(Signal::Logs) => Rpc::Export(Signal::Logs),
        EXPORT_METRICS if passes(Signal::Metrics) => Rpc::Export(Signal::Metrics),
        "/grpc.health.v1.Health/Check" => Rpc::HealthCheck,
        "/grpc.health.v1.Health/Watch" => Rpc::HealthWatch,
        other => return Err(Unserved::Grpc(Fault::unsupported(404, unserved(other)))),
    };
    Ok(Route {
        rpc,
        encoding: encoding(&head.headers)?,
        timeout: timeout(&head.headers).map_err(Unserved::Grpc)?,
    })
}

fn content_type(headers: &HeaderMap) -> Result<(), Unserved> {
    let value = headers
        .get(CONTENT_TYPE)
        .map_or(&b""[..], |value| value.as_bytes());
    let Some(rest) = value.strip_prefix(b"application/grpc") else {
        return Err(Unserved::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE));
    };
    match rest {
        b"" | b"+proto" | [b';', ..] | [b'+', b'p', b'r', b'o', b't', b'o', b';', ..] => Ok(()),
        [b'+', ..] => Err(Unserved::Grpc(Fault::unsupported(
            415,
            "only protobuf messages are served: application/grpc or application/grpc+proto",
        ))),
        _ => Err(Unserved::Http(StatusCode::UNSUPPORTED_MEDIA_TYPE)),
    }
}

fn encoding(headers: &HeaderMap) -> Result<Option<Encoding>, Unserved> {
    let Some(value) = headers.get("grpc-encoding") else {
        return Ok(None);
    };
    Encoding::named(value.as_bytes()).ok_or_else(|| {
        Unserved::Encoding(Fault::unsupported(
            415,
            format!(
                "unknown grpc-encoding {value:?}; use one of {}",
                Encoding::ACCEPTED
            ),
        ))
    })
}

/// `grpc-timeout`: at most eight digits and a unit.
fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Fault> {
    let Some(value) = headers.get("grpc-timeout") else {
        return Ok(None);
    };
    parse_timeout(value.as_bytes())
        .map(Some)
        .ok_or_else(|| Fault::broken(format!("malformed grpc-timeout {value:?}")))
}

fn parse_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > 8 {
        return None;
    }
    let mut count = 0_u64;
    for digit in digits {
        count = count * 10 + u64::from(digit.checked_sub(b'0').filter(|digit| *digit < 10)?);
    }
    match unit {
        b'H' => Some(Duration::from_secs(count * 3_600)),
        b'M' => Some(Duration::from_secs(count * 60)),
        b'S' => Some(Duration::from_secs(count)),
        b'm' => Some(Duration::from_millis(count)),
        b'u' => Some(Duration::from_micros(count)),
        b'n' => Some(Duration::from_nanos(count)),
        _ => None,
    }
}

/// Why a path is not served, for those who took a wrong turning.
fn unserved(path: &str) -> String {
    let other = |what: &str| {
        format!("this gateway samples traces and takes no {what}; send {what} to their backend")
    };
    match path {
        EXPORT_LOGS => other("logs"),
        EXPORT_METRICS => other("metrics"),
        path if path.starts_with("/opentelemetry.proto.collector.profiles.") => other("profiles"),
        _ => format!("unknown method {path}; traces go to {EXPORT}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every unit of grpc-timeout is read, and nothing else is.
    #[test]
    fn timeouts_are_parsed() {
        for (text, want) in [
            ("10S", Some(Duration::from_secs(10))),
            ("99999999H", Some(Duration::from_secs(99_999_999 * 3_600))),
            ("2M", Some(Duration::from_secs(120))),
            ("5m", Some(Duration::from_millis(5))),
            ("7u", Some(Duration::from_micros(7))),
            ("9n", Some(Duration::from_nanos(9))),
            ("", None),
            ("S", None),
            ("100000000S", None),
            ("-1S", None),
            ("1s", None),
        ] {
            assert_eq!(parse_timeout(text.as_bytes()), want, "{text}");
        }
    }
}
