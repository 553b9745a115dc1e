//! Which segments of the buffer log are still needed.

use std::collections::VecDeque;

/// Counts, for every segment, the traces that began in it and are not done with: open, or kept
/// and not yet in the outbox. Every record of a trace stands in the segment it began in or in a
/// later one, so the prefix of segments that nothing pins is free.
#[derive(Debug, Default)]
pub struct Pins {
    /// The number of the first entry of `segments`.
    first: u32,
    /// Base position and count, oldest first.
    segments: VecDeque<(u64, u64)>,
}

impl Pins {
    /// Pin the segment that begins at `base`, which must not be older than the newest one pinned.
    pub fn pin(&mut self, base: u64) -> u32 {
        let newest = self.segments.back().map_or(0, |(newest, _)| *newest);
        assert!(newest <= base, "segments are pinned in order");
        match self.segments.back_mut() {
            Some((newest, count)) if *newest >= base => *count += 1,
            _ => self.segments.push_back((base, 1)),
        }
        let oldest = self.segments.front();
        assert!(
            oldest.is_some_and(|(_, count)| *count > 0),
            "what nothing pins is let go"
        );
        self.first + (self.segments.len() as u32 - 1)
    }

    /// Pin once more what is pinned already.
    pub fn pin_again(&mut self, pin: u32) {
        assert!(pin >= self.first, "what was let go is not pinned again");
        let pinned = self.segments.get_mut((pin - self.first) as usize);
        assert!(pinned.is_some(), "what is pinned again is pinned");
        if let Some((_, count)) = pinned {
            *count += 1;
        }
    }

    /// Undo one pin.
    pub fn unpin(&mut self, pin: u32) {
        assert!(pin >= self.first, "nothing is let go after its segment");
        let pinned = self.segments.get_mut((pin - self.first) as usize);
        assert!(
            pinned.as_ref().is_some_and(|(_, count)| *count > 0),
            "what is let go was held"
        );
        if let Some((_, count)) = pinned {
            *count -= 1;
        }
        while self.segments.front().is_some_and(|(_, count)| *count == 0) {
            self.segments.pop_front();
            self.first += 1;
        }
    }

    /// The begin of the oldest segment that is still needed; None if none is.
    #[must_use]
    pub fn oldest(&self) -> Option<u64> {
        let oldest = self.segments.front();
        assert!(
            oldest.is_none_or(|(_, count)| *count > 0),
            "what nothing pins is let go"
        );
        oldest.map(|(base, _)| *base)
    }

    /// The number of the oldest segment that is still needed.
    #[must_use]
    pub fn oldest_pin(&self) -> Option<u32> {
        (!self.segments.is_empty()).then_some(self.first)
    }
}
