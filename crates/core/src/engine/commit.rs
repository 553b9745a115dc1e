//! Take requests: append, index.

use bytes::Bytes;

use super::{Engine, overload};
use crate::clock::Now;
use crate::index::Trace;
use crate::ledger::Count;
use crate::log::{Entry, Header, Kind, LogError};
use crate::options::Fsync;
use crate::plan::{Compiled, Plan, PlanSet};
use crate::verdicts::LateSpans;
use crate::waiting::Wheel;
use crate::wire::{RejectedSpans, Scan, TraceDelta, scan};

/// A request that has been read and found good, ready to be appended.
#[derive(Debug)]
pub struct Prepared {
    /// Whose it is: by position in the configuration, and as the logs number tenants once it is
    /// committed.
    pub tenant: u16,
    /// The request as it came.
    pub body: Bytes,
    /// Its crc32c.
    pub body_crc: u32,
    /// What it adds to every trace.
    pub traces: Vec<TraceDelta>,
    /// Accepted spans and their bytes.
    pub accepted: Count,
    /// Spans left out.
    pub rejected: RejectedSpans,
    /// Spans of traces that were shed, which are neither in `body` nor in `traces`.
    pub shed: Count,
    /// The level of overload it came under.
    pub level: u8,
    /// Generation of the plans it was read with.
    pub generation: u64,
}

impl Prepared {
    /// Put together what a scan of `body` found, leaving the scan empty.
    #[must_use]
    pub fn new(tenant: u16, body: Bytes, scan: &mut Scan, generation: u64) -> Self {
        Self {
            tenant,
            body_crc: crc32c::crc32c(&body),
            body,
            traces: std::mem::take(&mut scan.traces),
            accepted: Count::new(scan.spans, scan.span_bytes),
            rejected: scan.rejected,
            shed: Count::default(),
            level: 0,
            generation,
        }
    }
}

impl Prepared {
    /// All spans that its sender is told were accepted.
    #[must_use]
    pub const fn spans(&self) -> u64 {
        self.accepted.spans + self.shed.spans
    }
}

/// What is known of a trace when spans of it come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is held, in this slot.
    Held(u32),
    /// It was judged: where its verdict stands, and whether it was kept.
    Judged {
        /// A position in the verdict log.
        verdict: u64,
        /// Whether it was kept.
        kept: bool,
    },
    /// Nothing.
    New,
}

impl Engine {
    /// Append a group of requests with one write, then index them. When this returns they may
    /// be acknowledged: in mode `always` they are durable.
    ///
    /// # Errors
    /// [`LogError`]: none of them was taken.
    pub fn commit(&mut self, group: &mut [Prepared], now: Now) -> Result<(), LogError> {
        self.newest_ms = now.mono_ns / 1_000_000;
        for prepared in &mut *group {
            prepared.tenant = self.tenants.number(prepared.tenant);
        }
        let mut positions = std::mem::take(&mut self.positions);
        positions.clear();
        let base = self.log.next_base();
        let from = self.log.end();
        let shed = overload::all_shed(group);
        let mut result = self.append(group, shed, now, &mut positions);
        if result.is_ok() && self.options.buffer.fsync == Fsync::Always {
            result = self.log.sync_or_take_back(from);
        }
        if result.is_ok() {
            assert_eq!(positions.len(), group.len(), "one position a request");
            self.note_segment(base);
            self.totals.received += shed;
            self.count_shed(shed);
            self.sequence += u64::from(!shed.is_zero());
            for (prepared, &position) in group.iter_mut().zip(&positions) {
                self.totals.received += prepared.accepted;
                self.count_rejected(prepared.rejected);
                if prepared.spans() > 0 {
                    self.note_level(prepared.level, now);
                }
                if prepared.accepted.spans > 0 {
                    self.sequence += 1;
                    self.refresh(prepared);
                    let written = from..self.log.end();
                    assert!(
                        written.contains(&position),
                        "what is acknowledged stands in the log"
                    );
                    assert!(position >= base, "a record stands in the segment it pins");
                    self.index_request(prepared, position, base, now);
                }
            }
            self.flush_late(now);
        } else {
            self.storage_errors += 1;
            // Whatever the disk keeps of them, no other request bears their numbers.
            self.sequence += group.len() as u64 + 1;
        }
        self.positions = positions;
        self.guard_bound();
        result
    }

    fn append(
        &mut self,
        group: &[Prepared],
        shed: Count,
        now: Now,
        positions: &mut Vec<u64>,
    ) -> Result<(), LogError> {
        if self.reserve.is_spent() {
            return Err(LogError::Io {
                what: "there is no room left for requests in",
                path: self.options.data_directory.clone(),
                error: std::io::ErrorKind::StorageFull.into(),
            });
        }
        let mut sequence = self.sequence;
        let mut total = self.totals.received;
        let plan = self.current_plan().plan().version;
        let mut entries = Vec::with_capacity(group.len() + 1);
        let shed_body = overload::body(shed);
        let sheds = usize::from(!shed.is_zero());
        if sheds > 0 {
            let header = self.shed_header(group, shed, now);
            (sequence, total) = (header.sequence, header.total);
            entries.push(Entry {
                header,
                body: &shed_body,
                body_crc: None,
            });
        }
        for prepared in group {
            if prepared.accepted.spans == 0 {
                // Nothing of it is worth a record; its rejected spans are only counted.
                continue;
            }
            sequence += 1;
            total += prepared.accepted;
            entries.push(Entry {
                header: Header {
                    kind: Kind::Request,
                    tenant: prepared.tenant,
                    plan,
                    count: u32::try_from(prepared.accepted.spans).unwrap_or(u32::MAX),
                    rank: prepared.level.into(),
                    sequence,
                    wall_ns: now.wall_ns,
                    total,
                },
                body: &prepared.body,
                body_crc: Some(prepared.body_crc),
            });
        }
        if entries.len() == group.len() && sheds == 0 {
            return self.log.append(&entries, positions);
        }
        let mut written = Vec::with_capacity(entries.len());
        if !entries.is_empty() {
            self.log.append(&entries, &mut written)?;
        }
        // One position a request, whether it has a record or not.
        let mut written = written.into_iter().skip(sheds);
        positions.extend(group.iter().map(|prepared| {
            let position = (prepared.accepted.spans > 0).then(|| written.next());
            position.flatten().unwrap_or_default()
        }));
        assert!(written.next().is_none(), "every record has its request");
        Ok(())
    }

    /// Count spans left out of an accepted request.
    pub(crate) fn count_rejected(&mut self, rejected: RejectedSpans) {
        for (reason, spans) in [
            ("bad_trace_id", rejected.bad_trace_id),
            ("bad_span_id", rejected.bad_span_id),
        ] {
            if spans > 0 {
                *self.totals.rejected.entry(reason.to_owned()).or_default() += spans;
            }
        }
    }

    /// Read a request again if the plans have changed since it was read.
    fn refresh(&self, prepared: &mut Prepared) {
        let plans = self.plan_set();
        if prepared.generation == plans.generation {
            return;
        }
        let mut fresh = Scan::default();
        if scan(&prepared.body, &plans, &mut fresh).is_ok() {
            prepared.traces = std::mem::take(&mut fresh.traces);
            prepared.generation = plans.generation;
        }
    }

    /// The plans that requests are read with.
    pub(crate) fn plan_set(&self) -> std::sync::Arc<PlanSet> {
        let guard = self.plan_set.read();
        std::sync::Arc::clone(&guard.unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    /// Take the spans of one request into the index, or note them as late.
    pub(crate) fn index_request(
        &mut self,
        prepared: &Prepared,
        position: u64,
        base: u64,
        now: Now,
    ) {
        self.most_tenant = self.most_tenant.max(prepared.tenant);
        // Looking up all before touching any: the misses of the cache overlap, and they are what
        // most of the time here goes to.
        let mut places = std::mem::take(&mut self.places);
        places.clear();
        // In bytes: a count of spans of one trace stops at what it can hold.
        let (_, mut held) = self.index.held();
        for delta in &prepared.traces {
            held += delta.bytes;
            let hash = self.index.hash(&delta.trace_id);
            places.push(match self.index.find(hash, &delta.trace_id) {
                Some(slot) => (hash, Place::Held(slot)),
                None => (hash, Place::New),
            });
        }
        for (hash, place) in places.iter_mut().filter(|(_, place)| *place == Place::New) {
            if let Some((verdict, kept)) = self.memory.find(*hash) {
                *place = Place::Judged { verdict, kept };
            }
        }
        assert_eq!(places.len(), prepared.traces.len(), "one place a trace");
        for (delta, &(hash, place)) in prepared.traces.iter().zip(&places) {
            if let Place::Held(slot) = place {
                self.extend(slot, delta, position, now);
            } else if let Place::Judged { verdict, kept } = place {
                let pin = self.pins.pin(base);
                let late = LateSpans {
                    trace_id: delta.trace_id,
                    sequence: self.sequence,
                    verdict,
                    spans: delta.spans,
                    bytes: delta.bytes,
                    kept,
                    lost: false,
                };
                held -= late.bytes;
                self.late.push((late, position, pin));
            } else {
                let pin = self.pins.pin(base);
                self.begin(hash, delta, (position, pin), prepared.tenant, now);
            }
        }
        assert_eq!(self.index.held().1, held, "every span is held, or late");
        self.places = places;
    }

    /// Begin to hold a trace under the current plan.
    pub(crate) fn begin(
        &mut self,
        hash: u64,
        delta: &TraceDelta,
        (position, pin): (u64, u32),
        tenant: u16,
        now: Now,
    ) {
        let mut trace = Trace::begin(delta, delta.bits[0]);
        self.next_stamp = self.next_stamp.wrapping_add(1);
        trace.stamp = self.next_stamp;
        trace.pin = pin;
        trace.tenant = tenant;
        trace.began_ms = now.mono_ns / 1_000_000;
        assert!(matches!(self.plans.len(), 1..=2), "at most two plans live");
        let live = self.plans.len() - 1;
        self.plans[live].open += 1;
        let plan = &self.plans[live].compiled;
        trace.plan = plan.plan().version;
        trace.run((0, 0), delta, plan);
        let rule = plan.first_match(trace.bits, trace.duration_ns());
        trace.due_tick = due_tick(plan, trace.began_ms, plan.wait_ms(rule));
        if trace.root
            && let Some(wait) = plan.plan().wait_after_root_ms
        {
            trace.root_tick = due_tick(plan, now.mono_ns / 1_000_000, wait);
            trace.due_tick = trace.due_tick.min(trace.root_tick);
        }
        trace.due_tick = trace.due_tick.min(due_for_size(&trace, plan.plan(), now));
        let (stamp, due_tick) = (trace.stamp, trace.due_tick);
        if self.sharing.is_some() {
            let plan = std::sync::Arc::clone(plan);
            self.notice(&trace, &plan, (None, rule));
        }
        let slot = self.index.insert(hash, trace);
        self.index.add_record(slot, position);
        self.wheel.schedule((slot, stamp), due_tick);
        self.look_beside(slot, delta, 0, now);
    }

    /// Add spans to a trace that is held.
    pub(super) fn extend(&mut self, slot: u32, delta: &TraceDelta, position: u64, now: Now) {
        let trace = self.index.trace(slot);
        let held_by = |live: &&super::LivePlan| live.compiled.plan().version == trace.plan;
        let live = self.plans.iter().rev().find(held_by);
        assert!(live.is_some(), "every open trace holds its plan alive");
        let Some(live) = live else { return };
        let current = trace.plan == self.current_plan().plan().version;
        assert!(
            current || self.plans.len() == 2,
            "a plan that is not current is the one before"
        );
        let bits = delta.bits[usize::from(!current)];
        let root_wait = match live.compiled.plan().wait_after_root_ms {
            Some(wait) if delta.root && !trace.root => Some(wait),
            _ => None,
        };
        let (rule_waits, plan) = (live.rule_waits, std::sync::Arc::clone(&live.compiled));
        let (before, shares) = (trace.due_tick, self.sharing.is_some());
        let matched = |trace: &Trace| plan.first_match(trace.bits, trace.duration_ns());
        let matched_before = shares.then(|| matched(trace)).flatten();
        self.index.update(slot, |trace| {
            let times = (trace.first_start_ns, trace.last_end_ns);
            let bits = plan.join(trace.bits, bits);
            trace.merge(delta, bits);
            trace.run(times, delta, &plan);
            if let Some(wait) = root_wait {
                trace.root_tick = due_tick(&plan, now.mono_ns / 1_000_000, wait);
            }
            if rule_waits {
                let rule = matched(trace);
                trace.due_tick = due_tick(&plan, trace.began_ms, plan.wait_ms(rule));
            }
            trace.due_tick = trace.due_tick.min(trace.root_tick);
            trace.due_tick = trace.due_tick.min(due_for_size(trace, plan.plan(), now));
        });
        self.index.add_record(slot, position);
        self.look_beside(slot, delta, usize::from(!current), now);
        let trace = self.index.trace(slot);
        if trace.due_tick < before {
            // The older entry finds the trace gone, or due later, when its time comes.
            self.wheel.schedule((slot, trace.stamp), trace.due_tick);
        }
        if shares {
            let trace = trace.clone();
            self.notice(&trace, &plan, (matched_before, matched(&trace)));
        }
    }
}

/// When a trace is judged that waits so long from then on.
fn due_tick(plan: &Compiled, from_ms: u64, wait_ms: u64) -> u32 {
    Wheel::tick_of(plan.due_ms(from_ms.saturating_add(wait_ms)))
}

/// When a trace is judged since it is too large: at once, or never.
fn due_for_size(trace: &Trace, plan: &Plan, now: Now) -> u32 {
    let large = plan.large.is_some_and(|large| large.drops(trace.bytes));
    if large {
        Wheel::tick_of(now.mono_ns / 1_000_000)
    } else {
        u32::MAX
    }
}
