//! Whatever happens, and whenever the process dies: every acknowledged span is exported once,
//! dropped by a verdict, or held; no trace is judged twice; the books balance.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use engine_support::disk::{Hooked, Write};
use engine_support::{MS, Sent, error, exported, options, plain, plan, request};
use proptest::prelude::*;
use tailsampler_core::fs::MemoryDisk;
use tailsampler_core::options::Options;
use tailsampler_core::plan::NEVER;
use tailsampler_core::simulation::World;

/// One step of a history.
#[derive(Clone, Debug)]
enum Step {
    /// Send spans: the trace, whether it is an error, whether it takes long.
    Send(Vec<(u64, bool, bool)>),
    Advance(u64),
    Take,
    Install(u64),
    Restart(u64),
}

fn steps(most: usize) -> impl Strategy<Value = Vec<Step>> {
    let span = (0..6_u64, prop::bool::weighted(0.2), any::<bool>());
    let step = prop_oneof![
        6 => prop::collection::vec(span, 1..5).prop_map(Step::Send),
        3 => (0..1_500_u64).prop_map(Step::Advance),
        1 => Just(Step::Take),
        1 => (0..3_u64).prop_map(Step::Install),
        1 => (0..3_u64).prop_map(Step::Restart),
    ];
    prop::collection::vec(step, 1..most)
}

/// A world beside a record of what it was told and what it said.
struct Witness {
    world: World,
    now_ns: u64,
    next_span: u64,
    /// Acknowledged spans by trace, and those that were refused.
    sent: BTreeMap<u64, Vec<u64>>,
    received: u64,
    out: Vec<u64>,
    verdicts: Vec<(String, bool)>,
}

fn a_plan(which: u64) -> tailsampler_core::plan::Plan {
    plan([NEVER, 0, NEVER / 2][which as usize % 3], 1_000)
}

impl Witness {
    fn new(world: World) -> Self {
        Self {
            world,
            now_ns: 0,
            next_span: 0,
            sent: BTreeMap::new(),
            received: 0,
            out: Vec::new(),
            verdicts: Vec::new(),
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Send(spans) => {
                let spans: Vec<Sent> = spans
                    .iter()
                    .map(|&(trace, wrong, slow)| {
                        self.next_span += 1;
                        let span = if wrong { error } else { plain };
                        let end_ns = if slow { 9_000 } else { 1_001 };
                        Sent {
                            end_ns,
                            ..span(trace, self.next_span)
                        }
                    })
                    .collect();
                if self.world.ingest(request(&spans), self.now_ns).is_ok() {
                    self.received += spans.len() as u64;
                    for span in spans {
                        self.sent.entry(span.trace).or_default().push(span.span);
                    }
                }
            }
            Step::Advance(ms) => {
                self.now_ns += ms * MS;
                for verdict in self.world.advance(self.now_ns) {
                    let kept = verdict["kept"].as_bool().unwrap();
                    let id = verdict["trace_id"].as_str().unwrap();
                    self.verdicts.push((id.to_owned(), kept));
                }
            }
            Step::Take => self.take(),
            Step::Install(which) => {
                // With a disk that refuses the plan stays what it was.
                let _ = self.world.engine().install_plan(a_plan(*which));
            }
            Step::Restart(which) => self.world.restart(a_plan(*which)).unwrap(),
        }
    }

    fn take(&mut self) {
        for payload in self.world.take() {
            self.out
                .extend(exported(&payload).into_iter().map(|(id, _)| id));
        }
    }

    fn check(&self) {
        let ledger = self.world.ledger();
        assert_eq!(ledger["balanced"], true, "{ledger:#}");
        assert_eq!(ledger["spans"]["received"], self.received, "{ledger:#}");
        assert_eq!(ledger["spans"]["exported"], self.out.len(), "{ledger:#}");
        let once: BTreeSet<_> = self.out.iter().collect();
        assert_eq!(once.len(), self.out.len(), "a span was exported twice");
    }

    /// Let every wait end; then nothing is held, and verdicts and exported spans must agree.
    fn end(&mut self, judged_once: bool) {
        for _ in 0..3 {
            self.step(&Step::Advance(20_000));
        }
        self.take();
        self.check();
        let ledger = self.world.ledger();
        let held = &ledger["spans"]["held"];
        assert_eq!((&held["buffer"], &held["outbox"]), (&0.into(), &0.into()));
        for lost in ["corrupt", "malformed"] {
            assert_eq!(ledger["spans"]["dropped"][lost], 0, "{ledger:#}");
        }
        let traces: BTreeSet<_> = self.verdicts.iter().map(|(id, _)| id).collect();
        if !judged_once {
            return;
        }
        assert_eq!(
            traces.len(),
            self.verdicts.len(),
            "a trace was judged twice"
        );
        let out: BTreeSet<_> = self.out.iter().copied().collect();
        for (trace, spans) in &self.sent {
            let id = engine_support::trace_id(*trace);
            let verdict = self.world.decision(&id).unwrap();
            assert_eq!(verdict["state"], "judged", "{verdict:#}");
            for span in spans {
                assert_eq!(out.contains(span), verdict["kept"] == true, "{verdict:#}");
            }
        }
    }
}

fn live(options: Options, steps: &[Step], judged_once: bool) {
    let world = World::new(Arc::new(MemoryDisk::default()), options).unwrap();
    let mut witness = Witness::new(world);
    for step in steps {
        witness.step(step);
        witness.check();
    }
    witness.end(judged_once);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// Any history with restarts and new plans in it accounts for every span.
    #[test]
    fn any_history(steps in steps(40)) {
        live(options(&["a", "b"]), &steps, true);
    }

    /// The same at the bound of the buffer, where traces are judged early all the time.
    #[test]
    fn any_history_at_the_bound(steps in steps(40)) {
        let mut options = options(&["a"]);
        options.buffer.max_bytes = 1_600;
        live(options, &steps, true);
    }

    /// The same where verdicts are forgotten at once, so that traces are judged again.
    #[test]
    fn any_history_without_memory(steps in steps(40)) {
        let mut options = options(&["a"]);
        options.late.max_traces = 2;
        live(options, &steps, false);
    }

    /// The disk dies at any write, and the process with it: what was acknowledged is accounted
    /// for after the next start, and what was not is not there.
    #[test]
    fn death_at_any_write(steps in steps(25), at in 0..60_u64, torn in any::<bool>()) {
        let left = Arc::new(AtomicU64::new(at));
        let spared = Arc::new(AtomicBool::new(true));
        let (count, spare) = (Arc::clone(&left), Arc::clone(&spared));
        let disk = Hooked::new(move |_| {
            if spare.load(Ordering::Relaxed) {
                return Write::Whole;
            }
            match count.load(Ordering::Relaxed) {
                0 if torn => Write::Torn(5),
                0 => Write::Fails,
                some => {
                    count.store(some - 1, Ordering::Relaxed);
                    Write::Whole
                }
            }
        });
        let world = World::new(Arc::new(disk), options(&["a"])).unwrap();
        let mut witness = Witness::new(world);
        for step in &steps {
            let dying = !matches!(step, Step::Restart(_) | Step::Take);
            spared.store(!dying, Ordering::Relaxed);
            witness.step(step);
            spared.store(true, Ordering::Relaxed);
            witness.check();
            if left.load(Ordering::Relaxed) == 0 {
                left.store(u64::MAX, Ordering::Relaxed);
                witness.world.restart(a_plan(0)).unwrap();
                witness.check();
            }
        }
        witness.end(true);
    }
}

/// A trace of exactly the threshold's length is slow, and its spans, the late one too, carry the
/// threshold of the rule that kept them.
#[test]
fn the_rule_that_kept_it_is_written_on_it() {
    let mut world = World::new(Arc::new(MemoryDisk::default()), options(&["a"])).unwrap();
    let slow = Sent {
        end_ns: 2_000,
        ..plain(2, 1)
    };
    world.ingest(request(&[slow]), 0).unwrap();
    let verdicts = world.advance(2_000 * MS);
    assert_eq!(verdicts[0]["policy"], "slow");
    world.ingest(request(&[plain(2, 2)]), 2_001 * MS).unwrap();
    let out: Vec<_> = world.take().iter().flat_map(|p| exported(p)).collect();
    let th = "ot=th:8".to_owned();
    assert_eq!(out, [(1, th.clone()), (2, th)]);
}

/// Whoever looks on sees the newest verdicts first, and after a restart the same ones.
#[test]
fn the_newest_verdicts_are_still_there_after_a_restart() {
    let mut world = World::new(Arc::new(MemoryDisk::default()), options(&["a"])).unwrap();
    world.ingest(request(&[plain(1, 1)]), 0).unwrap();
    world.ingest(request(&[error(2, 1)]), 500 * MS).unwrap();
    world.advance(2_000 * MS);
    let kept = |world: &mut World| -> Vec<(u64, bool)> {
        let newest = world.engine().recent(8).into_iter();
        newest.map(|(at, verdict)| (at, verdict.kept)).collect()
    };
    let before = kept(&mut world);
    assert_eq!(
        before.iter().map(|one| one.1).collect::<Vec<_>>(),
        [true, false]
    );
    world.restart(a_plan(0)).unwrap();
    assert_eq!(kept(&mut world), before);
}
