//! The only place that asks the operating system what time it is.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// One reading of both clocks, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Now {
    /// Since the Unix epoch. May jump; used for people and across restarts.
    pub wall_ns: u64,
    /// Since an arbitrary start. Never goes back; every wait is measured with it.
    pub mono_ns: u64,
}

impl Now {
    /// Milliseconds since the arbitrary start; moments before it have a place, too.
    #[must_use]
    pub const fn mono_ms(self) -> i64 {
        (self.mono_ns / 1_000_000).cast_signed()
    }
}

/// The process's clock begins at one day, so that moments before the start have a place on it.
const START_NS: u64 = 86_400_000_000_000;

/// A source of time.
pub trait Clock: Send + Sync {
    /// Both clocks, read together.
    fn now(&self) -> Now;
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Now {
            wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX),
            mono_ns: START_NS + u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(0),
        }
    }
}
