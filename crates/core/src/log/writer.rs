//! The writing end of a log: one owner, groups of records, one positioned write a group.

use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::dirty::{read_marks, sync};
use super::record::HEADER_BYTES;
use super::segments::{POSITION_BOUND, Segments, file_name, segments_of};
use super::{Dirty, Header, LogError, LogReader, Spares, ending};
use crate::fs::{File, FileSystem};

/// One record to be appended.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its header.
    pub header: Header,
    /// Its body.
    pub body: &'a [u8],
    /// crc32c of the body, if somebody has computed it already.
    pub body_crc: Option<u32>,
}

/// The writing end of a log.
pub struct LogWriter {
    fs: Arc<dyn FileSystem>,
    directory: PathBuf,
    segment_bytes: u64,
    segments: Segments,
    spares: Spares,
    /// The active segment is written over the bytes of an earlier one.
    over_old: bool,
    mark: ending::Mark,
    /// The segment that is written to: where it begins, and the file. None until the first
    /// record, and after a failed write: pages that failed to reach the disk are never retried.
    active: Option<(u64, Arc<dyn File>)>,
    /// Where the next record goes.
    end: u64,
    /// Sealed since the last call of [`Self::take_dirty`].
    sealed_dirty: Vec<(u64, Arc<dyn File>)>,
    /// The active segment was written to since the last call of [`Self::take_dirty`].
    active_dirty: bool,
    /// Held by every [`Dirty`] that somebody has.
    taken: Arc<()>,
    /// Something that was taken back may still stand in a segment, or come back with a loss of
    /// power: only the name of the next segment cuts it off.
    uncut: bool,
    /// The segment whose name does that, so that it must stay even while it is empty.
    cutting: Option<u64>,
    /// Kept from call to call, so that a group costs no allocation.
    headers: Vec<[u8; HEADER_BYTES]>,
}

impl LogWriter {
    /// Open the segments of a directory, which is created if it does not exist.
    ///
    /// # Errors
    /// [`LogError::Io`] if the directory or a segment cannot be opened.
    pub fn open(
        fs: Arc<dyn FileSystem>,
        directory: &Path,
        segment_bytes: u64,
    ) -> Result<Self, LogError> {
        let failed = |what, path: &Path| {
            let path = path.display().to_string();
            move |error| LogError::Io { what, path, error }
        };
        fs.create_directory(directory)
            .map_err(failed("could not create", directory))?;
        let names = fs
            .list(directory)
            .map_err(failed("could not list", directory))?;
        let segments = Segments::default();
        let mut sealed_dirty = Vec::new();
        let mut end = 0;
        for (base, reused, name) in segments_of(directory, &names)? {
            let path = directory.join(name);
            let file = fs.open(&path).map_err(failed("could not open", &path))?;
            let length = file.size().map_err(failed("could not read", &path))?;
            // The next segment must not begin where an empty one bears its name already. What of
            // an earlier one reaches past the begin of this one was taken back.
            end = base + length.max(1);
            // Whoever wrote it may have died before it was synced.
            sealed_dirty.push((base, Arc::clone(&file)));
            segments.insert((base, reused), file);
        }
        Spares::remove_old(&*fs, directory, &names);
        if let Some(last) = segments.last().and_then(|last| segments.from(last))
            && last.reused
        {
            end = (last.base + 1).max(ending::find(directory, &segments, last.base)?);
        }
        read_marks(&*fs, directory, &names, &segments);
        let last = segments.last();
        assert!(
            last.is_none_or(|last| last < end),
            "the log ends behind the begin of its newest segment"
        );
        assert_eq!(
            sealed_dirty.len(),
            segments.count(),
            "every segment is synced once"
        );
        Ok(Self {
            fs,
            directory: directory.to_owned(),
            segment_bytes,
            segments,
            active: None,
            end,
            sealed_dirty,
            active_dirty: false,
            taken: Arc::default(),
            uncut: false,
            cutting: None,
            headers: Vec::new(),
            spares: Spares::new(directory),
            over_old: false,
            mark: ending::Mark::new(),
        })
    }

    /// Keep so many files that are not needed any more, to be written over.
    pub fn keep_spares(&self, most: usize) {
        self.spares.want(most);
    }

    /// Those kept now.
    #[must_use]
    pub fn spares(&self) -> Spares {
        self.spares.clone()
    }

    /// A reader of the same segments, for any thread.
    #[must_use]
    pub fn reader(&self) -> LogReader {
        LogReader::new(self.directory.clone(), self.segments.clone())
    }

    /// Where the next record will stand.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.end
    }

    /// Where the segment that is written to begins; [`Self::end`] if the next record begins one.
    #[must_use]
    pub fn active_base(&self) -> u64 {
        match &self.active {
            Some((base, _)) if self.end - base < self.segment_bytes => *base,
            _ => self.end,
        }
    }

    /// Where the segment begins that the next record will stand in: another one than before if a
    /// sync has failed since.
    pub fn next_base(&mut self) -> u64 {
        self.seal_spoiled();
        self.active_base()
    }

    /// Bytes from the begin of the oldest segment to the end.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        let first = self.segments.first();
        assert!(
            first.is_none_or(|first| first <= self.end),
            "the log begins before it ends"
        );
        first.map_or(0, |first| self.end - first)
    }

    /// Where the oldest segment begins, and the one behind it; None if nothing is behind it.
    pub(crate) fn oldest_segment(&self) -> Option<(u64, u64)> {
        let oldest = self.segments.from(0)?;
        Some((oldest.base, oldest.next?))
    }

    /// Segments on disk.
    #[must_use]
    pub fn segment_count(&self) -> usize {
        self.segments.count()
    }

    /// Append a group of records and add their positions to `positions`.
    ///
    /// All of them stand in the segment that is active when the call begins, which may grow past
    /// its size by one group.
    ///
    /// # Errors
    /// [`LogError::Io`]: none of the group counts as written, nor will it be found by a reader; the
    /// segment is sealed, and the next call begins a new one.
    pub fn append(
        &mut self,
        entries: &[Entry<'_>],
        positions: &mut Vec<u64>,
    ) -> Result<(), LogError> {
        assert!(!entries.is_empty(), "a group has records");
        let (base, file) = self.writable()?;
        assert!(base <= self.end, "a segment begins behind its end");
        assert!(
            !self.uncut,
            "nothing is written before what was taken back is cut off"
        );
        self.headers.clear();
        let mut position = self.end;
        for entry in entries {
            let length = u32::try_from(entry.body.len()).map_err(|_| LogError::Io {
                what: "a record over 4 GiB for",
                path: self.directory.display().to_string(),
                error: io::ErrorKind::InvalidInput.into(),
            })?;
            let crc = entry.body_crc.unwrap_or_else(|| crc32c::crc32c(entry.body));
            self.headers
                .push(entry.header.encode(position, length, crc));
            position += HEADER_BYTES as u64 + u64::from(length);
        }
        assert_eq!(self.headers.len(), entries.len(), "one header a record");
        let mut parts = Vec::with_capacity(entries.len() * 2 + 1);
        for (header, entry) in self.headers.iter().zip(entries) {
            parts.push(IoSlice::new(header));
            parts.push(IoSlice::new(entry.body));
        }
        if self.over_old {
            parts.push(IoSlice::new(self.mark.at(position, position - base)));
        }
        if let Err(error) = file.write_at(self.end - base, &mut parts) {
            self.undo(base, &file);
            assert!(self.active.is_none(), "what failed is not written to again");
            let name = self.segments.name(base);
            let path = self.directory.join(name).display().to_string();
            let what = "could not write";
            return Err(LogError::Io { what, path, error });
        }
        let mut at = self.end;
        for entry in entries {
            positions.push(at);
            at += (HEADER_BYTES + entry.body.len()) as u64;
        }
        assert_eq!(at, position, "every record has a place of its own");
        assert!(at > self.end, "positions only grow");
        self.end = position;
        self.active_dirty = true;
        let active = self.active.as_ref().map(|(base, _)| *base);
        assert_eq!(active, Some(base), "a group stands in one segment");
        Ok(())
    }

    /// Forget the segments that end at or before `position`; the caller removes the files.
    pub fn release_before(&mut self, position: u64) -> Vec<PathBuf> {
        let keep = self.active.as_ref().map_or(self.end, |(base, _)| *base);
        assert!(keep <= self.end, "the active segment is the last");
        let released = self.segments.release_before(position.min(keep));
        assert!(released.is_sorted(), "the oldest goes first");
        let newest = released.last().map(|(base, ..)| *base);
        assert!(
            newest.is_none_or(|newest| newest < keep),
            "what is written to stays"
        );
        assert!(
            newest.is_none_or(|newest| Some(newest) < self.segments.first()),
            "what goes is older than what stays"
        );
        let path = |(_, name, spoiled)| {
            let path = self.directory.join(name);
            if spoiled {
                self.spares.refuse(&path);
            }
            path
        };
        released.into_iter().map(path).collect()
    }

    /// Remove the segments that end at or before `position`, here and now.
    ///
    /// # Errors
    /// [`LogError::Io`] for the first file that could not be removed; the others are gone.
    pub fn remove_before(&mut self, position: u64) -> Result<(), LogError> {
        let mut result = Ok(());
        for path in self.release_before(position) {
            if let Err(error) = self.fs.remove(&path) {
                let path = path.display().to_string();
                let what = "could not remove";
                result = result.and(Err(LogError::Io { what, path, error }));
            }
        }
        result
    }

    /// Make everything written so far durable, on the caller's time.
    ///
    /// # Errors
    /// [`LogError::Io`]: everything from `from` on is taken back, as if it had not been appended.
    /// What the pages hold is not known after that, so the segment is sealed and not tried again.
    pub fn sync_or_take_back(&mut self, from: u64) -> Result<(), LogError> {
        assert!(from <= self.end, "what is taken back was written");
        let mut result = Ok(());
        for dirty in self.take_dirty() {
            if let Err(error) = dirty.make_durable() {
                let path = self.directory.join(self.segments.name(dirty.base));
                let path = path.display().to_string();
                let what = "could not make durable";
                result = result.and(Err(LogError::Io { what, path, error }));
            }
        }
        if result.is_err()
            && self.end > from
            && let Some((base, file)) = self.segments.holding(from)
        {
            self.end = from;
            self.undo(base, &file);
        }
        assert!(self.end >= from, "what was written before stays");
        assert!(
            !self.active_dirty && self.sealed_dirty.is_empty(),
            "nothing is synced twice"
        );
        result
    }

    /// Whether somebody has taken segments and may not have synced them yet: what is dirty now is
    /// not all that is not durable.
    #[must_use]
    pub fn is_being_synced(&self) -> bool {
        Arc::strong_count(&self.taken) > 1
    }

    /// Segments written to since the last call, and those of which a sync has failed, to be made
    /// durable by whoever may wait for the disk.
    pub fn take_dirty(&mut self) -> Vec<Dirty> {
        self.seal_spoiled();
        assert!(
            self.active.is_some() || !self.active_dirty,
            "only an active segment is dirty"
        );
        let mut files = BTreeMap::new();
        let sealed = std::mem::take(&mut self.sealed_dirty);
        files.extend(sealed.into_iter().map(|(base, file)| (base, (file, false))));
        if std::mem::take(&mut self.active_dirty)
            && let Some((base, file)) = self.active.clone()
        {
            files.insert(base, (file, false));
        }
        let spoiled = self.segments.spoiled().into_iter();
        files.extend(spoiled.map(|(base, file)| (base, (file, true))));
        let dirty = files.into_iter().map(|(base, (file, spoiled))| Dirty {
            fs: Arc::clone(&self.fs),
            directory: self.directory.clone(),
            segments: self.segments.clone(),
            base,
            file,
            spoiled,
            _taken: Arc::clone(&self.taken),
        });
        dirty.collect()
    }

    /// Write to the active segment no more.
    fn seal(&mut self) {
        if let Some(active) = self.active.take()
            && std::mem::take(&mut self.active_dirty)
        {
            self.sealed_dirty.push(active);
        }
        assert!(!self.active_dirty, "no dirty file is forgotten");
    }

    /// Write to the active segment no more if a sync of it has failed.
    fn seal_spoiled(&mut self) {
        if let Some((base, _)) = &self.active
            && self.segments.is_spoiled(*base)
        {
            self.seal();
        }
    }

    /// Begin no record before `position`: something else knows of records up to there, which the
    /// disk has lost. Only for a log that was not written to since it was opened.
    pub(crate) fn skip_to(&mut self, position: u64) {
        assert!(self.active.is_none(), "nothing was written yet");
        assert!(
            !self.uncut && self.cutting.is_none(),
            "nor was anything taken back"
        );
        self.end = self.end.max(position);
    }

    /// Cut off what stands from `position` on: an earlier process should have. Only for a log that
    /// was not written to since it was opened.
    pub(crate) fn take_back(&mut self, position: u64) {
        assert!(self.active.is_none(), "nothing was written yet");
        if let Some((base, file)) = self.segments.holding(position)
            && self.segments.last() == Some(base)
        {
            self.end = position;
            self.undo(base, &file);
        }
    }

    /// The active segment, begun anew if there is none or it is full.
    fn writable(&mut self) -> Result<(u64, Arc<dyn File>), LogError> {
        if let Some((base, file)) = &self.active
            && self.end - base < self.segment_bytes
        {
            return Ok((*base, Arc::clone(file)));
        }
        self.seal();
        let base = self.end;
        let last = self.segments.last();
        assert!(
            last.is_none_or(|last| last < base),
            "a segment begins behind all others"
        );
        if base >= POSITION_BOUND {
            let path = self.directory.display().to_string();
            return Err(LogError::Full { path });
        }
        let mut path = self.directory.join(file_name(base, true));
        let spare = self.spares.take(&*self.fs, &path);
        self.over_old = spare.is_some();
        let file = match spare {
            Some(file) => file,
            None => {
                path = self.directory.join(file_name(base, false));
                self.fs.create(&path).map_err(|error| LogError::Io {
                    what: "could not create",
                    path: path.display().to_string(),
                    error,
                })?
            }
        };
        self.segments
            .insert((base, self.over_old), Arc::clone(&file));
        self.active = Some((base, Arc::clone(&file)));
        if self.uncut {
            let synced = sync(&*self.fs, &self.directory, &self.segments, (base, &*file));
            if let Err(error) = synced {
                self.undo(base, &file);
                let path = path.display().to_string();
                let what = "could not make durable";
                return Err(LogError::Io { what, path, error });
            }
            (self.uncut, self.cutting) = (false, Some(base));
        }
        Ok((base, file))
    }

    /// Take a failed write back for good, and leave its segment behind. A part of the group may
    /// stand whole on the disk: after a restart it would pass for a request that was acknowledged,
    /// and after a loss of power for whatever was written at these positions next.
    fn undo(&mut self, base: u64, file: &Arc<dyn File>) {
        assert!(base <= self.end, "a segment begins behind its end");
        let last = self.segments.last();
        assert_eq!(last, Some(base), "only the newest segment is written to");
        self.seal();
        if self.end == base
            && self.cutting != Some(base)
            && self
                .fs
                .remove(&self.directory.join(self.segments.name(base)))
                .is_ok()
        {
            // A disk that refuses every write must not be left full of empty files.
            self.segments.remove(base);
            return;
        }
        let cut = file.truncate(self.end - base);
        let synced = sync(&*self.fs, &self.directory, &self.segments, (base, &**file));
        self.uncut |= cut.and(synced).is_err();
        // An empty segment would stand under the name of the next one.
        self.end = self.end.max(base + 1);
        assert!(
            self.cutting.is_none_or(|cutting| cutting < self.end),
            "what cuts the log off is not written over"
        );
    }
}
