//! The gateways of a tier: the core on disks of its own, and the model in memory.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message as _;
use tailsampler_core::admission::AdmissionOptions;
use tailsampler_core::clock::Now;
use tailsampler_core::engine::SharedVerdict;
use tailsampler_core::fs::MemoryDisk;
use tailsampler_core::options::{
    BufferOptions, DecisionOptions, Fsync, LateOptions, Options, OutboxOptions, SharingOptions,
};
use tailsampler_core::plan::{Clause, Plan, Predicate, Rule, Test};
use tailsampler_core::simulation::World;

use super::WAIT_MS;
use super::load::{DEFAULT_T, OneSpan, randomness};

const MS: u64 = 1_000_000;

/// Told of every span that reaches the backend: its trace, and its number.
pub(super) type Arrived<'a> = dyn FnMut(u64, u8) + 'a;

/// What a ring needs of its gateways.
pub(super) trait Tier {
    /// It starts, on its disk if it has one.
    fn start(&mut self, gateway: usize, now_ms: u64);
    /// It ends, in order or not; its disk stays.
    fn stop(&mut self, gateway: usize, in_order: bool);
    /// It ends, and its disk is gone.
    fn lose(&mut self, gateway: usize);
    /// A request.
    fn take(&mut self, gateway: usize, spans: &[OneSpan], now_ms: u64);
    /// Gateways tell one another.
    fn share(&mut self, now_ms: u64);
    /// What is due is judged, and what is kept is sent.
    fn judge(&mut self, now_ms: u64, arrived: &mut Arrived<'_>);
}

/// The core.
pub(super) struct Disks {
    sharing: bool,
    disks: BTreeMap<usize, MemoryDisk>,
    worlds: BTreeMap<usize, World>,
    /// What was told of late: a gateway that starts is told it again.
    told: VecDeque<(u64, Vec<SharedVerdict>)>,
}

impl Disks {
    pub(super) const fn new(sharing: bool) -> Self {
        Self {
            sharing,
            disks: BTreeMap::new(),
            worlds: BTreeMap::new(),
            told: VecDeque::new(),
        }
    }

    fn options(&self) -> Options {
        let rule = |name: &str, all, threshold| Rule {
            name: name.to_owned(),
            all,
            threshold,
            wait_ms: None,
        };
        Options {
            data_directory: "data".to_owned(),
            admission: AdmissionOptions::default(),
            buffer: BufferOptions {
                max_index_bytes: u64::MAX,
                reserve_bytes: 0,
                max_bytes: 1 << 40,
                segment_bytes: 4 << 20,
                fsync: Fsync::Never,
            },
            late: LateOptions {
                max_traces: 1_000_000,
                max_age_ms: 600_000,
            },
            decisions: DecisionOptions { max_bytes: 8 << 20 },
            outbox: OutboxOptions {
                max_bytes: 1 << 40,
                ..OutboxOptions::default()
            },
            exporters: vec!["backend".to_owned()],
            annotate: false,
            plan: Plan {
                format: 1,
                wait_ms: WAIT_MS,
                predicates: vec![Predicate {
                    reason: "status".to_owned(),
                    test: Test::SpanStatusIn { codes: vec![2] },
                }],
                rules: vec![
                    rule("errors", vec![Clause::AnyBit { bits: vec![0] }], 0),
                    rule("default", vec![], DEFAULT_T),
                ],
                ..Plan::default()
            },
            tenants: Vec::new(),
            sharing: self.sharing.then_some(SharingOptions {
                max_traces: 1_000_000,
                max_age_ms: WAIT_MS + 10_000,
                max_waiting: 1_000_000,
            }),
            hash_secret: Some(1),
        }
    }
}

const fn at(now_ms: u64) -> Now {
    Now {
        wall_ns: now_ms * MS,
        mono_ns: now_ms * MS,
    }
}

fn request(spans: &[OneSpan]) -> Bytes {
    let spans = spans.iter().map(|one| Span {
        trace_id: one.trace_id().to_vec(),
        span_id: (one.trace << 2 | u64::from(one.number) | 1 << 63)
            .to_be_bytes()
            .to_vec(),
        status: one.is_error().then(|| Status {
            code: 2,
            ..Status::default()
        }),
        ..Span::default()
    });
    let resource_spans = vec![ResourceSpans {
        scope_spans: vec![ScopeSpans {
            spans: spans.collect(),
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    }];
    ExportTraceServiceRequest { resource_spans }
        .encode_to_vec()
        .into()
}

impl Tier for Disks {
    fn start(&mut self, gateway: usize, now_ms: u64) {
        let disk = Arc::new(self.disks.entry(gateway).or_default().clone());
        let Ok(mut world) = World::left(disk, self.options(), now_ms * MS) else {
            return; // a disk in memory does not fail
        };
        for (_, told) in &self.told {
            world.engine().hear(told, at(now_ms));
        }
        self.worlds.insert(gateway, world);
    }

    fn stop(&mut self, gateway: usize, _in_order: bool) {
        self.worlds.remove(&gateway);
    }

    fn lose(&mut self, gateway: usize) {
        self.worlds.remove(&gateway);
        self.disks.remove(&gateway);
    }

    fn take(&mut self, gateway: usize, spans: &[OneSpan], now_ms: u64) {
        if let Some(world) = self.worlds.get_mut(&gateway) {
            let taken = world.ingest(request(spans), now_ms * MS);
            assert_eq!(taken, Ok((spans.len() as u64, 0)), "every span is accepted");
        }
    }

    fn share(&mut self, now_ms: u64) {
        let gateways: Vec<usize> = self.worlds.keys().copied().collect();
        for from in gateways {
            let Some(world) = self.worlds.get_mut(&from) else {
                continue;
            };
            let found = world.engine().take_found();
            for (_, world) in self.worlds.iter_mut().filter(|(to, _)| **to != from) {
                world.engine().hear(&found, at(now_ms));
            }
            self.told.push_back((now_ms, found));
        }
        let since_ms = now_ms.saturating_sub(WAIT_MS + 10_000);
        while self.told.front().is_some_and(|(at, _)| *at < since_ms) {
            self.told.pop_front();
        }
    }

    fn judge(&mut self, now_ms: u64, arrived: &mut Arrived<'_>) {
        for world in self.worlds.values_mut() {
            world.advance(now_ms * MS);
            for payload in world.take() {
                let Ok(request) = ExportTraceServiceRequest::decode(payload) else {
                    continue;
                };
                let scopes = request
                    .resource_spans
                    .iter()
                    .flat_map(|one| &one.scope_spans);
                for span in scopes.flat_map(|scope| &scope.spans) {
                    let id = span.span_id.first_chunk().copied().map(u64::from_be_bytes);
                    let id = id.unwrap_or(0) & !(1 << 63);
                    arrived(id >> 2, (id & 3) as u8);
                }
            }
        }
    }
}

/// A trace in memory.
#[derive(Default)]
struct Held {
    spans: u8,
    error: bool,
    due_ms: u64,
}

/// A sampler that holds its traces in memory, judges them once, and knows nothing of those it has
/// judged: what comes late is a trace of its own.
#[derive(Default)]
pub(super) struct InMemory {
    gateways: BTreeMap<usize, HashMap<u64, Held>>,
}

impl Tier for InMemory {
    fn start(&mut self, gateway: usize, _now_ms: u64) {
        self.gateways.insert(gateway, HashMap::new());
    }

    fn stop(&mut self, gateway: usize, _in_order: bool) {
        self.gateways.remove(&gateway);
    }

    fn lose(&mut self, gateway: usize) {
        self.gateways.remove(&gateway);
    }

    fn take(&mut self, gateway: usize, spans: &[OneSpan], now_ms: u64) {
        let Some(held) = self.gateways.get_mut(&gateway) else {
            return;
        };
        for span in spans {
            let trace = held.entry(span.trace).or_insert_with(|| Held {
                due_ms: now_ms + WAIT_MS,
                ..Held::default()
            });
            trace.spans |= 1 << span.number;
            trace.error |= span.is_error();
        }
    }

    fn share(&mut self, _now_ms: u64) {}

    fn judge(&mut self, now_ms: u64, arrived: &mut Arrived<'_>) {
        for held in self.gateways.values_mut() {
            held.retain(|trace, one| {
                let due = one.due_ms <= now_ms;
                if due && (one.error || randomness(*trace) >= DEFAULT_T) {
                    (0..8)
                        .filter(|bit| one.spans >> bit & 1 == 1)
                        .for_each(|bit| {
                            arrived(*trace, bit);
                        });
                }
                !due
            });
        }
    }
}
