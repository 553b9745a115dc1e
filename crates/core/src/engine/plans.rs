//! Which plans are alive: the current one, and the one before it while traces begun under it are
//! open. Every plan that was ever current is stored beside the logs, since verdicts name it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use super::{Engine, EngineError, LivePlan};
use crate::fs::FileSystem;
use crate::fs::guarded::{self, FIRST, Guarded, SECOND};
use crate::plan::{Compiled, Plan, PlanSet};

impl Engine {
    /// Judge traces that begin from now on by this plan; returns its version.
    ///
    /// While two plans are alive already the new one waits; a later one takes its place.
    ///
    /// # Errors
    /// [`EngineError::Plan`] if it makes no sense; [`EngineError::State`] if it could not be
    /// stored. The plans stay as they were.
    pub fn install_plan(&mut self, mut plan: Plan) -> Result<u32, EngineError> {
        plan.version = self
            .plans
            .last()
            .map_or(0, |live| live.compiled.plan().version);
        if self
            .plans
            .last()
            .is_some_and(|live| *live.compiled.plan() == plan)
        {
            self.next_plan = None;
            return Ok(plan.version);
        }
        // A stored plan that cannot be read any more keeps its number: verdicts name it.
        plan.version = plan.version.max(self.plan_floor) + 1;
        let compiled = Arc::new(Compiled::new(plan.clone())?);
        if self.plans.len() >= 2 {
            let version = plan.version;
            self.next_plan = Some(plan);
            return Ok(version);
        }
        store_plan(&*self.fs, self.directory(), &plan)?;
        Ok(self.make_current(compiled))
    }

    /// Make a stored plan the current one.
    pub(crate) fn make_current(&mut self, compiled: Arc<Compiled>) -> u32 {
        let version = compiled.plan().version;
        let newest = self.plans.last().map_or(0, LivePlan::version);
        assert!(newest < version, "every plan has a number of its own");
        self.plans.push(LivePlan {
            rule_waits: compiled
                .plan()
                .rules
                .iter()
                .any(|rule| rule.wait_ms.is_some()),
            compiled,
            open: 0,
        });
        self.retire_plans();
        assert!(self.plans.len() <= 2, "at most two plans live");
        self.publish_plans();
        version
    }

    /// Forget the previous plan if nothing is open under it, and let a waiting one in.
    pub(crate) fn retire_plans(&mut self) {
        while self.plans.len() > 1 && self.plans[0].open == 0 {
            let retired = self.plans.remove(0);
            self.limits.remove(&retired.version());
            self.publish_plans();
        }
        if self.plans.len() < 2
            && let Some(next) = self.next_plan.take()
            && self.install_plan(next.clone()).is_err()
        {
            // It compiled when it was queued; only the disk can have refused it now. The next
            // slice tries again.
            self.storage_errors += 1;
            self.next_plan = Some(next);
        }
    }

    /// Show the live plans to the threads that scan requests.
    fn publish_plans(&self) {
        assert!(
            matches!(self.plans.len(), 1..=2),
            "the current plan, and one before it"
        );
        let mut shared = self
            .plan_set
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *shared = Arc::new(PlanSet {
            current: Arc::clone(self.current_plan()),
            previous: (self.plans.len() > 1).then(|| Arc::clone(&self.plans[0].compiled)),
            generation: shared.generation + 1,
        });
    }

    pub(crate) fn current_plan(&self) -> &Arc<Compiled> {
        &self.plans[self.plans.len() - 1].compiled
    }

    /// A plan by version, alive or stored.
    pub(crate) fn plan_of(&self, version: u32) -> Option<Arc<Compiled>> {
        let live = self
            .plans
            .iter()
            .find(|live| live.compiled.plan().version == version);
        match live {
            Some(live) => Some(Arc::clone(&live.compiled)),
            None => self.former_plan(version),
        }
    }

    /// A stored plan that is not live. Compiling one may take a while, and it is asked for often.
    fn former_plan(&self, version: u32) -> Option<Arc<Compiled>> {
        let mut former = self.former.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = former.get(&version) {
            return Some(Arc::clone(plan));
        }
        let plan = load_plan(&*self.fs, self.directory(), version).ok()??;
        let plan = Arc::new(Compiled::new(plan).ok()?);
        if former.len() >= FORMER {
            former.pop_first();
        }
        former.insert(version, Arc::clone(&plan));
        Some(plan)
    }

    /// Tell the outbox the names of the rules that kept what is in it.
    pub(crate) fn name_kept(&self) {
        for version in self.outbox.plans() {
            if let Some(plan) = self.plan_of(version) {
                self.outbox.learn(plan.plan());
            }
        }
    }

    pub(crate) fn directory(&self) -> &Path {
        Path::new(&self.options.data_directory)
    }
}

/// So many plans of before are kept ready.
const FORMER: usize = 8;

fn plans_in(directory: &Path) -> PathBuf {
    directory.join("plans")
}

fn name_of(version: u32) -> String {
    format!("{version:08}")
}

/// What the disk says about a stored plan.
fn failed(directory: &Path, version: u32, error: &std::io::Error) -> EngineError {
    let path = plans_in(directory).join(name_of(version) + FIRST);
    EngineError::State {
        path: path.display().to_string(),
        what: error.to_string(),
    }
}

fn store_plan(fs: &dyn FileSystem, directory: &Path, plan: &Plan) -> Result<(), EngineError> {
    let plans = plans_in(directory);
    fs.create_directory(&plans)
        .and_then(|()| guarded::write(fs, &plans, &name_of(plan.version), plan))
        .map_err(|error| failed(directory, plan.version, &error))
}

/// A stored plan; None if there is none of this version, or nothing of it can be believed.
pub(crate) fn load_plan(
    fs: &dyn FileSystem,
    directory: &Path,
    version: u32,
) -> Result<Option<Plan>, EngineError> {
    match guarded::read(fs, &plans_in(directory), &name_of(version)) {
        Ok(Guarded::Whole(plan, _)) => Ok(Some(plan)),
        Ok(Guarded::Absent | Guarded::Damaged) => Ok(None),
        Err(error) => Err(failed(directory, version, &error)),
    }
}

/// The versions of the stored plans, whether they can be read or not, the newest last.
pub(crate) fn stored_plans(
    fs: &dyn FileSystem,
    directory: &Path,
) -> Result<BTreeSet<u32>, EngineError> {
    let names = stored_plan_names(fs, directory).map_err(|error| EngineError::State {
        path: plans_in(directory).display().to_string(),
        what: error.to_string(),
    })?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
}

/// No plan has this number or a higher one: nobody installs so many, and a file that bears one
/// must not leave the next plan without.
const VERSION_BOUND: u32 = 1 << 31;

/// The names of the stored plans, without what ends them.
pub(crate) fn stored_plan_names(
    fs: &dyn FileSystem,
    directory: &Path,
) -> std::io::Result<BTreeSet<String>> {
    let name = |name: &String| {
        let digits = name.strip_suffix(SECOND).or(name.strip_suffix(FIRST))?;
        let version: u32 = digits.parse().ok()?;
        (version < VERSION_BOUND && name_of(version) == digits).then(|| digits.to_owned())
    };
    let names = fs.list(&plans_in(directory))?;
    Ok(names.iter().filter_map(name).collect())
}
