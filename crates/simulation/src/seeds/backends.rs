//! Exporters and their backends, with every answer a backend may give, and none.

use super::habits::name;
use super::machine::Machine;
use super::truth::{SpanId, Truth, ids_of};
use crate::disk::Dice;
use tailsampler_core::clock::Now;
use tailsampler_core::outbox::{Batch, Settlement};

/// Batches that are on their way.
#[derive(Default)]
pub struct Backends {
    out: Vec<(usize, Batch)>,
    /// They answer well, and at once.
    pub well: bool,
    /// One of them is away: its exporter only sends a probe now and then.
    pub away: [bool; 2],
}

impl Backends {
    /// An exporter takes a batch.
    pub fn take(&mut self, exporter: usize, machine: &Machine, dice: &mut Dice, now: Now) -> bool {
        if self.away[exporter] && dice.below(20) > 0 {
            return false;
        }
        let max_bytes = [1, 2_000, 1 << 20][dice.below(3) as usize];
        let linger_ms = [0, 0, 1_000][dice.below(3) as usize];
        let linger_ms = if self.well { 0 } else { linger_ms };
        let batch = machine
            .outbox()
            .take(&name(exporter), max_bytes, linger_ms, now);
        let Some(batch) = batch else { return false };
        if machine.disk().is_dead() {
            return false; // nothing goes out of a process that has died meanwhile
        }
        self.out.push((exporter, batch));
        true
    }

    /// Spans that an exporter has in hand.
    ///
    /// # Errors
    /// An export is no request.
    pub fn in_hand(&self, exporter: usize) -> Result<Vec<SpanId>, String> {
        let out = self.out.iter().filter(|(of, _)| *of == exporter);
        let mut ids = Vec::new();
        for (_, batch) in out {
            ids.append(&mut ids_of(&batch.payload)?);
        }
        Ok(ids)
    }

    /// Bytes that an exporter has in hand, at most.
    #[must_use]
    pub fn bytes_in_hand(&self, exporter: usize) -> u64 {
        let out = self.out.iter().filter(|(of, _)| *of == exporter);
        out.map(|(_, batch)| 200 * batch.traces + 4 * batch.spans + batch.payload.len() as u64)
            .sum()
    }

    /// Whether nothing is on its way.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// A backend answers about some batch; returns what it says, for people.
    ///
    /// # Errors
    /// It was sent what it must not be.
    pub fn answer(
        &mut self,
        machine: &Machine,
        truth: &mut Truth,
        dice: &mut Dice,
        now: Now,
    ) -> Result<String, String> {
        if self.out.is_empty() {
            return Ok("no batch is under way".to_owned());
        }
        let at = dice.below(self.out.len() as u64) as usize;
        let (exporter, batch) = self.out.swap_remove(at);
        let outbox = machine.outbox();
        let mut settlement = Settlement::default();
        let answer = if self.well { 0 } else { dice.below(8) };
        match if self.away[exporter] { 1 } else { answer } {
            1 => {
                truth.seen.insert("a backend asks for a retry");
                outbox.give_back(&name(exporter), batch.token, false);
                return Ok(format!("backend {exporter}: not now"));
            }
            2 => {
                truth.seen.insert("a backend's answer is lost");
                let ids = truth.delivered(exporter, &batch.payload)?;
                truth.may_come_again(exporter, &ids);
                outbox.give_back(&name(exporter), batch.token, true);
                return Ok(format!(
                    "backend {exporter}: has {ids:?}, and does not say so"
                ));
            }
            3 => {
                truth.seen.insert("a backend rejects some spans");
                settlement.rejected = 1 + dice.below(batch.spans);
            }
            4 => {
                truth.seen.insert("a backend refuses some spans for good");
                let from = dice.below(batch.spans);
                let count = 1 + dice.below(batch.spans - from);
                settlement.dropped = vec![("backend_refused".to_owned(), from, count)];
            }
            5 => {
                truth.seen.insert("a backend takes its time");
                self.out.push((exporter, batch));
                return Ok(format!("backend {exporter}: takes its time"));
            }
            _ => {}
        }
        // It may have taken what it says it refused; none of it comes again.
        let ids = truth.delivered(exporter, &batch.payload)?;
        let errors = outbox.stats(now).storage_errors;
        if !outbox.settle(&name(exporter), batch.token, &settlement, now) {
            return Err("a batch was not known when it was settled".to_owned());
        }
        let unnoted = outbox.stats(now).storage_errors > errors;
        if unnoted || machine.disk().is_failing() || machine.disk().is_dead() {
            // That it is settled may not have been written down.
            truth.may_come_again(exporter, &ids);
        }
        let said = format!("backend {exporter}: has {ids:?}, {settlement:?}");
        truth.settled(exporter, ids);
        Ok(said)
    }

    /// The gateway is gone: some batches had arrived, and some will never.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub fn cut_off(&mut self, truth: &mut Truth, dice: &mut Dice) -> Result<(), String> {
        for (exporter, batch) in self.out.drain(..) {
            if dice.below(2) == 0 {
                truth.seen.insert("a batch is under way at a crash");
                let ids: Vec<SpanId> = truth.delivered(exporter, &batch.payload)?;
                truth.may_come_again(exporter, &ids);
            }
        }
        Ok(())
    }
}
