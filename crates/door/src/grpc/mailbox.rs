//! Where other threads leave what a connection waits for.

use std::collections::VecDeque;
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
    suspects: Mutex<Suspects>,
    /// Nobody listens on the connection any more.
    left: AtomicBool,
    /// The task of the connection; also woken when the door drains.
    pub(super) waker: Arc<AtomicWaker>,
}

impl Mailbox {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            letters: Mutex::default(),
            suspects: Mutex::default(),
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

    fn suspects(&self) -> MutexGuard<'_, Suspects> {
        self.suspects.lock().unwrap_or_else(PoisonError::into_inner)
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

/// Bodies of one connection that look like bombs: one of them at a time is looked at further, and
/// after so many bombs none.
#[derive(Default)]
struct Suspects {
    waiting: VecDeque<(u64, Box<Inflation>)>,
    /// One is being looked at.
    under_way: bool,
    bombs: u32,
}

/// Decompress on a thread that may take its time; the result comes by letter. `bombs`: how many a
/// connection may send.
pub(super) fn inflate_elsewhere(
    mailbox: &Arc<Mailbox>,
    token: u64,
    work: Box<Inflation>,
    bombs: u32,
) {
    if work.is_suspected() {
        let mut suspects = mailbox.suspects();
        suspects.waiting.push_back((token, work));
        let first = !std::mem::replace(&mut suspects.under_way, true);
        drop(suspects);
        if first {
            look_at_next(mailbox, bombs);
        }
    } else {
        let errand = Errand::new(mailbox, token);
        tokio::task::spawn_blocking(move || errand.run(work));
    }
}

fn look_at_next(mailbox: &Arc<Mailbox>, most: u32) {
    let mut suspects = mailbox.suspects();
    let Some((token, work)) = suspects.waiting.pop_front() else {
        suspects.under_way = false;
        return;
    };
    let enough = suspects.bombs > most;
    drop(suspects);
    let next = Next(Arc::clone(mailbox), most);
    let errand = Errand::new(mailbox, token);
    tokio::task::spawn_blocking(move || {
        let next = next;
        if enough {
            errand.tell(Letter::Inflated(Err(Failure::Bomb)));
        } else if errand.run(work) {
            next.0.suspects().bombs += 1;
        }
    });
}

/// Goes on to the next one when dropped, also after a panic.
struct Next(Arc<Mailbox>, u32);

impl Drop for Next {
    fn drop(&mut self) {
        look_at_next(&self.0, self.1);
    }
}

/// Posts its letter when dropped, so that one comes even after a panic.
struct Errand {
    mailbox: Arc<Mailbox>,
    token: u64,
    letter: Letter,
}

impl Errand {
    fn new(mailbox: &Arc<Mailbox>, token: u64) -> Self {
        Self {
            mailbox: Arc::clone(mailbox),
            token,
            letter: Letter::Lost,
        }
    }

    fn tell(mut self, letter: Letter) {
        self.letter = letter;
    }

    /// Whether it was a bomb.
    fn run(self, work: Box<Inflation>) -> bool {
        if self.mailbox.left.load(Ordering::Relaxed) {
            return false;
        }
        let body = work.finish();
        let bomb = matches!(body, Err(Failure::Bomb));
        self.tell(Letter::Inflated(body));
        bomb
    }
}

impl Drop for Errand {
    fn drop(&mut self) {
        let letter = std::mem::replace(&mut self.letter, Letter::Lost);
        self.mailbox.post(self.token, letter);
    }
}
