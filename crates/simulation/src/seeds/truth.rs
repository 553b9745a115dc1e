//! What is true of every span, learned from senders and backends alone, and what follows for the
//! gateway. The requests are read by OpenTelemetry's own messages, and the chain is judged anew.
//!
//! A copy of a span is sure (its request was acknowledged, and no loss since may have taken it) or
//! possible (nobody was answered, or the mode allows that it is lost). A verdict that holds for
//! the sure copies alone and for all of them must be that one; else either will do.

mod accounts;
mod loss;
mod overload;

use std::collections::{BTreeMap, BTreeSet};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tailsampler_core::options::Fsync;
use tailsampler_core::verdicts::Verdict;
use tailsampler_core::wire::TraceId;

use crate::life::spans_of;
use overload::randomness;

/// A span, by its id.
pub type SpanId = u64;

/// Milliseconds that a verdict is surely remembered.
pub const REMEMBERED_MS: u64 = 300_000;

/// The chain: errors, then traces over this many nanoseconds, then this R and above.
pub const SLOW_NS: u64 = 1_000_000_000;
/// T of the last rule: about a third.
pub const THRESHOLD: u64 = (1 << 56) / 3 * 2;
/// What the gateway writes on spans whose trace was cut.
const TRUNCATED: &str = "tailsampler.truncated";
/// The wait of the chain.
pub const WAIT_MS: u64 = 5_000;
/// What a restart gives to overdue traces, and the slack of the wheel.
const GRACE_MS: u64 = 5_000 + 50;

/// One span, and what became of its copies.
#[derive(Default)]
struct One {
    /// When its newest copy was acknowledged.
    came_ms: u64,
    trace: TraceId,
    message: Span,
    sure: u32,
    possible: u32,
    /// By exporter.
    delivered: [u32; 2],
    again: [u32; 2],
    refused: [u32; 2],
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Known {
    #[default]
    Nothing,
    Surely(bool),
    /// A verdict may have been given, or lost.
    Perhaps,
}

#[derive(Default)]
struct Trace {
    sure: Vec<SpanId>,
    possible: Vec<SpanId>,
    since_ms: u64,
    /// It began under this one, surely.
    plan: Option<u32>,
    known: Known,
    judged_ms: u64,
    kept_once: bool,
    dropped_once: bool,
    /// A verdict that nobody was told of, and that the power took, may have kept it: its frame may
    /// be there all the same.
    perhaps_kept: bool,
    /// Some copies may have met one verdict, and some another.
    mixed: bool,
}

/// What was not durable yet.
#[derive(Default)]
struct Fresh {
    requests: Vec<Vec<SpanId>>,
    decided: Vec<(TraceId, Vec<SpanId>)>,
    settled: Vec<(usize, Vec<SpanId>)>,
    refused: Vec<SpanId>,
    /// Spans of requests that the disk refused, that were shed.
    refused_shed: u64,
    /// So may verdicts that the disk refused.
    judging: bool,
    /// They may have been taken and even judged, and nobody knows.
    unanswered: Vec<SpanId>,
    /// A start may have let them follow a verdict, which nobody was told of.
    replayed: Vec<SpanId>,
}

/// A moment, to be named when a sync ends that began then.
#[derive(Clone, Copy, Default)]
pub struct Mark(usize, usize, usize, usize);

/// The truth.
pub struct Truth {
    spans: BTreeMap<SpanId, One>,
    traces: BTreeMap<TraceId, Trace>,
    fresh: Fresh,
    /// Verdicts are durable before they take effect, and requests before they are acknowledged.
    always: bool,
    /// Nothing is ever durable for sure.
    never: bool,
    exporters: usize,
    restarted_ms: u64,
    /// Memory of verdicts is too small to rely on.
    forgetful: bool,
    /// Traces that a dying process may have judged.
    /// May have been judged, on these of their spans at least.
    unsettled: Vec<(TraceId, Vec<SpanId>)>,
    /// A process may have ended before it had copied what a failed sync left in doubt, and before
    /// it could say so on the disk: to the next one it looks durable.
    deceived: bool,
    /// Spans that an exporter has given up: it went on to what matters more.
    outranked: [BTreeSet<SpanId>; 2],
    /// What was shed at the door.
    pub shed: overload::Shed,
    /// How many copies are sure, and how many possible.
    pub sure: u64,
    /// See above.
    pub possible: u64,
    /// What was seen that is rare.
    pub seen: BTreeSet<&'static str>,
}

/// Ids as the gateway must accept them.
fn accepted(span: &Span) -> Option<(TraceId, SpanId)> {
    let trace = TraceId::try_from(&*span.trace_id).ok()?;
    let id = u64::from_be_bytes(span.span_id.as_slice().try_into().ok()?);
    (trace != [0; 16] && id != 0).then_some((trace, id))
}

impl Truth {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(mode: Fsync, exporters: usize, forgetful: bool) -> Self {
        Self {
            spans: BTreeMap::new(),
            traces: BTreeMap::new(),
            fresh: Fresh::default(),
            always: mode == Fsync::Always,
            never: mode == Fsync::Never,
            exporters,
            restarted_ms: 0,
            forgetful,
            unsettled: Vec::new(),
            deceived: false,
            outranked: Default::default(),
            shed: overload::Shed::default(),
            sure: 0,
            possible: 0,
            seen: BTreeSet::new(),
        }
    }

    /// Spans that a gateway must take of this request.
    ///
    /// # Errors
    /// The request is none.
    pub fn read(&mut self, body: &[u8]) -> Result<Vec<SpanId>, String> {
        let request = ExportTraceServiceRequest::decode(body).map_err(|e| e.to_string())?;
        let groups = request
            .resource_spans
            .into_iter()
            .flat_map(|group| group.scope_spans);
        let mut ids = Vec::new();
        for message in groups.flat_map(|scope| scope.spans) {
            let Some((trace, id)) = accepted(&message) else {
                self.seen.insert("a span is rejected");
                continue;
            };
            let one = self.spans.entry(id).or_default();
            if one.sure + one.possible > 0 {
                self.seen.insert("a span is sent twice");
            }
            (one.trace, one.message) = (trace, message);
            ids.push(id);
        }
        Ok(ids)
    }

    /// These spans were acknowledged; traces that begin with them are judged by this plan.
    pub fn acknowledged(&mut self, ids: &[SpanId], plan: u32, now_ms: u64) {
        self.sure += ids.len() as u64;
        let mut late: BTreeMap<TraceId, Vec<SpanId>> = BTreeMap::new();
        for id in ids {
            let Some(one) = self.spans.get_mut(id) else {
                continue;
            };
            one.sure += 1;
            one.came_ms = now_ms;
            let trace = self.traces.entry(one.trace).or_default();
            let remembered =
                !self.forgetful && now_ms.saturating_sub(trace.judged_ms) < REMEMBERED_MS;
            match trace.known {
                Known::Surely(kept) if remembered => {
                    self.seen.insert(if kept {
                        "late spans of a kept trace"
                    } else {
                        "late spans of a dropped trace"
                    });
                    late.entry(one.trace).or_default().push(*id);
                }
                Known::Nothing => {
                    if trace.sure.is_empty() {
                        trace.since_ms = now_ms;
                        trace.plan = trace.possible.is_empty().then_some(plan);
                    }
                    trace.sure.push(*id);
                }
                Known::Surely(_) | Known::Perhaps => {
                    trace.mixed = true;
                    trace.possible.push(*id);
                    // It may follow a verdict that is still remembered, and go out with it.
                    late.entry(one.trace).or_default().push(*id);
                }
            }
        }
        self.fresh.decided.extend(late);
        if !self.always {
            self.fresh.requests.push(ids.to_vec());
        }
    }

    /// Nobody knows whether these spans were taken.
    pub fn unanswered(&mut self, ids: &[SpanId]) {
        self.possible += ids.len() as u64;
        self.fresh.unanswered.extend_from_slice(ids);
        for id in ids {
            let Some(one) = self.spans.get_mut(id) else {
                continue;
            };
            one.possible += 1;
            let trace = self.traces.entry(one.trace).or_default();
            trace.possible.push(*id);
        }
    }

    /// The disk refused these spans; what it has of them may be read after a loss of power.
    pub fn refused_by_disk(&mut self, ids: &[SpanId]) {
        self.fresh.refused.extend_from_slice(ids);
    }

    /// What the chain says of these spans.
    fn chain<'a>(&self, trace: &TraceId, ids: impl Iterator<Item = &'a SpanId>) -> bool {
        let (mut first, mut last, mut error) = (u64::MAX, 0, false);
        for message in ids.filter_map(|id| Some(&self.spans.get(id)?.message)) {
            first = first.min(message.start_time_unix_nano);
            last = last.max(message.end_time_unix_nano);
            error |= message.status.as_ref().is_some_and(|s| s.code == 2);
        }
        error || last.saturating_sub(first) >= SLOW_NS || randomness(trace) >= THRESHOLD
    }

    /// The gateway gave a verdict, by this plan if that is sure.
    ///
    /// # Errors
    /// It must not be that one.
    pub fn judged(
        &mut self,
        verdict: &Verdict,
        plan: Option<u32>,
        now_ms: u64,
    ) -> Result<(), String> {
        let id = verdict.trace_id;
        let name = format!("trace {}", u128::from_be_bytes(id));
        let Some(trace) = self.traces.get(&id) else {
            return Err(format!("{name} was judged, and never sent"));
        };
        let old = now_ms.saturating_sub(trace.judged_ms) >= REMEMBERED_MS || self.forgetful;
        if matches!(trace.known, Known::Surely(_)) && !old {
            return Err(format!("{name} was judged twice"));
        }
        let (least, most) = (trace.sure.len(), trace.sure.len() + trace.possible.len());
        let spans = verdict.spans as usize;
        if spans < least || spans > most {
            return Err(format!(
                "{name} was judged on {spans} spans, not {least} to {most}"
            ));
        }
        if let (Some(plan), Some(by)) = (trace.plan, plan)
            && plan != by
        {
            return Err(format!(
                "{name} began under plan {plan}, and was judged by {by}"
            ));
        }
        let judged = trace.sure.clone();
        self.verdict_fits(&id, &judged, verdict.kept)?;
        self.decide(id, verdict.kept, now_ms);
        Ok(())
    }

    /// Whether the chain may say that of a trace, on these of its spans at least.
    fn verdict_fits(&mut self, id: &TraceId, judged: &[SpanId], kept: bool) -> Result<(), String> {
        let Some(trace) = self.traces.get(id) else {
            return Ok(());
        };
        let at_least = !judged.is_empty() && self.chain(id, judged.iter());
        let at_most = self.chain(id, trace.sure.iter().chain(&trace.possible));
        let began = (trace.plan.is_some() && !trace.mixed).then_some(trace.since_ms);
        let (surely, perhaps) = self.shed.thresholds(began, self.restarted_ms);
        let at_least = at_least && randomness(id) >= perhaps;
        let at_most = at_most && randomness(id) >= surely;
        if at_least != at_most {
            self.seen
                .insert("a verdict hangs on spans nobody was told of");
        }
        if (at_least && !kept) || (!at_most && kept) {
            let name = u128::from_be_bytes(*id);
            return Err(format!(
                "the verdict on trace {name} is {kept}, and must not be"
            ));
        }
        Ok(())
    }

    fn decide(&mut self, id: TraceId, kept: bool, now_ms: u64) {
        self.unsettled.retain(|(other, _)| *other != id);
        let Some(trace) = self.traces.get_mut(&id) else {
            return;
        };
        if trace.known != Known::Nothing {
            trace.mixed = true;
            self.seen.insert("a trace is judged once more");
        }
        let mut decided = std::mem::take(&mut trace.sure);
        decided.append(&mut trace.possible);
        trace.known = Known::Surely(kept);
        trace.judged_ms = now_ms;
        trace.plan = None;
        trace.kept_once |= kept;
        trace.dropped_once |= !kept;
        self.fresh.decided.push((id, decided));
    }

    /// The process died while it was judging: open traces may have been judged.
    pub fn perhaps_judged(&mut self) {
        for (id, trace) in &mut self.traces {
            match trace.known {
                Known::Nothing if self.unsettled.iter().all(|(other, _)| other != id) => {
                    self.unsettled.push((*id, trace.sure.clone()));
                }
                Known::Surely(_) | Known::Perhaps if !trace.possible.is_empty() => {
                    // One verdict or another: nobody can tell them apart.
                    (trace.known, trace.mixed, trace.dropped_once) = (Known::Perhaps, true, true);
                }
                _ => {}
            }
        }
    }

    /// The next process says what the one that died had judged.
    ///
    /// # Errors
    /// It must not have been that.
    pub fn settle_verdicts(
        &mut self,
        decision: impl Fn(&TraceId) -> Option<bool>,
        now_ms: u64,
    ) -> Result<(), String> {
        for (id, judged) in std::mem::take(&mut self.unsettled) {
            let Some(kept) = decision(&id) else { continue };
            self.seen.insert("a verdict that nobody was told of");
            self.verdict_fits(&id, &judged, kept)?;
            self.decide(id, kept, now_ms);
        }
        Ok(())
    }

    /// A backend has these bytes; returns the spans in them.
    ///
    /// # Errors
    /// They are not what was sent, or must not come.
    pub fn delivered(&mut self, exporter: usize, payload: &[u8]) -> Result<Vec<SpanId>, String> {
        let mut ids = Vec::new();
        for mut message in spans_of(payload).ok_or("an export that is no request")? {
            message.trace_state.clear();
            message.attributes.retain(|one| one.key != TRUNCATED);
            let (_, id) = accepted(&message).ok_or("an export without an id")?;
            let Some(one) = self.spans.get_mut(&id) else {
                return Err(format!("span {id} was exported, and never sent"));
            };
            if one.message != message {
                return Err(format!("span {id} was altered"));
            }
            one.delivered[exporter] += 1;
            if one.delivered[exporter] > one.sure + one.possible + one.again[exporter] {
                let trace = u128::from_be_bytes(one.trace);
                return Err(format!(
                    "span {id} of trace {trace} was exported {} times to exporter {exporter}; {} \
                     copies are sure and {} possible, and {} may come again",
                    one.delivered[exporter], one.sure, one.possible, one.again[exporter]
                ));
            }
            let once = one.sure + one.possible == 1; // or it came late, and stands in another frame
            if once && self.outranked[exporter].contains(&id) {
                return Err(format!(
                    "errors were given up for {exporter} before span {id}"
                ));
            }
            let trace = self.traces.entry(one.trace).or_default();
            let kept_once = trace.kept_once || trace.perhaps_kept || trace.mixed;
            if trace.known == Known::Surely(false) && !kept_once {
                return Err(format!("span {id} was exported, and its trace dropped"));
            }
            ids.push(id);
        }
        Ok(ids)
    }

    /// Spans that an exporter's backend surely has more often than they were sent.
    #[must_use]
    pub fn duplicates(&self, exporter: usize) -> u64 {
        let more = |one: &One| {
            let copies = one.sure + one.possible;
            u64::from(one.delivered[exporter] > copies)
        };
        self.spans.values().map(more).sum()
    }

    /// These spans may be delivered once more: their batch was not settled.
    pub fn may_come_again(&mut self, exporter: usize, ids: &[SpanId]) {
        for id in ids {
            if let Some(one) = self.spans.get_mut(id) {
                one.again[exporter] += 1;
            }
        }
    }

    /// The disk had no room to say what was settled, and what was not is not told from it.
    pub fn all_may_come_again(&mut self) {
        for one in self.spans.values_mut() {
            let delivered = one.delivered;
            for (again, delivered) in one.again.iter_mut().zip(delivered) {
                *again += delivered;
            }
        }
    }

    /// The backend will not have these.
    pub fn refused(&mut self, exporter: usize, ids: &[SpanId]) {
        for id in ids {
            if let Some(one) = self.spans.get_mut(id) {
                one.refused[exporter] += 1;
            }
        }
    }

    /// A batch was settled.
    pub fn settled(&mut self, exporter: usize, ids: Vec<SpanId>) {
        self.fresh.settled.push((exporter, ids));
    }

    /// Whether some spans may be held for a second verdict, the first one being forgotten: a start
    /// remembers for longer.
    #[must_use]
    pub fn begins_again(&self) -> bool {
        let judged = |trace: &Trace| trace.known != Known::Nothing && !trace.possible.is_empty();
        self.traces.values().any(judged)
    }

    /// Verdicts that everybody was told of and that nothing may have changed.
    pub fn verdicts(&self, now_ms: u64) -> impl Iterator<Item = (&TraceId, bool)> {
        self.traces.iter().filter_map(move |(id, trace)| {
            let fresh = now_ms.saturating_sub(trace.judged_ms) < REMEMBERED_MS;
            match trace.known {
                Known::Surely(kept) if fresh && !self.forgetful => Some((id, kept)),
                _ => None,
            }
        })
    }
}

fn id_of(message: &Span) -> SpanId {
    let id = message.span_id.as_slice().try_into();
    id.map(u64::from_be_bytes).unwrap_or_default()
}

/// The spans of an export.
pub(super) fn ids_of(payload: &[u8]) -> Result<Vec<SpanId>, String> {
    let spans = spans_of(payload).ok_or("an export that is no request")?;
    Ok(spans.iter().map(id_of).collect())
}
