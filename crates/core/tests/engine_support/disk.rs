//! A disk in memory whose writes a test can fail, tear or hold up.

use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tailsampler_core::fs::{File, FileSystem, Lock, MemoryDisk};

/// What happens to a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    Whole,
    /// Nothing of it is written, nor can it be taken back.
    Fails,
    /// All of it is written but this many bytes, and then it fails.
    Torn(usize),
    /// All of it is written, it fails all the same, and cannot be cut off.
    Stuck,
}

type Hook = Arc<dyn Fn(&Path) -> Write + Send + Sync>;

/// Whether a sync of this file succeeds.
type SyncHook = Arc<dyn Fn(&Path) -> bool + Send + Sync>;

/// Asks the hook before every write, with the path of the file.
#[derive(Clone)]
pub struct Hooked {
    pub disk: MemoryDisk,
    pub hook: Hook,
    pub syncs: SyncHook,
}

impl Hooked {
    pub fn new(hook: impl Fn(&Path) -> Write + Send + Sync + 'static) -> Self {
        Self {
            disk: MemoryDisk::default(),
            hook: Arc::new(hook),
            syncs: Arc::new(|_| true),
        }
    }

    fn wrap(&self, path: &Path, inner: Arc<dyn File>) -> Arc<dyn File> {
        Arc::new(HookedFile {
            inner,
            path: path.to_owned(),
            hook: Arc::clone(&self.hook),
            syncs: Arc::clone(&self.syncs),
        })
    }
}

struct HookedFile {
    inner: Arc<dyn File>,
    path: PathBuf,
    hook: Hook,
    syncs: SyncHook,
}

fn full() -> io::Error {
    io::ErrorKind::StorageFull.into()
}

impl File for HookedFile {
    fn write_at(&self, position: u64, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        match (self.hook)(&self.path) {
            Write::Whole => self.inner.write_at(position, parts),
            Write::Fails => Err(full()),
            Write::Stuck => {
                self.inner.write_at(position, parts)?;
                Err(full())
            }
            Write::Torn(missing) => {
                let mut bytes: Vec<u8> = parts.iter().flat_map(|part| part.to_vec()).collect();
                bytes.truncate(bytes.len().saturating_sub(missing));
                self.inner.write_at(position, &mut [IoSlice::new(&bytes)])?;
                Err(full())
            }
        }
    }

    fn read_at(&self, position: u64, into: &mut [u8]) -> io::Result<()> {
        self.inner.read_at(position, into)
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        if (self.hook)(&self.path) == Write::Stuck {
            return Err(io::Error::other("it is as long as it is"));
        }
        self.inner.truncate(length)
    }

    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn sync(&self) -> io::Result<()> {
        if (self.syncs)(&self.path) {
            return self.inner.sync();
        }
        Err(io::Error::other("the disk lost the pages"))
    }
}

impl FileSystem for Hooked {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(path, self.disk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(path, self.disk.open(path)?))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        self.disk.list(directory)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn retire(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.retire(from, to)
    }

    fn reuse(&self, from: &Path, to: &Path) -> io::Result<Arc<dyn File>> {
        Ok(self.wrap(to, self.disk.reuse(from, to)?))
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        match (self.hook)(path) {
            Write::Whole => self.disk.replace(path, bytes),
            Write::Fails | Write::Torn(_) | Write::Stuck => Err(full()),
        }
    }

    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        self.disk.read(path)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.disk.create_directory(path)
    }

    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>> {
        self.disk.lock(path)
    }
}
