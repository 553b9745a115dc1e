//! An outbox with a disk, limits and a clock, for the tests of its bounds.
#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]
#![allow(
    unreachable_pub,
    missing_docs,
    reason = "shared by test files, not a library"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tailsampler_core::clock::Now;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::ledger::{Cut, ExporterTotals};
use tailsampler_core::options::{Limits, OutboxOptions};
use tailsampler_core::outbox::{Batch, Frame, Outbox, Settlement};
use tailsampler_core::plan::{Plan, Rule};

pub const ERRORS: u32 = 3;
pub const SLOW: u32 = 2;
pub const DEFAULT: u32 = 1;
pub const LOG: &str = "outbox/0000000000000000.log";
/// Payload bytes of a frame; on disk it is a little larger.
pub const PAYLOAD: usize = 900;

pub fn file(base: u64) -> String {
    format!("{base:016x}.log")
}

pub const fn at(seconds: u64) -> Now {
    let ns = (100_000 + seconds) * 1_000_000_000;
    Now {
        wall_ns: ns,
        mono_ns: ns,
    }
}

pub struct Fixture {
    pub disk: MemoryDisk,
    pub options: OutboxOptions,
    pub outbox: Outbox,
    pub written: u64,
}

impl Fixture {
    pub fn new(max_bytes: u64, limits: &[(&str, Limits)]) -> Self {
        let exporters = limits.iter().map(|(name, l)| ((*name).to_owned(), *l));
        let options = OutboxOptions {
            max_bytes,
            exporters: exporters.collect(),
        };
        let disk = MemoryDisk::default();
        let outbox = open(&disk, &options, at(0));
        Self {
            disk,
            options,
            outbox,
            written: 0,
        }
    }

    pub fn restart(&mut self, now: Now) {
        self.outbox = open(&self.disk, &self.options, now);
    }

    /// A kept trace; its payload begins with its number.
    pub fn write(&mut self, rank: u32, now: Now) -> u64 {
        self.written += 1;
        let mut payload = vec![0; PAYLOAD];
        payload[..8].copy_from_slice(&self.written.to_le_bytes());
        let frame = Frame {
            sizes: vec![10],
            payload,
            plan: 1,
            rank,
            ..Frame::default()
        };
        let expected = frame.kept();
        self.outbox.expect(expected);
        self.outbox
            .write(&[(self.written, expected, frame)], now)
            .unwrap();
        self.written
    }

    /// The bytes of the first segment.
    pub fn log(&self) -> Vec<u8> {
        self.disk.read(Path::new(LOG)).unwrap().unwrap()
    }

    pub fn totals(&self, exporter: &str) -> (ExporterTotals, u64) {
        let mut cut = Cut::default();
        self.outbox.cut(&mut cut);
        let found = cut.exporters.into_iter().find(|e| e.0 == exporter);
        let (_, totals, held) = found.unwrap();
        let dropped: u64 = totals.dropped.values().map(|count| count.spans).sum();
        assert_eq!(
            totals.exported.spans + dropped + held.spans,
            self.written,
            "the books of {exporter} balance"
        );
        (totals, held.spans)
    }

    pub fn given_up(&self, exporter: &str) -> BTreeMap<String, u64> {
        let given_up = self.totals(exporter).0.given_up.into_iter();
        given_up.map(|(name, count)| (name, count.spans)).collect()
    }

    pub fn take(&self, exporter: &str, now: Now) -> Option<(Batch, u64)> {
        let batch = self.outbox.take(exporter, 1, 0, now)?;
        let number = u64::from_le_bytes(batch.payload[..8].try_into().unwrap());
        Some((batch, number))
    }

    /// Everything that is held for an exporter, settled, in the order it comes.
    pub fn drain(&self, exporter: &str, now: Now) -> Vec<u64> {
        let mut numbers = Vec::new();
        while let Some((batch, number)) = self.take(exporter, now) {
            let all = Settlement::default();
            assert!(self.outbox.settle(exporter, batch.token, &all, now));
            numbers.push(number);
        }
        numbers
    }

    /// What the keeper does.
    pub fn remove(&self) {
        for path in self.outbox.take_removable() {
            self.disk.remove(&path).unwrap();
        }
    }
}

pub fn open(disk: &MemoryDisk, options: &OutboxOptions, now: Now) -> Outbox {
    open_on(Arc::new(disk.clone()), options, now)
}

pub fn open_on(disk: Arc<dyn FileSystem>, options: &OutboxOptions, now: Now) -> Outbox {
    let names: Vec<String> = options.exporters.keys().cloned().collect();
    let (outbox, survey) = Outbox::open(disk, Path::new("outbox"), &names, options, now).unwrap();
    assert!(!survey.frames_lost && !survey.marks_lost, "{survey:?}");
    let rule = |name: &str| Rule {
        name: name.to_owned(),
        all: vec![],
        threshold: 0,
        wait_ms: None,
    };
    outbox.learn(&Plan {
        version: 1,
        rules: vec![rule("errors"), rule("slow"), rule("default")],
        ..Plan::default()
    });
    outbox
}

pub const fn bounded(max_bytes: Option<u64>, max_age_ms: Option<u64>) -> Limits {
    Limits {
        max_bytes,
        max_age_ms,
        drain_permille: 500,
        by_tenant: false,
    }
}

pub const FREE: Limits = bounded(None, None);
