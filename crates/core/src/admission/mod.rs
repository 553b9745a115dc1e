//! Who may send how much: a rate for all spans, rates of tenants, and a fair part of the whole for
//! everybody where there is not enough for all.
//!
//! Time is an argument. A request is admitted while the balance is above zero and may overdraw it,
//! so that one that is larger than a second's worth still passes, and the rate holds on average.

mod bucket;
mod fair;
mod overload;
mod readiness;

pub(crate) use overload::Levels;
pub use overload::{Look, MOST_LEVELS, Overload, OverloadOptions, Seen, threshold};
pub use readiness::Readiness;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::intake::Tenant;
use bucket::Bucket;
use fair::{Shares, WINDOW_NS};

/// What is allowed. Nothing is limited by default.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdmissionOptions {
    /// Spans a second, of all tenants together.
    #[serde(default)]
    pub spans_per_second: Option<u64>,
    /// Spans a second of every tenant, by its number; none: as much as the whole allows. Tenant 0
    /// is everybody who is not known by name.
    #[serde(default)]
    pub tenants: Vec<Option<u64>>,
    /// None: where there is too much, requests are refused, and no trace is shed.
    #[serde(default)]
    pub overload: Option<OverloadOptions>,
}

/// What was let in and what was not, of one tenant, since the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counted {
    /// Spans let in.
    pub admitted: u64,
    /// Spans refused over a rate, this tenant's or that of all.
    pub limited: u64,
    /// Spans refused since the gateway was behind.
    pub pressed: u64,
}

/// Decides, request by request, and keeps count.
pub struct Admission {
    whole: Option<Bucket>,
    own: Vec<Option<Bucket>>,
    shares: Shares,
    counted: Vec<Counted>,
}

impl Admission {
    /// Buckets are full at the start.
    #[must_use]
    pub fn new(options: &AdmissionOptions, now_ns: u64) -> Self {
        let tenants = options.tenants.len().max(1);
        let own = options.tenants.iter().copied().chain([None]).take(tenants);
        Self {
            whole: options
                .spans_per_second
                .map(|rate| Bucket::new(rate, now_ns)),
            own: own
                .map(|rate| rate.map(|rate| Bucket::new(rate, now_ns)))
                .collect(),
            shares: Shares::new(tenants, now_ns),
            counted: vec![Counted::default(); tenants],
        }
    }

    /// The number under which a tenant is counted: unknown ones are tenant 0.
    fn number(&self, tenant: Tenant) -> usize {
        let number = usize::from(tenant);
        if number < self.counted.len() {
            number
        } else {
            0
        }
    }

    /// Ask for a request of so many spans.
    ///
    /// # Errors
    /// How long its sender should wait: a rate is used up.
    pub fn ask(&mut self, tenant: Tenant, spans: u64, now_ns: u64) -> Result<(), Duration> {
        let tenant = self.number(tenant);
        let whole = self.whole.as_mut().map(|whole| whole.balance(now_ns));
        let rate = self.whole.as_ref().map(|whole| whole.per(WINDOW_NS));
        self.shares.turn(now_ns, rate);
        self.shares.want(tenant, spans);
        let mut wait = None;
        if let Some(own) = &mut self.own[tenant]
            && own.balance(now_ns) <= 0
        {
            wait = Some(own.until_positive());
        }
        // What others have not used of their part is left to them for as long as the window lasts.
        if let Some(balance) = whole
            && !self.shares.within(tenant)
            && balance <= self.shares.reserved(tenant)
        {
            let until = self.whole.as_ref().map(Bucket::until_positive);
            wait = wait.max(until.map(|until| until.max(Duration::from_nanos(WINDOW_NS))));
        }
        if let Some(wait) = wait {
            self.counted[tenant].limited += spans;
            return Err(wait);
        }
        for bucket in self.whole.iter_mut().chain(self.own[tenant].as_mut()) {
            bucket.draw(spans);
        }
        self.shares.draw(tenant, spans);
        self.counted[tenant].admitted += spans;
        Ok(())
    }

    /// Whether a tenant takes more than its part of what passes, while others want theirs.
    pub fn is_greedy(&mut self, tenant: Tenant, now_ns: u64) -> bool {
        let tenant = self.number(tenant);
        let rate = self.whole.as_ref().map(|whole| whole.per(WINDOW_NS));
        self.shares.turn(now_ns, rate);
        self.shares.is_contended() && !self.shares.within(tenant)
    }

    /// A request was refused for another reason.
    pub fn count_pressed(&mut self, tenant: Tenant, spans: u64) {
        let tenant = self.number(tenant);
        self.shares.want(tenant, spans);
        self.counted[tenant].pressed += spans;
    }

    /// By tenant.
    #[must_use]
    pub fn counted(&self) -> &[Counted] {
        &self.counted
    }
}

#[cfg(test)]
mod tests;
