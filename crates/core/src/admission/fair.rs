//! Max-min fairness by windows: what everybody wanted in the last one decides what is kept for
//! everybody in this one. Who wants little gets it; the others share the rest alike.

/// The length of a window, nanoseconds.
pub(super) const WINDOW_NS: u64 = 100_000_000;

/// The parts of all tenants.
#[derive(Debug)]
pub(super) struct Shares {
    began_ns: u64,
    wanted: Vec<u64>,
    /// Let in, within the part or beyond it.
    passed: u64,
    /// Used of the part; a request may overdraw it, which the next window pays.
    used: Vec<u64>,
    share: Vec<u64>,
    contended: bool,
}

impl Shares {
    pub(super) fn new(tenants: usize, now_ns: u64) -> Self {
        Self {
            began_ns: now_ns,
            wanted: vec![0; tenants],
            passed: 0,
            used: vec![0; tenants],
            share: vec![0; tenants],
            contended: false,
        }
    }

    /// Begin another window if this one is over. `rate`: what all may have in a window; without
    /// one, what passed in the last.
    pub(super) fn turn(&mut self, now_ns: u64, rate: Option<u64>) {
        let passed = now_ns.saturating_sub(self.began_ns);
        if passed < WINDOW_NS {
            return;
        }
        self.began_ns = now_ns;
        if passed >= 2 * WINDOW_NS {
            // Nobody wanted anything in a whole window.
            self.wanted.fill(0);
        }
        let whole = rate.unwrap_or(self.passed);
        for (used, share) in self.used.iter_mut().zip(&self.share) {
            *used = used.saturating_sub(*share);
        }
        self.contended = self.wanted.iter().sum::<u64>() > whole;
        self.share = max_min(&self.wanted, whole);
        self.wanted.fill(0);
        self.passed = 0;
    }

    pub(super) fn want(&mut self, tenant: usize, spans: u64) {
        self.wanted[tenant] = self.wanted[tenant].saturating_add(spans);
    }

    pub(super) fn draw(&mut self, tenant: usize, spans: u64) {
        self.passed = self.passed.saturating_add(spans);
        if self.within(tenant) {
            self.used[tenant] = self.used[tenant].saturating_add(spans);
        }
    }

    /// Whether this tenant has something left of its part.
    pub(super) fn within(&self, tenant: usize) -> bool {
        self.used[tenant] < self.share[tenant]
    }

    /// What is left of the parts of the others.
    pub(super) fn reserved(&self, tenant: usize) -> i128 {
        let left = self.share.iter().zip(&self.used).enumerate();
        let others = left.filter(|(other, _)| *other != tenant);
        others
            .map(|(_, (share, used))| i128::from(share.saturating_sub(*used)))
            .sum()
    }

    /// Whether more was wanted than there is, by more than one.
    pub(super) fn is_contended(&self) -> bool {
        self.contended && self.share.iter().filter(|share| **share > 0).count() > 1
    }
}

/// Divide `whole` so that no one could have more without taking from one who has less.
pub(super) fn max_min(wanted: &[u64], whole: u64) -> Vec<u64> {
    let mut order: Vec<usize> = (0..wanted.len()).collect();
    order.sort_by_key(|&tenant| wanted[tenant]);
    let mut share = vec![0; wanted.len()];
    let mut left = whole;
    for (done, &tenant) in order.iter().enumerate() {
        let alike = left / (wanted.len() - done) as u64;
        share[tenant] = wanted[tenant].min(alike);
        left -= share[tenant];
    }
    share
}
