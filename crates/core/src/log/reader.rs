//! The reading end of a log: by position, or from the begin to the end past any damage.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use super::record::{HEADER_BYTES, MAGIC, RawHeader, VERSION};
use super::{Header, LogError};
use crate::fs::File;

/// How much is read at once while looking for the next whole record.
const SEARCH_BYTES: usize = 64 * 1024;

/// The segments of a log, shared between its writer and its readers.
#[derive(Clone, Default)]
pub(super) struct Segments(Arc<RwLock<BTreeMap<u64, Arc<dyn File>>>>);

impl Segments {
    pub(super) fn insert(&self, base: u64, file: Arc<dyn File>) {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        map.insert(base, file);
    }

    pub(super) fn remove(&self, base: u64) {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        map.remove(&base);
    }

    pub(super) fn first(&self) -> Option<u64> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        map.keys().next().copied()
    }

    pub(super) fn count(&self) -> usize {
        self.0.read().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The segment that holds `position`, and where it begins.
    fn holding(&self, position: u64) -> Option<(u64, Arc<dyn File>)> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (base, file) = map.range(..=position).next_back()?;
        Some((*base, Arc::clone(file)))
    }

    fn from(&self, position: u64) -> Option<(u64, Arc<dyn File>)> {
        let map = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (base, file) = map.range(position..).next()?;
        Some((*base, Arc::clone(file)))
    }

    /// Forget every segment that is followed by one beginning at or before `position`.
    pub(super) fn release_before(&self, position: u64) -> Vec<u64> {
        let mut map = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let mut released = Vec::new();
        loop {
            let mut bases = map.keys();
            let (Some(&first), next) = (bases.next(), bases.next()) else {
                return released;
            };
            // The last segment ends where the log ends, so it needs a position past its begin.
            if next.is_none_or(|&next| next > position) {
                return released;
            }
            map.remove(&first);
            released.push(first);
        }
    }
}

/// The name of the segment that begins at `base`.
pub(super) fn file_name(base: u64) -> String {
    format!("{base:016x}.log")
}

/// Where the segment of this name begins; None for any other file.
pub(super) fn segment_base(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(".log")?;
    (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok())?
}

/// One whole record.
#[derive(Clone, Debug)]
pub struct Record {
    /// Where it stands.
    pub position: u64,
    /// What is known beside the body.
    pub header: Header,
    /// The body.
    pub body: Vec<u8>,
}

impl Record {
    /// The position behind it.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.position + (HEADER_BYTES + self.body.len()) as u64
    }
}

/// Bytes of a log that hold no whole record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where they begin.
    pub position: u64,
    /// How many.
    pub bytes: u64,
    /// They reach to the end of the segment: a write cut short by a crash looks like this.
    pub at_end: bool,
}

/// The reading end of a log.
#[derive(Clone)]
pub struct LogReader {
    directory: PathBuf,
    segments: Segments,
}

impl LogReader {
    pub(super) const fn new(directory: PathBuf, segments: Segments) -> Self {
        Self {
            directory,
            segments,
        }
    }

    /// Read the record at `position`.
    ///
    /// # Errors
    /// [`LogError::Missing`] if no whole record stands there; [`LogError::Io`].
    pub fn read(&self, position: u64) -> Result<Record, LogError> {
        let missing = |what| LogError::Missing { position, what };
        let (base, file) = self
            .segments
            .holding(position)
            .ok_or_else(|| missing("its segment is gone"))?;
        let length = file.size().map_err(|error| self.failed(base, error))?;
        match self.record(base, &file, length, position)? {
            Some(record) => Ok(record),
            None => Err(missing("its checksum does not match")),
        }
    }

    /// Read `into.len()` bytes from `position` on, unchecked: the caller knows how to tell.
    ///
    /// # Errors
    /// [`LogError::Missing`] if the segment is gone; [`LogError::Io`].
    pub fn read_bytes(&self, position: u64, into: &mut [u8]) -> Result<(), LogError> {
        let (base, file) = self.segments.holding(position).ok_or(LogError::Missing {
            position,
            what: "its segment is gone",
        })?;
        file.read_at(position - base, into)
            .map_err(|error| self.failed(base, error))
    }

    /// Where the segment begins that holds `position`.
    #[must_use]
    pub fn base_of(&self, position: u64) -> u64 {
        self.segments
            .holding(position)
            .map_or(position, |(base, _)| base)
    }

    /// Every whole record from `position` on.
    #[must_use]
    pub fn records(&self, position: u64) -> Records {
        let start = self
            .segments
            .holding(position)
            .map_or(position, |(base, _)| base);
        Records {
            reader: self.clone(),
            current: None,
            next_base: start,
            skip_to: position,
            damage: Vec::new(),
        }
    }

    fn failed(&self, base: u64, error: std::io::Error) -> LogError {
        LogError::Io {
            what: "could not read",
            path: self.directory.join(file_name(base)).display().to_string(),
            error,
        }
    }

    /// The record at `position` of a segment; None if it is not whole.
    fn record(
        &self,
        base: u64,
        file: &Arc<dyn File>,
        length: u64,
        position: u64,
    ) -> Result<Option<Record>, LogError> {
        let from = position - base;
        if from + HEADER_BYTES as u64 > length {
            return Ok(None);
        }
        let mut bytes = [0; HEADER_BYTES];
        file.read_at(from, &mut bytes)
            .map_err(|error| self.failed(base, error))?;
        let raw = RawHeader(&bytes);
        // The length is not believed before it fits, so that damage cannot ask for memory.
        if !raw.has_magic() || from + (HEADER_BYTES + raw.length()) as u64 > length {
            return Ok(None);
        }
        let mut body = vec![0; raw.length()];
        file.read_at(from + HEADER_BYTES as u64, &mut body)
            .map_err(|error| self.failed(base, error))?;
        if !raw.matches(&body) {
            return Ok(None);
        }
        if raw.version() > VERSION {
            return Err(LogError::Newer {
                path: self.directory.join(file_name(base)).display().to_string(),
                version: raw.version(),
            });
        }
        let header = raw.decode();
        Ok(Some(Record {
            position,
            header,
            body,
        }))
    }
}

/// An iterator over the whole records of a log; what it had to skip is in [`Records::damage`].
pub struct Records {
    reader: LogReader,
    /// Base, file, its length, and the position to read next.
    current: Option<(u64, Arc<dyn File>, u64, u64)>,
    next_base: u64,
    skip_to: u64,
    damage: Vec<Damage>,
}

impl Records {
    /// What was skipped so far.
    #[must_use]
    pub fn damage(&self) -> &[Damage] {
        &self.damage
    }

    /// The next whole record; None at the end of the log.
    ///
    /// # Errors
    /// [`LogError::Io`], [`LogError::Newer`].
    pub fn next_record(&mut self) -> Result<Option<Record>, LogError> {
        loop {
            let Some((base, file, length, position)) = self.current.take() else {
                let Some((base, file)) = self.reader.segments.from(self.next_base) else {
                    return Ok(None);
                };
                let length = file
                    .size()
                    .map_err(|error| self.reader.failed(base, error))?;
                self.next_base = base + 1;
                self.current = Some((base, file, length, base.max(self.skip_to)));
                continue;
            };
            if position >= base + length {
                continue;
            }
            if let Some(record) = self.reader.record(base, &file, length, position)? {
                self.current = Some((base, file, length, record.end()));
                return Ok(Some(record));
            }
            let next = self.search(base, &file, length, position + 1)?;
            self.damage.push(Damage {
                position,
                bytes: next.unwrap_or(base + length) - position,
                at_end: next.is_none(),
            });
            if let Some(next) = next {
                self.current = Some((base, file, length, next));
            }
        }
    }

    /// The first position from `from` on where a whole record stands.
    fn search(
        &self,
        base: u64,
        file: &Arc<dyn File>,
        length: u64,
        mut from: u64,
    ) -> Result<Option<u64>, LogError> {
        let mut window = vec![0; SEARCH_BYTES];
        while from + (HEADER_BYTES as u64) <= base + length {
            let left = usize::try_from(base + length - from).unwrap_or(SEARCH_BYTES);
            let window = &mut window[..left.min(SEARCH_BYTES)];
            file.read_at(from - base, window)
                .map_err(|error| self.reader.failed(base, error))?;
            for (at, found) in window.windows(MAGIC.len()).enumerate() {
                let candidate = from + at as u64;
                if found == MAGIC && self.reader.record(base, file, length, candidate)?.is_some() {
                    return Ok(Some(candidate));
                }
            }
            // Windows overlap, so that a magic number across two of them is seen.
            from += (window.len() - (MAGIC.len() - 1)).max(1) as u64;
        }
        Ok(None)
    }
}
