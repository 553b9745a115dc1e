//! What reached a backend, what did not, and what had to go before what.

use tailsampler_core::wire::TraceId;

use super::{GRACE_MS, Known, SpanId, Truth, WAIT_MS};

impl Truth {
    /// At the end: sure copies that reached neither a backend nor a verdict that drops them.
    /// `decision` is what the gateway says of a trace now.
    pub fn missing(&self, decision: impl Fn(&TraceId) -> Option<bool>) -> Vec<(usize, String)> {
        let mut missing = Vec::new();
        for (id, one) in &self.spans {
            let Some(trace) = self.traces.get(&one.trace) else {
                continue;
            };
            if one.sure == 0 {
                continue;
            }
            let kept = match trace.known {
                Known::Surely(kept) => Some(kept),
                Known::Nothing | Known::Perhaps => decision(&one.trace),
            };
            for exporter in 0..self.exporters {
                let out = one.delivered[exporter] + one.refused[exporter];
                let good = match kept {
                    Some(true) | None if trace.mixed => out > 0 || trace.dropped_once,
                    Some(true) => out >= one.sure,
                    Some(false) => true,
                    None => out > 0,
                };
                if !good {
                    let trace = u128::from_be_bytes(one.trace);
                    let what = format!(
                        "span {id} of trace {trace} to exporter {exporter}: {} copies, {out} went \
                         out, kept {kept:?}",
                        one.sure
                    );
                    missing.push((exporter, what));
                }
            }
        }
        missing
    }

    /// Traces that should have been judged by now.
    #[must_use]
    pub fn overdue(&self, now_ms: u64) -> Option<String> {
        let late = self.traces.iter().find(|(_, trace)| {
            let since = trace.since_ms.max(self.restarted_ms + GRACE_MS);
            !trace.sure.is_empty() && now_ms > since + WAIT_MS + GRACE_MS
        });
        let (id, trace) = late?;
        Some(format!(
            "trace {} has waited since {} ms and it is {now_ms} ms",
            u128::from_be_bytes(*id),
            trace.since_ms
        ))
    }

    /// An exporter has given up errors: of what had been kept by other rules before this time, and
    /// is not in hand, nothing may come any more.
    pub fn gave_up_errors(&mut self, exporter: usize, before_ms: u64, in_hand: &[SpanId]) {
        self.seen.insert("errors are given up");
        for (id, one) in &self.spans {
            let kept = self.traces.get(&one.trace).is_some_and(|trace| {
                let sure = trace.known == Known::Surely(true) && !trace.mixed;
                sure && trace.possible.is_empty() && trace.judged_ms < before_ms
            });
            let sent_once = one.sure == 1 && one.possible == 0 && one.came_ms < before_ms;
            if kept && sent_once && !in_hand.contains(id) && !self.has_errors(&one.trace) {
                self.outranked[exporter].insert(*id);
            }
        }
    }

    /// Books may be mended: what was given up may come again.
    pub fn may_come_back(&mut self) {
        self.outranked = Default::default();
    }

    fn has_errors(&self, trace: &TraceId) -> bool {
        let of_it = self.spans.values().filter(|one| one.trace == *trace);
        let mut codes = of_it.filter_map(|one| one.message.status.as_ref());
        codes.any(|status| status.code == 2)
    }
}
