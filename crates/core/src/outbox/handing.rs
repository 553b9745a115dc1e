//! Which frames an exporter is handed next: live ones before the backlog, which gets a share.
//!
//! Frames that have waited for some seconds are backlog: an exporter that keeps up has none. Within
//! each of the two the oldest goes first.

use std::collections::VecDeque;

use super::books::Books;
use super::exporter::{Exporter, FrameRef};
use super::runs::Range;

/// What has waited for longer is not live any more. More than the pauses after a failure or two.
pub(super) const LIVE_MS: i64 = 10_000;

/// Free frames that follow one another, and their bytes.
struct Run {
    frames: Vec<FrameRef>,
    bytes: u64,
}

impl Run {
    /// Whether it is to go out at once: it is large enough, or has waited for company.
    fn is_ready(&self, max_bytes: u64, linger_ms: u64, now_ms: i64) -> bool {
        let waited_ms = |first: &FrameRef| now_ms.saturating_sub(first.since_ms);
        let linger_ms = i64::try_from(linger_ms).unwrap_or(i64::MAX);
        let first = self.frames.first();
        first.is_some_and(|first| self.bytes >= max_bytes || waited_ms(first) >= linger_ms)
    }
}

impl Books {
    /// The next run of frames an exporter is to be handed.
    pub(super) fn next_run(
        &mut self,
        name: &str,
        max_bytes: u64,
        linger_ms: u64,
        now_ms: i64,
    ) -> Option<(Range, Vec<FrameRef>)> {
        let young_ms = now_ms.saturating_sub(LIVE_MS);
        self.pass_old_frames(young_ms);
        let Self {
            frames,
            exporters,
            live_from,
            ..
        } = self;
        let exporter = exporters
            .iter_mut()
            .find(|exporter| exporter.name == name)?;
        let backlog = exporter.free_from(frames, (exporter.next, *live_from), max_bytes);
        let first = backlog.frames.first();
        exporter.next = first.map_or(exporter.next.max(*live_from), |first| first.position);
        let from = exporter.fresh.max(*live_from);
        // The few old ones that were copied to here meanwhile pass for live.
        let live = exporter.free_from(frames, (from, u64::MAX), max_bytes);
        let first = live.frames.first();
        exporter.fresh = first.map_or(from, |first| first.position);
        let backlog_ready = backlog.is_ready(max_bytes, linger_ms, now_ms);
        let run = match (backlog_ready, live.is_ready(max_bytes, linger_ms, now_ms)) {
            (false, false) => return None,
            (true, true) => exporter.in_turn(backlog, live),
            (backlog_waits, _) => {
                exporter.shares = (0, 0);
                if backlog_waits { backlog } else { live }
            }
        };
        let frames = run.frames;
        let (first, last) = (frames.first()?, frames.last()?);
        assert!(
            frames.iter().all(|frame| exporter.is_free(frame.position)),
            "nothing is handed out twice, and nothing that is settled"
        );
        Some(((first.position, last.position + 1), frames))
    }

    /// Move on to the oldest frame that may still be a live one.
    fn pass_old_frames(&mut self, young_ms: i64) {
        let from = self.index_of(self.live_from);
        let old = self.frames.range(from..);
        let old = old.take_while(|frame| frame.since_ms < young_ms).count();
        let next = self.frames.get(from + old);
        let end = self.frames.back().map_or(0, |last| last.position + 1);
        let live_from = next.map_or(end, |next| next.position);
        self.live_from = self.live_from.max(live_from);
    }
}

impl Exporter {
    /// The first free frames in a row from a position up to another one.
    fn free_from(&self, frames: &VecDeque<FrameRef>, (from, until): Range, max_bytes: u64) -> Run {
        let mut run = Run {
            frames: Vec::new(),
            bytes: 0,
        };
        let from = frames.partition_point(|frame| frame.position < from.max(self.done));
        for frame in frames.range(from..) {
            if frame.position >= until {
                break;
            }
            if self.is_done_with(frame.position) {
                continue;
            }
            if !self.is_free(frame.position) {
                // What others have in hand must not stand within a run.
                if run.frames.is_empty() {
                    continue;
                }
                break;
            }
            let first = run.frames.first();
            if self.limits.by_tenant && first.is_some_and(|first| first.tenant != frame.tenant) {
                break;
            }
            run.bytes += u64::from(frame.payload_bytes);
            if run.bytes > max_bytes && !run.frames.is_empty() {
                break;
            }
            run.frames.push(*frame);
        }
        run
    }

    /// Of the two, the one whose turn it is by the bytes of each that were handed out.
    fn in_turn(&mut self, backlog: Run, live: Run) -> Run {
        let (drained, lived) = self.shares;
        let share = u128::from(self.limits.drain_permille.min(1_000));
        let due = u128::from(drained) * 1_000 < u128::from(drained + lived) * share;
        if due || share == 1_000 {
            self.shares.0 += backlog.bytes;
            backlog
        } else {
            self.shares.1 += live.bytes;
            live
        }
    }
}
