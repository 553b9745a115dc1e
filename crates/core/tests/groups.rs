//! Requests that are written with one call stand for themselves all the same.

mod engine_support;

use std::sync::Arc;

use engine_support::{options, plain, request};
use tailsampler_core::clock::Now;
use tailsampler_core::engine::Prepared;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::replay;
use tailsampler_core::wire::{Scan, scan};

type Outcome = Result<(), Box<dyn std::error::Error>>;

/// A request without spans takes no other of its group with it: all that is acknowledged is held.
#[test]
fn an_empty_request_takes_no_other_with_it() -> Outcome {
    let fs: Arc<dyn FileSystem> = Arc::new(MemoryDisk::default());
    let now = Now::default();
    for empty in 0..4 {
        let (mut engine, plans, _) = replay::start(&fs, options(&["e"]), now)?;
        let before = engine.cut(now).to_json()["spans"]["held"]["buffer"].clone();
        let plans = plans.read().map_err(|error| error.to_string())?.clone();
        let mut group = Vec::new();
        for at in 0..4 {
            let count = if at == empty { 0 } else { 3 };
            let spans: Vec<_> = (0..count)
                .map(|n| plain(10 * at + n, 10 * at + n))
                .collect();
            let body = request(&spans);
            let mut found = Scan::default();
            scan(&body, &plans, &mut found)?;
            group.push(Prepared::new(0, body, &mut found, plans.generation));
        }
        engine.commit(&mut group, now)?;
        let books = engine.cut(now).to_json();
        let held = books["spans"]["held"]["buffer"].as_u64();
        assert_eq!(held, before.as_u64().map(|n| n + 9), "{books}");
        assert_eq!(books["balanced"], true);
    }
    Ok(())
}

/// A request without spans raises no level for the others of its group, nor for what a restart
/// knows of them.
#[test]
fn an_empty_request_raises_no_level() -> Outcome {
    let fs: Arc<dyn FileSystem> = Arc::new(MemoryDisk::default());
    let now = Now::default();
    let (mut engine, plans, _) = replay::start(&fs, options(&["e"]), now)?;
    let plans = plans.read().map_err(|error| error.to_string())?.clone();
    let mut group = Vec::new();
    for (level, spans) in [(3, &[][..]), (1, &[plain(1, 1)])] {
        let body = request(spans);
        let mut found = Scan::default();
        scan(&body, &plans, &mut found)?;
        let mut prepared = Prepared::new(0, body, &mut found, plans.generation);
        prepared.shed(level, &plans.current);
        group.push(prepared);
    }
    assert_eq!(group[1].shed.spans, 1, "R of this trace is near 0");
    engine.commit(&mut group, now)?;
    assert_eq!(engine.last_level(now), 1);
    drop(engine);
    let (engine, _, _) = replay::start(&fs, options(&["e"]), now)?;
    assert_eq!(engine.last_level(now), 1);
    Ok(())
}
