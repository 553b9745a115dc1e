//! What is durable, and what may be gone when the disk loses or changes something.

use std::collections::BTreeMap;

use tailsampler_core::wire::TraceId;

use super::{Fresh, Known, Mark, SpanId, Trace, Truth, id_of};

impl Truth {
    /// Now, for [`Self::synced`].
    #[must_use]
    pub fn mark(&self) -> Mark {
        let Fresh {
            requests,
            decided,
            settled,
            replayed,
            ..
        } = &self.fresh;
        Mark(requests.len(), decided.len(), settled.len(), replayed.len())
    }

    /// A sync that began at this moment ended well: what had happened by then is durable, but not
    /// that `late` spans follow their verdict, where some were not written down by then.
    pub fn synced(&mut self, mark: Mark, late: bool) {
        self.fresh.requests.drain(..mark.0);
        if !late {
            self.fresh.decided.drain(..mark.1);
        }
        self.fresh.settled.drain(..mark.2);
        self.fresh.replayed.drain(..mark.3);
    }

    /// The disk has failed while something was judged, perhaps: a loss of power may bring back what
    /// was taken back.
    pub fn perhaps_judging(&mut self) {
        self.fresh.judging = true;
    }

    /// A process has ended with a sync that had failed, and the next one may not know.
    pub fn deceived(&mut self) {
        self.deceived = true;
    }

    /// The process has ended, and another one has begun. Spans that may have lost the verdict they
    /// were to follow may have been given one within the start.
    pub fn restarted(&mut self, now_ms: u64) {
        self.restarted_ms = now_ms;
        let known = |trace: &&Trace| trace.known != Known::Nothing;
        let lost = self.traces.values().filter(known);
        let possible = lost.flat_map(|trace| trace.possible.iter().copied());
        self.fresh.replayed.extend(possible);
    }

    /// The power went: what was not durable may be gone.
    pub fn power_lost(&mut self) {
        if std::mem::take(&mut self.deceived) {
            self.seen.insert("the power goes after a sync that failed");
            return self.rotted();
        }
        if self.never {
            // What becomes of a batch may be forgotten again and again, with every loss.
            for one in self.spans.values_mut() {
                let copies = one.sure + one.possible;
                for (again, delivered) in one.again.iter_mut().zip(one.delivered) {
                    *again = delivered.max(*again) + copies;
                }
            }
        }
        self.shed_is_in_doubt();
        let fresh = std::mem::take(&mut self.fresh);
        if fresh.judging {
            self.perhaps_judged();
        }
        self.unanswered(&fresh.refused);
        if !self.always {
            self.may_come_again(0, &fresh.unanswered);
            self.may_come_again(1, &fresh.unanswered);
            self.may_come_again(0, &fresh.replayed);
            self.may_come_again(1, &fresh.replayed);
            let mut judging = Vec::new();
            for (id, _) in &self.unsettled {
                if let Some(trace) = self.traces.get_mut(id) {
                    trace.perhaps_kept = true;
                    judging.extend_from_slice(&trace.sure);
                }
            }
            self.may_come_again(0, &judging);
            self.may_come_again(1, &judging);
        }
        for id in fresh.requests.iter().flatten() {
            self.doubt(*id);
        }
        for (trace, ids) in fresh.decided {
            if !self.always {
                // The frame may be there, and the verdict not: it is given once more.
                self.may_come_again(0, &ids);
                self.may_come_again(1, &ids);
            }
            let Some(trace) = self.traces.get_mut(&trace) else {
                continue;
            };
            if !self.always {
                (trace.known, trace.mixed, trace.plan) = (Known::Perhaps, true, None);
                trace.possible.extend(ids);
            }
        }
        for (exporter, ids) in fresh.settled {
            self.may_come_again(exporter, &ids);
        }
    }

    /// Every trace that was sent, and how many spans were sent of it, copies included: whatever the
    /// disk did, no verdict is on more.
    pub fn sent(&self) -> BTreeMap<TraceId, u64> {
        let mut sent = BTreeMap::new();
        for one in self.spans.values() {
            *sent.entry(one.trace).or_default() += u64::from(one.sure + one.possible);
        }
        sent
    }

    /// A copy that was sure may be gone.
    fn doubt(&mut self, id: SpanId) {
        let Some(one) = self.spans.get_mut(&id) else {
            return;
        };
        one.sure = one.sure.saturating_sub(1);
        one.possible += 1;
        (self.sure, self.possible) = (self.sure - 1, self.possible + 1);
        if let Some(trace) = self.traces.get_mut(&one.trace)
            && let Some(at) = trace.sure.iter().position(|other| *other == id)
        {
            trace.sure.swap_remove(at);
            trace.possible.push(id);
            trace.plan = None;
        }
    }

    /// Bits of the disk were flipped: anything may be gone, and nothing may be altered.
    pub fn rotted(&mut self) {
        let refused = std::mem::take(&mut self.fresh.refused);
        self.unanswered(&refused);
        self.shed_is_in_doubt();
        let all: Vec<_> = self
            .spans
            .iter()
            .flat_map(|(id, one)| std::iter::repeat_n(*id, one.sure as usize))
            .collect();
        all.into_iter().for_each(|id| self.doubt(id));
        for trace in self.traces.values_mut() {
            (trace.known, trace.mixed) = (Known::Perhaps, true);
            trace.plan = None;
        }
        for one in self.spans.values_mut() {
            let trace = self.traces.entry(one.trace).or_default();
            let copies = one.sure + one.possible;
            trace
                .possible
                .extend(std::iter::repeat_n(id_of(&one.message), copies as usize));
            for exporter in 0..2 {
                one.again[exporter] += one.delivered[exporter] + copies;
            }
        }
        self.fresh = Fresh::default();
    }
}
