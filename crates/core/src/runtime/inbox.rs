//! The queue to the writer, and the door's view of it.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::time::Duration;

use bytes::Bytes;
use serde_json::{Value, json};

use super::Notify;
use crate::admission::{Admission, AdmissionOptions, Readiness};
use crate::clock::{Clock, Now};
use crate::engine::{Engine, Prepared};
use crate::intake::{AckSink, Answer, Intake, IntakeError, Refusal, RefusalReason, Tenant};
use crate::ledger::Count;
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
    /// Who may send how much; none: nothing is limited, and all are one tenant.
    admission: Option<Mutex<Admission>>,
    readiness: Mutex<Readiness>,
    /// What it said last.
    refusing: AtomicBool,
    /// Requests that came into the queue.
    taken: AtomicU64,
    /// The log, or the index, has no room.
    buffer_full: AtomicBool,
    index_full: AtomicBool,
    storage_full: AtomicBool,
    /// The writer died.
    pub(super) failed: AtomicBool,
    stopping: AtomicBool,
    /// The level of overload; 0: every trace is taken.
    level: AtomicU8,
    /// Requests refused to a tenant that took more than its part.
    greedy: AtomicU64,
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
        admission: &AdmissionOptions,
    ) -> Self {
        let limited = admission.spans_per_second.is_some() || !admission.tenants.is_empty();
        let now_ns = clock.now().mono_ns;
        let admission = limited.then(|| Mutex::new(Admission::new(admission, now_ns)));
        Self {
            admission,
            inbox: Mutex::default(),
            ready: Condvar::new(),
            plan_set,
            clock,
            notify,
            in_hand_ns: AtomicU64::new(0),
            readiness: Mutex::default(),
            refusing: AtomicBool::new(false),
            taken: AtomicU64::new(0),
            buffer_full: AtomicBool::new(false),
            index_full: AtomicBool::new(false),
            storage_full: AtomicBool::new(false),
            failed: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            level: AtomicU8::new(0),
            greedy: AtomicU64::new(0),
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

    pub(super) fn take_refused(&self) -> Count {
        Count::new(
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
        let tenants: Vec<Value> = self.admission().map_or_else(Vec::new, |admission| {
            let counted = admission.counted().iter();
            counted.map(|counted| json!(counted)).collect()
        });
        json!({
            "requests": requests, "bytes": bytes, "lag_seconds": lag, "refused_requests": refused,
            "tenants": tenants, "overload_level": self.level(),
        })
    }

    /// Whether requests should go elsewhere, since many are refused here; asked about once a
    /// second. It waits for no disk.
    pub fn is_refusing(&self) -> bool {
        let refused = RefusalReason::ALL.iter().zip(&self.refused_requests);
        let refused = refused.filter(|(reason, _)| reason.is_pressure());
        let refused = refused
            .map(|(_, count)| count.load(Ordering::Relaxed))
            .sum();
        let taken = self.taken.load(Ordering::Relaxed);
        let mut readiness = self
            .readiness
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let refusing = readiness.look(self.clock.now().mono_ns, taken, refused);
        self.refusing.store(refusing, Ordering::Relaxed);
        refusing
    }

    /// Requests that were queued and could not be written.
    pub(super) fn count_unwritten(&self, requests: usize, size: Count) {
        (0..requests).for_each(|_| self.count_refused(RefusalReason::Storage));
        self.refused_spans.fetch_add(size.spans, Ordering::Relaxed);
        self.refused_bytes.fetch_add(size.bytes, Ordering::Relaxed);
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

    /// The level of overload.
    pub(super) fn level(&self) -> u8 {
        self.level.load(Ordering::Relaxed)
    }

    /// The level of overload from now on, for the doors.
    pub(super) fn set_level(&self, level: u8) {
        if self.level.swap(level, Ordering::Relaxed) != level {
            self.notify.notify();
        }
    }

    /// Requests that were taken, and those that were refused since the writer was behind; not those
    /// of tenants that were alone in that.
    pub(super) fn taken_and_lagging(&self) -> (u64, u64) {
        let reasons = RefusalReason::ALL.iter().zip(&self.refused_requests);
        let lagging = reasons.filter(|(reason, _)| **reason == RefusalReason::Lagging);
        let lagging: u64 = lagging
            .map(|(_, count)| count.load(Ordering::Relaxed))
            .sum();
        let greedy = self.greedy.load(Ordering::Relaxed);
        let taken = self.taken.load(Ordering::Relaxed);
        (taken, lagging.saturating_sub(greedy))
    }

    /// Whether there is room for more, for the doors.
    pub(super) fn set_full(&self, full: Option<RefusalReason>) {
        let buffer = full == Some(RefusalReason::BufferFull);
        self.buffer_full.store(buffer, Ordering::Relaxed);
        let index = full == Some(RefusalReason::IndexFull);
        self.index_full.store(index, Ordering::Relaxed);
        let storage = full == Some(RefusalReason::Storage);
        self.storage_full.store(storage, Ordering::Relaxed);
    }

    /// The one who decides who may send how much, if anybody does.
    fn admission(&self) -> Option<MutexGuard<'_, Admission>> {
        let admission = self.admission.as_ref()?;
        Some(admission.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn refuse(&self, tenant: Tenant, reason: RefusalReason, body: &[u8]) -> IntakeError {
        let spans = count_spans(body).unwrap_or(0) as u64;
        if let Some(mut admission) = self.admission() {
            admission.count_pressed(tenant, spans);
        }
        self.refuse_for(reason, RETRY_AFTER, Count::new(spans, body.len() as u64))
    }

    fn refuse_for(&self, reason: RefusalReason, retry_after: Duration, size: Count) -> IntakeError {
        self.count_refused(reason);
        self.refused_spans.fetch_add(size.spans, Ordering::Relaxed);
        self.refused_bytes.fetch_add(size.bytes, Ordering::Relaxed);
        IntakeError::Refused(Refusal {
            reason,
            retry_after,
        })
    }

    /// Why this tenant is refused now, whatever it sends.
    fn refusal_of(&self, tenant: Tenant, now_ns: u64) -> Option<RefusalReason> {
        self.refusal(now_ns).or_else(|| {
            // Who takes more than its part waits first, so that the others need not.
            let behind = self.lag_ns(now_ns, None) > LAG_BOUND.as_nanos() as u64 / 2;
            let greedy = behind && self.admission()?.is_greedy(tenant, now_ns);
            self.greedy.fetch_add(u64::from(greedy), Ordering::Relaxed);
            greedy.then_some(RefusalReason::Lagging)
        })
    }

    fn refusal(&self, now_ns: u64) -> Option<RefusalReason> {
        if self.stopping.load(Ordering::Acquire) {
            return Some(RefusalReason::Stopping);
        }
        if self.failed.load(Ordering::Acquire) || self.storage_full.load(Ordering::Relaxed) {
            return Some(RefusalReason::Storage);
        }
        if self.buffer_full.load(Ordering::Relaxed) {
            return Some(RefusalReason::BufferFull);
        }
        if self.index_full.load(Ordering::Relaxed) {
            return Some(RefusalReason::IndexFull);
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
        if let Some(reason) = self.refusal_of(tenant, at_ns) {
            return Err(self.refuse(tenant, reason, &body));
        }
        let plans = {
            let plans = self.plan_set.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&plans)
        };
        let mut prepared = SCAN.with_borrow_mut(|found| {
            scan(&body, &plans, found)
                .map_err(|error| IntakeError::Malformed(error.to_string()))?;
            Ok(Prepared::new(tenant, body.clone(), found, plans.generation))
        })?;
        if let Some(mut admission) = self.admission()
            && let Err(wait) = admission.ask(tenant, prepared.spans(), at_ns)
        {
            let size = Count::new(prepared.spans(), body.len() as u64);
            return Err(self.refuse_for(RefusalReason::RateLimited, wait, size));
        }
        let level = self.level();
        if level > 0 {
            prepared.shed(level, &plans.current);
        }
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
            return Err(self.refuse(tenant, reason, &body));
        }
        self.taken.fetch_add(1, Ordering::Relaxed);
        inbox.bytes += prepared.body.len();
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
        let stopped = self.stopping.load(Ordering::Acquire) || self.failed.load(Ordering::Acquire);
        !stopped && !self.refusing.load(Ordering::Relaxed)
    }
}
