//! What was shed at the door, and what that means for verdicts.

use tailsampler_core::wire::TraceId;

use super::{SpanId, Truth, WAIT_MS};

/// The levels there were, and how many spans they cost.
#[derive(Default)]
pub struct Shed {
    /// Spans surely counted as shed, and perhaps.
    pub sure: u64,
    /// See above.
    pub possible: u64,
    /// Every level that something came under.
    levels: Vec<Level>,
    /// The disk may have lost what a start knows of earlier levels, or the clock does not tell when
    /// they were.
    pub(super) in_doubt: bool,
}

/// Something came under this level.
struct Level {
    level: u8,
    at_ms: u64,
    /// It was acknowledged.
    sure: bool,
}

/// R of a trace: no span here brings one of its own.
pub(super) fn randomness(trace: &TraceId) -> u64 {
    let mut low = [0; 8];
    low[1..].copy_from_slice(&trace[9..]);
    u64::from_be_bytes(low)
}

/// T of a level: half of all traces below it, three quarters, and so on.
fn threshold(level: u8) -> u64 {
    let all = 1_u64 << 56;
    all - all / 2_u64.pow(level.into())
}

impl Shed {
    fn note(&mut self, level: u8, at_ms: u64, sure: bool) {
        let level = Level { level, at_ms, sure };
        self.levels.push(level);
    }

    fn highest(&self, such: impl Fn(&Level) -> bool) -> u64 {
        let levels = self.levels.iter().filter(|one| such(one));
        threshold(levels.map(|one| one.level).max().unwrap_or(0))
    }

    /// T by which a trace is judged at least, and at most, that `began` then, if that is known.
    pub(super) fn thresholds(&self, began_ms: Option<u64>, restarted_ms: u64) -> (u64, u64) {
        let Some(began_ms) = began_ms else {
            return (0, self.highest(|_| true));
        };
        let from_ms = began_ms.saturating_sub(WAIT_MS);
        let lately = |one: &Level| one.at_ms >= from_ms;
        let perhaps = self.highest(|one| self.in_doubt || lately(one));
        let known = |one: &Level| !self.in_doubt || one.at_ms >= restarted_ms;
        let surely = self.highest(|one| one.sure && lately(one) && known(one));
        (surely, perhaps)
    }
}

impl Truth {
    /// Of these spans, those that this level sheds, and the others.
    #[must_use]
    pub fn part(&self, ids: &[SpanId], level: u8) -> (Vec<SpanId>, Vec<SpanId>) {
        let below = |id: &&SpanId| {
            let one = self.spans.get(id);
            one.is_some_and(|one| randomness(&one.trace) < threshold(level))
        };
        ids.iter().partition(below)
    }

    /// Spans were acknowledged that came under this level, of which so many were shed.
    pub fn came_under(&mut self, level: u8, shed: u64, now_ms: u64) {
        if level > 0 {
            self.shed.note(level, now_ms, true);
            self.shed.sure += shed;
            if shed > 0 {
                self.seen.insert("spans are shed at the door");
            }
        }
    }

    /// Nobody knows whether these were taken.
    pub fn perhaps_came_under(&mut self, level: u8, shed: u64, now_ms: u64) {
        if level > 0 {
            self.shed.note(level, now_ms, false);
            self.shed.possible += shed;
        }
    }

    /// The disk refused these, and may have them all the same after a loss of power.
    pub fn refused_shed(&mut self, level: u8, shed: u64, now_ms: u64) {
        if level > 0 {
            self.shed.note(level, now_ms, false);
            self.fresh.refused_shed += shed;
        }
    }

    /// Wall clocks do not tell when something was.
    pub fn clocks_lie(&mut self) {
        self.shed.in_doubt = true;
    }

    /// The disk has lost something, or may have.
    pub fn shed_is_in_doubt(&mut self) {
        let refused = std::mem::take(&mut self.fresh.refused_shed);
        self.shed.possible += refused + std::mem::take(&mut self.shed.sure);
        self.shed.in_doubt = true;
    }
}
