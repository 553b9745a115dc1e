//! What stands behind the doors: the data plane for traces, and the relay for other signals.

use std::sync::Arc;

use bytes::Bytes;
use tailsampler_core::intake::{AckSink, Intake, IntakeError, RefusalReason, Signal, Tenant};
use tailsampler_core::relay::Relay;

/// Both.
pub(crate) struct Doorway {
    pub(crate) traces: Arc<dyn Intake>,
    pub(crate) others: Arc<Relay>,
}

impl Intake for Doorway {
    fn submit(
        &self,
        tenant: Tenant,
        body: Bytes,
        token: u64,
        sink: &Arc<dyn AckSink>,
    ) -> Result<(), IntakeError> {
        self.traces.submit(tenant, body, token, sink)
    }

    fn passes(&self, signal: Signal) -> bool {
        self.others.passes(signal)
    }

    fn pass(
        &self,
        signal: Signal,
        body: Bytes,
        token: u64,
        sink: &Arc<dyn AckSink>,
    ) -> Result<(), IntakeError> {
        self.others.submit(signal, body, token, sink)
    }

    fn json_to_protobuf(&self, json: &[u8]) -> Result<Vec<u8>, String> {
        self.traces.json_to_protobuf(json)
    }

    fn count_refused(&self, reason: RefusalReason) {
        self.traces.count_refused(reason);
    }

    fn serving(&self) -> bool {
        self.traces.serving()
    }
}
