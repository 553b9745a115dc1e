//! What befalls a gateway: ends of every kind, and starts after them.

use std::hash::Hash;
use std::path::Path;
use std::sync::Arc;

use super::{Run, Sending, UNMARKED};
use crate::life::MS;
use crate::seeds::disk::{End, Failures};
use crate::seeds::machine::Machine;

impl Run {
    /// Whatever befalls a gateway from outside.
    pub(super) fn trouble(&mut self) -> Result<(), String> {
        let habits = self.habits.clone();
        if self.sometimes(habits.kills) {
            if self.dice.below(2) == 0 {
                self.end(End::Process)?;
                self.see("kill -9 between two steps");
            } else {
                let operations = 1 + self.dice.below(30);
                self.disk.die_after(operations);
            }
        }
        if self.sometimes(habits.powers) {
            self.power()?;
        }
        self.blow()?;
        if self.sometimes(habits.rots) {
            if self.dice.below(2) == 0 {
                self.end(End::Process)?;
            } else if self.machine.is_some() {
                self.see("bits flip under a gateway");
                self.rotting = true;
            }
            let flips = 1 + self.dice.below(habits.flips);
            let directory = Path::new(habits.rots_in);
            let flipped = if habits.rots_heads {
                self.disk.rot_heads(directory)
            } else {
                self.disk.rot(flips, directory)
            };
            if flipped > 0 {
                self.see("bits flip");
                self.requests_unreadable |= habits.rots_in != "data/verdicts";
                (self.harmed, self.unreadable, self.lost) = (true, true, true);
                self.truth.rotted();
            }
        }
        if self.sometimes(habits.stops) {
            self.stop()?;
        }
        if self.sometimes(habits.fills) {
            if self.dice.below(3) > 0 {
                self.disk.fill(self.dice.below(30_000));
                self.harmed = true;
            } else {
                self.disk.fill(u64::MAX);
                self.see("a full disk has room again");
            }
        }
        if self.sometimes(habits.spells) {
            if self.dice.below(3) > 0 {
                self.disk.fail(habits.failures);
                self.harmed = true;
                self.unreadable |= habits.failures.read > 0;
                self.requests_unreadable |= habits.failures.read > 0;
            } else {
                self.disk.fail(Failures::default());
                self.see("a failing disk is well again");
            }
        }
        if self.sometimes(habits.hangs) {
            self.hangs_until = self.now_ms() + self.dice.below(60_000);
            self.see("the disk hangs");
        }
        if self.sometimes(habits.steps) {
            self.truth.clocks_lie();
            let by = self.dice.below(7_200_000) * MS;
            let back = self.dice.below(2) == 0;
            self.now.wall_ns = if back {
                self.see("the wall clock steps back");
                self.now.wall_ns.saturating_sub(by)
            } else {
                self.see("the wall clock steps forward");
                self.now.wall_ns + by
            };
        }
        if self.sometimes(habits.aways) {
            let exporter = self.dice.below(habits.exporters as u64) as usize;
            let away = &mut self.backends.away[exporter];
            *away = !*away;
            self.see(if self.backends.away[exporter] {
                "a backend goes away"
            } else {
                "a backend is back"
            });
        }
        if self.sometimes(habits.surges) {
            self.level = self.dice.below(4) as u8;
            let level = self.level;
            self.say(|| format!("the level of overload is {level}"));
        }
        if self.sometimes(habits.moods) {
            self.backends.well = !self.backends.well;
        }
        Ok(())
    }

    fn power(&mut self) -> Result<(), String> {
        let tenths = [0, 5, 9][self.dice.below(3) as usize];
        self.end(End::Power(tenths))?;
        self.see(match tenths {
            0 => "the power takes all that was not synced",
            5 => "the power takes half of it",
            _ => "the power takes little of it",
        });
        Ok(())
    }

    /// A failure seldom comes alone: after one the power goes within moments, before or after the
    /// process has ended and another one has gone on.
    fn blow(&mut self) -> Result<(), String> {
        let failed = self.disk.failed_writes() + self.disk.failed_syncs();
        let more = failed > self.failed;
        self.failed = failed;
        if more && self.blow_at.is_none() && self.dice.below(10) < self.habits.blows {
            let rounds = [2, 10, 60][self.dice.below(3) as usize];
            self.blow_at = Some(self.outcome.turns + self.dice.below(rounds));
            if self.dice.below(2) == 0 {
                self.disk.fail(Failures::default());
                self.disk.fill(u64::MAX);
            }
            if self.dice.below(2) == 0 {
                self.end(End::Process)?;
                self.see("a process ends right after a failure of the disk");
                // What the next one says is durable is to be so.
                self.blow_at = (self.dice.below(3) == 0)
                    .then_some(u64::MAX)
                    .or(self.blow_at);
            }
        }
        if self.blow_at.is_some_and(|at| at <= self.outcome.turns) {
            self.blow_at = None;
            self.power()?;
            self.see("the power goes soon after a failure of the disk");
        }
        Ok(())
    }

    pub(super) fn start(&mut self) -> Result<(), String> {
        self.outcome.starts += 1;
        let blind =
            self.habits.blind_starts && self.habits.failures.read > 0 && self.dice.below(2) == 0;
        if blind {
            self.see("a start on a disk that cannot be read now and then");
            self.disk.fail(Failures {
                read: 20 + self.dice.below(200),
                ..Failures::default()
            });
            (self.harmed, self.unreadable, self.requests_unreadable) = (true, true, true);
        }
        if self.habits.kills > 0 && self.dice.below(20) == 0 {
            let operations = 1 + self.dice.below(8);
            self.disk.die_after(operations);
        }
        let machine = Machine::start(&self.disk, self.habits.options(), self.now);
        let failing = self.disk.is_failing() || self.disk.is_dead();
        if blind {
            self.disk.fail(Failures::default());
        }
        let machine = match machine {
            Err(_) if failing => {
                self.see("a start fails on a failing disk");
                return Ok(());
            }
            machine => machine.map_err(|error| format!("no start: {error}"))?,
        };
        if self.disk.is_dead() {
            self.see("kill -9 within a start");
            return Ok(());
        }
        self.say(|| format!("a start: {:?}", machine.found));
        self.found(&machine)?;
        let stats = machine.stats(self.now);
        self.found_bytes = stats["log"]["bytes"].as_u64().unwrap_or(0);
        self.truth.restarted(self.now_ms());
        let (now, now_ms) = (self.now, self.now_ms());
        let decision = |trace: &_| machine.decision(trace, now)?["kept"].as_bool();
        self.truth.settle_verdicts(decision, now_ms)?;
        self.machine = Some(Arc::new(machine));
        Ok(())
    }

    /// Whether the next process finds a note on every late span this one took.
    fn notes_stand(&self, end: End) -> bool {
        let sound = !self.lost && end == End::Process && !self.disk.is_dead();
        let sound = sound && !self.truth.begins_again();
        let waits = self
            .machine
            .as_ref()
            .map(|machine| machine.late_spans_wait());
        sound && self.disk.uncut() == 0 && !waits.unwrap_or(!self.notes_stand)
    }

    pub(super) fn found(&mut self, machine: &Machine) -> Result<(), String> {
        let found = machine.found.clone();
        let noted = &machine.stats(self.now)["verdict_reasons"]["late_spans"];
        if self.notes_stand
            && !self.lost
            && let Some(spans) = noted.as_u64()
        {
            return Err(format!(
                "a start notes {spans} late spans that were noted before"
            ));
        }
        for (seen, what) in [
            (found.held_spans > 0, "a start finds held spans"),
            (found.verdicts > 0, "a start finds verdicts"),
            (found.repacked > 0, "a start packs again"),
            (found.lost.spans > 0, "a start finds spans lost"),
            (found.restored.spans > 0, "a start restores"),
            (found.uncounted.spans > 0, "a start does not know a fate"),
            (found.quarantined.spans > 0, "a start leaves spans alone"),
            (
                found.damage.iter().any(|spot| spot.at_end),
                "a start finds a torn tail",
            ),
            (
                found.damage.iter().any(|spot| !spot.at_end),
                "a start finds damage within a log",
            ),
            (!found.notes.is_empty(), "a start has notes"),
        ] {
            if seen {
                self.see(what);
            }
        }
        let mended = found.lost.spans + found.restored.spans + found.uncounted.spans;
        // A disk that takes no mark for long enough lets segments go without one.
        let marked = !self.outcome.seen.contains(UNMARKED);
        let sound = !self.unreadable && !self.lost && marked;
        if sound && found.notes.iter().any(|note| note.contains("damaged")) {
            return Err(format!("nothing was damaged: {:?}", found.notes));
        }
        if !self.harmed && (mended > 0 || !found.notes.is_empty()) {
            return Err(format!("mended though only the process died: {found:?}"));
        }
        Ok(())
    }

    /// The gateway is gone, one way or the other.
    pub(super) fn end(&mut self, end: End) -> Result<(), String> {
        if matches!(end, End::Power(_)) {
            (self.harmed, self.requests_unreadable, self.lost) = (true, true, true);
        }
        self.spoiled |= self.disk.failed_syncs() > self.failed_syncs;
        self.failed_syncs = self.disk.failed_syncs();
        self.uncut = self.disk.uncut();
        if self.spoiled {
            self.see("a process ends after a sync that failed");
            if self.habits.failures.other > 0 || self.disk.is_dead() {
                self.truth.deceived();
            }
        }
        self.notes_stand = self.notes_stand(end);
        self.forget_errors();
        let was_up = self.machine.take().is_some();
        if was_up {
            self.backends.cut_off(&mut self.truth, &mut self.dice)?;
        }
        for request in &mut self.requests {
            if matches!(request.state, Sending::Queued) {
                request.state = Sending::Waiting(self.now.mono_ns / MS + 1_000);
            }
        }
        self.disk.end(end);
        if self.rotting {
            // What was lost while the gateway had it in memory is missed by those after it.
            self.truth.rotted();
        }
        if matches!(end, End::Power(_)) {
            self.truth.power_lost();
        }
        self.say(|| format!("the gateway ends: {end:?}"));
        "end".hash(&mut self.hasher);
        Ok(())
    }

    /// SIGTERM: the queue is finished, all is judged if it drains, a checkpoint is written.
    pub(super) fn stop(&mut self) -> Result<(), String> {
        let Some(machine) = self.machine.clone() else {
            return Ok(());
        };
        if self.dice.below(4) == 0 {
            self.see("shutdown: drain");
            machine.judge_all();
        }
        while machine.waiting().0 > 0 && !self.disk.is_dead() {
            self.write(&machine)?;
        }
        if !self.disk.is_dead() {
            machine.close();
            self.see("SIGTERM");
        }
        drop(machine);
        self.end(End::Process)
    }
}
