//! From a verdict to a frame: read the spans of a kept trace back, and write them as they go out.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;

use super::{Frame, Outbox};
use crate::admission::threshold;
use crate::clock::Now;
use crate::ledger::Count;
use crate::log::{Failing, LogError, LogReader};
use crate::plan::Compiled;
use crate::verdicts::Verdict;
use crate::wire::{Layout, Located, OnScope, Stamp, extract};

/// Requests kept in memory while traces of them are packed. Traces that arrived together are
/// judged together, so that one reading serves them all.
const CACHE_BYTES: usize = 32 * 1024 * 1024;

/// Kept spans that are to be brought into the outbox.
#[derive(Clone)]
pub struct KeptJob {
    /// Position, in the verdict log, of the verdict or of the note on late spans.
    pub sequence: u64,
    /// They came after the verdict.
    pub late: bool,
    /// What was decided.
    pub verdict: Verdict,
    /// The plan it was judged by; None if damage took it.
    pub plan: Option<Arc<Compiled>>,
    /// Records of the buffer log that hold its spans, oldest first.
    pub positions: Vec<u64>,
    /// How much there should be.
    pub expected: Count,
    /// The segment of the buffer log that must stay until this is done.
    pub pin: u32,
}

/// The reason of a verdict whose plan cannot be read any more.
pub(crate) const PLAN_LOST: &str = "plan_lost";

/// Traces looked up in a request one by one, before it is laid out whole.
const ONE_BY_ONE: u32 = 4;

/// A request that was read back.
struct Request {
    body: Bytes,
    /// T of the level of overload that it came under.
    least: u64,
    /// Traces that were looked up in it so far.
    asked: u32,
    /// All its spans by trace, once many of them are wanted.
    layout: Option<Layout>,
}

/// Packs kept spans into frames.
pub struct Packer {
    reader: LogReader,
    outbox: Arc<Outbox>,
    annotate: bool,
    cache: HashMap<u64, Request>,
    order: VecDeque<u64>,
    cached_bytes: usize,
    /// The buffer log cannot be read.
    failing: Option<Failing>,
}

impl Packer {
    /// A packer that reads this buffer log.
    #[must_use]
    pub fn new(reader: LogReader, outbox: Arc<Outbox>, annotate: bool) -> Self {
        Self {
            reader,
            outbox,
            annotate,
            cache: HashMap::new(),
            order: VecDeque::new(),
            cached_bytes: 0,
            failing: None,
        }
    }

    /// Write one frame for every job, in order.
    ///
    /// # Errors
    /// [`LogError::Io`] if the outbox could not be written, or the buffer log not be read; nothing
    /// was written, and the jobs stand. Spans that cannot be read for a minute are missing.
    pub fn pack(&mut self, jobs: &[KeptJob], now: Now) -> Result<(), LogError> {
        assert!(!jobs.is_empty(), "there is something to pack");
        assert!(
            jobs.is_sorted_by(|one, next| one.sequence < next.sequence),
            "frames are written in the order of their verdicts"
        );
        let mut patient = true;
        let mut frames = Vec::with_capacity(jobs.len());
        for job in jobs {
            let mut frame = self.frame(job, patient);
            if frame.is_err() && !Failing::again(&mut self.failing, now) {
                patient = false;
                frame = self.frame(job, patient);
            }
            frames.push((job.sequence, job.expected, frame?));
        }
        self.failing = None;
        assert!(
            frames
                .iter()
                .zip(jobs)
                .all(|((_, _, frame), job)| frame.trace_id == job.verdict.trace_id),
            "a frame is of the trace of its verdict"
        );
        assert_eq!(frames.len(), jobs.len(), "one frame a job");
        self.outbox.write(&frames, now)?;
        let newest = jobs.last();
        assert!(
            newest.is_none_or(|newest| self.outbox.has_written(newest.sequence)),
            "a job that is done has its frame"
        );
        Ok(())
    }

    /// Write a frame without spans for a job that cannot be packed: they are all missing.
    ///
    /// # Errors
    /// As [`Self::pack`].
    pub fn give_up(&self, job: &KeptJob, now: Now) -> Result<(), LogError> {
        let frame = Frame {
            trace_id: job.verdict.trace_id,
            missing: job.expected,
            ..Frame::default()
        };
        self.outbox
            .write(&[(job.sequence, job.expected, frame)], now)
    }

    fn frame(&mut self, job: &KeptJob, patient: bool) -> Result<Frame, LogError> {
        let frame = self.frame_of(job, false, patient)?;
        if frame.missing.is_zero() {
            return Ok(frame);
        }
        // Spans that name their trace twice are only found in a whole layout.
        self.frame_of(job, true, patient)
    }

    fn frame_of(&mut self, job: &KeptJob, whole: bool, patient: bool) -> Result<Frame, LogError> {
        assert!(!job.positions.is_empty(), "what is kept stands somewhere");
        let trace_id = job.verdict.trace_id;
        let wanted = self.wanted(job, whole, patient)?;
        let mut frame = Frame {
            trace_id,
            tenant: job.verdict.tenant,
            plan: job.verdict.plan,
            rank: rank(job),
            ..Frame::default()
        };
        if let Some(plan) = &job.plan {
            self.outbox.learn(plan.plan());
        }
        let stamp = stamp(job, self.annotate, wanted.is_some());
        for (at, &position) in job.positions.iter().enumerate() {
            let wanted = wanted.as_ref().map(|wanted| &wanted[at]);
            self.with_layout(job, position, (whole, patient), |(body, least), layout| {
                let out = (&mut frame.payload, &mut frame.sizes);
                // A verdict speaks of the levels before it; late spans came under one of their own.
                let least = if job.late { least } else { 0 };
                let threshold = stamp.threshold.map(|threshold| threshold.max(least));
                let stamp = Stamp { threshold, ..stamp };
                let found = extract(body, layout, &trace_id, &stamp, wanted, out);
                frame.malformed += Count::new(found.malformed_spans, found.malformed_bytes);
                frame.cut += Count::new(found.cut_spans, found.cut_bytes);
            })?;
            assert!(
                frame.sizes.is_empty() == frame.payload.is_empty(),
                "every span that goes out is counted"
            );
        }
        let found = frame.kept() + frame.malformed + frame.cut;
        frame.missing = Count::new(
            job.expected.spans.saturating_sub(found.spans),
            job.expected.bytes.saturating_sub(found.bytes),
        );
        Ok(frame)
    }

    /// Which spans are wanted of each record of a job, by where they begin; None: all of them.
    fn wanted(
        &mut self,
        job: &KeptJob,
        whole: bool,
        patient: bool,
    ) -> Result<Option<Vec<BTreeSet<u32>>>, LogError> {
        let Some(room) = room(job) else {
            return Ok(None);
        };
        let trace_id = job.verdict.trace_id;
        let mut spans = Vec::new();
        for (at, &position) in job.positions.iter().enumerate() {
            self.with_layout(job, position, (whole, patient), |_, layout| {
                let located = layout.spans_of(&trace_id).iter();
                spans.extend(located.map(|span| (at, *span)));
            })?;
        }
        Ok(Some(most_important(&spans, job.positions.len(), room)))
    }

    /// Read a record of a job back, and lay out the spans of its trace in it. A record that cannot
    /// be read any more is passed over.
    fn with_layout(
        &mut self,
        job: &KeptJob,
        position: u64,
        (whole, patient): (bool, bool),
        mut use_it: impl FnMut((&Bytes, u64), &Layout),
    ) -> Result<(), LogError> {
        let request = match self.request(position) {
            Ok(Some(request)) => request,
            Err(error @ LogError::Io { .. }) if patient => return Err(error),
            Ok(None) | Err(_) => return Ok(()),
        };
        request.asked += 1;
        let few = request.asked <= ONE_BY_ONE && !whole;
        if !few && request.layout.is_none() {
            request.layout = Layout::of(&request.body).ok();
        }
        let one = match &request.layout {
            None => Layout::of_trace(&request.body, &job.verdict.trace_id).ok(),
            Some(_) => None,
        };
        if let Some(layout) = request.layout.as_ref().or(one.as_ref()) {
            use_it((&request.body, request.least), layout);
        }
        Ok(())
    }

    fn request(&mut self, position: u64) -> Result<Option<&mut Request>, LogError> {
        if !self.cache.contains_key(&position) {
            let record = self.reader.read(position)?;
            let level = u8::try_from(record.header.rank).unwrap_or(u8::MAX);
            let (body, least) = (record.body, threshold(level));
            while self.cached_bytes + body.len() > CACHE_BYTES
                && let Some(oldest) = self.order.pop_front()
            {
                let request = self.cache.remove(&oldest);
                assert!(request.is_some(), "what stands in line is there");
                if let Some(request) = request {
                    self.cached_bytes -= request.body.len();
                }
            }
            assert!(
                !self.cache.is_empty() || self.cached_bytes == 0,
                "every byte is counted until it is let go"
            );
            self.cached_bytes += body.len();
            assert_eq!(self.order.len(), self.cache.len(), "one place in line each");
            assert!(
                self.cached_bytes <= CACHE_BYTES || self.cache.is_empty(),
                "only one request alone may be larger"
            );
            self.order.push_back(position);
            let (asked, layout) = (0, None);
            self.cache.insert(
                position,
                Request {
                    body,
                    least,
                    asked,
                    layout,
                },
            );
        }
        Ok(self.cache.get_mut(&position))
    }

    /// Let go of what was read; called when there is nothing more to pack for a while.
    pub fn rest(&mut self) {
        self.cache.clear();
        self.order.clear();
        self.cached_bytes = 0;
    }
}

/// The place of the rule that kept a trace, from the end of the chain; 0 if it is not known.
fn rank(job: &KeptJob) -> u32 {
    let rules = job.plan.as_ref().map_or(0, |plan| plan.plan().rules.len());
    let behind = rules.checked_sub(usize::from(job.verdict.rule));
    behind.map_or(0, |behind| u32::try_from(behind).unwrap_or(u32::MAX))
}

/// Bytes that are left for the spans of a job; None if they may all go. Late spans have what the
/// rest of their trace has left them.
fn room(job: &KeptJob) -> Option<u64> {
    let large = job.plan.as_ref()?.plan().large?;
    let before = if job.late { job.verdict.bytes } else { 0 };
    let room = large.max_bytes.saturating_sub(before);
    (!large.drop && job.expected.bytes > room).then_some(room)
}

/// Of spans, each with the number of its record, those that go: the root first, then errors, then
/// what came first, as far as there is room.
fn most_important(spans: &[(usize, Located)], records: usize, mut room: u64) -> Vec<BTreeSet<u32>> {
    let mut wanted = vec![BTreeSet::new(); records];
    let class = |span: &Located| match (span.root, span.error) {
        (true, _) => 0,
        (_, true) => 1,
        _ => 2,
    };
    for now in 0..3 {
        for (at, span) in spans.iter().filter(|(_, span)| class(span) == now) {
            let bytes = u64::from(span.bytes());
            if bytes <= room {
                room -= bytes;
                wanted[*at].insert(span.from);
            } else if now == 2 {
                return wanted; // the first ones, without holes
            }
        }
    }
    wanted
}

/// What is to be written on the spans of a job.
fn stamp(job: &KeptJob, annotate: bool, truncated: bool) -> Stamp<'_> {
    let verdict = &job.verdict;
    let rule = usize::from(verdict.rule);
    let (policy, reason, write_rv) = match &job.plan {
        Some(plan) => (
            plan.plan().rules.get(rule).map_or("", |rule| &rule.name),
            plan.reason(rule, verdict.bits, verdict.duration_ns),
            plan.plan().hash_trace_ids,
        ),
        None => ("", PLAN_LOST, verdict.randomness_source == 2),
    };
    let plan = job.plan.as_deref();
    let record = plan
        .and_then(|plan| plan.plan().votes.as_ref())
        .is_some_and(|votes| votes.record_policy && (votes.record_late || !job.late));
    let part = verdict.part.zip(plan);
    // What is left of a trace is no fair sample of its spans; and not all votes know a probability.
    let fair = !truncated && plan.is_none_or(Compiled::knows_probability);
    Stamp {
        policy,
        reason: verdict.early.slug().unwrap_or(reason),
        threshold: fair.then_some(verdict.threshold.max(verdict.probability)),
        truncated,
        scope: record.then_some(OnScope {
            policy,
            part: part.and_then(|(part, plan)| Some(plan.part(part)?.1)),
            late: job.late,
        }),
        randomness: verdict.randomness,
        write_rv,
        annotate,
    }
}
