//! What must hold: after every step, when the faults are over, and at the end.

use std::hash::Hash;

use super::{Request, Run, Sending};
use crate::life::MS;
use crate::seeds::disk::{End, Failures};
use crate::seeds::habits::name;

impl Run {
    /// What must hold after every step.
    pub(super) fn check(&mut self) -> Result<(), String> {
        if self.disk.is_dead() {
            return Ok(());
        }
        let Some(machine) = &self.machine else {
            return Ok(());
        };
        if machine.reserve_is_spent() && self.habits.reserve_bytes > 0 {
            self.outcome.seen.insert("the last of the room is used");
        }
        let ledger = machine.ledger(self.now);
        if ledger["balanced"] != true {
            return Err(format!("out of balance: {ledger}"));
        }
        let received = ledger["spans"]["received"].as_u64().unwrap_or(0);
        let shed = (self.truth.shed.sure, self.truth.shed.possible);
        let least = self.truth.sure + shed.0;
        let most = least + self.truth.possible + shed.1;
        if received < least || received > most {
            return Err(format!("{received} received, not {least} to {most}"));
        }
        received.hash(&mut self.hasher);
        let cut = &ledger["spans"]["dropped"]["trace_too_large"];
        if cut.as_u64().is_some_and(|cut| cut > 0) {
            if self.habits.large.is_none() {
                return Err(format!("{cut} spans cut, without a bound"));
            }
            self.outcome.seen.insert("a trace is truncated");
        }
        let overload = &ledger["spans"]["dropped"]["overload"];
        let overload = overload.as_u64().unwrap_or(0);
        if overload < shed.0 || (overload > 0 && self.habits.surges == 0) {
            return Err(format!("{overload} spans shed, not {} at least", shed.0));
        }
        self.given_up(&ledger)?;
        if self.outcome.turns.is_multiple_of(16) {
            self.bounds()?;
        }
        Ok(())
    }

    pub(super) fn bounds(&mut self) -> Result<(), String> {
        let Some(machine) = &self.machine else {
            return Ok(());
        };
        let stats = machine.stats(self.now);
        let options = self.habits.options();
        let log = stats["log"]["bytes"].as_u64().unwrap_or(0);
        let slack = self.most_beyond + options.buffer.segment_bytes;
        // What an earlier process had let go, and not removed yet, stands there again.
        if log > options.buffer.max_bytes.max(self.found_bytes) + slack {
            return Err(format!("the log has {log} bytes"));
        }
        let outbox = machine.outbox().bytes();
        if outbox > options.outbox.max_bytes + (1 << 20) {
            return Err(format!("the outbox has {outbox} bytes"));
        }
        for (trace, sent) in self.truth.sent() {
            let known = machine.decision(&trace, self.now).unwrap_or_default();
            if known["spans"].as_u64().is_some_and(|spans| spans > sent) {
                return Err(format!("{sent} spans were sent of {known}"));
            }
        }
        for (trace, kept) in self.truth.verdicts(self.now.mono_ns / MS).take(20) {
            if self.unreadable {
                break; // what cannot be read cannot be told
            }
            let known = machine.decision(trace, self.now);
            if known.as_ref().and_then(|known| known["kept"].as_bool()) != Some(kept) {
                let name = u128::from_be_bytes(*trace);
                return Err(format!(
                    "the verdict on {name} was {kept}, and is {known:?}"
                ));
            }
        }
        Ok(())
    }

    /// No more faults: everything must be taken, judged and exported.
    pub(super) fn recover(&mut self) -> Result<(), String> {
        self.disk.fail(Failures::default());
        self.disk.fill(u64::MAX);
        self.hangs_until = 0;
        self.backends.well = true;
        self.backends.away = [false; 2];
        self.level = 0;
        for round in 0..2_000 {
            self.outcome.turns += 1;
            self.now.mono_ns += 500 * MS;
            self.now.wall_ns += 500 * MS;
            if self.disk.is_dead() {
                self.end(End::Process)?;
            }
            let Some(machine) = self.machine.clone() else {
                self.start()?;
                continue;
            };
            for _ in 0..8 {
                self.retry(&machine)?;
            }
            self.write(&machine)?;
            machine.pack(64, self.now);
            self.write(&machine)?;
            self.keep(&machine)?;
            self.interval(&machine)?;
            for exporter in 0..self.habits.exporters {
                while self
                    .backends
                    .take(exporter, &machine, &mut self.dice, self.now)
                {}
            }
            while !self.backends.is_empty() {
                let (truth, dice) = (&mut self.truth, &mut self.dice);
                let said = self.backends.answer(&machine, truth, dice, self.now)?;
                self.say(|| said);
            }
            self.check()?;
            if let Some(overdue) = self.truth.overdue(self.now_ms())
                && machine.waiting().0 == 0
                && round > 20
            {
                return Err(overdue);
            }
            let done = |request: &Request| matches!(request.state, Sending::Done);
            let books = machine.ledger(self.now)["exporters"].take();
            let mut held = books
                .as_object()
                .into_iter()
                .flatten()
                .map(|(_, b)| &b["spans"]["held"]);
            let empty = held.all(|held| held["buffer"] == 0 && held["outbox"] == 0);
            if self.requests.iter().all(done) && machine.is_idle() && empty {
                return Ok(());
            }
        }
        let machine = self.machine.as_ref();
        let stats = machine.map(|machine| machine.stats(self.now)["outbox"].to_string());
        let held = machine.map(|machine| machine.ledger(self.now)["spans"].to_string());
        let (stats, held) = (stats.unwrap_or_default(), held.unwrap_or_default());
        Err(format!(
            "not at its end long after the faults: {held} {stats}"
        ))
    }

    /// Where everything went.
    pub(super) fn account(&mut self) -> Result<(), String> {
        let Some(machine) = self.machine.clone() else {
            return Err("no gateway at the end".to_owned());
        };
        self.bounds()?;
        let ledger = machine.ledger(self.now);
        for exporter in 0..self.habits.exporters {
            let counted = &ledger["exporters"][name(exporter)]["spans"]["exported_again"];
            let more = self.truth.duplicates(exporter);
            if !self.harmed && counted.as_u64().unwrap_or(0) < more {
                return Err(format!("{counted} exported again, and {more} came twice"));
            }
        }
        let missing = self
            .truth
            .missing(|trace| machine.decision(trace, self.now)?["kept"].as_bool());
        // Where reading fails, spans are given up by name; so they are at a bound.
        let dropped = |exporter: usize, reasons: &[&str]| -> u64 {
            let dropped = &ledger["exporters"][name(exporter)]["spans"]["dropped"];
            let counts = reasons.iter().map(|by| dropped[by].as_u64().unwrap_or(0));
            counts.sum()
        };
        let corrupt = &ledger["spans"]["dropped"]["corrupt"];
        if !self.requests_unreadable && corrupt.as_u64().unwrap_or(0) > 0 {
            return Err(format!(
                "{corrupt} spans given up, and every request can be read"
            ));
        }
        for exporter in 0..self.habits.exporters {
            let gone = ["outbox_full", "outbox_expired", "trace_too_large"];
            let mut excused = dropped(exporter, &gone);
            if self.unreadable {
                excused += dropped(exporter, &["corrupt", "uncounted", "quarantined"]);
            }
            let missing: Vec<_> = missing.iter().filter(|(of, _)| *of == exporter).collect();
            if missing.len() as u64 > excused {
                let (first, books) = (&missing[0].1, &ledger["exporters"]);
                return Err(format!(
                    "{} spans are nowhere: {first}; {books}",
                    missing.len()
                ));
            }
        }
        Ok(())
    }
}
