//! What the data plane is told at start, as JSON from Python.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::admission::AdmissionOptions;
use crate::plan::Plan;

/// Options of one data plane. Every field has been checked by the settings already; here only
/// what would break the core is refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Where the logs live.
    pub data_directory: String,
    /// The buffer log.
    pub buffer: BufferOptions,
    /// Who may send how much.
    #[serde(default)]
    pub admission: AdmissionOptions,
    /// The memory of verdicts.
    pub late: LateOptions,
    /// The verdict log.
    pub decisions: DecisionOptions,
    /// Kept spans that wait for an exporter.
    pub outbox: OutboxOptions,
    /// Names of the exporters, the primary first.
    pub exporters: Vec<String>,
    /// Write `tailsampler.policy` and `tailsampler.reason` on the root spans of kept traces.
    pub annotate: bool,
    /// The policy chain.
    pub plan: Plan,
    /// Names of the tenants, in the order of [`AdmissionOptions::tenants`], the default one first.
    /// Empty if nobody is told apart.
    #[serde(default)]
    pub tenants: Vec<String>,
    /// Verdicts are shared with other gateways; absent: they are not.
    #[serde(default)]
    pub sharing: Option<SharingOptions>,
    /// Secret of the hash tables; taken from the system if absent (tests give one).
    #[serde(default)]
    pub hash_secret: Option<u64>,
}

const fn unbounded() -> u64 {
    u64::MAX
}

/// Options of the buffer log.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BufferOptions {
    /// At this size the oldest traces are judged early, and then requests refused.
    pub max_bytes: u64,
    /// At this size of the index in memory, likewise.
    #[serde(default = "unbounded")]
    pub max_index_bytes: u64,
    /// Size of a segment file.
    pub segment_bytes: u64,
    /// Room kept on the disk for verdicts and kept spans, for when it is full.
    #[serde(default)]
    pub reserve_bytes: u64,
    /// When the log is made durable.
    pub fsync: Fsync,
}

impl BufferOptions {
    /// Files of the log that are kept to be written over, beyond `max_bytes`: as many as are let go
    /// at once in a steady stream, where they are a small part of it.
    #[must_use]
    pub const fn spares(&self) -> usize {
        if self.max_bytes / 8 >= self.segment_bytes {
            2
        } else {
            0
        }
    }
}

/// When the logs are made durable against a loss of power. A killed process loses nothing in any
/// of them.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum Fsync {
    /// When the kernel likes.
    Never,
    /// This often.
    Interval {
        /// Milliseconds.
        interval_ms: u64,
    },
    /// Before every acknowledgement.
    Always,
}

/// Options of the memory of verdicts.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LateOptions {
    /// Verdicts remembered at most.
    pub max_traces: usize,
    /// And for how long.
    pub max_age_ms: u64,
}

/// How much is remembered of what other gateways tell.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SharingOptions {
    /// Traces remembered at most.
    pub max_traces: usize,
    /// For at least this long, and at most twice; what is told of a trace before it begins here
    /// must be known when it is judged.
    pub max_age_ms: u64,
    /// Traces that may wait until the others are told; what comes beyond is not shared.
    pub max_waiting: usize,
}

/// Options of the verdict log.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionOptions {
    /// Size it is kept at; what replay needs is kept in any case.
    pub max_bytes: u64,
}

/// Options of the outbox.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxOptions {
    /// About this size it stays: three quarters of it for what some exporter is not done with, the
    /// rest for what cannot be freed yet.
    pub max_bytes: u64,
    /// The bounds of single exporters, by name.
    #[serde(default)]
    pub exporters: BTreeMap<String, Limits>,
}

/// What the outbox holds for one exporter, and how it is handed out.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes on disk held for it at most; None: as far as the outbox goes.
    pub max_bytes: Option<u64>,
    /// Milliseconds for which a frame is held at most; None: without end.
    pub max_age_ms: Option<u64>,
    /// Of the bytes handed out while live frames wait, those of the backlog, in thousandths.
    pub drain_permille: u32,
    /// Whether a batch holds spans of one tenant alone.
    #[serde(default)]
    pub by_tenant: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_bytes: None,
            max_age_ms: None,
            drain_permille: 500,
            by_tenant: false,
        }
    }
}
