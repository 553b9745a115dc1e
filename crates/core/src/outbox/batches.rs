//! Batches on their way: handed out, given back, settled.

use std::collections::BTreeMap;

use bytes::Bytes;

use super::books::total;
use super::exporter::average;
use super::file::held;
use super::notes::{SettledNote, TakenNote};
use super::{Batch, Outbox, Settlement};
use crate::clock::Now;
use crate::ledger::Count;
use crate::log::{Failing, Kind, LogError};

impl Outbox {
    /// The next batch for an exporter; None if nothing is ready. Live frames go before those that
    /// have waited for long, which get a share, and each in their order.
    ///
    /// A batch smaller than `max_bytes` is handed out once its oldest frame is `linger_ms` old.
    pub fn take(&self, exporter: &str, max_bytes: u64, linger_ms: u64, now: Now) -> Option<Batch> {
        loop {
            if let Some(batch) = self.next_batch(exporter, max_bytes, linger_ms, now)? {
                return Some(batch);
            }
        }
    }

    /// The next batch; `Some(None)` if nothing of it can be read, and there may be another.
    fn next_batch(
        &self,
        exporter: &str,
        max_bytes: u64,
        linger_ms: u64,
        now: Now,
    ) -> Option<Option<Batch>> {
        let (range, frames, token) = {
            let mut books = held(&self.books);
            let (range, frames) = books.next_run(exporter, max_bytes, linger_ms, now.mono_ms())?;
            books.next_token += 1;
            let token = books.next_token;
            assert!(!frames.is_empty(), "a run has frames");
            let out = &mut books.exporter(exporter)?.out;
            let before = out.insert(token, (range, Count::default()));
            assert!(before.is_none(), "a token names one batch");
            (range, frames, token)
        };
        let mut payload = Vec::new();
        let mut kept = 0;
        let mut unreadable = Count::default();
        for frame in &frames {
            match self.frame(frame.position) {
                Ok(Some(read)) => {
                    kept += read.sizes.len() as u64;
                    payload.extend_from_slice(&read.payload);
                }
                Err(LogError::Io { .. }) if self.is_patient(exporter, now) => {
                    self.give_back(exporter, token, false);
                    return None;
                }
                Ok(None) | Err(_) => unreadable += frame.kept,
            }
        }
        if let Some(exporter) = held(&self.books).exporter(exporter) {
            exporter.failing = None;
        }
        if kept == 0 {
            // Nothing of it can be read: that is what became of it.
            let dropped = BTreeMap::from([("corrupt".to_owned(), unreadable)]);
            let mut note = SettledNote {
                exporter: exporter.to_owned(),
                dropped,
                ..SettledNote::default()
            };
            note.set_ranges(held(&self.books).runs_of(&frames))?;
            self.note(token, &note, now);
            return Some(None);
        }
        let note = TakenNote {
            exporter: exporter.to_owned(),
            range,
        };
        let noted = self.write_note(&mut held(&self.log), Kind::Taken, &note, now);
        if noted.is_err() {
            // It goes out all the same; should it come again, nobody counts that.
            held(&self.books).storage_errors += 1;
        }
        if !unreadable.is_zero()
            && let Some(exporter) = held(&self.books).exporter(exporter)
        {
            exporter.out.insert(token, (range, unreadable));
        }
        Some(Some(Batch {
            token,
            payload: Bytes::from(payload),
            spans: kept,
            traces: frames.len() as u64,
            tenant: frames.first().map_or(0, |frame| frame.tenant),
        }))
    }

    /// A batch was not sent, or its fate is `unsure`: it will be handed out again.
    pub fn give_back(&self, exporter: &str, token: u64, unsure: bool) {
        let mut books = held(&self.books);
        if let Some(exporter) = books.exporter(exporter)
            && let Some((range, _)) = exporter.out.remove(&token)
        {
            exporter.next = exporter.next.min(range.0);
            exporter.fresh = exporter.fresh.min(range.0);
            if unsure {
                exporter.doubt(range);
            }
        }
    }

    /// A batch is dealt with. False if the exporter does not hold a batch with this token.
    pub fn settle(&self, exporter: &str, token: u64, what: &Settlement, now: Now) -> bool {
        let (runs, frames, unreadable, unsure) = {
            let mut books = held(&self.books);
            let Some((range, unreadable)) = books
                .exporter(exporter)
                .and_then(|e| e.out.get(&token).copied())
            else {
                return false;
            };
            let frames = books.run(exporter, range);
            let unsure = books.exporter(exporter).map(|e| e.unsure_of(&frames));
            let runs = books.runs_of(&frames);
            (runs, frames, unreadable, unsure.unwrap_or_default())
        };
        let mut sizes = Vec::new();
        // Sizes of single spans are only read where single spans are spoken of.
        if !what.dropped.is_empty() {
            for frame in &frames {
                let read = self.frame(frame.position).ok().flatten();
                sizes.extend(read.into_iter().flat_map(|frame| frame.sizes));
            }
        }
        assert!(!frames.is_empty(), "frames stay until they are settled");
        let all = total(&frames);
        let (exported, dropped) = what.shares(all, unreadable, &sizes);
        let again = average(all, what.again).max(unsure);
        let mut note = SettledNote {
            exporter: exporter.to_owned(),
            exported,
            dropped,
            again,
            ..SettledNote::default()
        };
        let spoken = note.set_ranges(runs);
        assert!(spoken.is_some(), "a batch has frames");
        self.note(token, &note, now);
        if let Some(exporter) = held(&self.books).exporter(exporter) {
            exporter.settled_ms = now.mono_ms();
        }
        true
    }

    /// The disk refused to read: whether to try again.
    fn is_patient(&self, exporter: &str, now: Now) -> bool {
        let mut books = held(&self.books);
        books.storage_errors += 1;
        let exporter = books.exporter(exporter);
        exporter.is_some_and(|one| Failing::again(&mut one.failing, now))
    }

    /// Write down that an exporter is done with a batch, then count it and free what can be.
    fn note(&self, token: u64, note: &SettledNote, now: Now) {
        let mut log = held(&self.log);
        // In hand until it is settled: in between it would be handed out once more.
        let mut books = held(&self.books);
        let exporter = books.exporter(&note.exporter);
        if exporter.is_none_or(|exporter| !exporter.out.contains_key(&token)) {
            return;
        }
        drop(books);
        let written = self.write_note(&mut log, Kind::Settled, note, now).is_ok();
        {
            let mut books = held(&self.books);
            // The backend has it, written down or not; after a restart it may be sent again.
            books.storage_errors += u64::from(!written);
            if !written {
                books.unmarked = Some(now);
            }
            if let Some(exporter) = books.exporter(&note.exporter) {
                exporter.out.remove(&token);
            }
            books.settle(note, written);
        }
        self.free(&mut log);
    }
}
