//! What a gateway lives through: the same for the same seed.

use tailsampler_core::admission::AdmissionOptions;
use tailsampler_core::options::{
    BufferOptions, DecisionOptions, Fsync, LateOptions, Options, OutboxOptions,
};
use tailsampler_core::plan::{Clause, NEVER, Plan, Predicate, Rule, Test};

use crate::disk::Dice;

/// One step.
#[derive(Clone, Debug)]
pub enum Step {
    /// A request: traces of its spans, and whether each is an error, which is kept.
    Send(Vec<(u64, bool)>),
    /// Time passes, in milliseconds, and what is due is judged.
    Advance(u64),
    /// Exporters take all there is, and settle it.
    Export,
    /// The keeper's interval is over.
    Sync,
    /// Another plan, which keeps and drops the same.
    Install,
    /// The process dies and starts again.
    Restart,
}

/// A seeded script for one fsync mode.
#[derive(Clone, Debug)]
pub struct Script {
    /// Names it.
    pub seed: u64,
    /// The mode.
    pub mode: Fsync,
    /// The steps.
    pub steps: Vec<Step>,
    segment_bytes: u64,
    exporters: usize,
}

/// The modes, by name.
pub const MODES: [(&str, Fsync); 3] = [
    ("never", Fsync::Never),
    ("interval", Fsync::Interval { interval_ms: 1_000 }),
    ("always", Fsync::Always),
];

impl Script {
    /// The script of a seed. Seeds differ in what they have much of: late spans, rotation,
    /// restarts, exports, syncs.
    #[must_use]
    pub fn new(seed: u64, mode: Fsync, length: usize) -> Self {
        let mut dice = Dice::new(seed);
        let weights: [u64; 6] = std::array::from_fn(|_| 1 + dice.below(6));
        let traces = 3 + dice.below(12);
        let segment_bytes = [300, 600, 1_500, 100_000][dice.below(4) as usize];
        let exporters = 1 + dice.below(2) as usize;
        let mut steps = Vec::with_capacity(length);
        while steps.len() < length {
            let mut at = dice.below(weights.iter().sum::<u64>() + 12);
            let kind = weights.iter().position(|&weight| {
                let here = at < weight;
                at = at.saturating_sub(weight);
                here
            });
            steps.push(match kind {
                Some(0) => Step::Advance(100 + dice.below(1_500)),
                Some(1) => Step::Export,
                Some(2) => Step::Sync,
                Some(3) if dice.below(3) == 0 => Step::Install,
                Some(4) if dice.below(2) == 0 => Step::Restart,
                _ => Step::Send(
                    (0..1 + dice.below(4))
                        .map(|_| {
                            (
                                steps.len() as u64 / 8 + dice.below(traces),
                                dice.below(4) == 0,
                            )
                        })
                        .collect(),
                ),
            });
        }
        Self {
            seed,
            mode,
            steps,
            segment_bytes,
            exporters,
        }
    }

    /// The options of its gateway.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            data_directory: "data".to_owned(),
            admission: AdmissionOptions::default(),
            buffer: BufferOptions {
                max_index_bytes: u64::MAX,
                reserve_bytes: 0,
                max_bytes: 1 << 20,
                segment_bytes: self.segment_bytes,
                fsync: self.mode,
            },
            late: LateOptions {
                max_traces: 1_000,
                max_age_ms: 600_000,
            },
            decisions: DecisionOptions { max_bytes: 1 << 20 },
            outbox: OutboxOptions {
                max_bytes: 1 << 20,
                ..OutboxOptions::default()
            },
            exporters: (0..self.exporters).map(|at| format!("e{at}")).collect(),
            annotate: false,
            plan: plan(0),
            tenants: Vec::new(),
            sharing: None,
            hash_secret: Some(self.seed),
        }
    }
}

/// Errors are kept, all else is dropped; `version` only makes one plan differ from another.
#[must_use]
pub fn plan(version: u64) -> Plan {
    let rule = |name: &str, all, threshold| Rule {
        name: name.to_owned(),
        all,
        threshold,
        wait_ms: None,
    };
    Plan {
        format: 1,
        wait_ms: 1_000,
        predicates: vec![Predicate {
            reason: "status".to_owned(),
            test: Test::SpanStatusIn { codes: vec![2] },
        }],
        rules: vec![
            rule("errors", vec![Clause::AnyBit { bits: vec![0] }], 0),
            rule(&format!("default {version}"), vec![], NEVER),
        ],
        ..Plan::default()
    }
}
