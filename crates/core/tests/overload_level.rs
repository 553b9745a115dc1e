//! The level of overload, in front of a buffer that holds for one wait what was let in.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

use std::collections::VecDeque;

use tailsampler_core::admission::{Look, Overload, OverloadOptions};

const STEP_MS: u64 = 500;
const WAIT_MS: u64 = 30_000;

/// A buffer and its level, under a load in parts of what it can hold.
struct Buffer {
    overload: Overload,
    level: u8,
    now_ms: u64,
    let_in: VecDeque<f64>,
    changes: u32,
    /// The doors take something.
    taking: bool,
    fullest: f64,
}

impl Buffer {
    fn new(most_level: u8) -> Self {
        Self {
            overload: Overload::new(OverloadOptions { most_level }, 0),
            level: 0,
            now_ms: 0,
            let_in: VecDeque::new(),
            changes: 0,
            taking: true,
            fullest: 0.0,
        }
    }

    fn fill(&self) -> f64 {
        self.let_in.iter().sum()
    }

    fn step(&mut self, load: f64, lagging: bool) {
        let (now_ms, wait_ms) = (self.now_ms, WAIT_MS);
        self.now_ms += STEP_MS;
        let share = 1.0 / f64::from(1_u32 << self.level);
        let steps = WAIT_MS / STEP_MS;
        self.let_in.push_back(load * share / steps as f64);
        if self.let_in.len() as u64 > steps {
            self.let_in.pop_front();
        }
        assert!(self.overload.is_due(now_ms));
        let fill = self.fill();
        let level = self.overload.look(Look {
            now_ms,
            fill,
            lagging,
            taking: self.taking,
            wait_ms,
        });
        self.changes += u32::from(level != self.level);
        (self.level, self.fullest) = (level, self.fullest.max(fill));
    }

    fn run(&mut self, seconds: u64, load: f64) {
        (self.changes, self.fullest) = (0, 0.0);
        for _ in 0..seconds * 1_000 / STEP_MS {
            self.step(load, false);
        }
    }
}

/// Three times what can be held, or thirty: it is seen before the buffer is full, the level that is
/// found is kept, and it is left again, step by step, once there is room for twice as much.
#[test]
fn found_kept_and_left() {
    for (load, level) in [(1.5, 1), (3.0, 2), (30.0, 6)] {
        let mut buffer = Buffer::new(16);
        buffer.run(120, 0.5);
        assert_eq!(buffer.level, 0, "half of it is well");
        buffer.run(600, load);
        // At 30 times a look passes half of it.
        let most = if load < 10.0 { 1.0 } else { 5.0 };
        assert!(buffer.fullest < most, "{load}: {}", buffer.fullest);
        assert!(
            buffer.level.abs_diff(level) <= 1,
            "{load}: level {}",
            buffer.level
        );
        buffer.run(600, load);
        assert!(buffer.fullest < 1.0, "{load}: {}", buffer.fullest);
        assert!(buffer.changes <= 1, "{load}: {} changes", buffer.changes);
        buffer.run(600, 0.3);
        assert_eq!(buffer.level, 0);
        assert!(buffer.fullest < 1.0);
        buffer.run(600, 0.3);
        assert_eq!((buffer.level, buffer.changes), (0, 0));
    }
}

/// Nothing is shed for a burst that the buffer takes.
#[test]
fn a_burst_is_taken() {
    let mut buffer = Buffer::new(16);
    buffer.run(120, 0.4);
    buffer.run(3, 2.0);
    assert_eq!(buffer.changes, 0);
    buffer.run(120, 0.4);
    assert_eq!((buffer.level, buffer.changes), (0, 0));
}

/// Where nothing can be taken at all, shedding helps nobody; nor does a full buffer at a start say
/// where it goes.
#[test]
fn what_stands_still_is_left_alone() {
    let mut buffer = Buffer::new(16);
    buffer.let_in.push_back(0.95);
    buffer.step(0.0, false);
    assert_eq!(buffer.level, 0, "the first look");
    buffer.taking = false;
    for _ in 0..40 {
        buffer.step(0.0, true);
    }
    assert_eq!(buffer.level, 0);
}

/// No more is shed than is allowed.
#[test]
fn there_is_a_most() {
    let mut buffer = Buffer::new(3);
    buffer.run(600, 100.0);
    assert_eq!(buffer.level, 3);
}

/// A writer that stays behind is relieved, however empty the buffer; one that was for a moment is
/// not.
#[test]
fn a_lagging_writer_is_relieved() {
    let mut buffer = Buffer::new(16);
    buffer.run(10, 0.1);
    buffer.step(0.1, true);
    buffer.run(60, 0.1);
    assert_eq!(buffer.level, 0);
    for _ in 0..4 {
        buffer.step(0.1, true);
    }
    assert_eq!(buffer.level, 1);
    buffer.run(300, 0.1);
    assert_eq!(buffer.level, 0);
}
