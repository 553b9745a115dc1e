//! Keep the outbox within its bounds: frames are given up, and the log is freed from its begin.
//!
//! The log is only freed from its begin, so one frame there that an exporter waits for would pin
//! all behind it. Such frames are copied to the end when the log comes near its bound. As frames
//! that somebody wants fill three quarters of it at most, that always makes room.

use std::sync::atomic::Ordering;

use super::Outbox;
use super::bounds::wanted_bound;
use super::exporter::FrameRef;
use super::file::held;
use super::notes::{MovedNote, SettledNote};
use crate::clock::Now;
use crate::log::{Entry, Header, Kind, LogError, LogWriter};

/// Bytes copied at once: they stand in memory.
const MOVED_AT_ONCE: u64 = 1024 * 1024;

/// And in one call, for which settling and packing wait: with a sync for each of the former.
const MOVED_IN_A_CALL: u64 = 8 * 1024 * 1024;

impl Outbox {
    /// Bring every exporter within its bounds, and the log within its own. Whether there is room
    /// for more then; if not, exporters have in hand what pins the log, or the disk refuses.
    pub fn make_room(&self, now: Now) -> bool {
        let mut log = held(&self.log);
        while let Some(note) = self.surplus(now) {
            let noted = self.give_up(&mut log, &note, now);
            if let Some(exporter) = held(&self.books).exporter(&note.exporter) {
                exporter.leaving = super::runs::Runs::default();
            }
            if !noted {
                break;
            }
        }
        if !self.has_room() {
            self.begin_for_room(&mut log, now);
        }
        let mut moved = 0;
        let most = MOVED_IN_A_CALL.min(self.max_bytes / 2);
        while self.is_crowded() && moved < most {
            let credit = self.credit.load(Ordering::Relaxed);
            if credit == 0 && self.has_room() {
                break;
            }
            let Some(bytes) = self.move_oldest(&mut log, now) else {
                break;
            };
            moved += bytes;
            let left = credit.saturating_sub(bytes);
            self.credit.store(left, Ordering::Relaxed);
        }
        self.has_room()
    }

    fn has_room(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) < self.max_bytes
    }

    /// The oldest segments may hold nothing that anybody wants, and stay for want of a mark behind
    /// them, which only comes with the next record; and no record comes while there is no room.
    fn begin_for_room(&self, log: &mut LogWriter, now: Now) {
        // The segment that is written to begins with a mark.
        if log.next_base() == log.end() {
            let end = log.oldest_segment().map_or(log.end(), |(_, end)| end);
            let needed = {
                let books = held(&self.books);
                let oldest = books.frames.front();
                books.marked >= end || oldest.is_some_and(|frame| frame.position < end)
            };
            if needed || self.mark(log, now).is_err() {
                return;
            }
        }
        self.free(log);
    }

    fn surplus(&self, now: Now) -> Option<SettledNote> {
        held(&self.books).surplus(now.mono_ms(), self.max_bytes)
    }

    /// An exporter gives up frames. Not before that is written down: they would come back.
    fn give_up(&self, log: &mut LogWriter, note: &SettledNote, now: Now) -> bool {
        if self.write_note(log, Kind::Settled, note, now).is_err() {
            held(&self.books).storage_errors += 1;
            return false;
        }
        held(&self.books).settle(note, true);
        self.free(log);
        true
    }

    /// Whether the log is near its bound for the sake of what nobody wants, or what is gone stands
    /// so scattered among what is not that the marks which name it grow too large.
    fn is_crowded(&self) -> bool {
        let bytes = self.bytes.load(Ordering::Relaxed);
        let (wanted, runs) = {
            let books = held(&self.books);
            let runs = books.exporters.iter().map(|e| e.settled.len());
            (books.wanted_bytes, runs.sum::<usize>())
        };
        if runs > self.most_runs {
            return true;
        }
        let near = bytes.saturating_add(self.max_bytes / 8) >= self.max_bytes;
        near && bytes.saturating_sub(wanted) > (self.max_bytes - wanted_bound(self.max_bytes)) / 4
    }

    /// Copy frames of the oldest segment that somebody wants to the end of the log; how many
    /// bytes. None if that is not possible now.
    fn move_oldest(&self, log: &mut LogWriter, now: Now) -> Option<u64> {
        // The copies have to be durable, and what stands before them: the keeper may have begun.
        if log.is_being_synced() {
            return None;
        }
        let frames = self.oldest(log)?;
        let moved = self.copy(log, &frames, now);
        for exporter in &mut held(&self.books).exporters {
            exporter.leaving = super::runs::Runs::default();
        }
        let moved = moved.ok()?;
        self.free(log);
        (moved > 0).then_some(moved)
    }

    /// Frames of the oldest segment that somebody wants, and the exporters that do; nobody is
    /// handed them meanwhile. None if there are none, or some exporter has one in hand.
    fn oldest(&self, log: &LogWriter) -> Option<Vec<(FrameRef, Vec<String>)>> {
        let (_, end) = log.oldest_segment()?;
        let mut books = held(&self.books);
        let mut oldest: Vec<(FrameRef, Vec<String>)> = Vec::new();
        let mut bytes = 0;
        for frame in books.frames.iter().take_while(|f| f.position < end) {
            let wanting = books.exporters.iter();
            let wanting = wanting.filter(|e| !e.is_done_with(frame.position));
            if frame.wanted == 0 {
                continue;
            }
            if wanting.clone().any(|e| !e.is_free(frame.position)) {
                return None;
            }
            bytes += frame.bytes();
            if bytes > MOVED_AT_ONCE && !oldest.is_empty() {
                break;
            }
            oldest.push((*frame, wanting.map(|e| e.name.clone()).collect()));
        }
        for exporter in &mut books.exporters {
            for (frame, names) in &oldest {
                if names.contains(&exporter.name) {
                    exporter.leaving.cover((frame.position, frame.position + 1));
                }
            }
        }
        (!oldest.is_empty()).then_some(oldest)
    }

    /// Write these frames once more, and take them into the books where they stand now.
    fn copy(
        &self,
        log: &mut LogWriter,
        frames: &[(FrameRef, Vec<String>)],
        now: Now,
    ) -> Result<u64, LogError> {
        let mut bodies = Vec::with_capacity(frames.len());
        for (frame, exporters) in frames {
            let note = MovedNote {
                from: frame.position,
                exporters: exporters.clone(),
                unsure: self.unsure(frame.position, exporters),
            };
            match self.read(frame.position) {
                Ok((header, Some(read))) => bodies.push((header, note.encode(&read), note)),
                Err(error @ LogError::Io { .. }) => return Err(error),
                Ok((_, None)) | Err(_) => self.lose(log, frame, &note, now),
            }
        }
        if bodies.is_empty() {
            return Ok(frames.iter().map(|(frame, _)| frame.bytes()).sum());
        }
        self.begin_segment(log, now)?;
        let entries: Vec<_> = bodies
            .iter()
            .map(|(old, body, _)| Entry {
                header: Header {
                    kind: Kind::Moved,
                    ..*old
                },
                body,
                body_crc: None,
            })
            .collect();
        let mut positions = Vec::with_capacity(entries.len());
        log.append(&entries, &mut positions)?;
        assert_eq!(positions.len(), bodies.len(), "one position a frame");
        self.measure(log);
        // A mark that survives a loss of power says that the old places are done with.
        let durable = make_durable(log);
        let mut books = held(&self.books);
        books.storage_errors += u64::from(!durable);
        for ((_, _, note), position) in bodies.iter().zip(positions) {
            books.moved(note, position);
        }
        Ok(bodies.iter().map(|(_, body, _)| body.len() as u64).sum())
    }

    /// Those of these exporters whose backends may have the frame at this position.
    fn unsure(&self, position: u64, exporters: &[String]) -> Vec<String> {
        let books = held(&self.books);
        let unsure = books.exporters.iter().filter(|e| e.unsure.hold(position));
        let names = unsure.map(|e| e.name.clone());
        names.filter(|name| exporters.contains(name)).collect()
    }

    /// A frame that is to be moved cannot be read: that is what became of it.
    fn lose(&self, log: &mut LogWriter, frame: &FrameRef, moved: &MovedNote, now: Now) {
        for exporter in &moved.exporters {
            let note = SettledNote {
                exporter: exporter.clone(),
                range: (frame.position, frame.position + 1),
                dropped: [("corrupt".to_owned(), frame.kept)].into(),
                ..SettledNote::default()
            };
            let written = self.write_note(log, Kind::Settled, &note, now).is_ok();
            let mut books = held(&self.books);
            books.storage_errors += u64::from(!written);
            if !written {
                books.unmarked = Some(now);
            }
            books.settle(&note, written);
        }
    }
}

/// Make what was written durable, before anything else is; false if the disk refuses twice, and
/// the second time a file of its own, too.
fn make_durable(log: &mut LogWriter) -> bool {
    let mut durable = || {
        // Every one of them, whatever became of the others: nobody else is told of them.
        let dirty = log.take_dirty();
        let failed = dirty.iter().filter(|one| one.make_durable().is_err());
        failed.count() == 0
    };
    durable() || durable()
}
