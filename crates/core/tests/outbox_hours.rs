//! Half a day without a backend, in a second: the outbox fills, what matters least goes, the
//! backlog drains beside live traffic, and every span is accounted for from outside.
//!
//! `cargo test -p tailsampler-core --test outbox_hours -- --nocapture` prints it hour by hour.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;

use engine_support::{MS, Sent, error, exported, options, plain, plan, request};
use tailsampler_core::fs::MemoryDisk;
use tailsampler_core::options::OutboxOptions;
use tailsampler_core::outbox::Settlement;
use tailsampler_core::simulation::World;

const TICK_S: u64 = 10;
const HOUR: u64 = 3_600 / TICK_S;
/// Traces of the three rules that come with a tick.
const DEFAULTS: u64 = 6;
/// Batches that the backend takes in a tick once it is back: three times what comes.
const TAKEN: usize = 3;

/// What the rules keep, by the number of its span.
type Kept = BTreeMap<u64, &'static str>;

struct Day {
    world: World,
    kept: Kept,
    delivered: BTreeMap<&'static str, BTreeSet<u64>>,
    traces: u64,
}

impl Day {
    /// Ten seconds: traces come and are judged; each backend takes so many batches.
    fn tick(&mut self, tick: u64, taken: [(&'static str, usize); 2]) {
        let now_ns = (1_000 + tick * TICK_S) * 1_000 * MS;
        let mut spans: Vec<Sent> = Vec::new();
        let mut add = |kept: &mut Kept, policy, sent: fn(u64, u64) -> Sent| {
            self.traces += 2; // even ones are kept by every rate
            spans.push(sent(self.traces, self.traces));
            kept.insert(self.traces, policy);
        };
        if tick.is_multiple_of(4) {
            add(&mut self.kept, "errors", error);
        }
        add(&mut self.kept, "slow", |trace, span| Sent {
            end_ns: 9_000,
            ..plain(trace, span)
        });
        for _ in 0..DEFAULTS {
            add(&mut self.kept, "default", |trace, span| Sent {
                end_ns: 1_001,
                ..plain(trace, span)
            });
        }
        self.world.ingest(request(&spans), now_ns).unwrap();
        self.world.advance(now_ns + 5_000 * MS);
        let outbox = self.world.engine().outbox();
        let ns = now_ns + 5_000 * MS;
        let now = tailsampler_core::clock::Now {
            wall_ns: ns,
            mono_ns: ns,
        };
        for (name, batches) in taken {
            for _ in 0..batches {
                let Some(batch) = outbox.take(name, 1_500, 0, now) else {
                    break;
                };
                let all = Settlement::default();
                assert!(outbox.settle(name, batch.token, &all, now));
                let ids = exported(&batch.payload).into_iter().map(|(id, _)| id);
                let delivered = self.delivered.entry(name).or_default();
                for id in ids {
                    assert!(delivered.insert(id), "{name} gets {id} twice");
                }
            }
        }
    }

    /// Spans kept, delivered and given up, by policy.
    fn sums(&self, exporter: &str) -> BTreeMap<&'static str, (usize, usize, u64)> {
        let ledger = self.world.ledger();
        assert_eq!(ledger["balanced"], true);
        let given_up = &ledger["exporters"][exporter]["spans"]["given_up"];
        let none = BTreeSet::new();
        let delivered = self.delivered.get(exporter).unwrap_or(&none);
        let mut sums = BTreeMap::new();
        for (id, policy) in &self.kept {
            let sum: &mut (usize, usize, u64) = sums.entry(*policy).or_default();
            sum.0 += 1;
            sum.1 += usize::from(delivered.contains(id));
            sum.2 = given_up[policy].as_u64().unwrap_or(0);
        }
        sums
    }

    fn say(&mut self, hour: u64, phase: &str) {
        let sums = self.sums("away");
        let stats = self.world.engine().outbox().stats(Default::default());
        let bytes = stats.exporters["away"].bytes;
        let mut out = std::io::stdout();
        let _ = write!(
            out,
            "{hour:>3} h {phase:<5} held {bytes:>8} copied {:>8}",
            stats.moved
        );
        for policy in ["default", "slow", "errors"] {
            let (kept, delivered, given_up) = sums[policy];
            let _ = write!(
                out,
                "   {policy}: {kept:>6} kept {delivered:>6} delivered {given_up:>6} given up"
            );
        }
        let _ = writeln!(out);
    }
}

/// Twelve hours away, then a drain: the default's traces go before slow ones, no error goes, and
/// nothing else is missing; the other backend gets everything within its tick.
#[test]
fn half_a_day_without_a_backend() {
    let mut options = options(&["away", "well"]);
    options.plan = plan(0, 1_000);
    options.buffer.segment_bytes = 16_384;
    options.outbox = OutboxOptions {
        max_bytes: 1 << 20,
        ..OutboxOptions::default()
    };
    let world = World::new(Arc::new(MemoryDisk::default()), options).unwrap();
    let mut day = Day {
        world,
        kept: Kept::new(),
        delivered: BTreeMap::new(),
        traces: 0,
    };
    let mut ticks = 0..;
    let mut hours = |day: &mut Day, count: u64, phase: &str, taken: usize| {
        for hour in 1..=count {
            for tick in ticks.by_ref().take(HOUR as usize) {
                day.tick(tick, [("away", taken), ("well", usize::MAX)]);
            }
            day.say(hour, phase);
        }
    };
    hours(&mut day, 1, "well", usize::MAX);
    hours(&mut day, 12, "away", 0);
    let bytes = day.world.engine().outbox().bytes();
    assert!(bytes <= 1 << 20, "{bytes}");
    hours(&mut day, 1, "back", TAKEN);
    hours(&mut day, 1, "well", usize::MAX);
    for (policy, (kept, delivered, given_up)) in day.sums("well") {
        assert_eq!((kept, given_up), (delivered, 0), "{policy}");
    }
    let away = day.sums("away");
    for (policy, (kept, delivered, given_up)) in &away {
        assert_eq!(*kept as u64, *delivered as u64 + given_up, "{policy}");
    }
    assert_eq!(away["errors"].2, 0);
    assert!(away["default"].2 > away["slow"].2);
    assert!(day.world.engine().outbox().is_empty());
}
