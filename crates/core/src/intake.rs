//! The seam between the door and the core: one request in, one answer out.
//!
//! The door calls [`Intake::submit`] with the decompressed protobuf body of one
//! `ExportTraceServiceRequest`. Everything that can be refused at once is refused by the
//! return value; everything else is answered later, exactly once, through [`AckSink`], after the
//! request stands in the log.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

/// Who sent a request. 0 is the default tenant.
pub type Tenant = u16;

/// What a request carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    /// Spans: sampled here.
    Traces,
    /// Log records, passed on where somebody has them be.
    Logs,
    /// Metrics; the same.
    Metrics,
}

impl Signal {
    /// The label in metrics, and the word in messages.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Traces => "traces",
            Self::Logs => "logs",
            Self::Metrics => "metrics",
        }
    }
}

/// The spans of an accepted request that can never be valid, for OTLP's `partial_success`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rejected {
    /// Spans left out. 0 means the whole request was accepted.
    pub spans: u64,
    /// What was wrong with them, in words for the sender; empty when `spans` is 0.
    pub message: String,
}

/// Why a request was not taken; the sender keeps it and may try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalReason {
    /// The oldest request in the queue has waited too long for the disk.
    Lagging,
    /// Bodies in flight, or the queue to the writer, stand at their bound.
    Busy,
    /// The log stands at `buffer.max_bytes` and nothing more can be judged early.
    BufferFull,
    /// The log could not be written.
    Storage,
    /// The gateway is stopping.
    Stopping,
    /// A rate is used up: that of the sender's tenant, or that of all.
    RateLimited,
    /// As many traces are open as memory allows, and no more can be judged early.
    IndexFull,
    /// The backend that a request was to be passed on to did not take it.
    Backend,
}

impl RefusalReason {
    /// Every reason, in the order of the metrics table.
    pub const ALL: [Self; 8] = [
        Self::Lagging,
        Self::Busy,
        Self::BufferFull,
        Self::Storage,
        Self::Stopping,
        Self::RateLimited,
        Self::IndexFull,
        Self::Backend,
    ];

    /// Whether the gateway as a whole cannot take more; a rate, and a stop, are meant.
    #[must_use]
    pub const fn is_pressure(self) -> bool {
        !matches!(self, Self::Stopping | Self::RateLimited | Self::Backend)
    }

    /// The label of the reason in metrics and logs.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Lagging => "lagging",
            Self::Busy => "busy",
            Self::BufferFull => "buffer_full",
            Self::Storage => "storage",
            Self::Stopping => "stopping",
            Self::RateLimited => "rate_limited",
            Self::IndexFull => "index_full",
            Self::Backend => "backend",
        }
    }

    /// The sentence the sender reads.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Lagging => {
                "the gateway's disk is behind; send this request again after the delay"
            }
            Self::Busy => {
                "the gateway has as many requests in flight as it may hold; send this request again after the delay"
            }
            Self::BufferFull => {
                "the gateway's buffer is full; send this request again after the delay"
            }
            Self::Storage => {
                "the gateway could not write its log; send this request again after the delay"
            }
            Self::Stopping => {
                "the gateway is stopping; send this request again, to another instance if there is one"
            }
            Self::RateLimited => {
                "more spans a second than the gateway allows; send this request again after the delay"
            }
            Self::IndexFull => {
                "the gateway holds as many traces as it has memory for; send this request again after the delay"
            }
            Self::Backend => {
                "the backend this is passed on to cannot take it now; send this request again after the delay"
            }
        }
    }
}

/// A refusal is a value with a reason and a delay, never a sleep and never silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Why.
    pub reason: RefusalReason,
    /// When the sender should try again (`RetryInfo`, `Retry-After`).
    pub retry_after: Duration,
}

/// What became of a submitted request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It stands in the log, and its spans in the ledger.
    Accepted(Rejected),
    /// Nothing of it was recorded.
    Refused(Refusal),
    /// The backend it was passed on to will never take it, and why.
    Failed(String),
}

/// Why a request was turned away before it was queued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IntakeError {
    /// It is not a valid `ExportTraceServiceRequest`: never send it again.
    /// The text says what is wrong and at which byte.
    Malformed(String),
    /// Not now.
    Refused(Refusal),
}

/// Where the core leaves its answers. One sink a connection; it must not block, since the writer
/// thread calls it, once for every request of a commit group, in order.
pub trait AckSink: Send + Sync {
    /// The request submitted under `token` has its answer. Called exactly once a token.
    fn complete(&self, token: u64, answer: Answer);
}

/// What the door needs of the core. Every method is cheap, and none touches a file.
pub trait Intake: Send + Sync {
    /// Scan and queue one request. `Ok` promises one later call of `sink.complete(token, ..)`.
    ///
    /// # Errors
    /// [`IntakeError`]: the request was not queued, and `sink` will not hear of it.
    fn submit(
        &self,
        tenant: Tenant,
        body: Bytes,
        token: u64,
        sink: &Arc<dyn AckSink>,
    ) -> Result<(), IntakeError>;

    /// Whether requests of a signal that is not sampled are passed on.
    fn passes(&self, _signal: Signal) -> bool {
        false
    }

    /// Queue a request of such a signal to be passed on as it is. The promise is that of
    /// [`Self::submit`].
    ///
    /// # Errors
    /// [`IntakeError::Refused`].
    fn pass(
        &self,
        signal: Signal,
        _body: Bytes,
        _token: u64,
        _sink: &Arc<dyn AckSink>,
    ) -> Result<(), IntakeError> {
        Err(IntakeError::Malformed(format!(
            "no {} are taken here",
            signal.slug()
        )))
    }

    /// Turn an `ExportTraceServiceRequest` in OTLP's JSON form into protobuf.
    ///
    /// # Errors
    /// What is wrong with the JSON, and where, in words for the sender.
    fn json_to_protobuf(&self, json: &[u8]) -> Result<Vec<u8>, String>;

    /// The door refused a request by itself (its budget of bodies in flight, a stop).
    fn count_refused(&self, reason: RefusalReason);

    /// Whether requests are taken at all; answers the gRPC health service.
    fn serving(&self) -> bool;
}
