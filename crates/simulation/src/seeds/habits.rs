//! What a seed has much of. Each leaves most faults out, so that the others get room: a run with
//! everything at once mostly refuses.

use tailsampler_core::admission::AdmissionOptions;
use tailsampler_core::options::{
    BufferOptions, DecisionOptions, Fsync, LateOptions, Limits, Options, OutboxOptions,
};
use tailsampler_core::plan::{
    Clause, Large, NEVER, PAGE, Plan, Predicate, Rule, Test, Vote, Votes,
};

use super::disk::Failures;
use super::truth::{SLOW_NS, THRESHOLD, WAIT_MS};
use crate::disk::Dice;

/// The habits of a seed.
#[derive(Clone, Debug)]
pub struct Habits {
    /// When logs are made durable.
    pub mode: Fsync,
    /// Exporters, one or two.
    pub exporters: usize,
    /// Chances of failures while the disk fails.
    pub failures: Failures,
    /// Chances of an event, in ten-thousandths of the rounds.
    pub kills: u64,
    /// The same.
    pub powers: u64,
    /// The same.
    pub rots: u64,
    /// The same: the disk fills up, or has room again.
    pub fills: u64,
    /// The same: the disk begins to fail, or stops.
    pub spells: u64,
    /// The same: a disk that hangs for a while.
    pub hangs: u64,
    /// The same.
    pub plans: u64,
    /// The same: SIGTERM.
    pub stops: u64,
    /// The same: the wall clock steps.
    pub steps: u64,
    /// The same: the backends begin to misbehave, or stop.
    pub moods: u64,
    /// The same: a backend goes away, or comes back.
    pub aways: u64,
    /// The same: the level of overload changes.
    pub surges: u64,
    /// The bounds of each exporter.
    pub limits: [Limits; 2],
    /// In tenths of the writes and syncs that fail: the end of the process or the power follows
    /// within moments.
    pub blows: u64,
    /// Reads fail within a start rather than between two.
    pub blind_starts: bool,
    /// The directory in which bits flip.
    pub rots_in: &'static str,
    /// How many at once, at most.
    pub flips: u64,
    /// And near the begin of every file of it.
    pub rots_heads: bool,
    /// Of requests, in tenths, those of the storm.
    pub storm: u64,
    /// The memory of verdicts is small.
    pub forgetful: bool,
    /// Nanoseconds of the monotonic clock at the begin.
    pub mono_ns: u64,
    buffer_bytes: u64,
    index_bytes: u64,
    /// Room that the gateway keeps on the disk.
    pub reserve_bytes: u64,
    segment_bytes: u64,
    /// The bound of the outbox.
    pub outbox_bytes: u64,
    /// Beyond which kept traces are cut.
    pub large: Option<Large>,
    /// Every second plan is one in which policies vote.
    pub votes: bool,
    secret: u64,
}

impl Habits {
    /// Those of a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed ^ 0x4ab1_7500);
        let mut rarely = |chance: u64| {
            let some = dice.below(3) == 0;
            if some { 1 + dice.below(chance) } else { 0 }
        };
        let (kills, powers, rots) = (rarely(200), rarely(100), rarely(40));
        let (fills, spells, hangs) = (rarely(100), rarely(100), rarely(100));
        let (plans, stops, steps, moods) = (rarely(100), rarely(60), rarely(40), rarely(200));
        let mut aways = Dice::new(seed ^ 0xa3a7);
        let aways = (aways.below(2) == 0).then(|| 1 + aways.below(300));
        let aways = aways.unwrap_or(0);
        let mut surges = Dice::new(seed ^ 0x0531_d600);
        let surges = (surges.below(4) == 0).then(|| 20 + surges.below(300));
        let surges = surges.unwrap_or(0);
        let failures = Failures {
            write: rarely(200),
            sync: rarely(200),
            read: rarely(30),
            other: rarely(100),
        };
        let modes = [
            Fsync::Never,
            Fsync::Interval { interval_ms: 1_000 },
            Fsync::Always,
        ];
        let small = dice.below(5) == 0;
        let blows = if failures.write + failures.sync + fills > 0 && dice.below(2) == 0 {
            1 + dice.below(5)
        } else {
            0
        };
        let mut habits = Self {
            blows,
            blind_starts: dice.below(2) == 0,
            flips: 3,
            rots_heads: false,
            rots_in: ["data/verdicts", "data"][dice.below(2) as usize],
            mode: modes[dice.below(3) as usize],
            exporters: 1 + dice.below(2) as usize,
            failures,
            kills,
            powers,
            rots,
            fills,
            spells,
            hangs,
            plans,
            stops,
            steps,
            moods,
            aways,
            surges,
            limits: limits(seed),
            votes: Dice::new(seed ^ 0x70735).below(4) == 0,
            storm: [0, 3, 5, 10][dice.below(4) as usize],
            forgetful: dice.below(6) == 0,
            mono_ns: [86_400, 86_400 * 300][dice.below(2) as usize] * 1_000_000_000,
            reserve_bytes: [0, 8_000][dice.below(2) as usize],
            index_bytes: if dice.below(6) == 0 { 2_000 } else { u64::MAX },
            buffer_bytes: if small { 60_000 } else { 16 << 20 },
            segment_bytes: [700, 4_000, 20_000, 1 << 20][dice.below(4) as usize],
            outbox_bytes: outbox_bytes(seed, small),
            large: large(seed),
            // Also where the stamps of traces begin: a few before they wrap.
            secret: if dice.below(2) == 0 {
                seed << 32 | (u64::from(u32::MAX) - dice.below(200))
            } else {
                seed
            },
        };
        habits.direct(seed);
        habits
    }

    /// Half of the seeds have what some rare faults need together, which chance seldom brings.
    fn direct(&mut self, seed: u64) {
        let mut dice = Dice::new(seed ^ 0xd12e_c700);
        match dice.below(12) {
            0 | 1 => self.fill_outbox(&mut dice),
            2 => self.refuse(&mut dice),
            3 => self.take_back(&mut dice),
            4 => self.sync_nothing(&mut dice),
            5 => self.keep_names(&mut dice),
            _ => {}
        }
    }

    /// A full outbox, backends that come and go, and losses in it alone.
    fn fill_outbox(&mut self, dice: &mut Dice) {
        self.exporters = 2;
        self.outbox_bytes = [50_000, 120_000][dice.below(2) as usize];
        self.segment_bytes = 700;
        self.aways = 100 + dice.below(300);
        self.rots_in = "data/outbox";
        (self.spells, self.fills, self.hangs) = (0, 0, 0);
        // Also within the moments in which frames stand at two places.
        self.kills = [0, 300][dice.below(2) as usize];
        if dice.below(2) == 0 {
            (self.powers, self.rots) = (50 + dice.below(100), 0);
            self.mode =
                [Fsync::Interval { interval_ms: 1_000 }, Fsync::Always][dice.below(2) as usize];
        } else {
            (self.powers, self.rots) = (0, 20 + dice.below(40));
            self.flips = 8;
            self.rots_heads = dice.below(2) == 0;
        }
    }

    /// Requests that are refused and stay on the disk, and processes that end then.
    fn refuse(&mut self, dice: &mut Dice) {
        (self.fills, self.rots, self.powers, self.blows) = (0, 0, 0, 0);
        self.spells = 50 + dice.below(100);
        self.failures = Failures {
            write: 100 + dice.below(500),
            sync: dice.below(200),
            read: 0,
            other: [150, 300, 1_000][dice.below(3) as usize],
        };
        self.kills = 50 + dice.below(200);
    }

    /// Writes that fail and are taken back, and losses of power soon after.
    fn take_back(&mut self, dice: &mut Dice) {
        (self.fills, self.rots, self.kills) = (0, 0, 0);
        self.mode = [Fsync::Interval { interval_ms: 1_000 }, Fsync::Always][dice.below(2) as usize];
        self.spells = 100 + dice.below(100);
        self.failures = Failures {
            write: 100 + dice.below(400),
            ..Failures::default()
        };
        self.powers = 20 + dice.below(60);
        self.blows = 3;
    }

    /// Nothing is made durable, and the power goes again and again.
    fn sync_nothing(&mut self, dice: &mut Dice) {
        (self.fills, self.rots, self.spells, self.kills) = (0, 0, 0, 0);
        self.mode = Fsync::Never;
        self.powers = 50 + dice.below(150);
        self.stops = [0, 50][dice.below(2) as usize];
    }

    /// Files that cannot be removed now and then, and processes that end meanwhile.
    fn keep_names(&mut self, dice: &mut Dice) {
        (self.fills, self.rots, self.powers, self.blows) = (0, 0, 0, 0);
        self.segment_bytes = 700;
        self.spells = 100 + dice.below(100);
        self.failures = Failures {
            other: 100 + dice.below(500),
            ..Failures::default()
        };
        self.kills = 50 + dice.below(200);
    }

    /// The options of its gateway.
    #[must_use]
    pub fn options(&self) -> Options {
        Options {
            data_directory: "data".to_owned(),
            admission: AdmissionOptions::default(),
            buffer: BufferOptions {
                max_index_bytes: self.index_bytes,
                reserve_bytes: self.reserve_bytes,
                max_bytes: self.buffer_bytes,
                segment_bytes: self.segment_bytes.min(self.buffer_bytes / 8),
                fsync: self.mode,
            },
            late: LateOptions {
                max_traces: if self.forgetful { 20 } else { 100_000 },
                max_age_ms: 600_000,
            },
            decisions: DecisionOptions { max_bytes: 8 << 20 },
            outbox: OutboxOptions {
                max_bytes: self.outbox_bytes,
                exporters: (0..self.exporters)
                    .map(|exporter| (name(exporter), self.limits[exporter]))
                    .collect(),
            },
            exporters: (0..self.exporters).map(name).collect(),
            annotate: false,
            plan: self.plan(0),
            tenants: Vec::new(),
            sharing: None,
            hash_secret: Some(self.secret),
        }
    }
}

/// Some outboxes are so small that exporters which are away together fill them.
fn outbox_bytes(seed: u64, small: bool) -> u64 {
    let mut dice = Dice::new(seed ^ 0x0b0c);
    match dice.below(4) {
        0 => [50_000, 120_000, 300_000][dice.below(3) as usize],
        _ if small => 600_000,
        _ => 16 << 20,
    }
}

/// A third of the exporters has a bound of its own in bytes, a sixth one in age.
fn limits(seed: u64) -> [Limits; 2] {
    let mut dice = Dice::new(seed ^ 0x11a1_7500);
    std::array::from_fn(|_| Limits {
        max_bytes: (dice.below(3) == 0).then(|| 2_000 + dice.below(30_000)),
        max_age_ms: (dice.below(6) == 0).then(|| 20_000 + dice.below(600_000)),
        drain_permille: [0, 250, 500, 1_000][dice.below(4) as usize],
        by_tenant: false,
    })
}

/// The name of an exporter.
#[must_use]
pub fn name(exporter: usize) -> String {
    format!("e{exporter}")
}

/// In one seed of six, less than many traces have.
fn large(seed: u64) -> Option<Large> {
    let mut dice = Dice::new(seed ^ 0x1a26e);
    let large = Large {
        max_bytes: 100 + dice.below(1_000),
        drop: false,
    };
    (dice.below(6) == 0).then_some(large)
}

impl Habits {
    /// The chain that [`super::truth`] knows, in one form or another.
    #[must_use]
    pub fn plan(&self, version: u64) -> Plan {
        if self.votes && version.is_multiple_of(2) {
            voted(version, self.large)
        } else {
            plan(version, self.large)
        }
    }
}

/// The same chain by votes: whatever the order, any that keeps a trace decides. One condition
/// stands on another page than the rest.
fn voted(version: u64, large: Option<Large>) -> Plan {
    let predicate = |test| Predicate {
        reason: "some".to_owned(),
        test,
    };
    let bit = |bit| Vote::Bit {
        bit,
        inverted: false,
        veto: false,
    };
    let slow = Test::Lasting {
        from_ms: (SLOW_NS / 1_000_000).cast_signed(),
        to_ms: None,
        wraps: false,
    };
    let any = Test::SpanStatusIn {
        codes: vec![0, 1, 2],
    };
    let nothing = (2..PAGE).map(|code| Test::SpanStatusIn {
        codes: vec![1_000 + code as i32],
    });
    let error = Test::SpanStatusIn { codes: vec![2] };
    let policies = [
        ("never", Vote::Drop { of: vec![bit(2)] }),
        ("errors", bit(PAGE as u16)),
        ("slow", bit(0)),
        (
            "some",
            Vote::Hashed {
                salt: String::new(),
                threshold: 0,
                t: THRESHOLD,
                informed: Some(1), // so that R decides, and not the hash
            },
        ),
    ];
    let none = format!("none {version}");
    let names = policies.iter().map(|(name, _)| (*name).to_owned());
    let rules = [none].into_iter().chain(names.skip(1)); // the first tells one from another
    let rules = rules.map(|name| Rule {
        name,
        all: Vec::new(),
        threshold: 0,
        wait_ms: None,
    });
    let tests = [slow, any].into_iter().chain(nothing).chain([error]);
    Plan {
        predicates: tests.map(predicate).collect(),
        rules: rules.collect(),
        votes: Some(Votes {
            policies: policies.map(|(_, vote)| vote).into(),
            tick_ms: 1_000,
            tracestate: true,
            ..Votes::default()
        }),
        ..plan(version, large)
    }
}

/// The same as rules; `version` only makes one differ from another.
fn plan(version: u64, large: Option<Large>) -> Plan {
    let rule = |name: &str, all, threshold, wait_ms| Rule {
        name: name.to_owned(),
        all,
        threshold,
        wait_ms,
    };
    let errors = Clause::AnyBit { bits: vec![0] };
    let slow = Clause::DurationAtLeast { ns: SLOW_NS };
    Plan {
        format: 1,
        wait_ms: WAIT_MS,
        large,
        predicates: vec![Predicate {
            reason: "status".to_owned(),
            test: Test::SpanStatusIn { codes: vec![2] },
        }],
        rules: vec![
            rule("errors", vec![errors], 0, Some(2_000)),
            rule("slow", vec![slow], 0, None),
            rule("some", vec![], THRESHOLD, None),
            rule(&format!("none {version}"), vec![], NEVER, None),
        ],
        ..Plan::default()
    }
}
