//! `grpc.health.v1.Health`: whether requests are taken.

use bytes::Bytes;

use super::respond::framed;
use crate::fault::Fault;

/// The status of a service, as the protocol numbers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The whole server, or the service that it serves.
    Known,
    /// Some other service.
    Unknown,
}

/// Read `HealthCheckRequest`: field 1, the name of a service. None: not such a message.
pub(super) fn asked(mut request: &[u8]) -> Option<Asked> {
    let mut name: &[u8] = b"";
    while let [0x0a, length, rest @ ..] = request {
        // Names of 128 bytes and more are not ours; their length takes a second byte.
        if *length >= 0x80 {
            return Some(Asked::Unknown);
        }
        (name, request) = rest.split_at_checked(usize::from(*length))?;
    }
    if !request.is_empty() {
        return None;
    }
    Some(match name {
        b"" | b"grpc.health.v1.Health" | b"opentelemetry.proto.collector.trace.v1.TraceService" => {
            Asked::Known
        }
        _ => Asked::Unknown,
    })
}

/// `HealthCheckResponse`, framed.
pub(super) fn serving(serving: bool) -> Bytes {
    framed(&[0x08, if serving { 1 } else { 2 }])
}

/// What a watch hears of a service that is not here.
pub(super) fn service_unknown() -> Bytes {
    framed(&[0x08, 3])
}

/// A request that cannot be read.
pub(super) fn no_request() -> Fault {
    Fault::malformed("not a grpc.health.v1.HealthCheckRequest")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The server and its one service are known, others are not, and noise is no request.
    #[test]
    fn requests_are_read() {
        assert_eq!(asked(b""), Some(Asked::Known));
        assert_eq!(asked(b"\x0a\x00"), Some(Asked::Known));
        assert_eq!(asked(b"\x0a\x03foo"), Some(Asked::Unknown));
        assert_eq!(asked(b"\x0a\x09foo"), None);
        assert_eq!(asked(b"\x12\x00"), None);
    }
}
