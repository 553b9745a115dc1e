//! Every exporter has its own place and its own books, in whatever order batches are settled.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;
use tailsampler_core::clock::Now;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::ledger::{Count, Cut};
use tailsampler_core::options::OutboxOptions;
use tailsampler_core::outbox::{Batch, Frame, Outbox, Settlement};

const NOW: Now = Now {
    wall_ns: 0,
    mono_ns: 0,
};

fn open(disk: &MemoryDisk, exporters: &[&str]) -> Outbox {
    let names: Vec<String> = exporters.iter().map(|&name| name.to_owned()).collect();
    let disk = Arc::new(disk.clone());
    let options = OutboxOptions {
        max_bytes: 1 << 30,
        ..OutboxOptions::default()
    };
    Outbox::open(disk, Path::new("outbox"), &names, &options, NOW)
        .unwrap()
        .0
}

/// A frame of `spans` spans whose payload is its number.
fn write(outbox: &Outbox, number: u64, spans: usize) {
    let frame = Frame {
        sizes: vec![10; spans],
        payload: vec![number as u8; 8],
        ..Frame::default()
    };
    let expected = frame.kept();
    outbox.expect(expected);
    outbox.write(&[(number, expected, frame)], NOW).unwrap();
}

fn take(outbox: &Outbox, exporter: &str) -> Option<Batch> {
    outbox.take(exporter, 1, 0, NOW)
}

/// Exported, dropped by reason, and held spans of an exporter.
fn books(outbox: &Outbox, exporter: &str) -> (u64, Vec<(String, u64)>, u64) {
    let mut cut = Cut::default();
    outbox.cut(&mut cut);
    let found = cut.exporters.into_iter().find(|e| e.0 == exporter);
    let (_, totals, held) = found.unwrap();
    let dropped = totals.dropped.into_iter();
    let dropped = dropped.map(|(reason, count)| (reason, count.spans));
    (totals.exported.spans, dropped.collect(), held.spans)
}

/// What single spans became is counted by reason, and never more than there is.
#[test]
fn shares_of_a_batch() {
    let outbox = open(&MemoryDisk::default(), &["a"]);
    write(&outbox, 1, 6);
    let batch = take(&outbox, "a").unwrap();
    let what = Settlement {
        dropped: vec![("backend_refused".to_owned(), 4, 9)],
        rejected: 1,
        again: 0,
    };
    assert!(outbox.settle("a", batch.token, &what, NOW));
    assert!(!outbox.settle("a", batch.token, &what, NOW), "one use");
    let dropped = vec![
        ("backend_refused".to_owned(), 2),
        ("backend_rejected".to_owned(), 1),
    ];
    assert_eq!(books(&outbox, "a"), (3, dropped, 0));
}

/// Spans that the backend may have had before are counted as such: when an exporter says so, when
/// it does not know what became of a batch, and when the process died with a batch under way.
#[test]
fn what_may_have_come_before() {
    let again = |outbox: &Outbox| {
        let mut cut = Cut::default();
        outbox.cut(&mut cut);
        cut.exporters[0].1.exported_again.spans
    };
    let disk = MemoryDisk::default();
    let outbox = open(&disk, &["a"]);
    for number in 1..=4 {
        write(&outbox, number, 10);
    }
    let settle = |outbox: &Outbox, again| {
        let batch = take(outbox, "a").unwrap();
        let what = Settlement {
            again,
            ..Settlement::default()
        };
        assert!(outbox.settle("a", batch.token, &what, NOW));
    };
    settle(&outbox, 1);
    assert_eq!(again(&outbox), 1, "the exporter says so");
    let batch = take(&outbox, "a").unwrap();
    outbox.give_back("a", batch.token, false);
    settle(&outbox, 0);
    assert_eq!(again(&outbox), 1, "it had not gone out");
    let batch = take(&outbox, "a").unwrap();
    outbox.give_back("a", batch.token, true);
    settle(&outbox, 0);
    assert_eq!(again(&outbox), 11, "nobody knows whether it had");
    take(&outbox, "a").unwrap();
    let outbox = open(&disk, &["a"]);
    settle(&outbox, 0);
    assert_eq!(again(&outbox), 21, "it was under way");
    assert_eq!(again(&open(&disk, &["a"])), 21);
    assert_eq!(books(&outbox, "a").0, 40);
}

/// Malformed and missing spans leave the pending ones, and are held for nobody.
#[test]
fn what_is_not_in_a_frame() {
    let disk = MemoryDisk::default();
    let outbox = open(&disk, &["a"]);
    let frame = Frame {
        sizes: vec![],
        malformed: Count::new(2, 20),
        missing: Count::new(1, 10),
        ..Frame::default()
    };
    outbox.expect(Count::new(3, 30));
    outbox.write(&[(5, Count::new(3, 30), frame)], NOW).unwrap();
    for outbox in [outbox, open(&disk, &["a"])] {
        let mut cut = Cut::default();
        outbox.cut(&mut cut);
        assert!(cut.pending.is_zero());
        assert_eq!(cut.lost["malformed"].spans, 2);
        assert_eq!(cut.lost["corrupt"].spans, 1);
        assert_eq!(outbox.written(), 5);
        assert!(take(&outbox, "a").is_none());
    }
}

/// An exporter that comes later is told of what came before it, and its books balance.
#[test]
fn a_new_exporter() {
    let disk = MemoryDisk::default();
    let outbox = open(&disk, &["a"]);
    write(&outbox, 1, 3);
    for _ in 0..2 {
        let outbox = open(&disk, &["b", "a"]);
        let before = vec![("before_exporter".to_owned(), 3)];
        assert_eq!(books(&outbox, "b"), (0, before, 0));
        assert_eq!(books(&outbox, "a"), (0, vec![], 3));
    }
    let outbox = open(&disk, &["b", "a"]);
    write(&outbox, 2, 1);
    assert_eq!(take(&outbox, "b").unwrap().payload[0], 2);
    assert_eq!(take(&outbox, "a").unwrap().payload[0], 1);
}

/// A frame that cannot be read is counted, and hides none behind it.
#[test]
fn an_unreadable_frame() {
    let disk = MemoryDisk::default();
    let outbox = open(&disk, &["a"]);
    write(&outbox, 1, 2);
    write(&outbox, 2, 1);
    let path = Path::new("outbox/0000000000000000.log");
    let file = disk.open(path).unwrap();
    let bytes = disk.read(path).unwrap().unwrap();
    let at = bytes.windows(8).position(|part| part == [1; 8]).unwrap();
    let mut flipped = [std::io::IoSlice::new(&[9])];
    file.write_at(at as u64, &mut flipped).unwrap();
    let batch = take(&outbox, "a").unwrap();
    assert_eq!(batch.payload[0], 2);
    outbox.settle("a", batch.token, &Settlement::default(), NOW);
    let dropped = vec![("corrupt".to_owned(), 2)];
    assert_eq!(books(&outbox, "a"), (1, dropped, 0));
}

/// Without its mark the outbox sends again rather than forget.
#[test]
fn a_lost_mark() {
    let disk = MemoryDisk::default();
    write(&open(&disk, &["a"]), 1, 2);
    let path = Path::new("outbox/0000000000000000.log");
    let mut bytes = disk.read(path).unwrap().unwrap();
    bytes[60] ^= 1;
    disk.replace(path, &bytes).unwrap();
    let outbox = open(&disk, &["a"]);
    assert_eq!(take(&outbox, "a").unwrap().spans, 2);
}

/// A segment in which a dying process did not come to write its mark speaks for no other: the one
/// before it stays, and the books with it.
#[test]
fn a_segment_without_its_mark() {
    let disk = MemoryDisk::default();
    let outbox = open(&disk, &["a"]);
    write(&outbox, 1, 2);
    let batch = take(&outbox, "a").unwrap();
    outbox.settle("a", batch.token, &Settlement::default(), NOW);
    let first = Path::new("outbox/0000000000000000.log");
    let length = disk.read(first).unwrap().unwrap().len();
    let torn = format!("outbox/{length:016x}.log");
    disk.replace(Path::new(&torn), b"TSR2").unwrap();
    let outbox = open(&disk, &["a"]);
    assert!(outbox.take_removable().is_empty());
    assert_eq!(books(&outbox, "a"), (2, vec![], 0));
    write(&outbox, 2, 1);
    let batch = take(&outbox, "a").unwrap();
    outbox.settle("a", batch.token, &Settlement::default(), NOW);
    assert_eq!(outbox.take_removable(), [first, Path::new(&torn)]);
}

#[derive(Clone, Debug)]
enum Step {
    Write,
    Take(bool),
    Settle(bool, prop::sample::Index),
    GiveBack(bool, prop::sample::Index),
    SettleFirst(bool),
    Restart,
}

proptest! {
    /// Frames are settled once for each exporter, in any order, over restarts; nothing is handed
    /// out that was settled, and in the end nothing is held.
    #[test]
    fn any_order(steps in prop::collection::vec(prop_oneof![
        3 => Just(Step::Write),
        4 => any::<bool>().prop_map(Step::Take),
        2 => any::<(bool, prop::sample::Index)>().prop_map(|(b, at)| Step::Settle(b, at)),
        1 => any::<(bool, prop::sample::Index)>().prop_map(|(b, at)| Step::GiveBack(b, at)),
        1 => Just(Step::Restart),
    ], 1..60)) {
        let disk = MemoryDisk::default();
        let names = ["a", "b"];
        let mut outbox = open(&disk, &names);
        let mut written = 0_u64;
        let mut out: [Vec<Batch>; 2] = Default::default();
        let mut done: [Vec<u8>; 2] = Default::default();
        for step in steps.into_iter().chain((0..60).flat_map(|_| {
            [Step::Take(false), Step::SettleFirst(false), Step::Take(true), Step::SettleFirst(true)]
        })) {
            match step {
                Step::Write => {
                    written += 1;
                    write(&outbox, written, 1);
                }
                Step::Take(who) => {
                    let who = usize::from(who);
                    if let Some(batch) = take(&outbox, names[who]) {
                        prop_assert!(!done[who].contains(&batch.payload[0]));
                        out[who].push(batch);
                    }
                }
                Step::Settle(..) | Step::SettleFirst(_) => {
                    let (who, at) = match step {
                        Step::Settle(who, at) => (usize::from(who), at.index(out[usize::from(who)].len().max(1))),
                        Step::SettleFirst(who) => (usize::from(who), 0),
                        _ => continue,
                    };
                    if !out[who].is_empty() {
                        let batch = out[who].remove(at);
                        done[who].push(batch.payload[0]);
                        let all = Settlement::default();
                        prop_assert!(outbox.settle(names[who], batch.token, &all, NOW));
                    }
                }
                Step::GiveBack(who, at) => {
                    let who = usize::from(who);
                    if !out[who].is_empty() {
                        let batch = out[who].remove(at.index(out[who].len()));
                        outbox.give_back(names[who], batch.token, false);
                    }
                }
                Step::Restart => {
                    outbox = open(&disk, &names);
                    out = Default::default();
                }
            }
            for (who, name) in names.iter().enumerate() {
                let (exported, _, held) = books(&outbox, name);
                prop_assert_eq!(exported, done[who].len() as u64);
                prop_assert_eq!(exported + held, written);
            }
        }
        prop_assert!(outbox.is_empty());
    }
}
