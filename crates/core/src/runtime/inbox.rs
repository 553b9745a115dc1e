//! The queue to the writer, and the door's view of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Notify;
use crate::clock::{Clock, Now};
use crate::engine::{Engine, Prepared};
use crate::intake::{AckSink, Answer, Intake, IntakeError, Refusal, RefusalReason, Tenant};
use crate::plan::SharedPlans;
use crate::wire::{Scan, count_spans, json_to_protobuf, scan};

/// When the oldest request in the queue has waited this long for the disk, new ones are refused.
pub const LAG_BOUND: Duration = Duration::from_millis(100);

/// Requests in the queue at most; their bytes are the door's business.
const MAX_QUEUED: usize = 16_384;

/// What a sender is told to wait.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Secret bytes from the system, fresh for every thread.
fn secret() -> [u64; 2] {
    let state = RandomState::new();
    [state.hash_one(1), state.hash_one(2)]
}

/// A request on its way to the writer.
pub(super) struct Queued {
    pub(super) prepared: Prepared,
    pub(super) promise: Promise,
    at_ns: u64,
}

/// The answer that is owed to a request. If the writer panics with it in hand it is a refusal.
pub(super) struct Promise {
    sink: Arc<dyn AckSink>,
    token: u64,
    kept: bool,
}

impl Promise {
    pub(super) fn keep(mut self, answer: Answer) {
        self.kept = true;
        self.sink.complete(self.token, answer);
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        if !self.kept {
            self.sink
                .complete(self.token, refused(RefusalReason::Storage));
        }
    }
}

/// A refusal, as the answer to a request that was queued.
pub(super) const fn refused(reason: RefusalReason) -> Answer {
    Answer::Refused(Refusal {
        reason,
        retry_after: RETRY_AFTER,
    })
}

/// Something the writer is to do with the engine between two groups.
pub(super) type Command = Box<dyn FnOnce(&mut Engine, Now) + Send>;

#[derive(Default)]
pub(super) struct Inbox {
    pub(super) requests: VecDeque<Queued>,
    pub(super) commands: VecDeque<Command>,
    pub(super) closed: bool,
    /// The writer has ended: nobody obeys commands any more.
    gone: bool,
    bytes: usize,
    /// The writer is asleep: only then does a submission pay for waking it.
    asleep: bool,
}

/// What doors, exporters and the writer share.
pub struct Shared {
    inbox: Mutex<Inbox>,
    ready: Condvar,
    plan_set: SharedPlans,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) notify: Arc<dyn Notify>,
    /// When the oldest request in the writer's hands was submitted; 0 if there is none.
    pub(super) in_hand_ns: AtomicU64,
    /// The log has no room.
    pub(super) full: AtomicBool,
    /// The writer died.
    pub(super) failed: AtomicBool,
    stopping: AtomicBool,
    /// Threads that panicked, by name.
    panics: Mutex<BTreeMap<&'static str, u64>>,
    /// Spans and bytes of refused requests, until the writer counts them.
    refused_spans: AtomicU64,
    refused_bytes: AtomicU64,
    refused_requests: [AtomicU64; RefusalReason::ALL.len()],
}

thread_local! {
    /// One scan a door thread, reused from request to request.
    static SCAN: RefCell<Scan> = RefCell::new(Scan::seeded(secret()));
}

impl Shared {
    pub(super) fn new(
        plan_set: SharedPlans,
        clock: Arc<dyn Clock>,
        notify: Arc<dyn Notify>,
    ) -> Self {
        Self {
            inbox: Mutex::default(),
            ready: Condvar::new(),
            plan_set,
            clock,
            notify,
            in_hand_ns: AtomicU64::new(0),
            full: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            panics: Mutex::default(),
            refused_spans: AtomicU64::new(0),
            refused_bytes: AtomicU64::new(0),
            refused_requests: Default::default(),
        }
    }

    pub(super) fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A thread panicked: people are told, whether it goes on or not.
    pub(super) fn panicked(&self, thread: &'static str) {
        let mut panics = self.panics.lock().unwrap_or_else(PoisonError::into_inner);
        *panics.entry(thread).or_default() += 1;
        drop(panics);
        self.notify.notify();
    }

    /// How often each thread panicked; those that never did are not named.
    pub(super) fn panics(&self) -> BTreeMap<&'static str, u64> {
        let panics = self.panics.lock().unwrap_or_else(PoisonError::into_inner);
        panics.clone()
    }

    /// For the writer: sleep until there is something to do, or for this long.
    pub(super) fn wait(&self, at_most: Duration) -> MutexGuard<'_, Inbox> {
        let mut inbox = self.inbox();
        if inbox.requests.is_empty() && inbox.commands.is_empty() && !inbox.closed {
            inbox.asleep = true;
            let waited = self.ready.wait_timeout(inbox, at_most);
            inbox = waited.unwrap_or_else(PoisonError::into_inner).0;
            inbox.asleep = false;
        }
        inbox
    }

    /// Take up to `limit` requests; their oldest moment is remembered until the group is done.
    pub(super) fn take(&self, inbox: &mut Inbox, limit: usize, into: &mut Vec<Queued>) {
        let take = inbox.requests.len().min(limit);
        into.extend(inbox.requests.drain(..take));
        inbox.bytes -= into
            .iter()
            .map(|queued| queued.prepared.body.len())
            .sum::<usize>();
        let oldest = into.first().map_or(0, |queued| queued.at_ns);
        self.in_hand_ns.store(oldest, Ordering::Relaxed);
    }

    pub(super) fn take_refused(&self) -> crate::ledger::Count {
        crate::ledger::Count::new(
            self.refused_spans.swap(0, Ordering::Relaxed),
            self.refused_bytes.swap(0, Ordering::Relaxed),
        )
    }

    /// Have the writer do something with the engine, without waiting for it.
    pub(super) fn tell(&self, command: impl FnOnce(&mut Engine, Now) + Send + 'static) {
        let mut inbox = self.inbox();
        if inbox.gone {
            return; // and whoever waits for an answer learns it from the dropped command
        }
        inbox.commands.push_back(Box::new(command));
        let asleep = inbox.asleep;
        drop(inbox);
        if asleep {
            self.ready.notify_one();
        }
    }

    /// Have the writer do something with the engine, and wait; None if the writer is gone.
    pub(super) fn ask<T: Send + 'static>(
        &self,
        command: impl FnOnce(&mut Engine, Now) -> T + Send + 'static,
    ) -> Option<T> {
        if self.failed.load(Ordering::Acquire) {
            return None;
        }
        let (answer, answered) = mpsc::sync_channel(1);
        self.tell(move |engine, now| {
            // Nobody waits any more if the asker died.
            let _ = answer.send(command(engine, now));
        });
        // The writer drops the commands it never came to, and with them the sender.
        answered.recv().ok()
    }

    /// The writer has ended: nothing is obeyed or written any more.
    pub(super) fn leave(&self) {
        self.stopping.store(true, Ordering::Release);
        let mut inbox = self.inbox();
        (inbox.closed, inbox.gone, inbox.bytes) = (true, true, 0);
        let commands = std::mem::take(&mut inbox.commands);
        let requests = std::mem::take(&mut inbox.requests);
        drop(inbox);
        drop(commands);
        drop(requests); // each is answered by that
    }

    pub(super) fn close(&self) {
        self.stopping.store(true, Ordering::Release);
        self.inbox().closed = true;
        self.ready.notify_one();
    }

    /// Take no new request from now on.
    pub fn stop_intake(&self) {
        self.stopping.store(true, Ordering::Release);
    }

    /// The queue to the writer, for the metrics.
    #[must_use]
    pub fn queue_stats(&self) -> Value {
        let (requests, bytes) = {
            let inbox = self.inbox();
            (inbox.requests.len(), inbox.bytes)
        };
        let lag = self.lag_ns(self.clock.now().mono_ns, None) as f64 / 1e9;
        let refused: serde_json::Map<_, _> = RefusalReason::ALL
            .iter()
            .zip(&self.refused_requests)
            .map(|(reason, count)| {
                (
                    reason.slug().to_owned(),
                    json!(count.load(Ordering::Relaxed)),
                )
            })
            .collect();
        json!({"requests": requests, "bytes": bytes, "lag_seconds": lag, "refused_requests": refused})
    }

    /// How long the oldest request that is not written yet has waited.
    fn lag_ns(&self, now_ns: u64, inbox: Option<&Inbox>) -> u64 {
        let in_hand = self.in_hand_ns.load(Ordering::Relaxed);
        let oldest = match (in_hand, inbox.and_then(|inbox| inbox.requests.front())) {
            (0, Some(front)) => front.at_ns,
            (0, None) => return 0,
            (in_hand, _) => in_hand,
        };
        now_ns.saturating_sub(oldest)
    }

    fn refuse(&self, reason: RefusalReason, body: &[u8]) -> IntakeError {
        self.count_refused(reason);
        let spans = count_spans(body).unwrap_or(0) as u64;
        self.refused_spans.fetch_add(spans, Ordering::Relaxed);
        self.refused_bytes
            .fetch_add(body.len() as u64, Ordering::Relaxed);
        IntakeError::Refused(Refusal {
            reason,
            retry_after: RETRY_AFTER,
        })
    }

    fn refusal(&self, now_ns: u64) -> Option<RefusalReason> {
        if self.stopping.load(Ordering::Acquire) {
            return Some(RefusalReason::Stopping);
        }
        if self.failed.load(Ordering::Acquire) {
            return Some(RefusalReason::Storage);
        }
        if self.full.load(Ordering::Relaxed) {
            return Some(RefusalReason::BufferFull);
        }
        let late = self.lag_ns(now_ns, None) > LAG_BOUND.as_nanos() as u64;
        late.then_some(RefusalReason::Lagging)
    }
}

impl Intake for Shared {
    fn submit(
        &self,
        tenant: Tenant,
        body: Bytes,
        token: u64,
        sink: &Arc<dyn AckSink>,
    ) -> Result<(), IntakeError> {
        let at_ns = self.clock.now().mono_ns;
        if let Some(reason) = self.refusal(at_ns) {
            return Err(self.refuse(reason, &body));
        }
        let plans = {
            let plans = self.plan_set.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&plans)
        };
        let prepared = SCAN.with_borrow_mut(|found| {
            scan(&body, &plans, found)
                .map_err(|error| IntakeError::Malformed(error.to_string()))?;
            Ok(Prepared::new(tenant, body.clone(), found, plans.generation))
        })?;
        let mut inbox = self.inbox();
        let reason = if inbox.closed {
            Some(RefusalReason::Stopping)
        } else if inbox.requests.len() >= MAX_QUEUED {
            Some(RefusalReason::Busy)
        } else {
            let late = self.lag_ns(at_ns, Some(&inbox)) > LAG_BOUND.as_nanos() as u64;
            late.then_some(RefusalReason::Lagging)
        };
        if let Some(reason) = reason {
            drop(inbox);
            return Err(self.refuse(reason, &body));
        }
        inbox.bytes += body.len();
        inbox.requests.push_back(Queued {
            prepared,
            promise: Promise {
                sink: Arc::clone(sink),
                token,
                kept: false,
            },
            at_ns,
        });
        let asleep = inbox.asleep;
        drop(inbox);
        if asleep {
            self.ready.notify_one();
        }
        Ok(())
    }

    fn json_to_protobuf(&self, json: &[u8]) -> Result<Vec<u8>, String> {
        json_to_protobuf(json).map_err(|error| error.to_string())
    }

    fn count_refused(&self, reason: RefusalReason) {
        if let Some(at) = RefusalReason::ALL.iter().position(|other| *other == reason) {
            self.refused_requests[at].fetch_add(1, Ordering::Relaxed);
        }
    }

    fn serving(&self) -> bool {
        self.refusal(self.clock.now().mono_ns).is_none()
    }
}
