//! A disk that remembers every operation, and says what is left of it when the machine stops.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tailsampler_core::fs::{File, FileSystem, Lock, MemoryDisk};

/// The unit in which a page cache writes back.
const BLOCK: u64 = 4_096;

/// What becomes of the operations when the machine stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The process died: all of them stand.
    Kept,
    /// The process died within the next one: a part of it stands.
    Torn,
    /// The power went, and nothing that was not synced had reached the disk.
    Dropped,
    /// The power went, and some of it had, in any order.
    Reordered,
}

impl Fate {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Kept, Self::Torn, Self::Dropped, Self::Reordered];

    /// Whether the machine lost its memory, and not only the process.
    #[must_use]
    pub const fn is_power(self) -> bool {
        matches!(self, Self::Dropped | Self::Reordered)
    }
}

/// A number for the contents of a file, whatever its name.
type Inode = usize;

/// One operation.
#[derive(Clone, Debug)]
enum Operation {
    Create(PathBuf, Inode),
    Write(Inode, u64, Vec<u8>),
    Truncate(Inode, u64),
    Remove(PathBuf),
    /// From one name to another. Durable when it returns if the file goes out of use.
    Rename {
        from: PathBuf,
        to: PathBuf,
        retired: bool,
    },
    /// Durable when it returns, as all names of its directory are then.
    Replace(PathBuf, Inode, Vec<u8>),
    /// Durable with it: the names of the directory, if the file had none that was.
    Sync(Inode, Option<PathBuf>),
}

#[derive(Default)]
struct State {
    operations: Vec<Operation>,
    names: BTreeMap<PathBuf, Inode>,
    contents: Vec<Vec<u8>>,
    /// Files that were created and not synced since, and where.
    unnamed: BTreeMap<Inode, PathBuf>,
}

impl State {
    fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Create(path, inode) => {
                self.grow(*inode);
                self.names.insert(path.clone(), *inode);
            }
            Operation::Write(inode, at, bytes) => {
                self.grow(*inode);
                let (from, contents) = (*at as usize, &mut self.contents[*inode]);
                let end = from + bytes.len();
                if contents.len() < end {
                    contents.resize(end, 0);
                }
                contents[from..end].copy_from_slice(bytes);
            }
            Operation::Truncate(inode, length) => {
                self.grow(*inode);
                self.contents[*inode].truncate(*length as usize);
            }
            Operation::Remove(path) => drop(self.names.remove(path)),
            Operation::Rename { from, to, .. } => {
                if let Some(inode) = self.names.remove(from) {
                    self.names.insert(to.clone(), inode);
                }
            }
            Operation::Replace(path, inode, bytes) => {
                self.grow(*inode);
                self.contents[*inode].clone_from(bytes);
                self.names.insert(path.clone(), *inode);
            }
            Operation::Sync(..) => {}
        }
    }

    fn grow(&mut self, inode: Inode) {
        if self.contents.len() <= inode {
            self.contents.resize(inode + 1, Vec::new());
        }
    }

    fn perform(&mut self, operation: Operation) {
        self.apply(&operation);
        self.operations.push(operation);
    }

    fn file(&self, path: &Path) -> io::Result<Inode> {
        let inode = self.names.get(path).copied();
        inode.ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

/// A disk that remembers. Clones are the same disk.
#[derive(Clone, Default)]
pub struct CutDisk(Arc<Mutex<State>>);

struct CutFile(CutDisk, Inode);

struct NoLock;

impl Lock for NoLock {}

/// Numbers that look like chance, and are the same for the same seed.
#[derive(Clone, Debug)]
pub struct Dice(u64);

impl Dice {
    /// From a seed.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    /// A number below `bound`, which is not 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        // splitmix64
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }
}

impl CutDisk {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Operations so far.
    #[must_use]
    pub fn operations(&self) -> usize {
        self.state().operations.len()
    }

    /// What is left when the machine stops after so many operations; None if the fate needs one
    /// that does not come.
    #[must_use]
    pub fn left(&self, count: usize, fate: Fate, dice: &mut Dice) -> Option<MemoryDisk> {
        let state = self.state();
        let (done, next) = state.operations.split_at(count);
        let mut left = State::default();
        match fate {
            Fate::Kept => done.iter().for_each(|operation| left.apply(operation)),
            Fate::Torn => {
                let Some(Operation::Write(inode, at, bytes)) = next.first() else {
                    return None;
                };
                done.iter().for_each(|operation| left.apply(operation));
                let some = dice.below(bytes.len() as u64 + 1) as usize;
                left.apply(&Operation::Write(*inode, *at, bytes[..some].to_vec()));
            }
            Fate::Dropped => survivors(done, &mut left, |_| false),
            Fate::Reordered => survivors(done, &mut left, |_| dice.below(2) == 0),
        }
        let disk = MemoryDisk::default();
        for (path, inode) in &left.names {
            disk.replace(path, &left.contents[*inode]).ok()?;
        }
        Some(disk)
    }
}

/// Apply what is durable, and of the rest what luck lets through: block by block, name by name.
fn survivors(done: &[Operation], left: &mut State, mut luck: impl FnMut(usize) -> bool) {
    for (at, operation) in done.iter().enumerate() {
        let behind = &done[at + 1..];
        match operation {
            Operation::Replace(..) => left.apply(operation),
            Operation::Sync(..) => {}
            // It returns when the name is gone for good; only the last may be under way.
            Operation::Remove(_) | Operation::Rename { retired: true, .. }
                if !behind.is_empty() =>
            {
                left.apply(operation);
            }
            Operation::Create(path, _)
            | Operation::Remove(path)
            | Operation::Rename { to: path, .. } => {
                let durable = behind.iter().any(|later| match later {
                    Operation::Sync(_, Some(directory)) => path.parent() == Some(directory),
                    Operation::Replace(other, ..)
                    | Operation::Remove(other)
                    | Operation::Rename {
                        to: other,
                        retired: true,
                        ..
                    } => path.parent() == other.parent(),
                    _ => false,
                });
                if durable || luck(at) {
                    left.apply(operation);
                }
            }
            Operation::Truncate(inode, _) | Operation::Write(inode, ..) => {
                let synced =
                    |later: &Operation| matches!(later, Operation::Sync(i, _) if i == inode);
                let durable = behind.iter().any(synced);
                match operation {
                    Operation::Write(inode, from, bytes) if !durable => {
                        for (from, block) in blocks(*from, bytes) {
                            if luck(at) {
                                left.apply(&Operation::Write(*inode, from, block.to_vec()));
                            }
                        }
                    }
                    _ if durable || luck(at) => left.apply(operation),
                    _ => {}
                }
            }
        }
    }
}

/// A write in pieces that end where blocks end.
pub(crate) fn blocks(mut from: u64, mut bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8])> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let room = (BLOCK - from % BLOCK) as usize;
        let (block, rest) = bytes.split_at(room.min(bytes.len()));
        let piece = (from, block);
        from += block.len() as u64;
        bytes = rest;
        Some(piece)
    })
}

impl File for CutFile {
    fn write_at(&self, position: u64, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        let bytes = parts.iter().flat_map(|part| part.to_vec()).collect();
        let mut state = self.0.state();
        state.perform(Operation::Write(self.1, position, bytes));
        Ok(())
    }

    fn read_at(&self, position: u64, into: &mut [u8]) -> io::Result<()> {
        let state = self.0.state();
        let from = position as usize;
        let part = state.contents[self.1].get(from..from + into.len());
        into.copy_from_slice(part.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let mut state = self.0.state();
        state.perform(Operation::Truncate(self.1, length));
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(self.0.state().contents[self.1].len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        let mut state = self.0.state();
        let directory = state.unnamed.remove(&self.1);
        state.perform(Operation::Sync(self.1, directory));
        Ok(())
    }
}

impl FileSystem for CutDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.state();
        if state.names.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.contents.len();
        state.perform(Operation::Create(path.to_owned(), inode));
        let directory = path.parent().unwrap_or(Path::new("")).to_owned();
        state.unnamed.insert(inode, directory);
        Ok(Arc::new(CutFile(self.clone(), inode)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let inode = self.state().file(path)?;
        Ok(Arc::new(CutFile(self.clone(), inode)))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        let state = self.state();
        let inside = state
            .names
            .keys()
            .filter(|path| path.parent() == Some(directory));
        let names = inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        Ok(names.collect())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.file(path)?;
        state.perform(Operation::Remove(path.to_owned()));
        Ok(())
    }

    fn retire(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut state = self.state();
        state.file(from)?;
        state.perform(Operation::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
            retired: true,
        });
        Ok(())
    }

    fn reuse(&self, from: &Path, to: &Path) -> io::Result<Arc<dyn File>> {
        let mut state = self.state();
        if state.names.contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let inode = state.file(from)?;
        state.perform(Operation::Rename {
            from: from.to_owned(),
            to: to.to_owned(),
            retired: false,
        });
        let directory = to.parent().unwrap_or(Path::new("")).to_owned();
        state.unnamed.insert(inode, directory);
        Ok(Arc::new(CutFile(self.clone(), inode)))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut state = self.state();
        let inode = state.contents.len();
        state.perform(Operation::Replace(path.to_owned(), inode, bytes.to_vec()));
        Ok(())
    }

    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        let state = self.state();
        Ok(state
            .file(path)
            .ok()
            .map(|inode| state.contents[inode].clone()))
    }

    fn create_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _path: &Path) -> io::Result<Box<dyn Lock>> {
        Ok(Box::new(NoLock))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(file: &Arc<dyn File>, at: u64, bytes: &[u8]) -> io::Result<()> {
        file.write_at(at, &mut [IoSlice::new(bytes)])
    }

    /// What was synced survives the loss of power, with its name; what was not does not.
    #[test]
    fn only_what_was_synced_survives() -> io::Result<()> {
        let disk = CutDisk::default();
        let (one, two) = (Path::new("d/one"), Path::new("d/two"));
        let file = disk.create(one)?;
        write(&file, 0, b"first")?;
        file.sync()?;
        write(&file, 5, b" second")?;
        disk.create(two)?;
        disk.replace(Path::new("e/three"), b"whole")?;
        let all = disk.operations();
        let mut dice = Dice::new(1);
        let left = |fate, dice: &mut Dice| disk.left(all, fate, dice);
        let dropped = left(Fate::Dropped, &mut dice).ok_or(io::ErrorKind::Other)?;
        assert_eq!(dropped.read(one)?.as_deref(), Some(&b"first"[..]));
        assert_eq!(dropped.read(two)?, None);
        assert_eq!(
            dropped.read(Path::new("e/three"))?.as_deref(),
            Some(&b"whole"[..])
        );
        let kept = left(Fate::Kept, &mut dice).ok_or(io::ErrorKind::Other)?;
        assert_eq!(kept.read(one)?.as_deref(), Some(&b"first second"[..]));
        assert!(kept.read(two)?.is_some());
        assert!(
            left(Fate::Torn, &mut dice).is_none(),
            "there is no next operation"
        );
        Ok(())
    }

    /// Unsynced blocks reach the disk or not, each by itself; a hole reads as zeros.
    #[test]
    fn blocks_are_lost_one_by_one() -> io::Result<()> {
        let disk = CutDisk::default();
        let path = Path::new("d/one");
        let file = disk.create(path)?;
        file.sync()?;
        write(&file, 0, &[7; 3 * BLOCK as usize])?;
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..64 {
            let left = disk.left(disk.operations(), Fate::Reordered, &mut Dice::new(seed));
            let bytes = left
                .ok_or(io::ErrorKind::Other)?
                .read(path)?
                .unwrap_or_default();
            let blocks = bytes.chunks(BLOCK as usize);
            seen.insert(blocks.map(|block| block[0]).collect::<Vec<_>>());
        }
        assert!(
            seen.contains(&vec![0, 0, 7]) && seen.contains(&vec![7, 7, 7]),
            "{seen:?}"
        );
        assert!(
            seen.contains(&vec![7]) && seen.contains(&vec![]),
            "{seen:?}"
        );
        Ok(())
    }
}
