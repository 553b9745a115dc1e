//! The engine, the packer and the outbox on one thread, a disk in memory and a clock in the
//! caller's hand: what a day of traffic does can be seen in a second, and twice the same.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use serde_json::Value;

use crate::clock::Now;
use crate::engine::{Chores, Engine, EngineError, Prepared};
use crate::fs::FileSystem;
use crate::intake::Tenant;
use crate::keeping;
use crate::options::{Fsync, Options};
use crate::outbox::{KeptJob, Outbox, Packer, Settlement};
use crate::plan::{Plan, SharedPlans};
use crate::replay;
use crate::wire::{Scan, TraceId, scan};

/// A whole data plane without threads.
pub struct World {
    fs: Arc<dyn FileSystem>,
    options: Options,
    engine: Engine,
    plan_set: SharedPlans,
    packer: Packer,
    /// Kept traces that could not be packed yet.
    jobs: Vec<KeptJob>,
    /// Chores that could not be done yet.
    left: Chores,
    /// The level of overload that requests come under.
    level: u8,
    /// Who sends them, by position in the configuration.
    tenant: Tenant,
    now: Now,
}

impl World {
    /// Start on this disk, at time 0.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn new(fs: Arc<dyn FileSystem>, options: Options) -> Result<Self, EngineError> {
        Self::at(fs, options, Now::default())
    }

    /// Start on what another one left on this disk, at a later time.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn left(
        fs: Arc<dyn FileSystem>,
        options: Options,
        now_ns: u64,
    ) -> Result<Self, EngineError> {
        let (wall_ns, mono_ns) = (now_ns, now_ns);
        Self::at(fs, options, Now { wall_ns, mono_ns })
    }

    fn at(fs: Arc<dyn FileSystem>, options: Options, now: Now) -> Result<Self, EngineError> {
        let (engine, plan_set, _) = replay::start(&fs, options.clone(), now)?;
        let packer = Packer::new(engine.log_reader(), engine.outbox(), options.annotate);
        let mut world = Self {
            fs,
            options,
            engine,
            plan_set,
            packer,
            jobs: Vec::new(),
            left: Chores::default(),
            level: 0,
            tenant: 0,
            now,
        };
        world.pack();
        Ok(world)
    }

    /// Submit one request; returns spans accepted and spans rejected.
    ///
    /// # Errors
    /// What is wrong with the request, in words.
    pub fn ingest(&mut self, body: Bytes, now_ns: u64) -> Result<(u64, u64), String> {
        self.set_time(now_ns);
        let plans = {
            let plans = self.plan_set.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&plans)
        };
        let mut found = Scan::default();
        scan(&body, &plans, &mut found).map_err(|error| error.to_string())?;
        let rejected = found.rejected.bad_trace_id + found.rejected.bad_span_id;
        let mut prepared = Prepared::new(self.tenant, body, &mut found, plans.generation);
        if self.level > 0 {
            prepared.shed(self.level, &plans.current);
        }
        let spans = prepared.spans();
        let committed = self.engine.commit(&mut [prepared], self.now);
        committed.map_err(|error| error.to_string())?;
        self.pack();
        Ok((spans, rejected))
    }

    /// Requests come under this level of overload from now on; 0: under none.
    pub const fn set_level(&mut self, level: u8) {
        self.level = level;
    }

    /// Requests are this tenant's from now on, by position in the configuration.
    pub const fn set_tenant(&mut self, tenant: Tenant) {
        self.tenant = tenant;
    }

    /// Judge what is due at this time; returns the verdicts in words.
    pub fn advance(&mut self, now_ns: u64) -> Vec<Value> {
        self.set_time(now_ns);
        let mut words = Vec::new();
        loop {
            let (verdicts, more) = self.engine.judge_due(self.now);
            words.extend(verdicts.iter().map(|verdict| self.engine.word(verdict)));
            self.pack();
            if !more {
                return words;
            }
        }
    }

    /// Everything kept since the last call, one request a frame, settled as exported.
    pub fn take(&mut self) -> Vec<Bytes> {
        let outbox = self.engine.outbox();
        let mut requests = Vec::new();
        let names = self.options.exporters.clone();
        for (at, name) in names.iter().enumerate() {
            while let Some(batch) = outbox.take(name, 1, 0, self.now) {
                outbox.settle(name, batch.token, &Settlement::default(), self.now);
                if at == 0 {
                    requests.push(batch.payload);
                }
            }
        }
        requests
    }

    /// The books.
    #[must_use]
    pub fn ledger(&self) -> Value {
        let mut ledger = self.engine.cut(self.now).to_json();
        if !self.engine.recount_agrees() {
            ledger["balanced"] = Value::Bool(false);
        }
        ledger
    }

    /// What is known of a trace.
    #[must_use]
    pub fn decision(&self, trace_id: &TraceId) -> Option<Value> {
        let known = self.engine.decision(trace_id, self.now);
        known.or_else(|| self.engine.decision_reader().find(trace_id).ok()?)
    }

    /// The engine, for what has no words of its own here.
    pub const fn engine(&mut self) -> &mut Engine {
        &mut self.engine
    }

    /// Lose all memory, as `kill -9` does, and start again from the disk.
    ///
    /// # Errors
    /// [`EngineError`].
    pub fn restart(&mut self, plan: Plan) -> Result<(), EngineError> {
        self.options.plan = plan;
        *self = Self::at(Arc::clone(&self.fs), self.options.clone(), self.now)?;
        Ok(())
    }

    fn set_time(&mut self, now_ns: u64) {
        self.now = Now {
            wall_ns: now_ns,
            mono_ns: now_ns,
        };
    }

    /// What the threads beside the engine do: pack what is kept, do the chores.
    fn pack(&mut self) {
        self.jobs.append(&mut self.engine.take_jobs());
        let room = self.engine.outbox().make_room(self.now);
        if room && !self.jobs.is_empty() && self.packer.pack(&self.jobs, self.now).is_ok() {
            let jobs = std::mem::take(&mut self.jobs);
            self.engine.packed(jobs.into_iter().map(|job| job.pin));
        }
        let chores = self.engine.take_chores();
        let directory = std::path::Path::new(&self.options.data_directory);
        let outbox = self.engine.outbox();
        let fs = self.engine.fs();
        let (engine, fsync) = (&mut self.engine, self.options.buffer.fsync);
        let errors = keeping::do_chores(chores, &mut self.left, &outbox, (&*fs, directory), || {
            sync(&outbox, engine, fsync)
        });
        self.engine.count_storage_errors(errors);
    }

    /// Make everything written so far durable, as the keeper does once an interval; false if that
    /// failed. Nothing happens in mode `never`.
    pub fn sync(&mut self) -> bool {
        let outbox = self.engine.outbox();
        sync(&outbox, &mut self.engine, self.options.buffer.fsync)
    }
}

fn sync(outbox: &Outbox, engine: &mut Engine, fsync: Fsync) -> bool {
    if fsync == Fsync::Never {
        return true;
    }
    let failed = keeping::sync(outbox, || engine.take_dirty());
    engine.count_storage_errors(failed);
    failed == 0
}
