//! What the engine tells people: the ledger, sizes, and why a trace was judged as it was.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::Engine;
use super::plans::load_plan;
use crate::clock::Now;
use crate::fs::FileSystem;
use crate::ledger::Cut;
use crate::log::{LogError, LogReader};
use crate::outbox::PLAN_LOST;
use crate::plan::{Compiled, NEVER};
use crate::tenants::Tenants;
use crate::verdicts::{Batch, Early, NO_RULE, Verdict, VerdictLog};
use crate::votes::SaidBy;
use crate::wire::TraceId;

/// What one policy did, since the start of the process.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct PolicyCount {
    /// Traces it judged.
    pub judged: u64,
    /// Of these kept.
    pub kept: u64,
    /// Of these dropped.
    pub dropped: u64,
    /// Spans of the kept ones.
    pub spans_kept: u64,
    /// Spans of the dropped ones.
    pub spans_dropped: u64,
}

impl Engine {
    /// The books, in one cut.
    #[must_use]
    pub fn cut(&self, now: Now) -> Cut {
        let mut cut = Cut {
            totals: self.totals.clone(),
            buffer: self.held(),
            open: self.index.len() as u64,
            oldest_held_seconds: self.oldest_held_seconds(now),
            ..Cut::default()
        };
        self.outbox.cut(&mut cut);
        cut
    }

    /// Whether the running count of held spans equals a count one by one.
    #[must_use]
    pub fn recount_agrees(&self) -> bool {
        self.index.held() == self.index.recount()
    }

    fn oldest_held_seconds(&self, now: Now) -> f64 {
        // Walking ten million traces for a gauge would stall the writer; the wheel knows when
        // the next one is due, which bounds it, but only a small index is asked exactly.
        const EXACT: usize = 50_000;
        if self.index.len() > EXACT {
            return self.current_plan().wait_ms(None) as f64 / 1e3;
        }
        let now_ms = now.mono_ns / 1_000_000;
        let began = self.index.oldest_begin_ms().unwrap_or(now_ms);
        now_ms.saturating_sub(began) as f64 / 1e3
    }

    /// Sizes and counters beside the ledger.
    #[must_use]
    pub fn stats(&self, now: Now) -> Value {
        let mut policies: BTreeMap<String, PolicyCount> = BTreeMap::new();
        for ((plan, rule), count) in &self.policies {
            let name = self
                .plan_of(*plan)
                .and_then(|plan| Some(plan.plan().rules.get(usize::from(*rule))?.name.clone()))
                .unwrap_or_else(|| "none".to_owned());
            let sum = policies.entry(name).or_default();
            sum.judged += count.judged;
            sum.kept += count.kept;
            sum.dropped += count.dropped;
            sum.spans_kept += count.spans_kept;
            sum.spans_dropped += count.spans_dropped;
        }
        let policies: Vec<Value> = policies
            .into_iter()
            .map(|(name, count)| {
                let mut value = json!(count);
                value["policy"] = json!(name);
                value
            })
            .collect();
        let outbox = self.outbox.stats(now);
        json!({
            "votes": self.votes(),
            "log": {"bytes": self.log.bytes(), "segments": self.log.segment_count(),
                    "max_bytes": self.options.buffer.max_bytes,
                    "reserve_spent": self.reserve.is_spent()},
            "index": {"traces": self.index.len(), "records": self.index.record_count(),
                      "bytes": self.index.memory_bytes(),
                      "used_bytes": self.held_memory_bytes(),
                      "max_bytes": self.options.buffer.max_index_bytes},
            "late": {"traces": self.memory.len(),
                     "reach_seconds": self.memory.reach_ms(now.mono_ns / 1_000_000) as f64 / 1e3},
            "verdict_log": {"bytes": self.verdict_log.bytes(),
                            "max_bytes": self.options.decisions.max_bytes},
            "outbox": {"bytes": outbox.bytes, "max_bytes": self.options.outbox.max_bytes,
                       "traces": outbox.traces, "moved": outbox.moved,
                       "exporters": outbox.exporters},
            "policies": policies,
            "verdict_reasons": self.reasons,
            "sharing": self.sharing_counts(),
            "plan": self.current_plan().plan().version,
            "storage_errors": self.storage_errors + outbox.storage_errors,
        })
    }

    /// What each policy said, where policies vote, whoever decided.
    fn votes(&self) -> Vec<Value> {
        let mut by_name: BTreeMap<String, SaidBy> = BTreeMap::new();
        for (plan, said) in &self.said {
            let plan = self.plan_of(*plan);
            let rules = plan.iter().flat_map(|plan| &plan.plan().rules);
            for (rule, said) in rules.zip(said.by()) {
                by_name.entry(rule.name.clone()).or_default().add(*said);
            }
        }
        let said = by_name.into_iter();
        said.map(|(name, said)| {
            let mut value = json!(said);
            value["policy"] = json!(name);
            value
        })
        .collect()
    }

    /// What is known of a trace without reading the whole verdict log: `Some` if it is held or
    /// remembered.
    #[must_use]
    pub fn decision(&self, trace_id: &TraceId, now: Now) -> Option<Value> {
        let hash = self.index.hash(trace_id);
        if let Some(slot) = self.index.find(hash, trace_id) {
            let trace = self.index.trace(slot);
            let plan = self.plan_of(trace.plan)?;
            let rule = plan.first_match(trace.bits, trace.duration_ns());
            let due_ms = u64::from(trace.due_tick) * crate::waiting::TICK_MS;
            return Some(json!({
                "trace_id": hex(trace_id), "state": "held", "spans": trace.spans,
                "bytes": trace.bytes, "duration_ns": trace.duration_ns(),
                "due_in_s": due_ms.saturating_sub(now.mono_ns / 1_000_000) as f64 / 1e3,
                "first_match": rule.map(|rule| &plan.plan().rules[rule].name),
                "voted": plan.plan().votes.is_some(),
                "plan": trace.plan,
            }));
        }
        let (position, _) = self.memory.find(hash)?;
        let verdict = VerdictLog::read(&self.verdict_reader, position, trace_id).ok()??;
        let plan = self.plan_of(verdict.plan);
        Some(verdict_json(
            &verdict,
            position,
            plan.as_deref(),
            &self.tenants,
        ))
    }

    /// A verdict in words.
    #[must_use]
    pub fn word(&self, verdict: &Verdict) -> Value {
        let plan = self.plan_of(verdict.plan);
        verdict_json(verdict, 0, plan.as_deref(), &self.tenants)
    }

    /// The newest verdicts with their positions, at most `limit` that kept and as many that
    /// dropped; [`DecisionReader::word`] puts them in words.
    #[must_use]
    pub fn recent(&self, limit: usize) -> Vec<(u64, Verdict)> {
        self.recent.newest(limit)
    }

    /// A searcher of the verdict log, for traces that are no longer remembered.
    #[must_use]
    pub fn decision_reader(&self) -> DecisionReader {
        DecisionReader {
            fs: Arc::clone(&self.fs),
            directory: self.directory().to_owned(),
            reader: self.verdict_reader.clone(),
            tenants: self.tenants(),
        }
    }
}

/// Searches the verdict log on the caller's thread.
pub struct DecisionReader {
    fs: Arc<dyn FileSystem>,
    directory: PathBuf,
    reader: LogReader,
    tenants: Arc<Tenants>,
}

impl DecisionReader {
    /// The newest verdict on a trace; reads the whole verdict log.
    ///
    /// # Errors
    /// [`LogError`].
    pub fn find(&self, trace_id: &TraceId) -> Result<Option<Value>, LogError> {
        let mut records = self.reader.records(0);
        let mut found = None;
        while let Some(record) = records.next_record()? {
            if let Some(Batch::Verdicts(verdicts)) = VerdictLog::decode(&record) {
                found = verdicts
                    .into_iter()
                    .rev()
                    .find(|(_, verdict)| verdict.trace_id == *trace_id)
                    .or(found);
            }
        }
        Ok(found.map(|(position, verdict)| {
            let plan = self.plan(verdict.plan);
            verdict_json(&verdict, position, plan.as_ref(), &self.tenants)
        }))
    }

    /// Verdicts in words, on the caller's thread.
    #[must_use]
    pub fn word(&self, verdicts: &[(u64, Verdict)]) -> Vec<Value> {
        let mut plans = BTreeMap::new();
        verdicts
            .iter()
            .map(|(position, verdict)| {
                let plan = plans
                    .entry(verdict.plan)
                    .or_insert_with(|| self.plan(verdict.plan));
                verdict_json(verdict, *position, plan.as_ref(), &self.tenants)
            })
            .collect()
    }

    fn plan(&self, version: u32) -> Option<Compiled> {
        let plan = load_plan(&*self.fs, &self.directory, version).ok()??;
        Compiled::new(plan).ok()
    }
}

fn verdict_json(
    verdict: &Verdict,
    position: u64,
    compiled: Option<&Compiled>,
    tenants: &Tenants,
) -> Value {
    let plan = compiled.map(Compiled::plan);
    let rule = plan.and_then(|plan| plan.rules.get(usize::from(verdict.rule)));
    let reasons: Vec<&str> = compiled
        .into_iter()
        .flat_map(|plan| plan.reasons(verdict.rule.into(), verdict.bits))
        .collect();
    let source = ["trace_id", "rv", "hash"][usize::from(verdict.randomness_source.min(2))];
    let large = plan.and_then(|plan| plan.large);
    let known = compiled.is_none_or(Compiled::knows_probability);
    let threshold = verdict.threshold.max(verdict.probability);
    let part = verdict.part.zip(compiled);
    let part = part.and_then(|(part, plan)| plan.part(part));
    let part = part.filter(|(policy, _)| *policy == usize::from(verdict.rule));
    let voted = plan.is_some_and(|plan| plan.votes.is_some());
    let too_large = large.is_some_and(|large| verdict.bytes > large.max_bytes);
    let share = |threshold: u64| (NEVER - threshold.min(NEVER)) as f64 / NEVER as f64;
    json!({
        "trace_id": hex(&verdict.trace_id), "state": "judged", "kept": verdict.kept,
        "policy": rule.map(|rule| &rule.name),
        "sub_policy": part.map(|(_, name)| name),
        "reason": reason(verdict, compiled),
        "early": verdict.early.slug(),
        "truncated": verdict.kept && too_large,
        "threshold": verdict.threshold,
        "voted": voted,
        "th": (known && threshold < NEVER).then(|| th(threshold)),
        "probability": share(threshold),
        "policy_probability": rule.map(|rule| share(rule.threshold)),
        "randomness": format!("{:014x}", verdict.randomness),
        "randomness_source": source,
        "consistent": true,
        "plan": verdict.plan, "sequence": position, "judged_at_ns": verdict.judged_wall_ns,
        "spans": verdict.spans, "bytes": verdict.bytes, "duration_ns": verdict.duration_ns,
        "root_seen": verdict.root, "tenant": tenants.name(verdict.tenant),
        "evidence": {"reasons": reasons, "witness": (verdict.witness != 0).then_some(verdict.witness)},
        "late_spans_follow": true,
    })
}

/// Why the rule of a verdict matched.
fn reason<'a>(verdict: &Verdict, compiled: Option<&'a Compiled>) -> &'a str {
    let rule = usize::from(verdict.rule);
    match compiled {
        _ if verdict.early == Early::TooLarge => "trace_too_large",
        _ if verdict.early == Early::Shared => "shared",
        _ if verdict.rule == NO_RULE => "no_match",
        Some(plan) => plan.reason(rule, verdict.bits, verdict.duration_ns),
        None => PLAN_LOST,
    }
}

/// T as tracestate spells it: 14 hex digits without the trailing zeros; always is `0`.
fn th(threshold: u64) -> String {
    assert!(threshold < NEVER, "what is never kept has no th");
    let digits = format!("{threshold:014x}");
    match digits.trim_end_matches('0') {
        "" => "0".to_owned(),
        some => some.to_owned(),
    }
}

/// A trace id as people write it.
#[must_use]
fn hex(trace_id: &TraceId) -> String {
    trace_id.iter().map(|byte| format!("{byte:02x}")).collect()
}
