//! The reading end of a log: by position, or from the begin to the end past any damage.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::record::{HEADER_BYTES, RawHeader};
use super::records::Records;
use super::segments::{Segments, segments_of};
use super::{Header, LogError, VERSION};
use crate::fs::FileSystem;

/// One record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where it stands.
    pub position: u64,
    /// What is known beside the body.
    pub header: Header,
    /// The body.
    pub body: Bytes,
    /// The body is what was written. [`LogReader::read`] and [`Records::next_record`] give no
    /// others.
    pub whole: bool,
}

impl Record {
    /// The position behind it.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.position + (HEADER_BYTES + self.body.len()) as u64
    }
}

/// The reading end of a log.
#[derive(Clone)]
pub struct LogReader {
    directory: PathBuf,
    pub(super) segments: Segments,
}

impl LogReader {
    pub(super) const fn new(directory: PathBuf, segments: Segments) -> Self {
        Self {
            directory,
            segments,
        }
    }

    /// A reader of the segments in a directory that nobody writes to.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn open(fs: &dyn FileSystem, directory: &Path) -> Result<Self, LogError> {
        let failed = |path: &Path, error| LogError::Io {
            what: "could not open",
            path: path.display().to_string(),
            error,
        };
        let names = fs
            .list(directory)
            .map_err(|error| failed(directory, error))?;
        let segments = Segments::default();
        for (base, reused, name) in segments_of(directory, &names)? {
            let path = directory.join(name);
            let file = fs
                .open_to_read(&path)
                .map_err(|error| failed(&path, error))?;
            segments.insert((base, reused), file);
        }
        Ok(Self::new(directory.to_owned(), segments))
    }

    /// Every segment: where it begins, its name, and its bytes.
    ///
    /// # Errors
    /// [`LogError::Io`].
    pub fn segments(&self) -> Result<Vec<(u64, String, u64)>, LogError> {
        let mut all = Vec::new();
        let mut from = 0;
        while let Some(segment) = self.segments.from(from) {
            let base = segment.base;
            let bytes = segment
                .file
                .size()
                .map_err(|error| self.failed(base, error))?;
            all.push((base, self.segments.name(base), bytes));
            from = base + 1;
        }
        Ok(all)
    }

    /// Read the record at `position`.
    ///
    /// # Errors
    /// [`LogError::Missing`] if no whole record stands there; [`LogError::Newer`];
    /// [`LogError::Io`].
    pub fn read(&self, position: u64) -> Result<Record, LogError> {
        let missing = |what| LogError::Missing { position, what };
        let (base, file) = self
            .segments
            .holding(position)
            .ok_or_else(|| missing("its segment is gone"))?;
        let failed = |error| self.failed(base, error);
        let length = file.size().map_err(failed)?;
        let from = position - base;
        if from + HEADER_BYTES as u64 > length {
            return Err(missing("its segment ends before it"));
        }
        let mut bytes = [0; HEADER_BYTES];
        file.read_at(from, &mut bytes).map_err(failed)?;
        let raw = RawHeader(&bytes);
        if !raw.is_whole(position) {
            return Err(missing("the checksum of its header does not match"));
        }
        self.known_version(base, &raw)?;
        if from + (HEADER_BYTES + raw.length()) as u64 > length {
            return Err(missing("its segment ends within it"));
        }
        let mut body = vec![0; raw.length()];
        file.read_at(from + HEADER_BYTES as u64, &mut body)
            .map_err(failed)?;
        if !raw.matches(&body) {
            return Err(missing("the checksum of its body does not match"));
        }
        let record = Record {
            position,
            header: raw.decode(),
            body: Bytes::from(body),
            whole: true,
        };
        let end = record.end() - base;
        assert!(end <= length, "a record stands within its segment");
        Ok(record)
    }

    /// Read `into.len()` bytes from `position` on, unchecked: the caller knows how to tell.
    ///
    /// # Errors
    /// [`LogError::Missing`] if the segment is gone, or ends before; [`LogError::Io`].
    pub fn read_bytes(&self, position: u64, into: &mut [u8]) -> Result<(), LogError> {
        assert!(!into.is_empty(), "something is asked for");
        let (base, file) = self.segments.holding(position).ok_or(LogError::Missing {
            position,
            what: "its segment is gone",
        })?;
        file.read_at(position - base, into)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => LogError::Missing {
                    position,
                    what: "its segment ends before it",
                },
                _ => self.failed(base, error),
            })
    }

    /// Where the segment begins that holds `position`.
    #[must_use]
    pub fn base_of(&self, position: u64) -> u64 {
        let holding = self.segments.holding(position);
        let base = holding.map_or(position, |(base, _)| base);
        assert!(
            base <= position,
            "what a segment holds stands behind its begin"
        );
        base
    }

    /// Where the oldest segment begins; None if there is none.
    #[must_use]
    pub fn first(&self) -> Option<u64> {
        self.segments.first()
    }

    /// The name of the file of the segment that begins here.
    #[must_use]
    pub fn name_of(&self, base: u64) -> String {
        self.segments.name(base)
    }

    /// The file that holds `position`, or that should.
    #[must_use]
    pub fn path_of(&self, position: u64) -> String {
        self.path(self.base_of(position))
    }

    /// Every record from `position` on.
    #[must_use]
    pub fn records(&self, position: u64) -> Records {
        Records::new(self.clone(), position)
    }

    pub(super) fn failed(&self, base: u64, error: std::io::Error) -> LogError {
        LogError::Io {
            what: "could not read",
            path: self.path(base),
            error,
        }
    }

    pub(super) fn known_version(&self, base: u64, raw: &RawHeader<'_>) -> Result<(), LogError> {
        let version = raw.version();
        if version <= VERSION {
            return Ok(());
        }
        Err(LogError::Newer {
            path: self.path(base),
            version,
        })
    }

    fn path(&self, base: u64) -> String {
        let name = self.segments.name(base);
        self.directory.join(name).display().to_string()
    }
}
