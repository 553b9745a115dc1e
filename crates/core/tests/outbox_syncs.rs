//! What stands for what is gone is durable before it, also on a disk that fails at it.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;
mod outbox_support;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use engine_support::disk::{Hooked, Write};
use outbox_support::*;
use tailsampler_core::fs::{FileSystem, MemoryDisk};
use tailsampler_core::outbox::{Outbox, Settlement};

/// Files that were written to since their last sync, on a disk that fails once when told to.
#[derive(Default)]
struct Watch {
    dirty: Mutex<BTreeSet<PathBuf>>,
    copied: Mutex<BTreeSet<PathBuf>>,
    fails: AtomicBool,
}

fn crowded() -> (Fixture, Arc<Watch>) {
    let mut fixture = Fixture::new(
        400_000,
        &[("away", bounded(Some(200_000), None)), ("well", FREE)],
    );
    let watch = Arc::new(Watch::default());
    let (written, synced) = (Arc::clone(&watch), Arc::clone(&watch));
    let mut disk = Hooked::new(move |path| {
        written.dirty.lock().unwrap().insert(path.to_owned());
        Write::Whole
    });
    disk.syncs = Arc::new(move |path| {
        let fails = synced.fails.swap(false, Ordering::SeqCst);
        if fails {
            // It is copied, to a file that is durable when it stands under this name.
            synced.copied.lock().unwrap().insert(path.to_owned());
        }
        synced.dirty.lock().unwrap().remove(path);
        !fails
    });
    disk.disk = MemoryDisk::default();
    fixture.disk = disk.disk.clone();
    let disk: Arc<dyn FileSystem> = Arc::new(disk);
    fixture.outbox = open_on(disk, &fixture.options, at(0));
    for _ in 0..40 {
        fixture.write(ERRORS, at(0));
    }
    (fixture, watch)
}

fn moves(outbox: &Outbox) -> u64 {
    outbox.stats(at(1)).moved
}

/// Fill the outbox until frames are about to be copied, look, and have them be.
fn until_moved(fixture: &mut Fixture, mut before: impl FnMut(&Fixture)) {
    for _ in 0..1_500 {
        fixture.write(DEFAULT, at(1));
        fixture.drain("well", at(1));
        before(fixture);
        let had = moves(&fixture.outbox);
        fixture.outbox.make_room(at(1));
        if moves(&fixture.outbox) > had {
            return;
        }
    }
    panic!("nothing was copied");
}

/// One sync that fails does not keep the other files from theirs.
#[test]
fn every_file_is_synced_before_a_copy_counts() {
    let (mut fixture, watch) = crowded();
    until_moved(&mut fixture, |_| watch.fails.store(true, Ordering::SeqCst));
    let copied = watch.copied.lock().unwrap();
    assert!(!copied.is_empty(), "a sync has failed");
    let mut dirty = watch.dirty.lock().unwrap();
    dirty.retain(|path| !copied.contains(&path.with_extension("log")));
    assert!(dirty.is_empty(), "{dirty:?}");
}

/// While a settlement is being written down, its frames are still in hand: nobody gets them again.
#[test]
fn what_is_being_settled_is_not_handed_out() {
    let asked: Arc<Mutex<Option<Arc<Outbox>>>> = Arc::default();
    let (sender, answers) = std::sync::mpsc::channel();
    let sees = Arc::clone(&asked);
    let disk = Hooked::new(move |_| {
        if let Some(outbox) = sees.lock().unwrap().take() {
            let (sender, (done, is_done)) = (sender.clone(), std::sync::mpsc::channel());
            std::thread::spawn(move || {
                let batch = outbox.take("a", 1, 0, at(1));
                let _ = done.send(());
                sender.send(batch.is_none()).unwrap();
            });
            // Whoever is handed something has to wait for this very write.
            let _ = is_done.recv_timeout(std::time::Duration::from_millis(500));
        }
        Write::Whole
    });
    let mut fixture = Fixture::new(1 << 30, &[("a", FREE)]);
    let disk: Arc<dyn FileSystem> = Arc::new(disk);
    fixture.outbox = open_on(disk, &fixture.options, at(0));
    fixture.write(ERRORS, at(0));
    let (batch, _) = fixture.take("a", at(1)).unwrap();
    let outbox = Arc::new(fixture.outbox);
    *asked.lock().unwrap() = Some(Arc::clone(&outbox));
    assert!(outbox.settle("a", batch.token, &Settlement::default(), at(1)));
    assert!(answers.recv().unwrap(), "handed out while it was settled");
}

/// While somebody else is about to sync what was written before, nothing is copied: nobody knows
/// when that ends, nor how.
#[test]
fn nothing_is_copied_while_a_sync_is_under_way() {
    let (mut fixture, _) = crowded();
    let mut taken = Vec::new();
    for _ in 0..300 {
        fixture.write(DEFAULT, at(1));
        fixture.drain("well", at(1));
        taken.extend(fixture.outbox.take_dirty());
        fixture.outbox.make_room(at(1));
        assert_eq!(moves(&fixture.outbox), 0);
    }
    drop(taken);
    until_moved(&mut fixture, |_| {});
}
