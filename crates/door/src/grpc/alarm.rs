//! One timer a connection, however many deadlines it has.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::time::{Instant, Sleep, sleep_until};

/// Rings at the earliest deadline it heard of. Deadlines are not withdrawn: a needless ring finds
/// nothing overdue, and is rarer and cheaper than a timer moved at every request.
pub(super) struct Alarm {
    sleep: Pin<Box<Sleep>>,
    at: Option<Instant>,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Self {
            sleep: Box::pin(sleep_until(Instant::now())),
            at: None,
        }
    }

    /// Ring no later than `deadline`.
    pub(super) fn by(&mut self, deadline: Instant) {
        if self.at.is_none_or(|at| deadline < at) {
            self.at = Some(deadline);
            self.sleep.as_mut().reset(deadline);
        }
    }

    /// Whether it rings now; it is silent afterwards, until told another deadline.
    pub(super) fn rings(&mut self, cx: &mut Context<'_>) -> bool {
        if self.at.is_none() || self.sleep.as_mut().poll(cx) == Poll::Pending {
            return false;
        }
        self.at = None;
        true
    }
}
