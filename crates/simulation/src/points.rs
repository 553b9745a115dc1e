//! Every script, every operation, every fate.

use std::num::NonZero;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::check::check;
use crate::disk::{Dice, Fate};
use crate::life::Life;
use crate::script::{MODES, Script};

/// What is to be gone through.
#[derive(Clone, Debug)]
pub struct Extent {
    /// Seeds from 0 on.
    pub scripts: u64,
    /// Steps of each.
    pub steps: usize,
    /// Only points whose name contains this.
    pub matching: String,
}

/// One promise that was broken.
#[derive(Clone, Debug)]
pub struct Violation {
    /// `SEED-MODE-OPERATION-FATE`.
    pub point: String,
    /// What was broken.
    pub what: String,
}

/// What was gone through.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Scripts times modes.
    pub workloads: usize,
    /// Operations of the disk in them.
    pub operations: usize,
    /// Stops that were tried.
    pub points: usize,
    /// Promises that were broken.
    pub violations: Vec<Violation>,
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.workloads += other.workloads;
        self.operations += other.operations;
        self.points += other.points;
        self.violations.extend(other.violations);
    }
}

/// Go through all points on all processors.
#[must_use]
pub fn enumerate(extent: &Extent) -> Tally {
    let jobs: Vec<(u64, usize)> = (0..extent.scripts)
        .flat_map(|seed| (0..MODES.len()).map(move |mode| (seed, mode)))
        .collect();
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(Tally::default()));
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                while let Some(&(seed, mode)) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let tally = workload(extent, seed, mode);
                    sum.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .add(tally);
                }
            });
        }
    });
    let mut sum = sum.into_inner().unwrap_or_else(PoisonError::into_inner);
    sum.violations
        .sort_by(|one, other| one.point.cmp(&other.point));
    sum
}

fn workload(extent: &Extent, seed: u64, mode: usize) -> Tally {
    let (name, mode) = MODES[mode];
    let script = Script::new(seed, mode, extent.steps);
    let life = Life::play(&script);
    let mut tally = Tally {
        workloads: 1,
        operations: life.disk.operations(),
        ..Tally::default()
    };
    if let Some(what) = &life.complaint {
        tally.violations.push(Violation {
            point: format!("{seed}-{name}"),
            what: what.clone(),
        });
    }
    for stop in 0..=life.disk.operations() {
        for fate in Fate::ALL {
            let point = format!("{seed}-{name}-{stop}-{fate:?}").to_lowercase();
            if !point.contains(&extent.matching) {
                continue;
            }
            let mut dice = Dice::new(seed ^ (stop as u64) << 20);
            let Some(disk) = life.disk.left(stop, fate, &mut dice) else {
                continue;
            };
            tally.points += 1;
            if let Err(what) = check(&life, &script, (stop, fate), disk) {
                tally.violations.push(Violation { point, what });
            }
        }
    }
    tally
}
