//! From the begin to the end of a log, past any damage.

use bytes::Bytes;

use super::LogError;
use super::reader::{LogReader, Record};
use super::record::{HEADER_BYTES, MAGIC, RawHeader};
use super::segments::Segment;

/// How much is read at once: enough that small records cost no call of the system each.
const WINDOW_BYTES: u64 = 1024 * 1024;

const _: () = assert!(
    WINDOW_BYTES >= HEADER_BYTES as u64,
    "every search goes on by more than a magic number"
);

/// Bytes of a log that hold no whole record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Where they begin.
    pub position: u64,
    /// How many.
    pub bytes: u64,
    /// They reach to the end of the segment: a write cut short by a crash looks like this.
    pub at_end: bool,
    /// They are the begin of a record and nothing else: this, and no loss of what was written, is
    /// what the death of a process leaves.
    pub cut_short: bool,
}

impl Damage {
    /// The position behind it.
    #[must_use]
    pub const fn end(&self) -> u64 {
        self.position + self.bytes
    }
}

/// An iterator over the records of a log; what it had to skip is in [`Records::damage`].
pub struct Records {
    reader: LogReader,
    current: Option<Current>,
    next_base: u64,
    skip_to: u64,
    /// Where the segment that was read last ends, and the next one should begin.
    expected: Option<u64>,
    /// Where the segment that was read last was found to end.
    end: Option<u64>,
    damage: Vec<Damage>,
}

/// The segment that is read.
struct Current {
    segment: Segment,
    /// The position behind its last byte.
    end: u64,
    /// What was written to it may end before: where, only its records tell.
    open_ended: bool,
    /// The position to read next.
    position: u64,
    /// Some of its bytes, and where they begin.
    window: Bytes,
    window_at: u64,
}

impl Current {
    /// `length` bytes from `position` on; None if the segment ends before.
    fn bytes(&mut self, position: u64, length: u64) -> std::io::Result<Option<Bytes>> {
        assert!(
            position >= self.segment.base,
            "nothing is read before its begin"
        );
        assert!(position <= self.end, "nothing is read behind its end");
        if length > self.end.saturating_sub(position) {
            return Ok(None);
        }
        let inside = position.checked_sub(self.window_at);
        let inside = inside.filter(|from| from + length <= self.window.len() as u64);
        let from = match inside {
            Some(from) => from,
            None => {
                let size = length.max(WINDOW_BYTES).min(self.end - position);
                let mut window = vec![0; usize::try_from(size).unwrap_or(usize::MAX)];
                self.segment
                    .file
                    .read_at(position - self.segment.base, &mut window)?;
                (self.window, self.window_at) = (Bytes::from(window), position);
                assert!(
                    self.window.len() as u64 >= length,
                    "a window holds what it is for"
                );
                0
            }
        };
        let range = from as usize..(from + length) as usize;
        Ok(Some(self.window.slice(range)))
    }

    /// The header at `position`; None if none stands there.
    fn header(&mut self, position: u64) -> std::io::Result<Option<[u8; HEADER_BYTES]>> {
        let Some(bytes) = self.bytes(position, HEADER_BYTES as u64)? else {
            return Ok(None);
        };
        let mut header = [0; HEADER_BYTES];
        header.copy_from_slice(&bytes);
        Ok(RawHeader(&header).is_whole(position).then_some(header))
    }

    /// Whether fewer bytes are left than a header has, and they are how one begins.
    fn is_begin_of_header(&mut self, position: u64) -> std::io::Result<bool> {
        let left = self.end - position;
        if left >= HEADER_BYTES as u64 {
            return Ok(false);
        }
        let bytes = self.bytes(position, left)?.unwrap_or_default();
        let known = bytes.len().min(MAGIC.len());
        Ok(bytes[..known] == MAGIC[..known])
    }

    /// The first position from `from` on where a header stands.
    fn search(&mut self, mut from: u64) -> std::io::Result<Option<u64>> {
        while from + HEADER_BYTES as u64 <= self.end {
            let length = WINDOW_BYTES.min(self.end - from);
            let Some(window) = self.bytes(from, length)? else {
                return Ok(None);
            };
            for at in memchr::memmem::find_iter(&window, &MAGIC) {
                let candidate = from + at as u64;
                if self.header(candidate)?.is_some() {
                    let behind = candidate + HEADER_BYTES as u64;
                    assert!(behind <= self.end, "a header stands within its segment");
                    return Ok(Some(candidate));
                }
            }
            // Windows overlap, so that a magic number across two of them is seen.
            from += (window.len() - (MAGIC.len() - 1)).max(1) as u64;
        }
        Ok(None)
    }
}

impl Records {
    pub(super) fn new(reader: LogReader, position: u64) -> Self {
        Self {
            next_base: reader.base_of(position),
            reader,
            current: None,
            skip_to: position,
            expected: None,
            end: None,
            damage: Vec::new(),
        }
    }

    /// Where the log was found to end; None before all is read.
    #[must_use]
    pub(super) const fn end(&self) -> Option<u64> {
        self.end
    }

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
            match self.next_found()? {
                Some(record) if !record.whole => {}
                record => return Ok(record),
            }
        }
    }

    /// The next record of which at least the header is whole; None at the end of the log.
    ///
    /// # Errors
    /// [`LogError::Io`], [`LogError::Newer`].
    pub fn next_found(&mut self) -> Result<Option<Record>, LogError> {
        loop {
            if self.current.is_none() && !self.open_next()? {
                return Ok(None);
            }
            let Some(mut current) = self.current.take() else {
                continue;
            };
            if current.position >= current.end {
                self.end = Some(current.end);
                continue; // with the next segment
            }
            let base = current.segment.base;
            let before = current.position;
            let record = self.step(&mut current);
            assert!(
                record.is_err() || current.position > before || current.end == before,
                "every step goes on, or finds the end"
            );
            let record = record.map_err(|error| match error {
                Stop::Io(error) => self.reader.failed(base, error),
                Stop::Log(error) => error,
            })?;
            assert!(
                current.position <= current.end,
                "no step leaves the segment"
            );
            let next = current.position;
            self.current = Some(current);
            if let Some(record) = record {
                assert_eq!(
                    record.position, before,
                    "a record stands where it was looked for"
                );
                assert_eq!(record.end(), next, "the next record stands behind this one");
                return Ok(Some(record));
            }
        }
    }

    /// Go on to the next segment; false if there is none.
    fn open_next(&mut self) -> Result<bool, LogError> {
        assert!(self.current.is_none(), "one segment is read at a time");
        let Some(segment) = self.reader.segments.from(self.next_base) else {
            return Ok(false);
        };
        let base = segment.base;
        assert!(base >= self.next_base, "no segment is read twice");
        let length = segment
            .file
            .size()
            .map_err(|error| self.reader.failed(base, error))?;
        self.next_base = base + 1;
        // An empty segment takes one position, so that the next one has another name.
        if self.expected.is_some_and(|expected| base > expected + 1) {
            let position = self.expected.unwrap_or(base);
            self.damage.push(Damage {
                position,
                bytes: base - position,
                at_end: false,
                cut_short: false,
            });
        }
        self.expected = Some(base.saturating_add(length));
        self.current = Some(Current {
            open_ended: segment.reused && segment.next.is_none(),
            end: segment
                .next
                .unwrap_or(u64::MAX)
                .min(base.saturating_add(length)),
            position: base.max(self.skip_to),
            segment,
            window: Bytes::new(),
            window_at: 0,
        });
        Ok(true)
    }

    /// Read the record at the current position, or note what stands there instead.
    fn step(&mut self, current: &mut Current) -> Result<Option<Record>, Stop> {
        let position = current.position;
        assert!(position < current.end, "there is something to read");
        let Some(header) = current.header(position)? else {
            let begun = current.is_begin_of_header(position)?;
            let next = current.search(position + 1)?;
            if next.is_none() && current.open_ended {
                // What was being written here, if anything was, nobody was told to be taken.
                current.end = position;
                return Ok(None);
            }
            current.position = next.unwrap_or(current.end);
            self.note(position, current, begun);
            if position == current.segment.base
                && current.end - position >= HEADER_BYTES as u64
                && let Some(damage) = self.damage.last_mut()
            {
                damage.at_end = false; // no crash makes a segment that begins with something else
            }
            return Ok(None);
        };
        let raw = RawHeader(&header);
        self.reader.known_version(current.segment.base, &raw)?;
        let behind = position + HEADER_BYTES as u64;
        if raw.is_end() {
            // A later record may stand behind it all the same: the loss of power has no order.
            match current.search(behind)? {
                None if current.open_ended => current.end = position,
                next => {
                    current.position = next.unwrap_or(current.end);
                    self.note(position, current, false);
                }
            }
            return Ok(None);
        }
        let Some(body) = current.bytes(behind, raw.length() as u64)? else {
            // Cut short by a crash: nobody was told that it had been taken. Or its segment was cut
            // short later, and then the next record tells what is lost.
            let next = current.search(behind)?;
            if next.is_none() && current.open_ended {
                current.end = position;
                return Ok(None);
            }
            current.position = next.unwrap_or(current.end);
            self.note(position, current, next.is_none());
            return Ok(None);
        };
        let whole = raw.matches(&body);
        if !whole && current.open_ended && current.search(behind)?.is_none() {
            current.end = position; // the rest of it, and what ends its group, was never written
            return Ok(None);
        }
        current.position = behind + body.len() as u64;
        if !whole {
            self.note(position, current, false);
        }
        Ok(Some(Record {
            position,
            header: raw.decode(),
            body,
            whole,
        }))
    }

    fn note(&mut self, position: u64, current: &Current, begun: bool) {
        assert!(position < current.position, "damage has bytes");
        let at_end = current.position >= current.end;
        self.damage.push(Damage {
            position,
            bytes: current.position - position,
            at_end,
            cut_short: begun && at_end,
        });
    }
}

/// Why reading stopped: the disk, or what stands on it.
enum Stop {
    Io(std::io::Error),
    Log(LogError),
}

impl From<std::io::Error> for Stop {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<LogError> for Stop {
    fn from(error: LogError) -> Self {
        Self::Log(error)
    }
}
