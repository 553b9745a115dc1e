//! What all requests in flight may take together: one bound on bytes, one on their number.
//! Beside them, what frames that are not complete take; that is bounded by patience alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How much of the bounds is taken.
#[derive(Debug)]
pub(crate) struct Budget {
    bytes_bound: usize,
    bytes: AtomicUsize,
    requests_bound: usize,
    requests: AtomicUsize,
    lingering: AtomicUsize,
    unfinished_bound: usize,
    unfinished: AtomicUsize,
}

impl Budget {
    pub(crate) fn new(
        bytes_bound: usize,
        requests_bound: usize,
        unfinished_bound: usize,
    ) -> Arc<Self> {
        Arc::new(Self {
            bytes_bound,
            bytes: AtomicUsize::new(0),
            requests_bound,
            requests: AtomicUsize::new(0),
            lingering: AtomicUsize::new(0),
            unfinished_bound,
            unfinished: AtomicUsize::new(0),
        })
    }

    /// Bytes charged now.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Requests under way now.
    pub(crate) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }

    /// Whether so much is under way that those who dawdle must make room: half the requests or
    /// bytes that may be, half the bodies that may linger, or more of unfinished frames than
    /// should be.
    pub(crate) fn pressed(&self) -> bool {
        self.requests() > self.requests_bound / 2
            || self.bytes() > self.bytes_bound / 2
            || self.lingering.load(Ordering::Relaxed) > self.requests_bound / 4
            || self.crowded()
    }

    /// Whether unfinished frames hold more than they should.
    pub(crate) fn crowded(&self) -> bool {
        self.unfinished.load(Ordering::Relaxed) > self.unfinished_bound
    }

    /// Let a request linger, whose body did not come with its head. Half of all requests may: the
    /// other half is for those that are whole, however many bodies never come.
    pub(crate) fn linger(self: &Arc<Self>) -> Option<Lingering> {
        if self.lingering.fetch_add(1, Ordering::Relaxed) >= self.requests_bound / 2 {
            self.lingering.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Lingering(Arc::clone(self)))
    }

    /// The bytes of an unfinished frame were `before` and are `now`.
    pub(crate) fn unfinished(&self, before: usize, now: usize) {
        if now > before {
            self.unfinished.fetch_add(now - before, Ordering::Relaxed);
        } else {
            self.unfinished.fetch_sub(before - now, Ordering::Relaxed);
        }
    }

    /// Let one request in, charged with nothing yet; none if too many are under way.
    pub(crate) fn admit(self: &Arc<Self>) -> Option<Charge> {
        if self.requests.fetch_add(1, Ordering::Relaxed) >= self.requests_bound {
            self.requests.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Charge {
            budget: Arc::clone(self),
            bytes: 0,
        })
    }
}

/// The share of one request. It lives until the request has its answer.
#[derive(Debug)]
pub(crate) struct Charge {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Charge {
    /// Take `more` bytes; false, and nothing taken, if they exceed the bound.
    #[must_use]
    pub(crate) fn grow(&mut self, more: usize) -> bool {
        let before = self.budget.bytes.fetch_add(more, Ordering::Relaxed);
        if before.saturating_add(more) > self.budget.bytes_bound {
            self.budget.bytes.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.bytes += more;
        true
    }

    /// Give back all but `bytes`.
    pub(crate) fn shrink_to(&mut self, bytes: usize) {
        let back = self.bytes.saturating_sub(bytes);
        self.bytes -= back;
        self.budget.bytes.fetch_sub(back, Ordering::Relaxed);
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.shrink_to(0);
        self.budget.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A request whose body is on its way.
#[derive(Debug)]
pub(crate) struct Lingering(Arc<Budget>);

impl Drop for Lingering {
    fn drop(&mut self) {
        self.0.lingering.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A charge beyond the bound takes nothing, and a dropped one gives everything back.
    #[test]
    fn the_bound_on_bytes_holds() {
        let budget = Budget::new(100, 9, 9);
        let mut first = budget.admit().unwrap();
        assert!(first.grow(60));
        let mut second = budget.admit().unwrap();
        assert!(!second.grow(41));
        assert!(second.grow(40));
        assert_eq!(budget.bytes(), 100);
        first.shrink_to(10);
        assert_eq!(budget.bytes(), 50);
        drop((first, second));
        assert_eq!((budget.bytes(), budget.requests()), (0, 0));
    }

    /// Half of what may be under way is when those who dawdle must go.
    #[test]
    fn pressure_begins_at_half() {
        let budget = Budget::new(100, 4, 9);
        let mut first = budget.admit().unwrap();
        assert!(first.grow(50) && !budget.pressed());
        assert!(first.grow(1) && budget.pressed());
        first.shrink_to(0);
        let rest = (budget.admit().unwrap(), budget.admit().unwrap());
        assert!(budget.pressed());
        drop(rest);
        budget.unfinished(0, 10);
        assert!(budget.pressed());
        budget.unfinished(10, 9);
        assert!(!budget.pressed());
    }

    /// Bodies that linger leave half of the requests to others, and press from a quarter on.
    #[test]
    fn half_may_linger() {
        let budget = Budget::new(100, 8, 9);
        let first = [(); 2].map(|()| budget.linger().unwrap());
        assert!(!budget.pressed());
        let more = [(); 2].map(|()| budget.linger().unwrap());
        assert!(budget.pressed() && budget.linger().is_none());
        drop(more);
        assert!(budget.linger().is_some() && !budget.pressed());
        drop(first);
    }

    /// One request more than the bound is not let in until another has left.
    #[test]
    fn the_bound_on_requests_holds() {
        let budget = Budget::new(100, 1, 9);
        let first = budget.admit().unwrap();
        assert!(budget.admit().is_none());
        drop(first);
        assert!(budget.admit().is_some());
    }
}
