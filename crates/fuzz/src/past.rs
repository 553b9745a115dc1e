//! What real gateways left behind, for the fuzzer to edit.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tailsampler_core::fs::MemoryDisk;
use tailsampler_core::options::Options;
use tailsampler_core::outbox::Settlement;
use tailsampler_core::plan::NEVER;
use tailsampler_core::simulation::World;

use crate::directory::{Directory, read};
use crate::engine_support::{MS, Sent, error, options, plain, plan, request};

/// A gateway with a past: traces dropped, kept, exported, late, and held; plans; restarts.
pub(crate) struct Past {
    /// What it left.
    pub(crate) files: Directory,
    /// Every span ever sent, by its id.
    pub(crate) sent: BTreeMap<Vec<u8>, Span>,
    /// When it died.
    pub(crate) now_ns: u64,
    exporters: &'static [&'static str],
}

/// The pasts that there are: rounds, and exporters, of which the second one lags.
const PASTS: [(u64, &[&str]); 4] = [
    (2, &["a"]),
    (5, &["a", "b"]),
    (12, &["a"]),
    (19, &["a", "b"]),
];

impl Past {
    /// One of them.
    pub(crate) fn of(number: u8) -> &'static Self {
        static MADE: OnceLock<Vec<Past>> = OnceLock::new();
        let made = MADE.get_or_init(|| PASTS.map(|(rounds, who)| Self::live(rounds, who)).into());
        &made[usize::from(number) % made.len()]
    }

    /// How many there are.
    pub(crate) const fn all() -> u8 {
        PASTS.len() as u8
    }

    /// What the next gateway is told at start.
    pub(crate) fn options(&self) -> Options {
        options(self.exporters)
    }

    fn live(rounds: u64, exporters: &'static [&'static str]) -> Self {
        let disk = MemoryDisk::default();
        let mut world = open(&disk, exporters, 0);
        let (mut now_ns, mut sent) = (0, BTreeMap::new());
        for round in 0..rounds {
            let (first, span) = (round * 4, round * 10);
            let mut requests = vec![
                request(&[plain(first, span), error(first + 1, span + 1)]),
                request(&[plain(first + 2, span + 2), plain(first + 1, span + 3)]),
            ];
            if round > 3 {
                let late = first - 11;
                let spans: [Sent; 2] = [plain(late, span + 4), plain(late + 3, span + 5)];
                requests.push(request(&spans));
            }
            for body in requests {
                sent.extend(spans_of(&body).into_iter().map(|s| (s.span_id.clone(), s)));
                let taken = world.ingest(body, now_ns);
                assert!(taken.is_ok(), "{taken:?}");
                now_ns += 350 * MS;
                world.advance(now_ns);
            }
            match round % 7 {
                2 => drop(world.take()),
                3 => drop(world.engine().install_plan(plan(round, 1_000))),
                5 => export(&mut world, exporters[0], now_ns),
                4 | 6 => world = open(&disk, exporters, now_ns),
                _ => {}
            }
        }
        let files = read(&disk);
        Self {
            files,
            sent,
            now_ns,
            exporters,
        }
    }
}

fn open(disk: &MemoryDisk, exporters: &[&str], now_ns: u64) -> World {
    let mut options = options(exporters);
    options.plan = plan(NEVER, 1_000);
    match World::left(Arc::new(disk.clone()), options, now_ns) {
        Ok(world) => world,
        Err(error) => panic!("a start on what was left in good order: {error}"),
    }
}

/// One exporter is done with all but the last of what is there, a batch at a time.
fn export(world: &mut World, exporter: &str, now_ns: u64) {
    let now = tailsampler_core::clock::Now {
        wall_ns: now_ns,
        mono_ns: now_ns,
    };
    let outbox = world.engine().outbox();
    let mut before = None;
    while let Some(batch) = outbox.take(exporter, 1, 0, now) {
        if let Some(token) = before.replace(batch.token) {
            outbox.settle(exporter, token, &Settlement::default(), now);
        }
    }
}

/// The spans of a request, or of what goes out.
pub(crate) fn spans_of(payload: &[u8]) -> Vec<Span> {
    let request = match ExportTraceServiceRequest::decode(payload) {
        Ok(request) => request,
        Err(error) => panic!("no backend could decode this: {error}"),
    };
    let groups = request.resource_spans.into_iter();
    let scopes = groups.flat_map(|group| group.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}
