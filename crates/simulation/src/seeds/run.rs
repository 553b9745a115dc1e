//! One seed: senders, a gateway, backends and a disk, and a scheduler that gives each its turn in
//! an order of its own. After every step the gateway is held to the truth.

mod giving;
mod holding;
mod keeping;
mod trouble;

use std::collections::BTreeSet;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use tailsampler_core::clock::Now;

use super::backends::Backends;
use super::disk::{Disk, End};
use super::habits::Habits;
use super::machine::{Door, Machine, Turn};
use super::shop::Shop;
use super::storm::Storm;
use super::truth::{SpanId, Truth};
use crate::disk::Dice;
use crate::life::MS;

/// Something rare that a start may have notes on later.
const UNMARKED: &str = "a segment of the outbox goes without a mark";

/// What a seed came to.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Of everything that happened, in order.
    pub hash: u64,
    /// Simulated milliseconds.
    pub simulated_ms: u64,
    /// Operations of the disk.
    pub operations: u64,
    /// Turns given.
    pub turns: u64,
    /// Starts of the gateway.
    pub starts: u64,
    /// Spans sent, copies included.
    pub spans: u64,
    /// Rare things that were seen.
    pub seen: BTreeSet<&'static str>,
    /// The first promise that was broken.
    pub violation: Option<String>,
}

/// How a seed is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Manner {
    /// For its outcome.
    Quiet,
    /// Every step is told on standard error.
    Loud,
    /// Refused requests pass for acknowledged ones: a runner that reports nothing then is broken.
    Lying,
}

enum Sending {
    /// To be sent at this time.
    Waiting(u64),
    /// In the gateway's hands.
    Queued,
    /// Acknowledged, or given up since it is malformed.
    Done,
}

struct Request {
    body: Bytes,
    ids: Vec<SpanId>,
    state: Sending,
    tries: u32,
}

pub(super) struct Run {
    habits: Habits,
    dice: Dice,
    disk: Disk,
    machine: Option<Arc<Machine>>,
    pub(super) truth: Truth,
    backends: Backends,
    requests: Vec<Request>,
    shop: Shop,
    storm: Storm,
    now: Now,
    /// Until when the disk hangs, in milliseconds.
    hangs_until: u64,
    /// The level of overload.
    level: u8,
    synced_ms: u64,
    plans: u64,
    /// The disk has failed, lied or lost power: books may have to be mended.
    harmed: bool,
    unreadable: bool,
    /// So have requests: bits have flipped elsewhere than in verdicts, or reads have failed.
    requests_unreadable: bool,
    /// Power was lost, or bits have flipped.
    lost: bool,
    /// What was late is written down, and nothing has been lost.
    notes_stand: bool,
    /// Writes and syncs that had failed by the last turn.
    failed: u64,
    /// The turn in which the power goes, since something has failed before; `u64::MAX` until a
    /// sync has ended well.
    blow_at: Option<u64>,
    /// Bits have flipped under a gateway.
    rotting: bool,
    /// Bytes by which the log may be larger than its bound.
    most_beyond: u64,
    /// Bytes of the log that the gateway found when it started.
    found_bytes: u64,
    /// Files that could not be cut, by the last turn.
    uncut: u64,
    /// Syncs that had failed when one ended well, or when this process began.
    failed_syncs: u64,
    /// One of an earlier process had failed, and none has ended well since.
    spoiled: bool,
    begun_ms: u64,
    given: giving::Given,
    hasher: DefaultHasher,
    manner: Manner,
    pub(super) outcome: Outcome,
}

impl Run {
    pub(super) fn new(seed: u64, manner: Manner) -> Self {
        let habits = Habits::new(seed);
        let now = Now {
            wall_ns: 1_800_000_000_000 * MS,
            mono_ns: habits.mono_ns,
        };
        Self {
            truth: Truth::new(habits.mode, habits.exporters, habits.forgetful),
            dice: Dice::new(seed),
            disk: Disk::new(seed ^ 0xd15c),
            machine: None,
            backends: Backends::default(),
            requests: Vec::new(),
            shop: Shop::new(seed ^ 0x5409),
            storm: Storm::new(seed ^ 0x5702),
            now,
            hangs_until: 0,
            level: 0,
            synced_ms: 0,
            plans: 0,
            harmed: false,
            unreadable: false,
            requests_unreadable: false,
            lost: false,
            notes_stand: false,
            failed: 0,
            blow_at: None,
            rotting: false,
            most_beyond: 0,
            found_bytes: 0,
            uncut: 0,
            failed_syncs: 0,
            spoiled: false,
            begun_ms: habits.mono_ns / MS,
            given: giving::Given::default(),
            hasher: DefaultHasher::new(),
            manner,
            outcome: Outcome {
                seed,
                ..Outcome::default()
            },
            habits,
        }
    }

    pub(super) fn finish(mut self) -> Outcome {
        self.outcome.hash = self.hasher.finish();
        self.outcome.simulated_ms = self.now_ms() - self.begun_ms;
        self.outcome.operations = self.disk.operations();
        self.outcome.spans = self.truth.sure + self.truth.possible;
        self.outcome.seen.append(&mut self.truth.seen);
        self.outcome.seen.append(&mut self.disk.seen());
        self.outcome
    }

    /// So many rounds, then a time without faults in which all must come to its end.
    pub(super) fn play(&mut self, rounds: u64) -> Result<(), String> {
        self.say(|| format!("{:?}", self.habits));
        for _ in 0..rounds {
            self.outcome.turns += 1;
            self.pass_time();
            self.trouble()?;
            self.turn()?;
            self.check()?;
        }
        self.recover()?;
        self.account()
    }

    fn now_ms(&self) -> u64 {
        self.now.mono_ns / MS
    }

    fn see(&mut self, what: &'static str) {
        self.say(|| what.to_owned());
        self.outcome.seen.insert(what);
    }

    fn say(&self, what: impl FnOnce() -> String) {
        if self.manner == Manner::Loud {
            let (turn, ms) = (self.outcome.turns, self.now_ms() - self.begun_ms);
            // Nobody reads it if standard error is closed.
            let _ = writeln!(io::stderr(), "{turn:>5} {ms:>9} ms  {}", what());
        }
    }

    fn sometimes(&mut self, chance: u64) -> bool {
        chance > 0 && self.dice.below(10_000) < chance
    }

    fn pass_time(&mut self) {
        let ms = match self.dice.below(1_000) {
            0..500 => self.dice.below(20),
            500..900 => self.dice.below(2_000),
            900..995 => self.dice.below(20_000),
            _ => self.dice.below(7_200_000),
        };
        if ms > 600_000 {
            self.see("a machine sleeps for ten minutes");
        }
        self.now.mono_ns += ms * MS;
        self.now.wall_ns += ms * MS;
    }

    /// One thread, sender or backend has its turn.
    fn turn(&mut self) -> Result<(), String> {
        if self.disk.is_dead() {
            if self.habits.powers > 0 && self.dice.below(2) == 0 {
                let tenths = [0, 5, 9][self.dice.below(3) as usize];
                self.end(End::Power(tenths))?;
                self.see("the power goes within an operation of the disk");
            } else {
                self.end(End::Process)?;
                self.see("kill -9 within an operation of the disk");
            }
        }
        let Some(machine) = self.machine.clone() else {
            return self.start();
        };
        let hangs = self.now_ms() < self.hangs_until;
        match self.dice.below(20) {
            0..5 => self.send(&machine)?,
            5..7 => self.retry(&machine)?,
            7..12 if !hangs => self.write(&machine)?,
            12..14 if !hangs => {
                let most = 1 + self.dice.below(20) as usize;
                if !machine.pack(most, self.now) && machine.waiting().1 > 0 {
                    self.see("the packer has to wait");
                }
            }
            14 if !hangs => {
                self.keep(&machine)?;
                self.within_limits()?;
            }
            15 if !hangs => self.interval(&machine)?,
            16 if self.sometimes(self.habits.plans * 20) => {
                self.plans += 1;
                if machine.install(self.habits.plan(self.plans)) {
                    self.see("another plan");
                }
            }
            16 => machine.rest(),
            17 => {
                let exporter = self.dice.below(self.habits.exporters as u64) as usize;
                let (dice, now) = (&mut self.dice, self.now);
                if self.backends.take(exporter, &machine, dice, now) {
                    self.say(|| format!("exporter {exporter} takes a batch"));
                }
            }
            _ if !hangs => {
                let (truth, dice) = (&mut self.truth, &mut self.dice);
                let said = self.backends.answer(&machine, truth, dice, self.now)?;
                self.say(|| said);
            }
            _ => {}
        }
        Ok(())
    }

    fn send(&mut self, machine: &Arc<Machine>) -> Result<(), String> {
        let body = if self.dice.below(10) < self.habits.storm {
            self.storm.request()
        } else {
            self.shop.request(self.now_ms())
        };
        let ids = self.truth.read(&body)?;
        self.requests.push(Request {
            body,
            ids,
            state: Sending::Waiting(0),
            tries: 0,
        });
        self.submit(machine, self.requests.len() - 1)
    }

    fn retry(&mut self, machine: &Arc<Machine>) -> Result<(), String> {
        let now_ms = self.now_ms();
        let due = |request: &Request| matches!(request.state, Sending::Waiting(at) if at <= now_ms);
        let Some(number) = self.requests.iter().position(due) else {
            return Ok(());
        };
        self.submit(machine, number)
    }

    fn submit(&mut self, machine: &Arc<Machine>, number: usize) -> Result<(), String> {
        let body = self.requests[number].body.clone();
        let door = machine.submit(number, body, self.level, self.now)?;
        let later = self.now_ms() + 500 + self.dice.below(5_000);
        let request = &mut self.requests[number];
        request.tries += 1;
        let tries = request.tries;
        request.state = match door {
            Door::Queued => Sending::Queued,
            Door::Refused(_) => Sending::Waiting(later),
        };
        if tries > 1 {
            self.see("a request is sent again");
        }
        if let Door::Refused(why) = door {
            self.see(why);
            if self.manner == Manner::Lying {
                let now_ms = self.now_ms();
                let ids = &self.requests[number].ids;
                self.truth.acknowledged(ids, 0, now_ms);
                self.requests[number].state = Sending::Done;
            }
        }
        Ok(())
    }

    fn write(&mut self, machine: &Arc<Machine>) -> Result<(), String> {
        let most = [1, 3, 512][self.dice.below(3) as usize];
        let turn = machine.write(most, self.now).unwrap_or_default();
        self.weigh(&turn, machine.inbox_bytes());
        if self.disk.is_dead() {
            self.nobody_learns([turn]);
            return Ok(());
        }
        self.learn(turn)
    }

    /// The process died before it could say what came of these turns: nobody was answered, and what
    /// was being judged may have been.
    fn nobody_learns(&mut self, turns: impl IntoIterator<Item = Turn>) {
        let now_ms = self.now_ms();
        for turn in turns {
            for ((number, _), level) in turn.answers.into_iter().zip(turn.levels) {
                let (shed, ids) = self.truth.part(&self.requests[number].ids, level);
                self.truth.unanswered(&ids);
                let shed = shed.len() as u64;
                self.truth.perhaps_came_under(level, shed, now_ms);
            }
        }
        self.truth.perhaps_judged();
    }

    /// Remember by how much the log may grow past its bound: by the group with which it comes
    /// there, and by what is in the queue then.
    fn weigh(&mut self, turn: &Turn, inbox_bytes: u64) {
        let group = self.group_bytes(turn);
        self.most_beyond = self.most_beyond.max(group + inbox_bytes);
    }

    /// What the requests of a turn take in the log.
    fn group_bytes(&self, turn: &Turn) -> u64 {
        let bytes = |&(number, _): &(usize, bool)| 64 + self.requests[number].body.len() as u64;
        turn.answers.iter().map(bytes).sum()
    }

    /// What a turn of the writer told senders and the world.
    fn learn(&mut self, turn: Turn) -> Result<(), String> {
        let now_ms = self.now_ms();
        // What could not be taken back may be found by the next process.
        let stands = self.disk.uncut() > self.uncut;
        self.uncut = self.disk.uncut();
        if stands {
            self.truth.perhaps_judged();
        }
        if self.disk.failed_syncs() > self.failed_syncs {
            self.truth.perhaps_judging();
        }
        for ((number, taken), level) in turn.answers.into_iter().zip(turn.levels) {
            let (shed, ids) = self.truth.part(&self.requests[number].ids, level);
            self.say(|| {
                format!("request {number}: taken {taken}, spans {ids:?}, level {level}: {shed:?}")
            });
            let shed = shed.len() as u64;
            let request = &mut self.requests[number];
            (number, taken).hash(&mut self.hasher);
            if taken {
                request.state = Sending::Done;
                self.truth.acknowledged(&ids, turn.plan, now_ms);
                if !request.ids.is_empty() {
                    self.truth.came_under(level, shed, now_ms);
                }
            } else {
                request.state = Sending::Waiting(now_ms + 1_000);
                if stands {
                    self.truth.unanswered(&ids);
                    self.truth.perhaps_came_under(level, shed, now_ms);
                } else {
                    self.truth.refused_by_disk(&ids);
                    self.truth.refused_shed(level, shed, now_ms);
                }
                self.outcome.seen.insert("the disk refuses a request");
            }
        }
        for verdict in turn.verdicts {
            self.say(|| {
                let name = u128::from_be_bytes(verdict.trace_id);
                format!(
                    "trace {name}: kept {}, {} spans",
                    verdict.kept, verdict.spans
                )
            });
            (verdict.trace_id, verdict.kept).hash(&mut self.hasher);
            if let Some(slug) = verdict.early.slug() {
                self.outcome.seen.insert(slug);
            }
            // A plan that rot has taken judges nothing any more.
            let by = (!self.unreadable).then_some(verdict.plan);
            self.truth.judged(&verdict, by, now_ms)?;
        }
        Ok(())
    }
}
