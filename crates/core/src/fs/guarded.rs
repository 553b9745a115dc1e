//! Small files that everything depends on: JSON with a checksum, in two copies.
//!
//! One is written after the other, each so that a crash leaves the old or the new one. Whatever
//! happens to one of them, the other is whole.

use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::FileSystem;

const BEGIN: &[u8] = br#"{"crc32c":""#;
const MIDDLE: &[u8] = br#"","content":"#;
const END: &[u8] = b"}\n";

/// Ends the name of the second copy; the first one's ends with [`FIRST`].
pub(crate) const SECOND: &str = ".copy.json";
/// Ends the name of the first copy.
pub(crate) const FIRST: &str = ".json";

/// What was read.
#[derive(Debug)]
pub(crate) enum Guarded<T> {
    /// Neither copy exists.
    Absent,
    /// The newer whole copy, and whether the other one was found damaged.
    Whole(T, bool),
    /// There is something, and none of it can be believed.
    Damaged,
}

impl<T> Guarded<T> {
    /// Whole only if the content can be as it is.
    pub(crate) fn filter(self, is_possible: impl FnOnce(&T) -> bool) -> Self {
        match self {
            Self::Whole(content, _) if !is_possible(&content) => Self::Damaged,
            other => other,
        }
    }
}

/// The two copies of the file called `name`, without what ends their names.
fn copies(directory: &Path, name: &str) -> [PathBuf; 2] {
    [FIRST, SECOND].map(|end| directory.join(format!("{name}{end}")))
}

/// Write both copies.
///
/// # Errors
/// Whatever the disk says; what was there before can still be read.
pub(crate) fn write<T: Serialize>(
    fs: &dyn FileSystem,
    directory: &Path,
    name: &str,
    content: &T,
) -> io::Result<()> {
    let content = serde_json::to_vec(content)?;
    let crc = format!("{:08x}", crc32c::crc32c(&content));
    let bytes = [BEGIN, crc.as_bytes(), MIDDLE, &content, END].concat();
    for path in copies(directory, name) {
        fs.replace(&path, &bytes)?;
    }
    Ok(())
}

/// Read what was written last.
///
/// # Errors
/// Whatever the disk says.
pub(crate) fn read<T: DeserializeOwned>(
    fs: &dyn FileSystem,
    directory: &Path,
    name: &str,
) -> io::Result<Guarded<T>> {
    let mut damaged = false;
    for path in copies(directory, name) {
        let Some(bytes) = fs.read(&path)? else {
            continue;
        };
        if let Some(content) = whole(&bytes)
            && let Ok(content) = serde_json::from_slice(content)
        {
            return Ok(Guarded::Whole(content, damaged));
        }
        damaged = true;
    }
    Ok(if damaged {
        Guarded::Damaged
    } else {
        Guarded::Absent
    })
}

/// Read what was written last, as [`read`] does, but look at both copies to tell of damage.
///
/// # Errors
/// Whatever the disk says.
pub(crate) fn look<T: DeserializeOwned>(
    fs: &dyn FileSystem,
    directory: &Path,
    name: &str,
) -> io::Result<Guarded<T>> {
    let mut damaged = false;
    for path in copies(directory, name) {
        let bytes = fs.read(&path)?;
        damaged |= bytes.is_some_and(|bytes| whole(&bytes).is_none());
    }
    Ok(match read(fs, directory, name)? {
        Guarded::Whole(content, before) => Guarded::Whole(content, damaged || before),
        other => other,
    })
}

/// Bring a damaged copy to what the whole one says, byte by byte.
///
/// # Errors
/// Whatever the disk says.
pub(crate) fn restore(fs: &dyn FileSystem, directory: &Path, name: &str) -> io::Result<()> {
    let mut good = None;
    let mut bad = Vec::new();
    for path in copies(directory, name) {
        match fs.read(&path)? {
            Some(bytes) if is_json(&bytes) => good = good.or(Some(bytes)),
            Some(_) => bad.push(path),
            None => {}
        }
    }
    let good = good.ok_or(io::ErrorKind::NotFound)?;
    bad.iter().try_for_each(|path| fs.replace(path, &good))
}

/// Whether a copy is one that [`look`] calls whole.
fn is_json(bytes: &[u8]) -> bool {
    whole(bytes).is_some_and(|content| serde_json::from_slice::<serde_json::Value>(content).is_ok())
}

/// The content of a copy whose checksum matches.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let (crc, rest) = bytes.strip_prefix(BEGIN)?.split_at_checked(8)?;
    let content = rest.strip_prefix(MIDDLE)?.strip_suffix(END)?;
    let crc = u32::from_str_radix(std::str::from_utf8(crc).ok()?, 16).ok()?;
    (crc32c::crc32c(content) == crc).then_some(content)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs::MemoryDisk;

    fn disk(first: Option<&[u8]>, second: Option<&[u8]>) -> Guarded<Vec<u32>> {
        let disk = MemoryDisk::default();
        for (name, bytes) in [("a.json", first), ("a.copy.json", second)] {
            if let Some(bytes) = bytes {
                disk.replace(Path::new(name), bytes).unwrap();
            }
        }
        read(&disk, Path::new(""), "a").unwrap()
    }

    /// One whole copy is enough, and no flipped bit passes for what was written.
    #[test]
    fn one_whole_copy_is_enough() {
        let fs = MemoryDisk::default();
        write(&fs, Path::new(""), "a", &vec![1_u32, 2]).unwrap();
        let good = fs.read(Path::new("a.json")).unwrap().unwrap();
        assert!(serde_json::from_slice::<serde_json::Value>(&good).is_ok());
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let read = disk(Some(&bad), Some(&good));
            assert!(matches!(read, Guarded::Whole(ref numbers, _) if *numbers == [1, 2]));
            let alone = disk(Some(&bad), None);
            // A bit that only changes the case of a checksum's digit changes nothing.
            assert!(match alone {
                Guarded::Whole(numbers, _) => numbers == [1, 2],
                Guarded::Damaged => true,
                Guarded::Absent => false,
            });
        }
        assert!(matches!(disk(None, Some(&good)), Guarded::Whole(_, false)));
        assert!(matches!(disk(None, None), Guarded::Absent));
    }
}
