//! `ExportTraceServiceResponse`, as bytes and as JSON.

use serde_json::json;
use tailsampler_core::intake::Rejected;

use crate::rpc::{bytes_field, varint_field};

/// Serialized; empty when nothing was rejected.
pub(crate) fn export_bytes(rejected: &Rejected) -> Vec<u8> {
    let mut out = Vec::new();
    if rejected.spans > 0 {
        let mut partial = Vec::with_capacity(rejected.message.len() + 16);
        varint_field(&mut partial, 1, rejected.spans);
        bytes_field(&mut partial, 2, rejected.message.as_bytes());
        bytes_field(&mut out, 1, &partial);
    }
    out
}

/// The same in OTLP's JSON form (64-bit integers are decimal strings).
pub(crate) fn export_json(rejected: &Rejected) -> Vec<u8> {
    if rejected.spans == 0 {
        return b"{}".to_vec();
    }
    json!({"partialSuccess": {
        "rejectedSpans": rejected.spans.to_string(),
        "errorMessage": rejected.message,
    }})
    .to_string()
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
    use prost::Message;

    use super::*;

    /// The hand-written partial success is what a generated decoder reads.
    #[test]
    fn partial_success_is_read_by_prost() {
        let rejected = Rejected {
            spans: 300,
            message: "span 7: trace id of 3 bytes".into(),
        };
        let read = ExportTraceServiceResponse::decode(&export_bytes(&rejected)[..]).unwrap();
        let partial = read.partial_success.unwrap();
        assert_eq!(partial.rejected_spans, 300);
        assert_eq!(partial.error_message, rejected.message);
        assert!(export_bytes(&Rejected::default()).is_empty());
    }
}
