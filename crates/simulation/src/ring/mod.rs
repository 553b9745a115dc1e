//! Gateways behind a hash ring that changes: what becomes of the traces that are under way.
//!
//! The gateways are the real core, each on a disk of its own; beside them stands a model of a
//! sampler that holds its traces in memory. Both get the same spans by the same routes.

mod balancer;
mod gateways;
mod load;

use serde::Serialize;

use balancer::Balancer;
use gateways::{Disks, InMemory, Tier};
use load::Load;

/// Milliseconds between two turns of everything.
const STEP_MS: u64 = 100;
/// A gateway that is new, or gone, is known to the ring after so long.
const RESOLVED_MS: u64 = 5_000;
/// How long a trace is held.
pub const WAIT_MS: u64 = 10_000;
const MINUTE_MS: u64 = 60_000;
/// Into a minute, something happens to the ring.
const HAPPENS_MS: u64 = 20_000;
/// Gateways tell one another so often.
const SHARED_MS: u64 = 200;

/// What happens to the ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A gateway is added.
    Joins,
    /// One leaves the ring, goes on until it holds nothing, and is gone.
    Leaves,
    /// One leaves the ring, is stopped in order, and comes back on its disk after ten seconds.
    Restarts,
    /// One dies, and comes back on its disk after ten seconds; the ring hears of it late.
    Dies,
    /// One dies with its disk.
    IsLost,
}

impl Event {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 5] = [
        Self::Joins,
        Self::Leaves,
        Self::Restarts,
        Self::Dies,
        Self::IsLost,
    ];

    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Joins => "one joins",
            Self::Leaves => "one leaves",
            Self::Restarts => "one restarts",
            Self::Dies => "one dies",
            Self::IsLost => "one is lost with its disk",
        }
    }
}

/// Who samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sampler {
    /// The core, where each gateway judges what it has.
    Alone,
    /// The core, with verdicts shared.
    Sharing,
    /// The model that holds traces in memory, as contrib does.
    InMemory,
}

impl Sampler {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 3] = [Self::InMemory, Self::Alone, Self::Sharing];

    /// For people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Alone => "ours, alone",
            Self::Sharing => "ours, sharing",
            Self::InMemory => "in memory",
        }
    }
}

/// What a run is about.
#[derive(Clone, Copy, Debug)]
pub struct Scenario {
    /// Gateways at the begin.
    pub gateways: usize,
    /// Traces over all.
    pub traces: u64,
    /// Of them, those that begin in a second.
    pub traces_per_s: u64,
    /// What happens, once a minute.
    pub event: Event,
    /// Who samples.
    pub sampler: Sampler,
}

/// What became of the traces, by span id at the backend.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Fates {
    /// Traces over all.
    pub traces: u64,
    /// Events.
    pub events: u64,
    /// Traces that the policies want, if all of them is judged at once.
    pub wanted: u64,
    /// Of these, those that arrived with all spans.
    pub whole: u64,
    /// In part.
    pub split: u64,
    /// Not at all.
    pub lost: u64,
    /// Of those that R alone decides, the ones that arrived in part.
    pub split_by_r: u64,
}

impl Fates {
    fn add(&mut self, other: &Self) {
        self.traces += other.traces;
        self.events += other.events;
        self.wanted += other.wanted;
        self.whole += other.whole;
        self.split += other.split;
        self.lost += other.lost;
        self.split_by_r += other.split_by_r;
    }
}

/// Play it, a minute of load at a time, and each of them with a tier of its own to which it happens
/// once. The same scenario comes to the same fates, always.
#[must_use]
pub fn play(scenario: Scenario, mut progress: impl FnMut(u64)) -> Fates {
    let mut fates = Fates::default();
    let a_minute = (scenario.traces_per_s * MINUTE_MS / 1_000).max(1);
    while fates.traces < scenario.traces {
        let end = (fates.traces + a_minute).min(scenario.traces);
        fates.add(&minute(scenario, fates.traces..end));
        progress(fates.traces);
    }
    assert_eq!(
        fates.wanted,
        fates.whole + fates.split + fates.lost,
        "each has one fate"
    );
    fates
}

fn minute(scenario: Scenario, traces: std::ops::Range<u64>) -> Fates {
    let mut load = Load::new(traces, scenario.traces_per_s);
    let mut tier: Box<dyn Tier> = match scenario.sampler {
        Sampler::InMemory => Box::new(InMemory::default()),
        sampler => Box::new(Disks::new(sampler == Sampler::Sharing)),
    };
    let mut balancer = Balancer::new(scenario.gateways);
    for gateway in 0..scenario.gateways {
        tier.start(gateway, 0);
    }
    let (mut now_ms, mut events, mut quiet_ms) = (0, 0, 0);
    while quiet_ms < 3 * WAIT_MS {
        now_ms += STEP_MS;
        quiet_ms = if load.is_over() {
            quiet_ms + STEP_MS
        } else {
            0
        };
        if now_ms == HAPPENS_MS && !load.is_over() {
            events += 1;
            balancer.happens(scenario.event, now_ms);
        }
        balancer.turn(tier.as_mut(), now_ms);
        for (gateway, spans) in balancer.route(load.turn(now_ms)) {
            tier.take(gateway, &spans, now_ms);
        }
        if now_ms % SHARED_MS == 0 {
            tier.share(now_ms);
        }
        tier.judge(now_ms, &mut |trace, span| load.arrived(trace, span));
    }
    Fates {
        events,
        ..load.fates()
    }
}
