//! Answers over HTTP, in the form the request came in.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;
use tailsampler_core::intake::Rejected;

use super::request::Format;
use crate::fault::Fault;
use crate::reply::{export_bytes, export_json};
use crate::rpc::{status_bytes, status_json};

pub(super) type Answered = Response<Full<Bytes>>;

/// `ExportTraceServiceResponse`.
pub(super) fn accepted(format: Format, rejected: &Rejected) -> Answered {
    match format {
        Format::Protobuf => respond(StatusCode::OK, format, export_bytes(rejected)),
        Format::Json => respond(StatusCode::OK, format, export_json(rejected)),
    }
}

/// `google.rpc.Status`, with the HTTP status that goes with it.
pub(super) fn fault(format: Format, fault: &Fault) -> Answered {
    let body = match format {
        Format::Protobuf => status_bytes(fault.code, &fault.message, fault.retry),
        Format::Json => status_json(fault.code, &fault.message, fault.retry),
    };
    let status = StatusCode::from_u16(fault.http).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(status, format, body);
    if let Some(delay) = fault.retry {
        // Whole seconds, and never "at once".
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        let value = HeaderValue::from(seconds.max(1));
        response.headers_mut().insert(RETRY_AFTER, value);
    }
    if status == StatusCode::UNAUTHORIZED {
        let value = HeaderValue::from_static("Bearer realm=\"tailsampler\"");
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    if status == StatusCode::METHOD_NOT_ALLOWED {
        let value = HeaderValue::from_static("POST");
        response.headers_mut().insert(ALLOW, value);
    }
    response
}

/// For a person who looks at the address in a browser.
pub(super) fn greeting() -> Answered {
    let text = "This is tailsampler's OTLP/HTTP door.\n\
                Send traces by POST to /v1/traces, as application/x-protobuf or \
                application/json, gzip if you like.\n";
    let mut response = Response::new(Full::from(text));
    let value = HeaderValue::from_static("text/plain; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, value);
    response
}

fn respond(status: StatusCode, format: Format, body: Vec<u8>) -> Answered {
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let value = HeaderValue::from_static(match format {
        Format::Protobuf => "application/x-protobuf",
        Format::Json => "application/json",
    });
    response.headers_mut().insert(CONTENT_TYPE, value);
    response
}
