//! How often to ask a disk that cannot be read.

use crate::clock::Now;

/// How long, and how often, a disk that cannot be read has been tried in vain.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Failing {
    since_ms: u64,
    tries: u32,
}

impl Failing {
    /// One more try has failed: whether to try again. Spans are given up after a minute, and not
    /// before the disk was asked twenty times, since a machine may have slept in between.
    pub(crate) fn again(this: &mut Option<Self>, now: Now) -> bool {
        let now_ms = now.mono_ns / 1_000_000;
        let failing = this.get_or_insert(Self {
            since_ms: now_ms,
            tries: 0,
        });
        failing.tries += 1;
        failing.tries < 20 || now_ms.saturating_sub(failing.since_ms) < 60_000
    }
}
