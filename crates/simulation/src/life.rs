//! A script played, with a record of who was told what, and after which operation of the disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use tailsampler_core::simulation::World;
use tailsampler_core::wire::TraceId;

use crate::disk::CutDisk;
use crate::script::{Script, Step, plan};

/// Nanoseconds of a millisecond.
pub const MS: u64 = 1_000_000;

/// A span by its number, which is its id.
pub type SpanId = u64;

/// What somebody was told, or what happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// A request was acknowledged.
    Acknowledged(Vec<SpanId>),
    /// A trace was judged.
    Judged(TraceId, bool),
    /// A backend has these spans.
    Delivered(Vec<SpanId>),
    /// A sync has ended well.
    Synced,
}

/// When something happened: it began when so many operations had been done, and ended when so
/// many had.
#[derive(Clone, Debug)]
pub struct Timed {
    /// Operations before it.
    pub began: usize,
    /// Operations at its end.
    pub ended: usize,
    /// What.
    pub event: Event,
}

/// A life and its record.
pub struct Life {
    /// The disk, with everything that was ever done to it.
    pub disk: CutDisk,
    /// The record.
    pub events: Vec<Timed>,
    /// Every span ever sent.
    pub spans: BTreeMap<SpanId, Span>,
    /// When it ended.
    pub now_ns: u64,
    /// What went wrong without any fault.
    pub complaint: Option<String>,
}

/// The id of a trace.
#[must_use]
pub fn trace_id(trace: u64) -> TraceId {
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(trace + 1).to_be_bytes());
    id[8..].copy_from_slice(
        &(trace + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .to_be_bytes(),
    );
    id
}

fn span(trace: u64, number: SpanId, error: bool) -> Span {
    Span {
        trace_id: trace_id(trace).to_vec(),
        span_id: (number + 1).to_be_bytes().to_vec(),
        parent_span_id: vec![7; 8],
        name: format!("span {number}"),
        start_time_unix_nano: 1_000,
        end_time_unix_nano: 1_001 + number,
        status: error.then(|| Status {
            code: 2,
            ..Status::default()
        }),
        ..Span::default()
    }
}

fn request(spans: Vec<Span>) -> Bytes {
    let scope_spans = vec![ScopeSpans {
        spans,
        ..ScopeSpans::default()
    }];
    let resource_spans = vec![ResourceSpans {
        scope_spans,
        ..ResourceSpans::default()
    }];
    Bytes::from(ExportTraceServiceRequest { resource_spans }.encode_to_vec())
}

/// The spans of an exported request; None if it is none.
#[must_use]
pub fn spans_of(payload: &[u8]) -> Option<Vec<Span>> {
    let request = ExportTraceServiceRequest::decode(payload).ok()?;
    let groups = request.resource_spans.into_iter();
    let scopes = groups.flat_map(|group| group.scope_spans);
    Some(scopes.flat_map(|scope| scope.spans).collect())
}

/// The number of a span; None if its id is none of ours.
#[must_use]
pub fn number(span: &Span) -> Option<SpanId> {
    let id: [u8; 8] = span.span_id.as_slice().try_into().ok()?;
    u64::from_be_bytes(id).checked_sub(1)
}

/// A verdict in words, as id and answer.
#[must_use]
pub fn verdict(words: &serde_json::Value) -> Option<(TraceId, bool)> {
    let hex = words["trace_id"].as_str()?;
    let mut id = [0; 16];
    for (at, byte) in id.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(2 * at..2 * at + 2)?, 16).ok()?;
    }
    Some((id, words["kept"].as_bool()?))
}

impl Life {
    /// Play a script from an empty disk to its end.
    #[must_use]
    pub fn play(script: &Script) -> Self {
        let mut life = Self {
            disk: CutDisk::default(),
            events: Vec::new(),
            spans: BTreeMap::new(),
            now_ns: 0,
            complaint: None,
        };
        life.complaint = life.run(script).err();
        life
    }

    fn run(&mut self, script: &Script) -> Result<(), String> {
        let disk = Arc::new(self.disk.clone());
        let options = script.options();
        let mut world = World::new(disk, options).map_err(|error| error.to_string())?;
        let mut plans = 0;
        for step in &script.steps {
            let began = self.disk.operations();
            match step {
                Step::Send(sent) => {
                    let numbers = self.spans.len() as u64..;
                    let spans: Vec<(SpanId, Span)> = numbers
                        .zip(sent)
                        .map(|(number, (trace, error))| (number, span(*trace, number, *error)))
                        .collect();
                    let body = request(spans.iter().map(|(_, span)| span.clone()).collect());
                    world.ingest(body, self.now_ns)?;
                    let numbers = spans.iter().map(|(number, _)| *number).collect();
                    self.spans.extend(spans);
                    self.note(began, Event::Acknowledged(numbers));
                }
                Step::Advance(ms) => {
                    self.now_ns += ms * MS;
                    for words in world.advance(self.now_ns) {
                        let (trace, kept) = verdict(&words).ok_or("a verdict without a trace")?;
                        self.note(began, Event::Judged(trace, kept));
                    }
                }
                Step::Export => {
                    for payload in world.take() {
                        let spans = spans_of(&payload).ok_or("an export that is no request")?;
                        let numbers = spans.iter().filter_map(number).collect();
                        self.note(began, Event::Delivered(numbers));
                    }
                }
                Step::Sync => {
                    if world.sync() {
                        self.note(began, Event::Synced);
                    }
                }
                Step::Install => {
                    plans += 1;
                    let installed = world.engine().install_plan(plan(plans));
                    installed.map_err(|error| error.to_string())?;
                }
                Step::Restart => {
                    world
                        .restart(plan(plans))
                        .map_err(|error| error.to_string())?;
                }
            }
            if world.ledger()["balanced"] != true {
                return Err(format!("out of balance after {step:?}"));
            }
        }
        Ok(())
    }

    fn note(&mut self, began: usize, event: Event) {
        let ended = self.disk.operations();
        self.events.push(Timed {
            began,
            ended,
            event,
        });
    }
}
