//! A data directory with a past, and what can happen to its files.
#![allow(
    clippy::unwrap_used,
    dead_code,
    unreachable_pub,
    reason = "a panic fails the test; not every test needs all of it"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;
use serde_json::Value;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::options::Options;
use tailsampler_core::plan::NEVER;
use tailsampler_core::simulation::World;

use crate::engine_support::{MS, Sent, error, options, plain, plan, request};

/// What happens to a file between two starts.
#[derive(Clone, Debug)]
pub enum Harm {
    Flip(prop::sample::Index, u8),
    Cut(prop::sample::Index),
    Remove,
    Overwrite(prop::sample::Index, Vec<u8>),
    Replace(Vec<u8>),
    /// It takes the place of another one.
    Rename(prop::sample::Index),
    /// A copy of it under another name.
    Copy(u64),
}

pub fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<prop::sample::Index>;
    let bytes = || prop::collection::vec(any::<u8>(), 0..200);
    prop_oneof![
        4 => (at(), 0..8_u8).prop_map(|(at, bit)| Harm::Flip(at, bit)),
        2 => at().prop_map(Harm::Cut),
        2 => Just(Harm::Remove),
        2 => (at(), bytes()).prop_map(|(at, bytes)| Harm::Overwrite(at, bytes)),
        1 => bytes().prop_map(Harm::Replace),
        1 => at().prop_map(Harm::Rename),
        1 => any::<u64>().prop_map(Harm::Copy),
    ]
}

pub const DIRECTORIES: [&str; 5] = [
    "data",
    "data/buffer",
    "data/verdicts",
    "data/outbox",
    "data/plans",
];

pub fn files(disk: &MemoryDisk) -> Vec<PathBuf> {
    let of = |directory: &str| {
        let names = disk.list(Path::new(directory)).unwrap();
        let directory = PathBuf::from(directory);
        names.into_iter().map(move |name| directory.join(name))
    };
    DIRECTORIES.into_iter().flat_map(of).collect()
}

pub fn inflict(disk: &MemoryDisk, files: &[PathBuf], path: &Path, harm: &Harm) {
    let mut bytes = disk.read(path).unwrap().unwrap();
    match harm {
        Harm::Flip(at, bit) if !bytes.is_empty() => {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        Harm::Flip(..) => {}
        Harm::Cut(at) => bytes.truncate(at.index(bytes.len() + 1)),
        Harm::Remove => return disk.remove(path).unwrap(),
        Harm::Overwrite(at, with) => {
            let at = at.index(bytes.len() + 1);
            let end = (at + with.len()).min(bytes.len());
            bytes.splice(at..end, with.iter().copied());
        }
        Harm::Replace(with) => bytes.clone_from(with),
        Harm::Rename(to) => {
            let to = to.get(files).clone();
            disk.remove(path).unwrap();
            return disk.replace(&to, &bytes).unwrap();
        }
        Harm::Copy(base) => {
            let copy = path.with_file_name(format!("{base:016x}.log"));
            return disk.replace(&copy, &bytes).unwrap();
        }
    }
    disk.replace(path, &bytes).unwrap();
}

/// A gateway with a past: traces dropped, kept, exported, late, and held; two plans; restarts.
pub struct Past {
    pub world: World,
    pub disk: MemoryDisk,
    pub now_ns: u64,
    /// Every span ever sent, by its id.
    pub sent: BTreeMap<Vec<u8>, Span>,
    pub harmed: Vec<PathBuf>,
}

impl Past {
    /// What a process left behind in these files.
    pub fn left(files: &[(PathBuf, Vec<u8>)], sent: &BTreeMap<Vec<u8>, Span>, now_ns: u64) -> Self {
        let disk = MemoryDisk::default();
        for (path, bytes) in files {
            disk.replace(path, bytes).unwrap();
        }
        Self {
            world: World::new(Arc::new(disk.clone()), told_apart(&["a"])).unwrap(),
            disk,
            now_ns,
            sent: sent.clone(),
            harmed: Vec::new(),
        }
    }

    pub fn inflict(&mut self, which: &prop::sample::Index, harm: &Harm) {
        let files = files(&self.disk);
        if !files.is_empty() {
            let path = which.get(&files);
            inflict(&self.disk, &files, path, harm);
            self.harmed.push(path.clone());
        }
    }

    pub fn new(exporters: &[&str]) -> Self {
        let disk = MemoryDisk::default();
        let world = World::new(Arc::new(disk.clone()), told_apart(exporters)).unwrap();
        Self {
            world,
            disk,
            now_ns: 0,
            sent: BTreeMap::new(),
            harmed: Vec::new(),
        }
    }

    pub fn send(&mut self, spans: &[Sent]) {
        let body = request(spans);
        for span in spans_of(&body) {
            self.sent.insert(span.span_id.clone(), span);
        }
        self.world.ingest(body, self.now_ns).unwrap();
    }

    pub fn live(&mut self, rounds: u64) {
        for round in 0..rounds {
            let first = round * 4;
            let span = round * 10;
            // Overload comes and goes, and everybody sends in turn.
            self.world.set_level([0, 0, 1, 2, 1][(round % 5) as usize]);
            self.world.set_tenant((round % 3) as u16);
            self.send(&[plain(first, span), error(first + 1, span + 1)]);
            self.send(&[plain(first + 2, span + 2), plain(first + 1, span + 3)]);
            self.now_ns += 700 * MS;
            self.world.advance(self.now_ns);
            if round > 3 {
                let late = first - 11;
                self.send(&[plain(late, span + 4), plain(late + 3, span + 5)]);
            }
            match round % 7 {
                2 | 5 => drop(self.world.take()),
                3 => drop(self.world.engine().install_plan(plan(round, 1_000))),
                6 => self.world.restart(plan(NEVER, 1_000)).unwrap(),
                _ => {}
            }
        }
    }

    /// Start again, go on to the end, and look at what came out.
    pub fn outlive(&mut self) -> Value {
        self.world.restart(plan(NEVER, 1_000)).unwrap();
        self.balanced();
        let before = self.world.ledger();
        self.send(&[error(900, 9_000), plain(901, 9_001)]);
        for _ in 0..3 {
            self.now_ns += 10_000 * MS;
            self.world.advance(self.now_ns);
            self.genuine();
        }
        self.balanced();
        let ledger = self.world.ledger();
        let held = &ledger["spans"]["held"];
        assert_eq!((&held["buffer"], &held["outbox"]), (&0.into(), &0.into()));
        // And once more, on what that start left.
        self.world.restart(plan(NEVER, 1_000)).unwrap();
        self.balanced();
        before
    }

    pub fn balanced(&self) {
        let ledger = self.world.ledger();
        assert_eq!(ledger["balanced"], true, "{:?} {ledger:#}", self.harmed);
    }

    /// Everything that goes out was sent, to the last field; only the tracestate is ours.
    pub fn genuine(&mut self) {
        for payload in self.world.take() {
            for mut span in spans_of(&payload) {
                span.trace_state.clear();
                let sent = self.sent.get(&span.span_id);
                assert_eq!(sent, Some(&span));
            }
        }
    }
}

/// A gateway of three tenants.
fn told_apart(exporters: &[&str]) -> Options {
    let mut options = options(exporters);
    options.tenants = ["default", "shop", "search"].map(str::to_owned).to_vec();
    options
}

pub fn spans_of(payload: &[u8]) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(payload).unwrap();
    let groups = request.resource_spans.into_iter();
    let scopes = groups.flat_map(|group| group.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}
