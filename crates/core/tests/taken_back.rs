//! What the disk refused does not come back, wherever it got stuck; and what it refused to note
//! is no damage.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use engine_support::disk::{Hooked, Write};
use engine_support::{MS, options, plain, request};
use tailsampler_core::clock::Now;
use tailsampler_core::ledger::{Count, Cut};
use tailsampler_core::log::{Entry, Header, Kind, LogWriter};
use tailsampler_core::options::OutboxOptions;
use tailsampler_core::outbox::{Frame, Outbox, Settlement};
use tailsampler_core::simulation::World;

const NOW: Now = Now {
    wall_ns: 0,
    mono_ns: 0,
};

/// A disk that refuses writes while the switch is on.
fn disk(refusal: Write) -> (Hooked, Arc<AtomicBool>) {
    let switch = Arc::new(AtomicBool::new(false));
    let on = Arc::clone(&switch);
    let hook = move |_: &Path| {
        if on.load(Ordering::Relaxed) {
            refusal
        } else {
            Write::Whole
        }
    };
    (Hooked::new(hook), switch)
}

fn append(log: &mut LogWriter, body: &[u8]) -> bool {
    let header = Header {
        kind: Kind::Request,
        tenant: 0,
        plan: 0,
        count: 1,
        rank: 0,
        sequence: 1,
        wall_ns: 0,
        total: Count::default(),
    };
    let entry = Entry {
        header,
        body,
        body_crc: None,
    };
    log.append(&[entry], &mut Vec::new()).is_ok()
}

/// A record that was refused, and stands on the disk all the same, is not found by the next
/// process, once anything was written after it.
#[test]
fn what_could_not_be_cut_off_is_not_found() {
    let (disk, refuses) = disk(Write::Stuck);
    let open = || LogWriter::open(Arc::new(disk.clone()), Path::new("log"), 1 << 20).unwrap();
    let mut log = open();
    assert!(append(&mut log, b"one"));
    refuses.store(true, Ordering::Relaxed);
    assert!(!append(&mut log, b"refused"));
    assert!(!append(&mut log, b"refused again"));
    refuses.store(false, Ordering::Relaxed);
    assert!(append(&mut log, b"two"));
    let log = open();
    let mut records = log.reader().records(0);
    let mut bodies = Vec::new();
    while let Some(record) = records.next_record().unwrap() {
        bodies.push(record.body);
    }
    assert_eq!(bodies, [&b"one"[..], b"two"]);
    assert!(records.damage().iter().all(|damage| damage.at_end));
}

/// What was refused is taken back for good before anything else is written: its bytes are cut off
/// and the cut is durable, or the next segment's name is, which cuts them off.
#[test]
fn what_is_taken_back_stays_so_without_power() {
    let (first, next) = ("log/0000000000000000.log", "log/0000000000000043.log");
    for (refusal, synced) in [
        (Write::Torn(1), &[first][..]),
        (Write::Stuck, &[first, next]),
    ] {
        let (mut disk, refuses) = disk(refusal);
        let syncs = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&syncs);
        disk.syncs = Arc::new(move |path| {
            seen.lock().unwrap().push(path.to_owned());
            true
        });
        let mut log = LogWriter::open(Arc::new(disk), Path::new("log"), 1 << 20).unwrap();
        assert!(append(&mut log, b"one"));
        refuses.store(true, Ordering::Relaxed);
        assert!(!append(&mut log, b"refused"));
        refuses.store(false, Ordering::Relaxed);
        assert!(append(&mut log, b"two"));
        let synced: Vec<_> = synced.iter().map(PathBuf::from).collect();
        assert_eq!(*syncs.lock().unwrap(), synced, "{refusal:?}");
    }
}

/// A request that was refused, and stands on the disk all the same when its process ends, is no
/// request for the next one: what was written after it does not count it.
#[test]
fn what_was_refused_is_not_received_by_the_next_process() {
    let (disk, refuses) = disk(Write::Stuck);
    let mut world = World::new(Arc::new(disk), options(&["a"])).unwrap();
    world.ingest(request(&[plain(1, 1)]), 0).unwrap();
    refuses.store(true, Ordering::Relaxed);
    assert!(world.ingest(request(&[plain(1, 2)]), MS).is_err());
    refuses.store(false, Ordering::Relaxed);
    assert_eq!(world.advance(60_000 * MS).len(), 1);
    for spans in [1, 3] {
        world.restart(options(&["a"]).plan).unwrap();
        let ledger = world.ledger();
        assert_eq!(ledger["spans"]["received"], spans, "{ledger}");
        assert_eq!(ledger["balanced"], true, "{ledger}");
        let more = request(&[plain(2, 3), plain(3, 4)]);
        world.ingest(more, 60_001 * MS).unwrap();
    }
}

/// A settlement that could not be noted stands in the next mark, and nothing passes for lost.
#[test]
fn what_could_not_be_noted_is_no_damage() {
    let (disk, refuses) = disk(Write::Fails);
    let open = || {
        let disk = Arc::new(disk.clone());
        let bound = OutboxOptions {
            max_bytes: 1 << 30,
            ..OutboxOptions::default()
        };
        Outbox::open(disk, Path::new("outbox"), &["a".to_owned()], &bound, NOW).unwrap()
    };
    let write = |outbox: &Outbox, number: u64| {
        let frame = Frame {
            sizes: vec![10; 3],
            payload: vec![7; 8],
            ..Frame::default()
        };
        outbox.expect(frame.kept());
        let frames = [(number, frame.kept(), frame)];
        outbox.write(&frames, NOW).unwrap();
    };
    let (outbox, _) = open();
    write(&outbox, 1);
    let batch = outbox.take("a", 1, 0, NOW).unwrap();
    refuses.store(true, Ordering::Relaxed);
    assert!(outbox.settle("a", batch.token, &Settlement::default(), NOW));
    refuses.store(false, Ordering::Relaxed);
    write(&outbox, 2);
    drop(outbox);
    let (outbox, survey) = open();
    assert!(
        !survey.frames_lost && survey.damage.is_empty(),
        "{survey:?}"
    );
    let mut cut = Cut::default();
    outbox.cut(&mut cut);
    let (_, totals, held) = &cut.exporters[0];
    assert_eq!((totals.exported.spans, held.spans), (3, 3));
}
