//! What is written down beside the frames, when some of it is lost.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod outbox_support;

use std::path::Path;
use std::sync::Arc;

use outbox_support::*;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::options::OutboxOptions;
use tailsampler_core::outbox::{Outbox, Settlement};

/// A note that damage takes leaves what it said to be sent again, or given up again, and nothing
/// uncounted: the notes around it do not cover what it alone spoke of.
#[test]
fn a_lost_note_is_missed() {
    let mut fixture = Fixture::new(1 << 30, &[("away", bounded(Some(60_000), None))]);
    for _ in 0..40 {
        fixture.write(ERRORS, at(0));
        fixture.write(DEFAULT, at(0));
    }
    let begin = fixture.log().len();
    fixture.outbox.make_room(at(0));
    let given_up = fixture.given_up("away")["default"];
    let end = fixture.log().len();
    let batch = fixture.outbox.take("away", 1 << 20, 0, at(20)).unwrap();
    let all = Settlement::default();
    fixture.outbox.settle("away", batch.token, &all, at(20));
    assert_eq!(fixture.totals("away").1, 0);
    let mut log = fixture.log();
    log[begin..end].fill(0);
    fixture.disk.replace(Path::new(LOG), &log).unwrap();
    fixture.restart(at(21));
    let (totals, held) = fixture.totals("away");
    assert_eq!((totals.exported.spans, held), (batch.spans, given_up));
}

/// A frame whose backend may have it already is counted as sent again, wherever it stands then.
#[test]
fn a_moved_frame_keeps_its_doubts() {
    let mut fixture = Fixture::new(150_000, &[("away", bounded(Some(60_000), None))]);
    let first = fixture.write(ERRORS, at(0));
    let (batch, number) = fixture.take("away", at(0)).unwrap();
    assert_eq!(number, first);
    fixture.outbox.give_back("away", batch.token, true);
    for _ in 0..600 {
        fixture.write(DEFAULT, at(1));
        assert!(fixture.outbox.make_room(at(1)));
        fixture.remove();
    }
    assert!(
        !fixture
            .disk
            .list(Path::new("outbox"))
            .unwrap()
            .contains(&file(0))
    );
    fixture.restart(at(2));
    assert!(fixture.drain("away", at(2)).contains(&first));
    assert_eq!(fixture.totals("away").0.exported_again.spans, 1);
}

/// The record of a moved frame that damage takes is missed, also while the old place still stands
/// there: the mark behind it says that the old one is done with.
#[test]
fn a_lost_copy_is_missed() {
    let mut fixture = Fixture::new(150_000, &[("away", bounded(Some(60_000), None))]);
    let copies = |fixture: &Fixture| {
        let mut places = Vec::new();
        for name in fixture.disk.list(Path::new("outbox")).unwrap() {
            let path = Path::new("outbox").join(name);
            let bytes = fixture.disk.read(&path).unwrap().unwrap();
            let notes = bytes.windows(8).enumerate();
            let notes = notes.filter(|(_, part)| part == b"{\"from\":");
            places.extend(notes.map(|(at, _)| (path.clone(), at)));
        }
        places
    };
    for _ in 0..10 {
        fixture.write(ERRORS, at(0));
    }
    while copies(&fixture).is_empty() {
        fixture.write(DEFAULT, at(1));
        assert!(fixture.outbox.make_room(at(1)));
    }
    let segments = fixture.disk.list(Path::new("outbox")).unwrap().len();
    while fixture.disk.list(Path::new("outbox")).unwrap().len() == segments {
        fixture.write(DEFAULT, at(1));
    }
    assert!(
        fixture
            .disk
            .list(Path::new("outbox"))
            .unwrap()
            .contains(&file(0))
    );
    for (path, place) in copies(&fixture) {
        let mut bytes = fixture.disk.read(&path).unwrap().unwrap();
        bytes[place] = 0;
        fixture.disk.replace(&path, &bytes).unwrap();
    }
    let names = ["away".to_owned()];
    let disk = Arc::new(fixture.disk.clone());
    let opened = Outbox::open(disk, Path::new("outbox"), &names, &fixture.options, at(2));
    let (_, survey) = opened.unwrap();
    assert!(survey.frames_lost, "{survey:?}");
}

/// Marks are only needed to let segments go; where damage took them all, another one is written,
/// also while there is no room for anything else.
#[test]
fn a_full_log_without_marks() {
    let mut fixture = Fixture::new(100_000, &[("away", FREE)]);
    while fixture.outbox.bytes() < 100_000 {
        fixture.write(ERRORS, at(0));
    }
    fixture.drain("away", at(0));
    for name in fixture.disk.list(Path::new("outbox")).unwrap() {
        let path = Path::new("outbox").join(name);
        let mut bytes = fixture.disk.read(&path).unwrap().unwrap();
        let marks = bytes.windows(9).filter(|part| part == b"\"written\"");
        assert_eq!(marks.count(), 2);
        let to = bytes
            .windows(9)
            .rposition(|part| part == b"\"written\"")
            .unwrap();
        bytes[..to].fill(0);
        fixture.disk.replace(&path, &bytes).unwrap();
    }
    let names = ["away".to_owned()];
    let disk = Arc::new(fixture.disk.clone());
    let options = &fixture.options;
    let opened = Outbox::open(disk, Path::new("outbox"), &names, options, at(1));
    let (outbox, survey) = opened.unwrap();
    assert!(survey.marks_lost, "{survey:?}");
    fixture.outbox = outbox;
    fixture.drain("away", at(1));
    assert!(fixture.outbox.make_room(at(1)));
}

/// A mark that damage takes, and frames that stand behind it: the next mark says as well that what
/// was before them was dealt with, so that none of it is packed again.
#[test]
fn the_next_mark_says_what_the_first_one_did() {
    let mut fixture = Fixture::new(100_000, &[("away", FREE)]);
    let first = fixture.write(ERRORS, at(0));
    let segments = |fixture: &Fixture| fixture.disk.list(Path::new("outbox")).unwrap();
    while segments(&fixture).contains(&file(0)) {
        fixture.write(ERRORS, at(0));
        fixture.drain("away", at(0));
        assert!(fixture.outbox.make_room(at(0)));
        fixture.remove();
    }
    let oldest = segments(&fixture)[0].clone();
    while segments(&fixture).len() < 3 {
        fixture.write(ERRORS, at(1));
    }
    assert_eq!(segments(&fixture)[0], oldest);
    let path = Path::new("outbox").join(&oldest);
    let mut bytes = fixture.disk.read(&path).unwrap().unwrap();
    // A segment has a mark at its begin, and another one when it is full.
    let marks = bytes.windows(9).enumerate();
    let marks = marks.filter(|(_, part)| part == b"\"written\"");
    let marks: Vec<usize> = marks.map(|(at, _)| at).collect();
    assert!(!marks.is_empty());
    for mark in marks {
        bytes[mark] = 0;
    }
    fixture.disk.replace(&path, &bytes).unwrap();
    let disk = Arc::new(fixture.disk.clone());
    let names = ["away".to_owned()];
    let opened = Outbox::open(disk, Path::new("outbox"), &names, &fixture.options, at(2));
    let (outbox, survey) = opened.unwrap();
    assert!(survey.removed >= first, "{survey:?}");
    assert!(outbox.has_written(first), "it would be sent again");
}

/// Without syncs a loss of power may take all that the newest segment says, when those before it
/// are removed for good: what had been counted there is missed.
#[test]
fn an_outbox_that_begins_later_and_says_nothing() {
    for (base, lost) in [(0, false), (4_711, true)] {
        let disk = MemoryDisk::default();
        disk.create(&Path::new("outbox").join(file(base))).unwrap();
        let names = ["away".to_owned()];
        let options = OutboxOptions::default();
        let disk = Arc::new(disk);
        let opened = Outbox::open(disk, Path::new("outbox"), &names, &options, at(0));
        assert_eq!(opened.unwrap().1.marks_lost, lost, "{base}");
    }
}
