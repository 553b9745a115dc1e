//! One call: a slot of the connection's slab.

use std::time::Duration;

use bytes::Bytes;
use h2::server::SendResponse;
use h2::{RecvStream, SendStream};
use tailsampler_core::intake::{Signal, Tenant};
use tokio::time::Instant;

use super::message::Gather;
use super::route::Route;
use crate::budget::{Charge, Lingering};

/// How the door answers on a stream.
pub(super) type Respond = SendResponse<Bytes>;

/// A call under way.
pub(super) struct Call {
    pub(super) state: State,
    /// Whose it is.
    pub(super) tenant: Tenant,
    /// What it carries.
    pub(super) signal: Signal,
    /// `grpc-timeout`, from the moment the head was read.
    pub(super) deadline: Option<Instant>,
}

/// Where a call stands. What is left of it is dropped with its slot, but a slot that the core or
/// a decompressing thread still owes a letter stays until that has come.
pub(super) enum State {
    /// The body is arriving.
    Reading(Reading),
    /// Another thread decompresses the body; it holds the charge.
    Inflating(Respond),
    /// The core has it.
    Waiting(Respond, Charge),
    /// A letter is owed, and nobody listens any more.
    Orphaned(#[expect(dead_code, reason = "kept so that the bytes stay charged")] Option<Charge>),
    /// A health watch, and what it heard last; none: its service is not here.
    Watching(SendStream<Bytes>, Option<bool>),
}

pub(super) struct Reading {
    pub(super) route: Route,
    pub(super) body: RecvStream,
    pub(super) respond: Respond,
    pub(super) gather: Gather,
    pub(super) charge: Charge,
    /// Set once the body did not come with the head.
    pub(super) lingering: Option<Lingering>,
    /// The largest message this call may send.
    pub(super) max: usize,
    /// When the last frame came, or the head.
    pub(super) progress: Instant,
}

impl Call {
    /// When something must have happened, if ever; a body may rest for `patience`.
    pub(super) fn due(&self, patience: Duration) -> Option<Instant> {
        match &self.state {
            State::Reading(reading) => {
                let stalled = reading.progress + patience;
                Some(self.deadline.map_or(stalled, |at| at.min(stalled)))
            }
            State::Inflating(_) | State::Waiting(..) => self.deadline,
            State::Orphaned(_) | State::Watching(..) => None,
        }
    }
}
