//! What an exporter gives up at its bounds is held against them.

use serde_json::Value;

use super::Run;
use crate::life::MS;
use crate::seeds::habits::name;
use tailsampler_core::options::Limits;

/// An outbox of this size is never full in a seed.
const LARGE: u64 = 16 << 20;

/// More than is written to the outbox between two looks at its bounds.
const SLACK: u64 = 100_000;

/// What was given up by the last step.
#[derive(Default)]
pub(super) struct Given {
    /// Spans for each exporter.
    spans: [u64; 2],
    /// Of these, those of errors; None since another process has begun.
    errors: [Option<u64>; 2],
    /// When that was, if every kept trace was in the outbox then.
    packed_ms: Option<u64>,
    /// Turns until what a start packs again is surely packed.
    unsure: u64,
}

fn count(value: &Value) -> u64 {
    value.as_u64().unwrap_or(0)
}

impl Run {
    /// Giving up is counted for good, by the right name, for who has that bound, and in order.
    pub(super) fn given_up(&mut self, ledger: &Value) -> Result<(), String> {
        for exporter in 0..self.habits.exporters {
            let Limits {
                max_bytes,
                max_age_ms,
                ..
            } = self.habits.limits[exporter];
            let books = &ledger["exporters"][name(exporter)]["spans"];
            let full = count(&books["dropped"]["outbox_full"]);
            let expired = count(&books["dropped"]["outbox_expired"]);
            if full > 0 && max_bytes.is_none() && self.habits.outbox_bytes >= LARGE {
                return Err(format!(
                    "{full} spans given up for {exporter}, without a bound"
                ));
            }
            if expired > 0 && max_age_ms.is_none() {
                return Err(format!(
                    "{expired} spans expired for {exporter}, without a bound"
                ));
            }
            let policies = books["given_up"].as_object();
            let by_policy: u64 = policies.into_iter().flatten().map(|(_, n)| count(n)).sum();
            if by_policy != full + expired {
                return Err(format!("{by_policy} given up by policy: {books}"));
            }
            if full + expired < self.given.spans[exporter] && !self.harmed {
                return Err(format!(
                    "what {exporter} has given up is held again: {books}"
                ));
            }
            self.given.spans[exporter] = full + expired;
            let errors = count(&books["given_up"]["errors"]);
            let before = self.given.errors[exporter].replace(errors);
            if let (Some(before), Some(packed_ms)) = (before, self.given.packed_ms)
                && errors > before
                && max_age_ms.is_none()
                && !self.harmed
            {
                let in_hand = self.backends.in_hand(exporter)?;
                self.truth.gave_up_errors(exporter, packed_ms, &in_hand);
            }
            for (seen, what) in [(full, "an outbox is full"), (expired, "kept spans expire")] {
                if seen > 0 {
                    self.see(what);
                }
            }
        }
        if self.harmed {
            self.truth.may_come_back();
        }
        let machine = self.machine.as_ref();
        let idle = machine.is_some_and(|m| m.is_idle() && !m.late_spans_wait());
        self.given.unsure = self.given.unsure.saturating_sub(1);
        let packed = idle && self.given.unsure == 0;
        self.given.packed_ms = packed.then_some(self.now.mono_ns / MS);
        Ok(())
    }

    /// Another process begins.
    pub(super) fn forget_errors(&mut self) {
        self.given.errors = [None; 2];
        self.given.packed_ms = None;
        self.given.unsure = 60;
    }

    /// No exporter holds more than its bound, and what it has in hand.
    pub(super) fn within_limits(&mut self) -> Result<(), String> {
        let Some(machine) = &self.machine else {
            return Ok(());
        };
        if self.disk.is_failing() || self.disk.is_dead() || self.harmed {
            return Ok(()); // giving up has to be written down
        }
        let outbox = machine.stats(self.now)["outbox"].take();
        if count(&outbox["moved"]) > 0 {
            self.outcome.seen.insert("kept traces are copied forward");
        }
        for exporter in 0..self.habits.exporters {
            let bytes = count(&outbox["exporters"][name(exporter)]["bytes"]);
            let Some(max_bytes) = self.habits.limits[exporter].max_bytes else {
                continue;
            };
            if bytes > max_bytes + self.backends.bytes_in_hand(exporter) + SLACK {
                return Err(format!("{bytes} bytes are held for {exporter}: {outbox}"));
            }
        }
        Ok(())
    }
}
