//! Waiting for a moment more exactly than a timer of a whole millisecond can.

use std::os::fd::OwnedFd;
use std::time::Instant;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// A timer of the kernel's; tokio's own round up to a millisecond, which is longer than an
/// acknowledgement takes and would be counted as if the other side had taken it.
#[derive(Debug)]
pub(crate) struct Pacer {
    timer: AsyncFd<OwnedFd>,
}

impl Pacer {
    /// One timer; waits for one moment at a time.
    #[allow(
        deprecated,
        reason = "what replaces it is unsafe; an OwnedFd cannot give up its descriptor"
    )]
    pub(crate) fn new() -> std::io::Result<Self> {
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        Ok(Self {
            timer: AsyncFd::new(timer)?,
        })
    }

    /// Returns at that moment, or at once if it has passed.
    pub(crate) async fn until(&self, due: Instant) -> std::io::Result<()> {
        let Some(left) = due.checked_duration_since(Instant::now()) else {
            return Ok(());
        };
        let value = Timespec {
            tv_sec: left.as_secs() as i64,
            // All zero would disarm it.
            tv_nsec: i64::from(left.subsec_nanos()).max(1),
        };
        let interval = Timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        let value = Itimerspec {
            it_interval: interval,
            it_value: value,
        };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &value)?;
        loop {
            let mut ready = self.timer.readable().await?;
            let mut expirations = [0; 8];
            match ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut expirations)?)) {
                Ok(read) => return read.map(drop),
                Err(_would_block) => {}
            }
        }
    }
}
