//! A disk in memory, for simulation. Clones share the same contents, as two processes would.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{File, FileSystem, Lock};

/// Contents of one file; open handles keep it alive after its name is gone.
type Contents = Arc<Mutex<Vec<u8>>>;

/// A disk in memory.
#[derive(Clone, Default)]
pub struct MemoryDisk {
    files: Arc<Mutex<BTreeMap<PathBuf, Contents>>>,
}

struct MemoryFile(Contents);

struct NoLock;

impl Lock for NoLock {}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A position on this disk as an index into memory.
fn at(position: u64) -> io::Result<usize> {
    usize::try_from(position).map_err(|_| io::ErrorKind::InvalidInput.into())
}

impl File for MemoryFile {
    fn write_at(&self, position: u64, parts: &mut [IoSlice<'_>]) -> io::Result<()> {
        let mut contents = held(&self.0);
        let mut from = at(position)?;
        for part in parts {
            let end = from + part.len();
            if contents.len() < end {
                contents.resize(end, 0);
            }
            contents[from..end].copy_from_slice(part);
            from = end;
        }
        Ok(())
    }

    fn read_at(&self, position: u64, into: &mut [u8]) -> io::Result<()> {
        let contents = held(&self.0);
        let from = at(position)?;
        let part = contents
            .get(from..from.saturating_add(into.len()))
            .ok_or(io::ErrorKind::UnexpectedEof)?;
        into.copy_from_slice(part);
        Ok(())
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        let length = at(length)?;
        held(&self.0).truncate(length);
        Ok(())
    }

    fn size(&self) -> io::Result<u64> {
        Ok(held(&self.0).len() as u64)
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl FileSystem for MemoryDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let mut files = held(&self.files);
        if files.contains_key(path) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        let contents = Contents::default();
        files.insert(path.to_owned(), Arc::clone(&contents));
        Ok(Arc::new(MemoryFile(contents)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        let files = held(&self.files);
        let contents = files.get(path).ok_or(io::ErrorKind::NotFound)?;
        Ok(Arc::new(MemoryFile(Arc::clone(contents))))
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<String>> {
        Ok(held(&self.files)
            .keys()
            .filter(|path| path.parent() == Some(directory))
            .filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()))
            .collect())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        match held(&self.files).remove(path) {
            Some(_) => Ok(()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    fn retire(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut files = held(&self.files);
        let contents = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), contents);
        Ok(())
    }

    fn reuse(&self, from: &Path, to: &Path) -> io::Result<Arc<dyn File>> {
        if held(&self.files).contains_key(to) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        self.retire(from, to)?;
        self.open(to)
    }

    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        held(&self.files).insert(path.to_owned(), Arc::new(Mutex::new(bytes.to_vec())));
        Ok(())
    }

    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        Ok(held(&self.files)
            .get(path)
            .map(|contents| held(contents).clone()))
    }

    fn create_directory(&self, _path: &Path) -> io::Result<()> {
        Ok(())
    }

    fn lock(&self, _path: &Path) -> io::Result<Box<dyn Lock>> {
        Ok(Box::new(NoLock))
    }
}
