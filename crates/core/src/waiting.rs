//! Which trace is due when: a timing wheel.
//!
//! A wheel, not a heap: the wait of a trace may change with every span, and that must cost the
//! same at ten traces or ten million. A changed wait adds an entry; the older one finds, when its
//! time comes, that the trace is gone or due later, and is dropped or moved. Nothing is searched.

/// Milliseconds a tick. No wait is judged more exactly than this.
pub const TICK_MS: u64 = 10;

/// Buckets: waits of up to 82 s go round once.
const BUCKETS: usize = 8192;

/// An entry: the slot of a trace in the index, and its stamp.
pub type Waiting = (u32, u32);

/// A timing wheel over slots of the index.
pub struct Wheel {
    buckets: Vec<Vec<Waiting>>,
    /// Every bucket up to and including this tick has been emptied.
    done: u32,
    len: usize,
    /// No bucket before this tick holds anything.
    soonest: u32,
}

/// What the owner of an entry says when its time comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// The trace is to be judged.
    Now,
    /// It was moved to this tick.
    Later(u32),
    /// It is gone.
    Gone,
}

impl Wheel {
    /// An empty wheel that begins at `tick`.
    #[must_use]
    pub fn new(tick: u32) -> Self {
        Self {
            buckets: vec![Vec::new(); BUCKETS],
            done: tick,
            len: 0,
            soonest: u32::MAX,
        }
    }

    /// The first tick that begins at or after this time.
    #[must_use]
    pub fn tick_of(mono_ms: u64) -> u32 {
        u32::try_from(mono_ms.div_ceil(TICK_MS)).unwrap_or(u32::MAX)
    }

    /// Entries, including those that will turn out to be gone.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is no entry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Ask about `waiting` when `tick` has come, or at the next turn if it has.
    pub fn schedule(&mut self, waiting: Waiting, tick: u32) {
        // Beyond one turn the last bucket stands in; its entries are then moved on.
        let tick = tick.clamp(self.done + 1, self.done + BUCKETS as u32);
        self.buckets[tick as usize % BUCKETS].push(waiting);
        self.len += 1;
        self.soonest = self.soonest.min(tick);
    }

    /// Turn the wheel to `mono_ms`; entries whose time has come are asked about, oldest first,
    /// and those that are due are added to `due`.
    pub fn advance(
        &mut self,
        mono_ms: u64,
        due: &mut std::collections::VecDeque<Waiting>,
        mut ask: impl FnMut(Waiting) -> Due,
    ) {
        let now = u32::try_from(mono_ms / TICK_MS).unwrap_or(u32::MAX);
        if now <= self.done {
            return;
        }
        if now < self.soonest {
            self.done = now;
            return;
        }
        // After a long sleep every bucket is due once.
        let from = self.soonest.max(now.saturating_sub(BUCKETS as u32 - 1));
        let mut moved = Vec::new();
        for tick in from..=now {
            let bucket = &mut self.buckets[tick as usize % BUCKETS];
            self.len -= bucket.len();
            for waiting in bucket.drain(..) {
                match ask(waiting) {
                    Due::Now => due.push_back(waiting),
                    Due::Later(tick) if tick <= now => due.push_back(waiting),
                    Due::Later(tick) => moved.push((waiting, tick)),
                    Due::Gone => {}
                }
            }
            // A bucket filled by a burst would keep its memory for a whole turn.
            bucket.shrink_to(64);
        }
        assert!(now > self.done, "time goes on");
        self.done = now;
        self.soonest = self.find_soonest();
        for (waiting, tick) in moved {
            self.schedule(waiting, tick);
        }
    }

    /// When the next bucket that holds anything is due, in milliseconds; None if none does.
    #[must_use]
    pub fn next_ms(&self) -> Option<u64> {
        (self.soonest != u32::MAX).then(|| u64::from(self.soonest) * TICK_MS)
    }

    fn find_soonest(&self) -> u32 {
        if self.len == 0 {
            return u32::MAX;
        }
        (self.done + 1..=self.done + BUCKETS as u32)
            .find(|&tick| !self.buckets[tick as usize % BUCKETS].is_empty())
            .unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::VecDeque;

    fn turn(wheel: &mut Wheel, mono_ms: u64, dues: &[u32]) -> Vec<u32> {
        let mut due = VecDeque::new();
        wheel.advance(mono_ms, &mut due, |(slot, _)| match dues[slot as usize] {
            0 => Due::Gone,
            tick if u64::from(tick) * TICK_MS <= mono_ms => Due::Now,
            tick => Due::Later(tick),
        });
        due.into_iter().map(|(slot, _)| slot).collect()
    }

    /// Nothing is due a moment too early, whatever the wait.
    #[test]
    fn never_early_and_never_forgotten() {
        for wait_ms in [1, 9, 10, 11, 5_000, 81_910, 81_920, 81_930, 400_000] {
            let mut wheel = Wheel::new(0);
            let tick = Wheel::tick_of(wait_ms);
            wheel.schedule((0, 0), tick);
            let at = u64::from(tick) * TICK_MS;
            assert!(at >= wait_ms && at < wait_ms + TICK_MS);
            for now in [at / 3, at / 2, at - 1] {
                assert!(
                    turn(&mut wheel, now, &[tick]).is_empty(),
                    "{wait_ms} at {now}"
                );
            }
            assert_eq!(turn(&mut wheel, at, &[tick]), [0], "{wait_ms}");
            assert!(wheel.is_empty());
        }
    }

    /// A trace that was moved is asked again at its new time; one that is gone never.
    #[test]
    fn moved_and_gone() {
        let mut wheel = Wheel::new(0);
        wheel.schedule((0, 0), 5);
        wheel.schedule((1, 0), 5);
        assert!(turn(&mut wheel, 50, &[9, 0]).is_empty());
        assert_eq!(wheel.next_ms(), Some(90));
        assert_eq!(turn(&mut wheel, 1_000_000, &[9, 0]), [0]);
        assert!(wheel.is_empty());
    }
}
