//! How many frames of the cheap kinds a client may send: token buckets over frame heads.

use std::time::Duration;

use tokio::time::Instant;

use crate::closing::Closing;
use crate::frames::{Head, kind};
use crate::limits::{Limits, Rate};

/// Tokens are counted in thousandths, so that a rate a second is a count a millisecond.
const WHOLE: u64 = 1_000;

#[derive(Debug)]
struct Bucket {
    rate: Rate,
    left: u64,
    /// Refilled up to here.
    at: Instant,
}

impl Bucket {
    fn full(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            left: u64::from(rate.burst) * WHOLE,
            at: now,
        }
    }

    /// Give back thousandths of a token.
    fn earn(&mut self, thousandths: u64) {
        let all = self.left.saturating_add(thousandths);
        self.left = all.min(u64::from(self.rate.burst) * WHOLE);
    }

    /// Take one token; false if there is none.
    fn take(&mut self, now: impl Fn() -> Instant) -> bool {
        let passed = now().saturating_duration_since(self.at).as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.at += Duration::from_millis(passed);
        self.earn(passed.saturating_mul(u64::from(self.rate.a_second)));
        let any = self.left >= WHOLE;
        if any {
            self.left -= WHOLE;
        }
        any
    }
}

/// The buckets of one connection. The clock is looked at for the frames that are counted, which
/// are few, and not for those that carry requests.
#[derive(Debug)]
pub(crate) struct Meter {
    control: Bucket,
    resets: Bucket,
}

impl Meter {
    pub(crate) fn new(limits: &Limits, now: Instant) -> Self {
        Self {
            control: Bucket::full(limits.control_frames, now),
            resets: Bucket::full(limits.resets, now),
        }
    }

    /// Count a frame; an error if it is one too many.
    #[inline]
    pub(crate) fn count(
        &mut self,
        head: Head,
        now: impl Fn() -> Instant + Copy,
    ) -> Result<(), Closing> {
        match head.kind {
            // One that ends a body is no more than one a stream; h2 sees to that.
            kind::DATA if head.length > 0 || head.ends_stream() => Ok(()),
            kind::HEADERS => {
                self.control.earn(self.control.rate.a_request);
                self.resets.earn(self.resets.rate.a_request);
                Ok(())
            }
            kind::RST_STREAM if self.resets.take(now) => Ok(()),
            kind::RST_STREAM => Err(Closing::RapidReset),
            _ if self.control.take(now) => Ok(()),
            _ => Err(Closing::ControlFlood),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::Head;

    fn head(kind: u8, length: usize, flags: u8) -> Head {
        Head {
            length,
            kind,
            flags,
            stream: 1,
        }
    }

    /// How many frames of these, again and again, are let through at one moment.
    fn let_through(meter: &mut Meter, now: Instant, frames: &[Head], most: usize) -> usize {
        (0..most)
            .find(|_| {
                frames
                    .iter()
                    .any(|head| meter.count(*head, || now).is_err())
            })
            .unwrap_or(most)
    }

    /// Every kind of control frame has the same burst, and the same rate once that is used up.
    #[test]
    fn control_frames_have_a_burst_and_a_rate() {
        let start = Instant::now();
        for kind in [2, 4, 6, 8, 9, 200] {
            let mut meter = Meter::new(&Limits::default(), start);
            let ping = [head(kind, 8, 0)];
            assert_eq!(let_through(&mut meter, start, &ping, 9_999), 1_000);
            let later = start + Duration::from_secs(3);
            assert_eq!(let_through(&mut meter, later, &ping, 9_999), 300);
            assert_eq!(let_through(&mut meter, later, &ping, 9_999), 0);
        }
    }

    /// DATA that holds something, or ends a body, is no control frame; empty DATA is one.
    #[test]
    fn tiny_bodies_are_not_counted() {
        let now = Instant::now();
        let mut meter = Meter::new(&Limits::default(), now);
        let honest = [
            head(kind::HEADERS, 9, 4),
            head(kind::DATA, 1, 0),
            head(kind::DATA, 0, 1),
        ];
        assert_eq!(let_through(&mut meter, now, &honest, 50_000), 50_000);
        let empty = [head(kind::DATA, 0, 0)];
        assert_eq!(let_through(&mut meter, now, &empty, 9_999), 1_000);
    }

    /// A client that pings, acknowledges and opens windows at every answer is served for ever.
    #[test]
    fn four_control_frames_a_request_are_free() {
        let now = Instant::now();
        let mut meter = Meter::new(&Limits::default(), now);
        let busy = [
            head(kind::HEADERS, 9, 4),
            head(6, 8, 0),
            head(6, 8, 1),
            head(8, 4, 0),
            head(8, 4, 0),
        ];
        assert_eq!(let_through(&mut meter, now, &busy, 50_000), 50_000);
    }

    /// One reset for each request is closed within 1,000; one for every fifth never is.
    #[test]
    fn resets_are_weighed_against_requests() {
        let now = Instant::now();
        let mut meter = Meter::new(&Limits::default(), now);
        let rapid = [head(kind::HEADERS, 9, 5), head(kind::RST_STREAM, 4, 0)];
        assert_eq!(let_through(&mut meter, now, &rapid, 9_999), 666);
        let mut meter = Meter::new(&Limits::default(), now);
        let mut patient = [head(kind::HEADERS, 9, 5); 6];
        patient[5] = head(kind::RST_STREAM, 4, 0);
        assert_eq!(let_through(&mut meter, now, &patient, 9_999), 9_999);
    }

    /// Resets are earned back by waiting, 33 a second, and never beyond the burst.
    #[test]
    fn resets_are_earned_back() {
        let start = Instant::now();
        let mut meter = Meter::new(&Limits::default(), start);
        let reset = [head(kind::RST_STREAM, 4, 0)];
        assert_eq!(let_through(&mut meter, start, &reset, 9_999), 500);
        let later = start + Duration::from_secs(10);
        assert_eq!(let_through(&mut meter, later, &reset, 9_999), 330);
        let much_later = start + Duration::from_secs(900_000);
        assert_eq!(let_through(&mut meter, much_later, &reset, 9_999), 500);
    }
}
