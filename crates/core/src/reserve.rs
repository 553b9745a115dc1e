//! Room that is kept on the disk for what must be written when there is no other: verdicts, kept
//! spans on their way out, checkpoints. Without it a full disk stays full, since traces are let go
//! only when their verdict is written down.
//!
//! The room is a file of its own. When the disk is full it is removed, and the write is tried once
//! more; until there is room for the file again, requests are refused. A second, smaller one is for
//! checkpoints alone, without which no file of a log may go: else verdicts could take the last byte.

use std::io::{self, ErrorKind, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::fs::{File, FileSystem, Lock};

/// The files, in the data directory.
pub const FILE: &str = "reserve";
/// See [`FILE`].
pub const LAST_FILE: &str = "reserve-for-checkpoints";

/// Bytes for checkpoints: two copies, each a few kilobytes, and what a file system rounds up to.
const LAST_BYTES: u64 = 64 << 10;

/// Written at once while the file is made.
const CHUNK: usize = 1 << 20;

/// One file of room.
struct Room {
    path: PathBuf,
    bytes: u64,
    spent: AtomicBool,
    /// Held while the file comes or goes.
    changing: Mutex<()>,
}

/// The room.
pub struct Reserve {
    fs: Arc<dyn FileSystem>,
    main: Room,
    last: Room,
}

impl Room {
    fn new(path: PathBuf, bytes: u64) -> Self {
        Self {
            path,
            bytes,
            spent: AtomicBool::new(true),
            changing: Mutex::default(),
        }
    }

    fn is_spent(&self) -> bool {
        self.spent.load(Ordering::Acquire)
    }

    fn spend(&self, fs: &dyn FileSystem) -> bool {
        // Whoever writes does not wait for another thread to write.
        let Ok(_changing) = self.changing.try_lock() else {
            return false;
        };
        if self.bytes == 0 || self.spent.swap(true, Ordering::AcqRel) {
            return false;
        }
        fs.remove(&self.path).is_ok()
    }

    fn restore(&self, fs: &dyn FileSystem) -> bool {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_spent() {
            return true;
        }
        // It counts as spent until it is whole, so that nobody gives half of it away.
        let there = self.bytes == 0 || self.take(fs).is_ok();
        if !there {
            let _ = fs.remove(&self.path); // half of it is no room
        }
        self.spent.store(!there, Ordering::Release);
        there
    }

    fn take(&self, fs: &dyn FileSystem) -> io::Result<()> {
        let file = match fs.create(&self.path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => fs.open(&self.path)?,
            file => file?,
        };
        let mut at = file.size()?;
        let zeros = vec![0; CHUNK.min(usize::try_from(self.bytes).unwrap_or(CHUNK))];
        while at < self.bytes {
            let size = zeros.len().min((self.bytes - at) as usize);
            file.write_at(at, &mut [IoSlice::new(&zeros[..size])])?;
            at += size as u64;
        }
        if at > self.bytes {
            file.truncate(self.bytes)?;
        }
        Ok(())
    }
}

impl Reserve {
    /// Room of so many bytes in this directory, none if 0. Where the disk has no room for it now,
    /// it begins spent.
    #[must_use]
    pub fn open(fs: Arc<dyn FileSystem>, directory: &Path, bytes: u64) -> Arc<Self> {
        let reserve = Self {
            fs,
            main: Room::new(directory.join(FILE), bytes),
            last: Room::new(directory.join(LAST_FILE), bytes.min(LAST_BYTES)),
        };
        if bytes == 0 {
            // Those that an earlier run was to have.
            let _ = reserve.fs.remove(&reserve.main.path);
            let _ = reserve.fs.remove(&reserve.last.path);
        }
        reserve.restore();
        Arc::new(reserve)
    }

    /// Whether some of it was used up, and the disk has no room for it yet.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.main.is_spent() || self.last.is_spent()
    }

    /// Give away what is kept for verdicts and kept spans; false if there is nothing.
    pub fn spend(&self) -> bool {
        self.main.spend(&*self.fs)
    }

    /// Take the room again; false if the disk has none. May take a while.
    pub fn restore(&self) -> bool {
        self.last.restore(&*self.fs) && self.main.restore(&*self.fs)
    }
}

/// A file system whose writes may use the reserve, and whose [`FileSystem::replace`], which is for
/// checkpoints, may use the last of it.
pub struct Reserving(pub Arc<dyn FileSystem>, pub Arc<Reserve>);

struct ReservingFile(Arc<dyn File>, Arc<Reserve>);

/// Try, and once more where the disk is full and has room after all.
fn twice<T>(reserve: &Reserve, attempt: impl Fn() -> io::Result<T>) -> io::Result<T> {
    match attempt() {
        Err(error) if error.kind() == ErrorKind::StorageFull && reserve.spend() => attempt(),
        done => done,
    }
}

impl File for ReservingFile {
    fn write_at(&self, position: u64, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        // What was written is advanced over in `parts`, so each attempt has its own.
        twice(&self.1, || {
            let mut again: Vec<IoSlice<'_>> = parts.iter().map(|part| IoSlice::new(part)).collect();
            self.0.write_at(position, &mut again)
        })
    }

    fn read_at(&self, position: u64, into: &mut [u8]) -> io::Result<()> {
        self.0.read_at(position, into)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.0.truncate(length)
    }

    fn size(&self) -> io::Result<u64> {
        self.0.size()
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync()
    }
}

impl FileSystem for Reserving {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = twice(&self.1, || self.0.create(path))?;
        Ok(Arc::new(ReservingFile(file, Arc::clone(&self.1))))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let file = self.0.open(path)?;
        Ok(Arc::new(ReservingFile(file, Arc::clone(&self.1))))
    }

    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.0.open_to_read(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        self.0.list(directory)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.remove(path)
    }

    fn retire(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.retire(from, to)
    }

    fn reuse(&self, from: &Path, to: &Path) -> io::Result<Arc<dyn File>> {
        let file = twice(&self.1, || self.0.reuse(from, to))?;
        Ok(Arc::new(ReservingFile(file, Arc::clone(&self.1))))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let attempt = || self.0.replace(path, bytes);
        match twice(&self.1, attempt) {
            Err(error)
                if error.kind() == ErrorKind::StorageFull && self.1.last.spend(&*self.1.fs) =>
            {
                attempt()
            }
            done => done,
        }
    }

    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        self.0.read(path)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.0.create_directory(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        self.0.lock(path)
    }
}
