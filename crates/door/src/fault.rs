//! Why a request gets no acceptance: one value, worded once, for both protocols.

use std::borrow::Cow;
use std::time::Duration;

use tailsampler_core::intake::{IntakeError, Refusal, RefusalReason};

use crate::counters::Outcome;
use crate::rpc::Code;

/// What the sender is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The gRPC status.
    pub(crate) code: Code,
    /// The HTTP status of the same.
    pub(crate) http: u16,
    /// In words.
    pub(crate) message: Cow<'static, str>,
    /// When to try again; none: never.
    pub(crate) retry: Option<Duration>,
    /// The line of the statistics it counts in.
    pub(crate) outcome: Outcome,
}

impl Fault {
    const fn new(code: Code, http: u16, message: Cow<'static, str>, outcome: Outcome) -> Self {
        Self {
            code,
            http,
            message,
            retry: None,
            outcome,
        }
    }

    /// Not now: the sender keeps the request and may send it again.
    pub(crate) fn refused(refusal: Refusal) -> Self {
        use RefusalReason::{
            Backend, BufferFull, Busy, IndexFull, Lagging, RateLimited, Stopping, Storage,
        };
        let (code, http) = match refusal.reason {
            Lagging | Busy | BufferFull | RateLimited | IndexFull => (Code::ResourceExhausted, 429),
            Storage | Stopping | Backend => (Code::Unavailable, 503),
        };
        Self {
            retry: Some(refusal.retry_after),
            ..Self::new(code, http, refusal.reason.words().into(), Outcome::Refused)
        }
    }

    /// The bytes can never be a request.
    pub(crate) fn malformed(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::InvalidArgument, 400, what.into(), Outcome::Malformed)
    }

    /// The gRPC framing or the compression is broken; gRPC servers say INTERNAL here.
    pub(crate) fn broken(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Internal, 400, what.into(), Outcome::Malformed)
    }

    /// Larger than this door takes: to be split, not to be sent again. `size`: so much is known.
    pub(crate) fn too_large(size: usize, max: usize) -> Self {
        let words = format!("received message larger than max ({size} vs. {max} bytes)");
        Self::new(
            Code::ResourceExhausted,
            413,
            words.into(),
            Outcome::TooLarge,
        )
    }

    /// A decompression bomb.
    pub(crate) fn bomb(ratio: usize) -> Self {
        let words = format!("the compressed message grows more than {ratio}-fold");
        Self::new(
            Code::ResourceExhausted,
            413,
            words.into(),
            Outcome::TooLarge,
        )
    }

    /// Understood, but not served here.
    pub(crate) fn unsupported(http: u16, what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::Unimplemented, http, what.into(), Outcome::Unsupported)
    }

    /// Of no tenant that is known here. Never sent again as it is.
    pub(crate) fn unauthenticated(what: impl Into<Cow<'static, str>>) -> Self {
        Self::new(
            Code::Unauthenticated,
            401,
            what.into(),
            Outcome::Unauthenticated,
        )
    }

    /// The sender's own deadline passed first.
    pub(crate) fn late() -> Self {
        let words = "the deadline passed before the request stood in the log; \
                     it may still be recorded";
        Self::new(Code::DeadlineExceeded, 504, words.into(), Outcome::Late)
    }

    /// The body stopped arriving.
    pub(crate) fn stalled() -> Self {
        let words = "the body made no progress for too long";
        Self::new(Code::DeadlineExceeded, 408, words.into(), Outcome::Cut)
    }

    /// The body ended before its end.
    pub(crate) fn cut(error: &dyn std::error::Error) -> Self {
        let words = format!("the body was cut off: {error}");
        Self::new(Code::InvalidArgument, 400, words.into(), Outcome::Cut)
    }

    /// The end of a health watch.
    pub(crate) fn going_away() -> Self {
        Self::new(
            Code::Unavailable,
            503,
            RefusalReason::Stopping.words().into(),
            Outcome::Cut,
        )
    }

    /// A health check asks for a service that is not here.
    pub(crate) fn no_such_service() -> Self {
        let words = "unknown service; ask for \"\" or \
                     opentelemetry.proto.collector.trace.v1.TraceService";
        Self::new(Code::NotFound, 404, words.into(), Outcome::Unsupported)
    }
}

impl From<IntakeError> for Fault {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Malformed(words) => Self::malformed(words),
            IntakeError::Refused(refusal) => Self::refused(refusal),
        }
    }
}
