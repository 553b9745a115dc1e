//! The keeper: it waits for the disk, and others go on meanwhile.

use std::sync::{Arc, Mutex, PoisonError};

use tailsampler_core::options::Fsync;

use super::{Run, UNMARKED};
use crate::disk::Dice;
use crate::seeds::machine::{Machine, Turn};

/// Turns that the writer had while another thread waited for the disk.
struct Meanwhile {
    dice: Dice,
    turns: Vec<Turn>,
}

impl Run {
    /// Let a thread wait for the disk, and the writer go on meanwhile.
    fn waiting(
        &mut self,
        machine: &Arc<Machine>,
        wait: impl FnOnce(&mut dyn FnMut(Option<bool>)),
    ) -> Result<(), String> {
        let (mut mark, late) = (self.truth.mark(), machine.late_spans_wait());
        let dice = Dice::new(self.dice.below(u64::MAX));
        let turns = Vec::new();
        let meanwhile = Arc::new(Mutex::new(Meanwhile { dice, turns }));
        let (others, shared, now) = (Arc::clone(machine), Arc::clone(&meanwhile), self.now);
        self.disk.while_waiting(Some(Arc::new(move || {
            let Ok(mut meanwhile) = shared.try_lock() else {
                return; // the writer itself waits for the disk
            };
            if meanwhile.dice.below(3) == 0 {
                let most = 1 + meanwhile.dice.below(4) as usize;
                meanwhile.turns.extend(others.write(most, now));
            }
            if meanwhile.dice.below(4) == 0 {
                others.pack(4, now);
            }
        })));
        let (dead, failed_syncs) = (self.disk.is_dead(), self.disk.failed_syncs());
        let mut ends = Vec::new();
        wait(&mut |end| ends.extend(end));
        self.disk.while_waiting(None);
        let turns = {
            let mut meanwhile = meanwhile.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut meanwhile.turns)
        };
        if !turns.is_empty() {
            self.see("the writer works while the keeper waits");
        }
        // What later turns took was in the queue before.
        let taken: u64 = turns.iter().map(|turn| self.group_bytes(turn)).sum();
        let queued = machine.inbox_bytes() + taken;
        turns.iter().for_each(|turn| self.weigh(turn, queued));
        let died = !dead && self.disk.is_dead();
        if died {
            self.nobody_learns(turns);
            return Ok(());
        }
        for turn in turns {
            self.learn(turn)?;
        }
        for good in ends {
            self.say(|| format!("a sync: {good}"));
            if good {
                // A second sync of the same turn may have done more; that is not relied on.
                self.truth.synced(std::mem::take(&mut mark), late);
                if self.blow_at == Some(u64::MAX) {
                    self.blow_at = Some(self.outcome.turns + self.dice.below(4));
                }
                if self.disk.failed_syncs() == failed_syncs {
                    (self.spoiled, self.failed_syncs) = (false, failed_syncs);
                }
            }
        }
        Ok(())
    }

    pub(super) fn keep(&mut self, machine: &Arc<Machine>) -> Result<(), String> {
        let keeper = Arc::clone(machine);
        let now = self.now;
        let unmarked = machine.outbox().stats(now).unmarked;
        self.waiting(machine, |syncing| keeper.keep(now, syncing))?;
        if machine.outbox().stats(now).unmarked > unmarked {
            self.see(UNMARKED);
            self.truth.all_may_come_again();
        }
        Ok(())
    }

    pub(super) fn interval(&mut self, machine: &Arc<Machine>) -> Result<(), String> {
        let Fsync::Interval { interval_ms } = self.habits.mode else {
            return Ok(());
        };
        if self.now_ms() < self.synced_ms + interval_ms {
            return Ok(());
        }
        self.synced_ms = self.now_ms();
        let keeper = Arc::clone(machine);
        self.waiting(machine, |mut syncing| {
            keeper.sync(&mut syncing);
        })
    }
}
