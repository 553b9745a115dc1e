//! A start succeeds whatever stands in the data directory: what is damaged is skipped and counted,
//! the books balance, and no span goes out that was never sent.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine_support::{MS, Sent, error, options, plain, plan, request, wrapped};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use proptest::prelude::*;
use prost::Message;
use serde_json::Value;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::plan::NEVER;
use tailsampler_core::simulation::World;

/// What happens to a file between two starts.
#[derive(Clone, Debug)]
enum Harm {
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

fn harm() -> impl Strategy<Value = Harm> {
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

const DIRECTORIES: [&str; 5] = [
    "data",
    "data/buffer",
    "data/verdicts",
    "data/outbox",
    "data/plans",
];

fn files(disk: &MemoryDisk) -> Vec<PathBuf> {
    let of = |directory: &str| {
        let names = disk.list(Path::new(directory)).unwrap();
        let directory = PathBuf::from(directory);
        names.into_iter().map(move |name| directory.join(name))
    };
    DIRECTORIES.into_iter().flat_map(of).collect()
}

fn inflict(disk: &MemoryDisk, files: &[PathBuf], path: &Path, harm: &Harm) {
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
struct Past {
    world: World,
    disk: MemoryDisk,
    now_ns: u64,
    /// Every span ever sent, by its id.
    sent: BTreeMap<Vec<u8>, Span>,
    harmed: Vec<PathBuf>,
}

impl Past {
    /// What a process left behind in these files.
    fn left(files: &[(PathBuf, Vec<u8>)], sent: &BTreeMap<Vec<u8>, Span>, now_ns: u64) -> Self {
        let disk = MemoryDisk::default();
        for (path, bytes) in files {
            disk.replace(path, bytes).unwrap();
        }
        Self {
            world: World::new(Arc::new(disk.clone()), options(&["a"])).unwrap(),
            disk,
            now_ns,
            sent: sent.clone(),
            harmed: Vec::new(),
        }
    }

    fn inflict(&mut self, which: &prop::sample::Index, harm: &Harm) {
        let files = files(&self.disk);
        if !files.is_empty() {
            let path = which.get(&files);
            inflict(&self.disk, &files, path, harm);
            self.harmed.push(path.clone());
        }
    }

    fn new(exporters: &[&str]) -> Self {
        let disk = MemoryDisk::default();
        let world = World::new(Arc::new(disk.clone()), options(exporters)).unwrap();
        Self {
            world,
            disk,
            now_ns: 0,
            sent: BTreeMap::new(),
            harmed: Vec::new(),
        }
    }

    fn send(&mut self, spans: &[Sent]) {
        let body = request(spans);
        for span in spans_of(&body) {
            self.sent.insert(span.span_id.clone(), span);
        }
        self.world.ingest(body, self.now_ns).unwrap();
    }

    fn live(&mut self, rounds: u64) {
        for round in 0..rounds {
            let first = round * 4;
            let span = round * 10;
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
    fn outlive(&mut self) -> Value {
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

    fn balanced(&self) {
        let ledger = self.world.ledger();
        assert_eq!(ledger["balanced"], true, "{:?} {ledger:#}", self.harmed);
    }

    /// Everything that goes out was sent, to the last field; only the tracestate is ours.
    fn genuine(&mut self) {
        for payload in self.world.take() {
            for mut span in spans_of(&payload) {
                span.trace_state.clear();
                let sent = self.sent.get(&span.span_id);
                assert_eq!(sent, Some(&span));
            }
        }
    }
}

fn spans_of(payload: &[u8]) -> Vec<Span> {
    let request = ExportTraceServiceRequest::decode(payload).unwrap();
    let groups = request.resource_spans.into_iter();
    let scopes = groups.flat_map(|group| group.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

proptest! {
    /// Any harm to any files.
    #[test]
    fn a_start_succeeds_for_any_bytes(
        harms in prop::collection::vec((any::<prop::sample::Index>(), harm()), 1..6),
        rounds in 1..20_u64,
    ) {
        let mut past = Past::new(&["a", "b"]);
        past.live(rounds);
        for (which, harm) in &harms {
            past.inflict(which, harm);
        }
        past.outlive();
    }

    /// A directory of nothing but noise under the right names.
    #[test]
    fn noise(
        noise in prop::collection::vec(
            (0..DIRECTORIES.len(), 0..3_u64, prop::collection::vec(any::<u8>(), 0..400)), 0..8),
    ) {
        let mut past = Past::new(&["a"]);
        for (directory, number, bytes) in noise {
            let name = match DIRECTORIES[directory] {
                "data" => "checkpoint.json".to_owned(),
                "data/plans" => format!("{number:08}.json"),
                _ => format!("{:016x}.log", number * 100),
            };
            let path = Path::new(DIRECTORIES[directory]).join(name);
            past.disk.replace(&path, &bytes).unwrap();
        }
        past.outlive();
    }

    /// One flipped bit anywhere costs at most what one request, or one kept trace, held.
    #[test]
    fn a_flip_costs_one_request(
        which in any::<prop::sample::Index>(),
        at in any::<prop::sample::Index>(),
        bit in 0..8_u8,
        rounds in 1..20_u64,
    ) {
        let mut past = Past::new(&["a"]);
        past.live(rounds);
        let received = past.world.ledger()["spans"]["received"].as_u64().unwrap();
        past.inflict(&which, &Harm::Flip(at, bit));
        let ledger = past.outlive();
        // The last request of all looks as if it had never been written whole.
        let forgotten = received - ledger["spans"]["received"].as_u64().unwrap();
        prop_assert!(forgotten <= 2, "{:#}", ledger);
        let dropped = &ledger["spans"]["dropped"];
        let lost: u64 = ["corrupt", "uncounted", "quarantined"]
            .iter()
            .filter_map(|reason| dropped[reason].as_u64())
            .sum();
        prop_assert!(lost <= 4, "{:#}", ledger);
    }
}

/// Every byte of a whole directory is flipped once, and every start succeeds, balances, and loses
/// at most what one request, or one kept trace, held.
#[test]
fn every_byte_of_a_directory() {
    let mut past = Past::new(&["a"]);
    past.live(8);
    let received = past.world.ledger()["spans"]["received"].as_u64().unwrap();
    let mut left: Vec<(PathBuf, Vec<u8>)> = files(&past.disk)
        .into_iter()
        .map(|path| (path.clone(), past.disk.read(&path).unwrap().unwrap()))
        .collect();
    for file in 0..left.len() {
        for at in 0..left[file].1.len() {
            let bit = 1 << ((at * 3 + file) % 8);
            left[file].1[at] ^= bit;
            let mut again = Past::left(&left, &past.sent, past.now_ns);
            left[file].1[at] ^= bit;
            again.harmed.push(left[file].0.clone());
            again.balanced();
            again.genuine();
            let ledger = again.world.ledger();
            let forgotten = received - ledger["spans"]["received"].as_u64().unwrap();
            let dropped = &ledger["spans"]["dropped"];
            let lost: u64 = ["corrupt", "uncounted", "quarantined"]
                .iter()
                .filter_map(|reason| dropped[reason].as_u64())
                .sum();
            assert!(
                forgotten <= 2 && lost <= 4,
                "{:?} byte {at}: {ledger:#}",
                again.harmed
            );
        }
    }
}

/// What is sent and what goes out are compared by whole spans, so this must not be vacuous.
#[test]
fn kept_spans_go_out() {
    let mut past = Past::new(&["a"]);
    past.send(&[error(1, 1), plain(2, 2)]);
    past.now_ns += 10_000 * MS;
    past.world.advance(past.now_ns);
    let out: Vec<Span> = past
        .world
        .take()
        .iter()
        .flat_map(|payload| spans_of(payload))
        .collect();
    assert_eq!(out.len(), 1);
    assert_eq!(wrapped(out).resource_spans.len(), 1);
}
