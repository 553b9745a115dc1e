//! What became of the spans, and how long the answers took.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

use crate::connection::Answer;

/// Longest latency told apart, microseconds; longer ones count as this.
const LONGEST_US: u64 = 60_000_000;

/// The counts of one worker; workers' tallies are merged at the end.
#[derive(Debug)]
pub(crate) struct Tally {
    offered: u64,
    acknowledged: u64,
    rejected: u64,
    unknown: u64,
    refusals: u64,
    failed: BTreeMap<u16, u64>,
    broken: Vec<String>,
    latency_us: Histogram<u32>,
}

/// The line of JSON.
#[derive(Debug, Serialize)]
pub struct Report {
    /// Spans in requests that were sent, each counted once however often it was retried.
    pub offered_spans: u64,
    /// Spans that the other side took.
    pub acknowledged_spans: u64,
    /// Spans turned down for good by `partial_success`.
    pub rejected_spans: u64,
    /// Spans in requests that were never answered: the connection broke.
    pub unknown_spans: u64,
    /// Answers that asked to come back later.
    pub refusals: u64,
    /// Requests turned down for good, by gRPC status code.
    pub failed_requests: BTreeMap<u16, u64>,
    /// Connections that ended before the load did.
    pub broken_connections: usize,
    /// Why they did, each reason once.
    pub broken: Vec<String>,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// From the first request to the sending of the last.
    pub offering_seconds: f64,
    /// When the first request was acknowledged, seconds since the epoch.
    pub first_acknowledged_unix_s: Option<f64>,
    /// Uncompressed message bytes a span, resource and scope included.
    pub bytes_per_span: f64,
    /// Processor time of this program while it offered, user and system.
    pub own_cpu_seconds: f64,
    /// From the moment a request was due to its answer, retries included.
    pub latency_ms: BTreeMap<&'static str, f64>,
}

impl Tally {
    /// Nothing yet.
    pub(crate) fn new() -> Result<Self, hdrhistogram::CreationError> {
        Ok(Self {
            offered: 0,
            acknowledged: 0,
            rejected: 0,
            unknown: 0,
            refusals: 0,
            failed: BTreeMap::new(),
            broken: Vec::new(),
            latency_us: Histogram::new_with_bounds(1, LONGEST_US, 3)?,
        })
    }

    /// A request of so many spans is on its way.
    pub(crate) fn offer(&mut self, spans: u64) {
        self.offered += spans;
    }

    /// An answer came; `took` runs from the moment the request was due.
    pub(crate) fn answer(&mut self, answer: &Answer, spans: u64, took: Duration) {
        match *answer {
            Answer::Acknowledged { rejected } => {
                self.acknowledged += spans.saturating_sub(rejected);
                self.rejected += rejected;
                let us = u64::try_from(took.as_micros()).unwrap_or(LONGEST_US);
                self.latency_us.saturating_record(us);
            }
            Answer::Refused => self.refusals += 1,
            Answer::Failed(code) => *self.failed.entry(code).or_default() += 1,
        }
    }

    /// The connection broke with a request of so many spans under way.
    pub(crate) fn break_off(&mut self, spans: u64, why: String) {
        self.unknown += spans;
        self.broken = vec![why];
    }

    /// Whether the connection broke.
    pub(crate) fn is_broken(&self) -> bool {
        !self.broken.is_empty()
    }

    /// Adds another worker's counts.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.offered += other.offered;
        self.acknowledged += other.acknowledged;
        self.rejected += other.rejected;
        self.unknown += other.unknown;
        self.refusals += other.refusals;
        for (code, count) in &other.failed {
            *self.failed.entry(*code).or_default() += count;
        }
        for why in &other.broken {
            if !self.broken.contains(why) {
                self.broken.push(why.clone());
            }
        }
        // Equal bounds, so nothing is out of range.
        let _ = self.latency_us.add(&other.latency_us);
    }

    /// The report of everything merged so far.
    pub(crate) fn report(&self, ran: Ran) -> Report {
        let milliseconds = |us: u64| us as f64 / 1e3;
        let at = |quantile| milliseconds(self.latency_us.value_at_quantile(quantile));
        Report {
            offered_spans: self.offered,
            acknowledged_spans: self.acknowledged,
            rejected_spans: self.rejected,
            unknown_spans: self.unknown,
            refusals: self.refusals,
            failed_requests: self.failed.clone(),
            broken_connections: ran.broken_connections,
            broken: self.broken.clone(),
            seconds: ran.seconds,
            offering_seconds: ran.offering_seconds,
            first_acknowledged_unix_s: ran.first_acknowledged_unix_s,
            bytes_per_span: ran.bytes_per_span,
            own_cpu_seconds: ran.own_cpu_seconds,
            latency_ms: BTreeMap::from([
                ("p50", at(0.5)),
                ("p90", at(0.9)),
                ("p99", at(0.99)),
                ("p999", at(0.999)),
                ("max", milliseconds(self.latency_us.max())),
            ]),
        }
    }
}

/// What the run as a whole knows, and no single worker.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ran {
    pub seconds: f64,
    pub offering_seconds: f64,
    pub first_acknowledged_unix_s: Option<f64>,
    pub bytes_per_span: f64,
    pub own_cpu_seconds: f64,
    pub broken_connections: usize,
}
