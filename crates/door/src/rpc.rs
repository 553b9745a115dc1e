//! `google.rpc.Status` and `RetryInfo` by hand, as bytes and as JSON.
//!
//! Three fields do not earn a code generator; the tests hold them to prost.

use std::time::Duration;

use serde_json::json;

const RETRY_INFO: &str = "type.googleapis.com/google.rpc.RetryInfo";

/// A gRPC status code, as far as the door uses them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub(crate) enum Code {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// Append a protobuf varint.
pub(crate) fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

/// Append a length-delimited field; `field` is below 16.
pub(crate) fn bytes_field(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push(field << 3 | 2);
    varint(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

/// Append a varint field unless it is zero, protobuf's default; `field` is below 16.
pub(crate) fn varint_field(out: &mut Vec<u8>, field: u8, value: u64) {
    if value != 0 {
        out.push(field << 3);
        varint(out, value);
    }
}

/// A serialized `google.rpc.RetryInfo`.
pub(crate) fn retry_info(delay: Duration) -> Vec<u8> {
    let mut duration = Vec::with_capacity(16);
    varint_field(&mut duration, 1, delay.as_secs());
    varint_field(&mut duration, 2, u64::from(delay.subsec_nanos()));
    let mut info = Vec::with_capacity(20);
    bytes_field(&mut info, 1, &duration);
    info
}

/// A serialized `google.rpc.Status`.
pub(crate) fn status_bytes(code: Code, message: &str, retry: Option<Duration>) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 80);
    varint_field(&mut out, 1, code as u64);
    bytes_field(&mut out, 2, message.as_bytes());
    if let Some(delay) = retry {
        let mut any = Vec::with_capacity(72);
        bytes_field(&mut any, 1, RETRY_INFO.as_bytes());
        bytes_field(&mut any, 2, &retry_info(delay));
        bytes_field(&mut out, 3, &any);
    }
    out
}

/// The same in protobuf's JSON form.
pub(crate) fn status_json(code: Code, message: &str, retry: Option<Duration>) -> Vec<u8> {
    let mut status = json!({"code": code as u8, "message": message});
    if let Some(delay) = retry {
        let seconds = format!("{}.{:03}s", delay.as_secs(), delay.subsec_millis());
        status["details"] = json!([{"@type": RETRY_INFO, "retryDelay": seconds}]);
    }
    status.to_string().into_bytes()
}

/// The `grpc-message` form of a text: printable ASCII, all else (and `%`) as `%XX`.
pub(crate) fn percent_encode(text: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if (0x20..=0x7e).contains(&byte) && byte != b'%' {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a generated decoder of `google.rpc.Status` would read.
    #[derive(Clone, PartialEq, prost::Message)]
    struct Status {
        #[prost(int32, tag = "1")]
        code: i32,
        #[prost(string, tag = "2")]
        message: String,
        #[prost(message, repeated, tag = "3")]
        details: Vec<Any>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Any {
        #[prost(string, tag = "1")]
        type_url: String,
        #[prost(bytes = "vec", tag = "2")]
        value: Vec<u8>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct RetryInfo {
        #[prost(message, optional, tag = "1")]
        retry_delay: Option<Delay>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    struct Delay {
        #[prost(int64, tag = "1")]
        seconds: i64,
        #[prost(int32, tag = "2")]
        nanos: i32,
    }

    /// A refusal's details decode to the code, the words and the delay that were meant.
    #[test]
    fn retry_info_is_read_by_prost() {
        use prost::Message;
        let delay = Duration::from_millis(1_250);
        let bytes = status_bytes(Code::Unavailable, "later", Some(delay));
        let status = Status::decode(&bytes[..]).unwrap();
        assert_eq!((status.code, status.message.as_str()), (14, "later"));
        assert_eq!(status.details[0].type_url, RETRY_INFO);
        let info = RetryInfo::decode(&status.details[0].value[..]).unwrap();
        let read = info.retry_delay.unwrap();
        assert_eq!((read.seconds, read.nanos), (1, 250_000_000));
    }

    /// A status message survives as printable ASCII, whatever it held.
    #[test]
    fn messages_are_percent_encoded() {
        assert_eq!(percent_encode("50% of\n\u{e9}"), "50%25 of%0A%C3%A9");
    }
}
