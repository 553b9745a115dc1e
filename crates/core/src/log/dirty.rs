//! Segments that were written to, on their way to the disk for good.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::segments::{Segments, file_name};
use crate::fs::{File, FileSystem};

/// Ends the name of a file that says of a segment that a sync of it has failed.
const MARK: &str = "spoiled";

/// Sync a segment. If that fails, say so for this process and the next: nobody knows what of its
/// pages reached the disk, and the kernel calls them clean, so that a second sync would succeed and
/// mean nothing.
pub(super) fn sync(
    fs: &dyn FileSystem,
    directory: &Path,
    segments: &Segments,
    (base, file): (u64, &dyn File),
) -> io::Result<()> {
    let synced = segments.sync(base, file);
    if synced.is_err() {
        // On a disk that refuses even this only the next process is not told.
        let _ = fs.replace(&mark(directory, base), &[]);
    }
    synced
}

/// What an earlier process said of its segments; what it said of others is forgotten.
pub(super) fn read_marks(
    fs: &dyn FileSystem,
    directory: &Path,
    names: &[String],
    segments: &Segments,
) {
    let marked = names
        .iter()
        .filter_map(|name| name.strip_suffix(MARK)?.strip_suffix('.'));
    for base in marked.filter_map(|name| u64::from_str_radix(name, 16).ok()) {
        if segments.at(base).is_some() {
            segments.spoil(base);
        } else {
            let _ = fs.remove(&mark(directory, base)); // or at the next start
        }
    }
}

fn mark(directory: &Path, base: u64) -> PathBuf {
    directory.join(file_name(base, false)).with_extension(MARK)
}

/// A segment that was written to, for whoever may wait for the disk.
pub struct Dirty {
    pub(super) fs: Arc<dyn FileSystem>,
    pub(super) directory: PathBuf,
    pub(super) segments: Segments,
    pub(super) base: u64,
    pub(super) file: Arc<dyn File>,
    /// A sync of it has failed, and nobody writes to it any more.
    pub(super) spoiled: bool,
    /// As long as it is there the writer knows that somebody has yet to sync.
    pub(super) _taken: Arc<()>,
}

impl Dirty {
    /// Make what was written to it durable.
    ///
    /// A segment of which a sync has failed is written to no more, and what it holds is copied to
    /// a file with pages of its own, when it is taken the next time and until that succeeds.
    ///
    /// # Errors
    /// Whatever the disk says: it is not durable.
    pub fn make_durable(&self) -> io::Result<()> {
        if self.spoiled {
            return self.copy();
        }
        let file = (self.base, &*self.file);
        sync(&*self.fs, &self.directory, &self.segments, file)
    }

    /// Put a file with the same bytes in the place of a segment that is not written to any more.
    fn copy(&self) -> io::Result<()> {
        let Some((file, next)) = self.segments.at(self.base) else {
            return Ok(()); // nothing needs it any more
        };
        let size = file.size()?;
        // What stands behind the begin of the next one was taken back.
        let length = next.map_or(size, |next| size.min(next - self.base));
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        file.read_at(0, &mut bytes)?;
        let path = self.directory.join(self.segments.name(self.base));
        self.fs.replace(&path, &bytes)?;
        // If it cannot be opened, the file at hand still reads the same.
        let copy = self.fs.open(&path).unwrap_or(file);
        self.segments.renew(self.base, copy);
        let _ = self.fs.remove(&mark(&self.directory, self.base)); // else it is copied once more
        Ok(())
    }
}
