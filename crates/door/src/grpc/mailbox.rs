//! Where other threads leave what a connection waits for.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use atomic_waker::AtomicWaker;
use bytes::Bytes;
use tailsampler_core::intake::{AckSink, Answer};

use crate::budget::Charge;
use crate::inflate::{Failure, Inflation};

/// What came back for a call.
pub(super) enum Letter {
    /// From the core.
    Answer(Answer),
    /// From the thread that decompressed its body.
    Inflated(Result<(Bytes, Charge), Failure>),
    /// That thread ended without a word.
    Lost,
}

/// The sink of one connection. A mutex held for a push or a swap, not a channel: a burst of
/// answers is one wake-up and one swap, and nothing is allocated for a request.
pub(super) struct Mailbox {
    letters: Mutex<Vec<(u64, Letter)>>,
    /// Nobody listens on the connection any more.
    left: AtomicBool,
    /// The task of the connection; also woken when the door drains.
    pub(super) waker: Arc<AtomicWaker>,
}

impl Mailbox {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            letters: Mutex::default(),
            left: AtomicBool::new(false),
            waker: Arc::default(),
        })
    }

    /// Put everything that came into `inbox`, which is empty. The task registers its waker before.
    pub(super) fn empty_into(&self, inbox: &mut Vec<(u64, Letter)>) {
        std::mem::swap(&mut *self.letters(), inbox);
    }

    /// The connection is gone: bodies that still wait for a thread are not worth it.
    pub(super) fn leave(&self) {
        self.left.store(true, Ordering::Relaxed);
    }

    fn post(&self, token: u64, letter: Letter) {
        let first = {
            let mut letters = self.letters();
            letters.push((token, letter));
            letters.len() == 1
        };
        if first {
            self.waker.wake();
        }
    }

    fn letters(&self) -> MutexGuard<'_, Vec<(u64, Letter)>> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AckSink for Mailbox {
    fn complete(&self, token: u64, answer: Answer) {
        self.post(token, Letter::Answer(answer));
    }
}

/// Decompress on a thread that may take its time; the result comes by letter.
pub(super) fn inflate_elsewhere(mailbox: &Arc<Mailbox>, token: u64, work: Box<Inflation>) {
    let errand = Errand {
        mailbox: Arc::clone(mailbox),
        token,
        letter: Letter::Lost,
    };
    tokio::task::spawn_blocking(move || errand.run(work));
}

/// Posts its letter when dropped, so that one comes even after a panic.
struct Errand {
    mailbox: Arc<Mailbox>,
    token: u64,
    letter: Letter,
}

impl Errand {
    fn run(mut self, work: Box<Inflation>) {
        if self.mailbox.left.load(Ordering::Relaxed) {
            return;
        }
        self.letter = Letter::Inflated(work.finish());
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        let letter = std::mem::replace(&mut self.letter, Letter::Lost);
        self.mailbox.post(self.token, letter);
    }
}
