//! A disk that lives as long as a seed: it fails, fills, dies with the process or the power, and
//! knows at any moment what of it would survive.

mod content;
mod names;
mod rot;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tailsampler_core::fs::{File, FileSystem, Lock};

use crate::disk::{Dice, blocks};
use content::{Change, Content, apply};
use names::Naming;

type Inode = usize;

/// Chances of a failure, in thousandths of the operations of a kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Failures {
    /// A write stops half way.
    pub write: u64,
    /// A sync fails, and with it the pages.
    pub sync: u64,
    /// A read fails.
    pub read: u64,
    /// A file cannot be created, removed, replaced, cut or listed.
    pub other: u64,
}

/// How a gateway ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The process dies, and the disk goes on.
    Process,
    /// The power goes: of what was not synced this many tenths survive, block by block.
    Power(u64),
}

struct State {
    files: Vec<Content>,
    names: BTreeMap<PathBuf, Inode>,
    durable_names: BTreeMap<PathBuf, Inode>,
    fresh_names: Vec<Naming>,
    unnamed: BTreeMap<Inode, PathBuf>,
    dice: Dice,
    failures: Failures,
    capacity: u64,
    /// Operations left until the process dies.
    fuse: Option<u64>,
    dead: bool,
    operations: u64,
    /// Files that could not be cut.
    uncut: u64,
    failed_syncs: u64,
    failed_writes: u64,
    seen: BTreeSet<&'static str>,
}

impl State {
    fn used(&self) -> u64 {
        let sizes = self
            .names
            .values()
            .map(|&inode| self.files[inode].seen.len() as u64);
        sizes.sum()
    }

    fn change(&mut self, inode: Inode, change: Change) {
        let file = &mut self.files[inode];
        apply(&change, &mut file.seen);
        file.fresh.push(change);
    }

    fn add(&mut self) -> Inode {
        self.files.push(Content::default());
        self.files.len() - 1
    }

    /// One more operation that changes something; an error if the process is dead. `true` means
    /// that it dies within this one.
    fn operate(&mut self) -> io::Result<bool> {
        if self.dead {
            return Err(io::Error::other("the process is dead"));
        }
        self.operations += 1;
        if let Some(left) = &mut self.fuse {
            *left = left.saturating_sub(1);
            if *left == 0 {
                (self.fuse, self.dead) = (None, true);
            }
        }
        Ok(self.dead)
    }

    fn fails(&mut self, chance: impl Fn(&Failures) -> u64, what: &'static str) -> bool {
        let chance = chance(&self.failures);
        let fails = chance > 0 && self.dice.below(1_000) < chance;
        if fails {
            self.seen.insert(what);
        }
        fails
    }

    /// An operation on names: it happens, or not, but not by half.
    fn name(&mut self, what: &'static str) -> io::Result<()> {
        let dies = self.operate()?;
        if dies && self.dice.below(2) == 0 {
            return Err(io::Error::other("the process died"));
        }
        if self.fails(|f| f.other, what) {
            return Err(io::Error::other("injected"));
        }
        Ok(())
    }
}

/// The disk. Clones are the same one.
#[derive(Clone)]
pub struct Disk(Arc<Mutex<State>>, Arc<Mutex<Option<Hook>>>);

/// What goes on while a thread waits for a sync.
pub type Hook = Arc<dyn Fn() + Send + Sync>;

struct Opened(Disk, Inode);

struct NoLock;

impl Lock for NoLock {}

impl Disk {
    /// An empty disk.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let state = State {
            files: Vec::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            fresh_names: Vec::new(),
            unnamed: BTreeMap::new(),
            dice: Dice::new(seed),
            failures: Failures::default(),
            capacity: u64::MAX,
            fuse: None,
            dead: false,
            operations: 0,
            uncut: 0,
            failed_syncs: 0,
            failed_writes: 0,
            seen: BTreeSet::new(),
        };
        Self(Arc::new(Mutex::new(state)), Arc::default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is to go on while a thread waits for the disk.
    pub fn while_waiting(&self, hook: Option<Hook>) {
        *self.1.lock().unwrap_or_else(PoisonError::into_inner) = hook;
    }

    fn wait(&self) {
        let hook = self
            .1
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        if let Some(hook) = hook {
            hook();
        }
    }

    /// From now on operations fail with these chances.
    pub fn fail(&self, failures: Failures) {
        self.state().failures = failures;
    }

    /// Whether it fails now and then.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        let state = self.state();
        let Failures {
            write,
            sync,
            read,
            other,
        } = state.failures;
        write + sync + read + other > 0 || state.capacity < u64::MAX
    }

    /// It has room for so many more bytes.
    pub fn fill(&self, room: u64) {
        let mut state = self.state();
        state.capacity = state.used().saturating_add(room);
    }

    /// The process dies within the operation after so many.
    pub fn die_after(&self, operations: u64) {
        self.state().fuse = Some(operations.max(1));
    }

    /// Whether the process is dead: nothing is written any more.
    #[must_use]
    pub fn is_dead(&self) -> bool {
        self.state().dead
    }

    /// Operations so far.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.state().operations
    }

    /// Files that could not be cut so far: what was to be taken back may stand there.
    #[must_use]
    pub fn uncut(&self) -> u64 {
        self.state().uncut
    }

    /// Syncs that have failed so far.
    #[must_use]
    pub fn failed_syncs(&self) -> u64 {
        self.state().failed_syncs
    }

    /// Writes that have failed so far, also for want of room.
    #[must_use]
    pub fn failed_writes(&self) -> u64 {
        self.state().failed_writes
    }

    /// What has been injected so far.
    #[must_use]
    pub fn seen(&self) -> BTreeSet<&'static str> {
        self.state().seen.clone()
    }

    /// The process has ended; the next one sees what is left.
    pub fn end(&self, end: End) {
        let mut state = self.state();
        (state.dead, state.fuse) = (false, None);
        let End::Power(tenths) = end else { return };
        for naming in std::mem::take(&mut state.fresh_names) {
            if state.dice.below(10) < tenths {
                state.name_for_good(&naming);
            }
        }
        let State { files, dice, .. } = &mut *state;
        for file in files {
            for change in file.fresh.drain(..) {
                match change {
                    Change::Write(at, bytes) => {
                        for (at, block) in blocks(at, &bytes) {
                            if dice.below(10) < tenths {
                                apply(&Change::Write(at, block.to_vec()), &mut file.durable);
                            }
                        }
                    }
                    Change::Truncate(_) if dice.below(10) >= tenths => {}
                    Change::Truncate(_) => apply(&change, &mut file.durable),
                }
            }
            file.seen.clone_from(&file.durable);
        }
        state.names = state.durable_names.clone();
        state.unnamed.clear();
    }
}

impl File for Opened {
    fn write_at(&self, position: u64, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        let bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
        let mut state = self.0.state();
        let dies = state.operate()?;
        let full = state.capacity < u64::MAX && state.used() + bytes.len() as u64 > state.capacity;
        let fails = state.fails(|f| f.write, "a write fails half way");
        if dies || full || fails {
            // Also between two records.
            let some = if state.dice.below(2) == 0 {
                let whole = state.dice.below(parts.len() as u64 + 1) as usize;
                parts[..whole].iter().map(|part| part.len()).sum()
            } else {
                state.dice.below(bytes.len() as u64 + 1) as usize
            };
            state.change(self.1, Change::Write(position, bytes[..some].to_vec()));
            state.failed_writes += 1;
            if full {
                state.seen.insert("the disk is full");
                return Err(io::ErrorKind::StorageFull.into());
            }
            if dies && some > 0 && some < bytes.len() {
                state.seen.insert("a write is torn by death");
            }
            return Err(io::Error::other("injected"));
        }
        state.change(self.1, Change::Write(position, bytes));
        Ok(())
    }

    fn read_at(&self, position: u64, into: &mut [u8]) -> io::Result<()> {
        let mut state = self.0.state();
        if state.fails(|f| f.read, "a read fails") {
            return Err(io::Error::other("injected"));
        }
        let from = position as usize;
        let part = state.files[self.1].seen.get(from..from + into.len());
        into.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.0.state();
        let cut = state.name("a file cannot be cut");
        state.uncut += u64::from(cut.is_err());
        cut?;
        state.change(self.1, Change::Truncate(length));
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.state().files[self.1].seen.len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.wait();
        let mut state = self.0.state();
        if state.operate()? {
            return Err(io::Error::other("the process died"));
        }
        let fails = state.fails(|f| f.sync, "a sync fails");
        let fresh = std::mem::take(&mut state.files[self.1].fresh);
        for change in &fresh {
            // The pages of a failed sync are clean for the kernel, wherever they are.
            if !fails || state.dice.below(2) == 0 {
                apply(change, &mut state.files[self.1].durable);
            }
        }
        if fails {
            state.failed_syncs += 1;
            return Err(io::Error::other("injected"));
        }
        if let Some(directory) = state.unnamed.remove(&self.1) {
            state.settle_names(&directory);
        }
        Ok(())
    }
}

impl FileSystem for Disk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.state();
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.name("a file cannot be created")?;
        let inode = state.add();
        state.names.insert(path.to_owned(), inode);
        state
            .fresh_names
            .push(Naming::Create(path.to_owned(), inode));
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        state.unnamed.insert(inode, directory);
        Ok(Arc::new(Opened(self.clone(), inode)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.state();
        if state.fails(|f| f.other, "a file cannot be opened") {
            return Err(io::Error::other("injected"));
        }
        let inode = state.names.get(path).copied();
        let inode = inode.ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(Opened(self.clone(), inode)))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let mut state = self.state();
        if state.fails(|f| f.other, "a directory cannot be listed") {
            return Err(io::Error::other("injected"));
        }
        let inside = state
            .names
            .keys()
            .filter(|path| path.parent() == Some(directory));
        let names = inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        Ok(names.collect())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.wait();
        let mut state = self.state();
        if !state.names.contains_key(path) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.name("a file cannot be removed")?;
        state.names.remove(path);
        state.fresh_names.push(Naming::Remove(path.to_owned()));
        state.settle_names(path.parent().unwrap_or(Path::new("")));
        Ok(())
    }

    fn retire(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.wait();
        let mut state = self.state();
        if !state.names.contains_key(from) {
            return Err(io::ErrorKind::NotFound.into());
        }
        state.name("a file cannot be renamed")?;
        state.rename(from, to)?;
        state.settle_names(from.parent().unwrap_or(Path::new("")));
        Ok(())
    }

    fn reuse(&self, from: &Path, to: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.state();
        if state.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        state.name("a file cannot be reused")?;
        let inode = state.rename(from, to)?;
        state.seen.insert("a segment is written over another");
        let directory = to.parent().unwrap_or(Path::new("")).to_owned();
        state.unnamed.insert(inode, directory);
        Ok(Arc::new(Opened(self.clone(), inode)))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        self.wait();
        let mut state = self.state();
        state.name("a file cannot be replaced")?;
        let inode = state.add();
        let change = Change::Write(0, bytes.to_vec());
        apply(&change, &mut state.files[inode].seen);
        apply(&change, &mut state.files[inode].durable);
        state.names.insert(path.to_owned(), inode);
        let naming = Naming::Create(path.to_owned(), inode);
        state.fresh_names.push(naming);
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        state.settle_names(&directory);
        Ok(())
    }

    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let mut state = self.state();
        if state.fails(|f| f.read, "a whole file cannot be read") {
            return Err(io::Error::other("injected"));
        }
        let inode = state.names.get(path);
        Ok(inode.map(|&inode| state.files[inode].seen.clone()))
    }

    fn create_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _path: &Path) -> io::Result<Box<dyn Lock>> {
        Ok(Box::new(NoLock))
    }
}
