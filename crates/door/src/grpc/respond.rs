//! Answers on the wire. Header maps are as small as gRPC allows: each field costs every request.

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use bytes::Bytes;
use h2::SendStream;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};

use super::call::Respond;
use super::route::Unserved;
use crate::fault::Fault;
use crate::inflate::Encoding;
use crate::rpc::{percent_encode, retry_info, status_bytes};

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// Where OpenTelemetry's SDK for Python looks for the delay.
const RETRY_INFO: HeaderName = HeaderName::from_static("google.rpc.retryinfo-bin");
const GRPC_DETAILS: HeaderName = HeaderName::from_static("grpc-status-details-bin");
const GRPC_ACCEPT: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const PLAIN: HeaderValue = HeaderValue::from_static("text/plain");
/// For those who took this door for the other.
const NOT_GRPC: &[u8] = b"This is tailsampler's OTLP/gRPC door: it takes POST with content-type \
application/grpc. OTLP/HTTP has a door of its own, usually on port 4318.\n";
const OK: HeaderValue = HeaderValue::from_static("0");
/// The framing of an empty message, which is what a wholly accepted request is answered with.
const EMPTY: &[u8] = &[0; 5];

/// Frame one message.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let Ok(length) = u32::try_from(message.len()) else {
        return Bytes::from_static(EMPTY);
    };
    if length == 0 {
        return Bytes::from_static(EMPTY);
    }
    let mut out = Vec::with_capacity(EMPTY.len() + message.len());
    out.push(0);
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(message);
    Bytes::from(out)
}

// A stream that the client has reset cannot be written to. There is nobody to tell, so the
// errors of the functions below end here.

/// One message, status OK.
pub(super) fn message(mut respond: Respond, message: Bytes) {
    if let Some(mut stream) = open(&mut respond)
        && stream.send_data(message, false).is_ok()
    {
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert(GRPC_STATUS, OK);
        let _ = stream.send_trailers(trailers);
    }
}

/// The head of an answer; its messages follow.
pub(super) fn open(respond: &mut Respond) -> Option<SendStream<Bytes>> {
    respond.send_response(head(), false).ok()
}

/// No message, and why.
pub(super) fn fault(respond: Respond, fault: &Fault) {
    trailers_only(respond, fault, |_| {});
}

/// A head that is not served.
pub(super) fn unserved(mut respond: Respond, unserved: &Unserved) {
    match unserved {
        Unserved::Http(status) => {
            let mut response = Response::new(());
            *response.status_mut() = *status;
            response.headers_mut().insert(CONTENT_TYPE, PLAIN);
            if *status == StatusCode::METHOD_NOT_ALLOWED {
                let allow = HeaderValue::from_static("POST");
                response.headers_mut().insert(ALLOW, allow);
            }
            if let Ok(mut stream) = respond.send_response(response, false) {
                let _ = stream.send_data(Bytes::from_static(NOT_GRPC), true);
            }
        }
        Unserved::Grpc(fault) => trailers_only(respond, fault, |_| {}),
        Unserved::Encoding(fault) => trailers_only(respond, fault, |headers| {
            headers.insert(GRPC_ACCEPT, HeaderValue::from_static(Encoding::ACCEPTED));
        }),
    }
}

/// End a stream of messages.
pub(super) fn end(mut stream: SendStream<Bytes>, fault: &Fault) {
    let mut trailers = HeaderMap::with_capacity(4);
    insert_status(&mut trailers, fault);
    let _ = stream.send_trailers(trailers);
}

fn trailers_only(mut respond: Respond, fault: &Fault, more: impl FnOnce(&mut HeaderMap)) {
    let mut response = head();
    insert_status(response.headers_mut(), fault);
    more(response.headers_mut());
    let _ = respond.send_response(response, true);
}

fn head() -> Response<()> {
    let mut response = Response::new(());
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}

fn insert_status(headers: &mut HeaderMap, fault: &Fault) {
    headers.insert(GRPC_STATUS, HeaderValue::from(fault.code as u16));
    // Percent-encoded text and base64 are always valid header values.
    if let Ok(message) = HeaderValue::try_from(percent_encode(&fault.message)) {
        headers.insert(GRPC_MESSAGE, message);
    }
    if let Some(delay) = fault.retry {
        let details = status_bytes(fault.code, &fault.message, fault.retry);
        for (name, bytes) in [(GRPC_DETAILS, details), (RETRY_INFO, retry_info(delay))] {
            if let Ok(value) = HeaderValue::try_from(STANDARD_NO_PAD.encode(bytes)) {
                headers.insert(name, value);
            }
        }
    }
}
