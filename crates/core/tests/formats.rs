//! Directories that earlier releases left behind can be started on, and nothing in them is lost.
//!
//! Each stands in `formats/N`, N being the record version, with the ledger that the release
//! itself gave before it died. A new record version adds one, and never touches the others:
//! `cargo test -p tailsampler-core --test formats -- --ignored` writes that of this release.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine_support::{MS, error, exported, options, plain, plan, request};
use serde_json::Value;
use tailsampler_core::fs::RealDisk;
use tailsampler_core::log::VERSION;
use tailsampler_core::options::Options;
use tailsampler_core::plan::NEVER;
use tailsampler_core::simulation::World;

const LEDGER: &str = "ledger.json";

fn formats() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats")
}

fn at(directory: &Path) -> Options {
    Options {
        data_directory: directory.display().to_string(),
        ..options(&["a", "b"])
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// A directory of its own, gone afterwards.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("tailsampler-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0); // of no use to anybody
    }
}

/// Traces dropped, exported, late, kept and not yet exported, and held; two plans; freed segments.
fn live(world: &mut World) {
    let mut now_ns = 0;
    for round in 0..12 {
        let (trace, span) = (round * 3, round * 10);
        let mut send = |spans: &[_]| world.ingest(request(spans), now_ns).unwrap();
        send(&[plain(trace, span), error(trace + 1, span + 1)]);
        send(&[plain(trace + 1, span + 2), plain(trace + 2, span + 3)]);
        if round > 4 {
            send(&[plain(trace - 11, span + 4), plain(trace - 12, span + 5)]);
        }
        if round == 6 {
            world.engine().install_plan(plan(NEVER / 2, 2_000)).unwrap();
        }
        if round == 8 {
            drop(world.take());
        }
        now_ns += 600 * MS;
        world.advance(now_ns);
    }
}

#[test]
#[ignore = "writes the directory of this release; run by hand when the record version is raised"]
fn write_the_directory_of_this_release() {
    let directory = formats().join(VERSION.to_string());
    assert!(!directory.exists(), "it is kept as it is");
    fs::create_dir_all(&directory).unwrap();
    let mut world = World::new(Arc::new(RealDisk), at(&directory)).unwrap();
    live(&mut world);
    let ledger = serde_json::to_string_pretty(&world.ledger()).unwrap();
    fs::write(directory.join(LEDGER), ledger + "\n").unwrap();
}

/// What it held is held, what it counted is counted, and it goes on to the end.
#[test]
fn directories_of_earlier_releases() {
    let mut seen = 0;
    for entry in fs::read_dir(formats()).unwrap() {
        let from = entry.unwrap().path();
        let scratch = Scratch::new("formats");
        copy(&from, &scratch.0);
        let before: Value = serde_json::from_slice(&fs::read(from.join(LEDGER)).unwrap()).unwrap();
        let mut world = World::new(Arc::new(RealDisk), at(&scratch.0)).unwrap();
        let mut after = world.ledger();
        after["oldest_held_seconds"] = before["oldest_held_seconds"].clone();
        assert_eq!(after, before, "{}", from.display());
        world.advance(100_000 * MS);
        let out: usize = world.take().iter().map(|body| exported(body).len()).sum();
        let end = world.ledger();
        assert_eq!(end["balanced"], true);
        let exported = |ledger: &Value| ledger["spans"]["exported"].as_u64().unwrap();
        assert_eq!(out as u64, exported(&end) - exported(&before));
        assert!(out > 0 && end["spans"]["held"]["buffer"] == 0);
        seen += 1;
    }
    assert!(seen > 0 && formats().join(VERSION.to_string()).exists());
}
