//! What holds of a start, whatever stands in the directory.

use std::path::Path;
use std::sync::Arc;

use opentelemetry_proto::tonic::trace::v1::Span;
use serde_json::Value;
use tailsampler_core::clock::Now;
use tailsampler_core::engine::EngineError;
use tailsampler_core::fs::MemoryDisk;
use tailsampler_core::inspect::{DataDirectory, InspectError};
use tailsampler_core::log::LogError;
use tailsampler_core::simulation::World;
use tailsampler_core::verdicts::Early;

use crate::directory::{Directory, disk};
use crate::engine_support::{MS, error, plain, request};
use crate::past::{Past, spans_of};
use crate::seal::{is_forged, is_near_the_end};

/// Start on these files, go on to the end, and start again.
///
/// Where something is forged, there is no damage to be found and books may not balance; but there
/// is a start all the same, and an end.
pub(crate) fn start(past: &Past, files: &Directory) {
    let forged = is_forged(files, &past.files);
    let may_be_full = forged || is_near_the_end(files);
    let disk = disk(files);
    let Some(mut world) = open(past, &disk, past.now_ns, forged) else {
        return;
    };
    balanced(&world, forged);
    let sent = [error(900, 9_000), plain(901, 9_001)];
    if let Err(error) = world.ingest(request(&sent), past.now_ns) {
        let full = error.contains("no position left");
        assert!(may_be_full && full, "a request is refused: {error}");
        return;
    }
    let mut own = spans_of(&request(&sent));
    let mut now_ns = past.now_ns;
    for _ in 0..3 {
        now_ns += 10_000 * MS;
        world.advance(now_ns);
        genuine(past, &mut own, &mut world, forged);
    }
    if forged {
        // A forged plan may ask for any wait.
        world.engine().judge_all(Early::Shutdown);
        world.advance(now_ns);
        genuine(past, &mut own, &mut world, forged);
    }
    balanced(&world, forged);
    let held = &world.ledger()["spans"]["held"];
    let held = (held["buffer"].as_u64(), held["outbox"].as_u64());
    assert!(
        held == (Some(0), Some(0)) || may_be_full && has_failed(&mut world),
        "{held:?} are held"
    );
    drop(world);
    if let Some(world) = open(past, &disk, now_ns, forged) {
        balanced(&world, forged);
    }
}

/// Look at these files offline, repair them, and start; as without the repair.
pub(crate) fn repair(past: &Past, files: &Directory) {
    start(past, files);
    let forged = is_forged(files, &past.files);
    let repaired = disk(files);
    let Ok(directory) = DataDirectory::open(Arc::new(repaired.clone()), Path::new("data")) else {
        return; // nothing is left to repair
    };
    read(&directory, forged);
    let would = allowed(directory.repair(true), forged);
    assert_eq!(
        &crate::directory::read(&repaired),
        files,
        "a dry run writes nothing"
    );
    let did = allowed(directory.repair(false), forged);
    let (Some(would), Some(did)) = (would, did) else {
        return;
    };
    assert_eq!(would.repaired.len(), did.repaired.len());
    if let Some(again) = allowed(directory.repair(false), forged) {
        assert!(
            again.repaired.is_empty() && again.rewritten.is_empty(),
            "{again:?}"
        );
    }
    let (with, without) = (
        accounts(past, &repaired, forged),
        accounts(past, &disk(files), forged),
    );
    assert!(with == without || forged, "{with:#?} {without:#?} {did:?}");
}

/// Everything that can be read offline.
fn read(directory: &DataDirectory, forged: bool) {
    allowed(directory.survey(|_, _| true), forged);
    for log in ["buffer", "outbox"] {
        let Some(mut payloads) = allowed(directory.payloads(log), forged) else {
            continue;
        };
        while let Some(Some(payload)) = allowed(payloads.next_payload(), forged) {
            assert!(payload.spans > 0);
        }
    }
}

/// What was looked at; None where only a newer version could.
fn allowed<T>(result: Result<T, InspectError>, forged: bool) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(InspectError::Log(LogError::Newer { .. })) if forged => None,
        Err(error) => panic!("it cannot be looked at: {error}"),
    }
}

/// What a start accounts for, and what goes out by then.
fn accounts(past: &Past, disk: &MemoryDisk, forged: bool) -> Option<(Value, Vec<Vec<u8>>)> {
    let mut world = open(past, disk, past.now_ns, forged)?;
    let out = world.take().into_iter().map(Into::into).collect();
    Some((world.ledger()["spans"].clone(), out))
}

/// A start; None if it is refused because something is from a newer version.
fn open(past: &Past, disk: &MemoryDisk, now_ns: u64, forged: bool) -> Option<World> {
    match World::left(Arc::new(disk.clone()), past.options(), now_ns) {
        Ok(world) => Some(world),
        Err(EngineError::Newer { .. } | EngineError::Log(LogError::Newer { .. })) if forged => None,
        Err(error) => panic!("a start is refused: {error}"),
    }
}

fn balanced(world: &World, forged: bool) {
    let ledger = world.ledger();
    assert!(ledger["balanced"] == true || forged, "{ledger:#}");
}

/// Everything that goes out was sent, to the last field; only the tracestate is ours.
fn genuine(past: &Past, own: &mut [Span], world: &mut World, forged: bool) {
    for payload in world.take() {
        if forged {
            continue;
        }
        for mut span in spans_of(&payload) {
            span.trace_state.clear();
            let sent = past.sent.get(&span.span_id);
            let sent = sent.or_else(|| own.iter().find(|own| own.span_id == span.span_id));
            assert_eq!(sent, Some(&span), "a span goes out that was never sent");
        }
    }
}

/// Whether something could not be written: memory refuses nothing, so a log has no position left.
fn has_failed(world: &mut World) -> bool {
    let stats = world.engine().stats(Now::default());
    stats["storage_errors"].as_u64() > Some(0) || stats["outbox"]["bytes"].as_u64() > Some(1 << 40)
}
