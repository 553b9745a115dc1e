//! A data directory as a map from paths to bytes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use tailsampler_core::fs::{FileSystem, MemoryDisk};

/// Every file, by its path.
pub(crate) type Directory = BTreeMap<PathBuf, Vec<u8>>;

/// Where files stand.
const DIRECTORIES: [&str; 5] = [
    "data",
    "data/buffer",
    "data/verdicts",
    "data/outbox",
    "data/plans",
];

/// What stands on a disk.
pub(crate) fn read(disk: &MemoryDisk) -> Directory {
    let mut files = Directory::new();
    for directory in DIRECTORIES.map(Path::new) {
        for name in disk.list(directory).unwrap_or_default() {
            let path = directory.join(name);
            if let Ok(Some(bytes)) = disk.read(&path) {
                files.insert(path, bytes);
            }
        }
    }
    files
}

/// A disk on which these files stand.
pub(crate) fn disk(files: &Directory) -> MemoryDisk {
    let disk = MemoryDisk::default();
    for (path, bytes) in files {
        let replaced = disk.replace(path, bytes);
        assert!(replaced.is_ok(), "memory takes everything");
    }
    disk
}
