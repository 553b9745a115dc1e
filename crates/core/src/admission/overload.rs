//! Overload: when there is more than can be held, a share of all traces is shed at the door.
//!
//! Level `k` keeps one trace of `2^k`: those whose R is at least T0 = 1 - 2^-k. That depends on the
//! trace alone, so that whole traces go, the same on every gateway, and counts stay right. A level
//! is reached and left by itself, one at a time.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::clock::Now;
use crate::plan::NEVER;

/// The highest level there is: one trace of 65,536.
pub const MOST_LEVELS: u8 = 16;

/// Looks are this far apart, at least.
const LOOK_MS: u64 = 500;

/// An eighth of a wait, within these bounds: levels are so far apart on the way up, and trends so
/// long. It takes a while until less comes in, and bursts of a moment are what a buffer is for.
const PACE_MS: RangeInclusive<u64> = 1_000..=4_000;

/// The fill at which the next level is due, if it goes on as it did of late.
const RISE_AT: f64 = 0.9;

/// It is looked ahead by this part of a wait.
const AHEAD: f64 = 5.0;

/// A level is only left where twice as much would not be too much.
const CALM_AT: f64 = 0.4;

/// Looks in a row that find the writer behind, before that counts.
const LAGGING_LOOKS: u32 = 2;

/// Twice the longest wait that can be configured: what is older bears on no trace that is held.
const OLD_MS: u64 = 7_200_000;

/// T of a level, 56 bits: traces with an R below it are shed.
#[must_use]
pub fn threshold(level: u8) -> u64 {
    NEVER - (NEVER >> level.min(MOST_LEVELS))
}

/// How overload is met.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OverloadOptions {
    /// The highest level.
    pub most_level: u8,
}

/// What a look finds.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Milliseconds, on the clock of the process.
    pub now_ms: u64,
    /// How full the log or the index is; from 1 on traces are judged early.
    pub fill: f64,
    /// The writer is behind.
    pub lagging: bool,
    /// Something was taken since the last look: where nothing is, shedding helps nobody.
    pub taking: bool,
    /// The longest wait of the plan, milliseconds: what came in stays so long.
    pub wait_ms: u64,
}

/// Decides on the level, look by look.
#[derive(Debug)]
pub struct Overload {
    most: u8,
    level: u8,
    /// When it was looked, and the fill, as far back as a trend goes; the newest last.
    looks: VecDeque<(u64, f64)>,
    rose_ms: Option<u64>,
    calm_since: Option<u64>,
    lagging: u32,
}

impl Overload {
    /// Begin at the level at which an earlier process ended.
    #[must_use]
    pub fn new(options: OverloadOptions, level: u8) -> Self {
        let most = options.most_level.min(MOST_LEVELS);
        Self {
            most,
            level: level.min(most),
            looks: VecDeque::new(),
            rose_ms: None,
            calm_since: None,
            lagging: 0,
        }
    }

    /// Whether it is time for another look.
    #[must_use]
    pub fn is_due(&self, now_ms: u64) -> bool {
        let last = self.looks.back();
        last.is_none_or(|(last, _)| now_ms.saturating_sub(*last) >= LOOK_MS)
    }

    /// The level from now on; 0: everything is taken.
    pub fn look(&mut self, look: Look) -> u8 {
        let Look { now_ms, fill, .. } = look;
        let pace_ms = (look.wait_ms / 8).clamp(*PACE_MS.start(), *PACE_MS.end());
        self.looks.push_back((now_ms, fill));
        while let Some((at, _)) = self.looks.get(1)
            && now_ms.saturating_sub(*at) >= pace_ms
        {
            self.looks.pop_front();
        }
        let (before_ms, before) = self.looks.front().copied().unwrap_or((now_ms, fill));
        let passed_ms = now_ms.saturating_sub(before_ms).max(pace_ms);
        self.lagging = if look.lagging { self.lagging + 1 } else { 0 };
        // What is held today was let in by the level of a wait ago; where it goes tells sooner.
        let slope = (fill - before) / passed_ms as f64;
        let ahead = fill + slope * look.wait_ms as f64 / AHEAD;
        let pressed = ahead.max(fill) >= RISE_AT && slope >= 0.0 && self.looks.len() > 1;
        if look.taking && (pressed || self.lagging >= LAGGING_LOOKS) {
            self.rise(now_ms, pace_ms);
        } else if ahead.max(fill) < CALM_AT && self.lagging == 0 {
            self.fall(now_ms, look.wait_ms);
        } else {
            self.calm_since = None;
        }
        self.level
    }

    fn rise(&mut self, now_ms: u64, pace_ms: u64) {
        self.calm_since = None;
        let rested = |at: u64| now_ms.saturating_sub(at) >= pace_ms;
        if self.level < self.most && self.rose_ms.is_none_or(rested) {
            self.level += 1;
            self.rose_ms = Some(now_ms);
            // What it was before says nothing of where it goes now.
            self.looks.drain(..self.looks.len() - 1);
        }
    }

    fn fall(&mut self, now_ms: u64, wait_ms: u64) {
        let since = *self.calm_since.get_or_insert(now_ms);
        if self.level > 0 && now_ms.saturating_sub(since) >= wait_ms.max(*PACE_MS.end()) {
            self.level -= 1;
            self.calm_since = Some(now_ms);
        }
    }
}

/// When something last came under a level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// The level.
    pub level: u8,
    /// Milliseconds on the clock of this process.
    #[serde(skip)]
    pub mono_ms: u64,
    /// Nanoseconds since the Unix epoch.
    pub wall_ns: u64,
}

/// What a trace may lack depends on the levels of its time.
#[derive(Debug, Default)]
pub(crate) struct Levels {
    /// No level stands here that a higher one has outlived.
    seen: Vec<Seen>,
}

impl Levels {
    /// Something came under this level.
    pub(crate) fn note(&mut self, level: u8, now: Now) {
        let level = level.min(MOST_LEVELS);
        let mono_ms = now.mono_ns / 1_000_000;
        // A start may hear of the newer ones first.
        let outlived = |seen: &Seen| seen.level >= level && seen.mono_ms >= mono_ms;
        if level == 0 || self.seen.iter().any(outlived) {
            return;
        }
        self.seen
            .retain(|seen| seen.level > level || seen.mono_ms > mono_ms);
        self.seen.push(Seen {
            level,
            mono_ms,
            wall_ns: now.wall_ns,
        });
    }

    /// The highest since this time.
    pub(crate) fn since(&self, mono_ms: u64) -> u8 {
        let since = self.seen.iter().filter(|seen| seen.mono_ms >= mono_ms);
        since.map(|seen| seen.level).max().unwrap_or(0)
    }

    /// The one that something came under last, not before this time.
    pub(crate) fn newest_since(&self, mono_ms: u64) -> u8 {
        let newest = self.seen.iter().max_by_key(|seen| seen.mono_ms);
        let newest = newest.filter(|seen| seen.mono_ms >= mono_ms);
        newest.map_or(0, |seen| seen.level)
    }

    /// What the next process may have to know: what is old has no bearing on what is held.
    pub(crate) fn lately(&self, now_ms: u64) -> Vec<Seen> {
        let from_ms = now_ms.saturating_sub(OLD_MS);
        let lately = self.seen.iter().filter(|seen| seen.mono_ms >= from_ms);
        lately.copied().collect()
    }
}
