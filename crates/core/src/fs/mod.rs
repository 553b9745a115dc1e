//! The disk, behind traits, so that simulation can fill it, tear it and lose it.

pub(crate) mod guarded;
mod memory;
mod real;

pub use memory::MemoryDisk;
pub use real::RealDisk;

use std::io::{self, IoSlice};
use std::path::Path;
use std::sync::Arc;

/// An open file. Positions are absolute, so that readers and the writer share one handle.
pub trait File: Send + Sync {
    /// Write all of `parts`, one after the other, from `position` on.
    ///
    /// # Errors
    /// Whatever the disk says; part of the data may have been written.
    fn write_at(&self, position: u64, parts: &mut [IoSlice<'_>]) -> io::Result<()>;
    /// Fill `into` from `position` on.
    ///
    /// # Errors
    /// `UnexpectedEof` past the end; else whatever the disk says.
    fn read_at(&self, position: u64, into: &mut [u8]) -> io::Result<()>;
    /// Cut the file to this length: what stands behind it was never written.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Bytes in the file.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn size(&self) -> io::Result<u64>;
    /// Make the contents durable (fdatasync), and the name of a file that was created.
    ///
    /// # Errors
    /// After a failure the unsynced pages are lost for good: never retry on the same file.
    fn sync(&self) -> io::Result<()>;
}

/// Held for as long as the directory is in use.
pub trait Lock: Send + Sync {}

/// The few things the data plane asks of a file system.
pub trait FileSystem: Send + Sync {
    /// Create a file that must not exist.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Open an existing file.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn File>>;
    /// Open an existing file that is not to be written to.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn open_to_read(&self, path: &Path) -> io::Result<Arc<dyn File>> {
        self.open(path)
    }
    /// Names of the entries of a directory, sorted; empty if it does not exist.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn list(&self, directory: &Path) -> io::Result<Vec<String>>;
    /// Remove a file; when this returns it is gone for good, so that of two files removed one after
    /// the other the second never goes alone.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Give a file that nothing needs any more another name, in place of what bears that one; when
    /// this returns the old name is gone for good.
    ///
    /// # Errors
    /// Whatever the disk says; it has one of the two names.
    fn retire(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Give a retired file the name that it is to be written to under, which must not exist. It
    /// holds what it held. The name is durable when the file is, as that of a created one.
    ///
    /// # Errors
    /// Whatever the disk says; it has one of the two names.
    fn reuse(&self, from: &Path, to: &Path) -> io::Result<Arc<dyn File>>;
    /// Replace `path` with these bytes so that a crash leaves the old or the new file, never a mix;
    /// when this returns the new one is durable.
    ///
    /// # Errors
    /// Whatever the disk says; the old file stays.
    fn replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()>;
    /// Read a whole file; `None` if it does not exist.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>>;
    /// Create a directory and its parents.
    ///
    /// # Errors
    /// Whatever the disk says.
    fn create_directory(&self, path: &Path) -> io::Result<()>;
    /// Lock a file for this process, or fail with `WouldBlock` if another one holds it.
    ///
    /// # Errors
    /// `WouldBlock`, or whatever the disk says.
    fn lock(&self, path: &Path) -> io::Result<Box<dyn Lock>>;
}
