//! The core by itself: so many traces are taken in, fall due together, and are judged.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;
use tailsampler_core::clock::Now;
use tailsampler_core::fs::MemoryDisk;
use tailsampler_core::options::Options;
use tailsampler_core::simulation::World;

use crate::options::Protocol;
use crate::template::{Ids, Shape, Template};

const SECOND_NS: u64 = 1_000_000_000;
/// Spans a request: what a Collector's batch has in good order.
const SPANS_PER_REQUEST: usize = 512;

/// Why there is no figure.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "each says what its message says")]
pub enum JudgedError {
    #[error("{0}")]
    Engine(#[from] tailsampler_core::engine::EngineError),
    #[error("a request was not taken: {0}")]
    Request(String),
    #[error("{traces} traces were due, {judged} were judged")]
    Traces { traces: usize, judged: usize },
    #[error("the books do not balance: {0}")]
    Books(String),
}

/// How long the parts of one round took, on one thread.
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Scanning, logging in memory and indexing every request.
    pub ingest: Duration,
    /// Judging every trace.
    pub judge: Duration,
}

/// A core on a disk in memory, and the requests that it is given.
pub struct Judged {
    world: World,
    rng: Rng,
    templates: Vec<Template>,
    now_ns: u64,
    step_ns: u64,
}

impl Judged {
    /// `spans_per_trace` divides 512.
    ///
    /// # Errors
    /// [`JudgedError::Engine`].
    pub fn new(options: Options, spans_per_trace: usize) -> Result<Self, JudgedError> {
        let mut rng = Rng::with_seed(1);
        let shape = Shape {
            protocol: Protocol::HttpProtobuf,
            spans_per_request: SPANS_PER_REQUEST,
            spans_per_part: spans_per_trace,
            rooted: true,
            more_bytes: 0,
            error_share: 0.01,
            slow_share: 0.01,
            base_ns: SECOND_NS,
        };
        let templates = (0..16).map(|_| Template::new(&mut rng, shape)).collect();
        let step_ns = (options.plan.wait_ms + 60_000) * (SECOND_NS / 1_000);
        Ok(Self {
            world: World::new(Arc::new(MemoryDisk::default()), options)?,
            rng,
            templates,
            now_ns: SECOND_NS,
            step_ns,
        })
    }

    /// Requests of at least so many fresh traces.
    pub fn requests(&mut self, traces: usize) -> Vec<Bytes> {
        let mut requests = Vec::new();
        let mut made = 0;
        while made < traces {
            let template = &self.templates[requests.len() % self.templates.len()];
            let ids: Vec<Ids> = (0..template.traces())
                .map(|_| Ids::new(&mut self.rng))
                .collect();
            made += ids.len();
            let body = template.stamp(&mut self.rng, &ids, &mut Vec::new());
            requests.push(Bytes::from(body));
        }
        requests
    }

    /// Takes in all requests at one moment.
    ///
    /// # Errors
    /// [`JudgedError::Request`].
    pub fn ingest(&mut self, requests: Vec<Bytes>) -> Result<(), JudgedError> {
        for request in requests {
            let taken = self.world.ingest(request, self.now_ns);
            taken.map_err(JudgedError::Request)?;
        }
        Ok(())
    }

    /// Judges everything; returns how many traces.
    pub fn judge(&mut self) -> usize {
        self.now_ns += self.step_ns;
        let now = Now {
            wall_ns: self.now_ns,
            mono_ns: self.now_ns,
        };
        let mut judged = 0;
        loop {
            let (verdicts, more) = self.world.engine().judge_due(now);
            judged += verdicts.len();
            if !more {
                return judged;
            }
        }
    }

    /// Packs and exports what was kept, and looks whether every span is accounted for.
    ///
    /// # Errors
    /// [`JudgedError::Books`].
    pub fn settle(&mut self) -> Result<(), JudgedError> {
        self.world.advance(self.now_ns);
        self.world.take();
        let books = self.world.ledger();
        if books["balanced"] == true {
            Ok(())
        } else {
            Err(JudgedError::Books(books.to_string()))
        }
    }

    /// One round of at least so many traces.
    ///
    /// # Errors
    /// [`JudgedError`].
    pub fn round(&mut self, traces: usize) -> Result<(Round, usize), JudgedError> {
        let requests = self.requests(traces);
        let traces = requests.len() * self.templates[0].traces();
        let begun = Instant::now();
        self.ingest(requests)?;
        let ingest = begun.elapsed();
        let begun = Instant::now();
        let judged = self.judge();
        let judge = begun.elapsed();
        if judged != traces {
            return Err(JudgedError::Traces { traces, judged });
        }
        self.settle()?;
        Ok((Round { ingest, judge }, traces))
    }
}
