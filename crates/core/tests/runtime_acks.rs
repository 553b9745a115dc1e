//! No request is acknowledged before it stands in the log, and every request gets one answer,
//! whatever the disk does.
#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod engine_support;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use engine_support::disk::{Hooked, Write};
use engine_support::{MS, error, options, plain, plan, request};
use serde_json::{Value, json};
use tailsampler_core::admission::{AdmissionOptions, OverloadOptions};
use tailsampler_core::clock::{Clock, Now};
use tailsampler_core::intake::{AckSink, Answer, Intake, IntakeError, RefusalReason};
use tailsampler_core::options::{Fsync, Options};
use tailsampler_core::plan::NEVER;
use tailsampler_core::runtime::{Notify, Runtime};

/// Long enough that only a lost answer takes it.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
struct Hand(AtomicU64);

impl Clock for Hand {
    fn now(&self) -> Now {
        let ns = self.0.load(Ordering::SeqCst);
        Now {
            wall_ns: ns,
            mono_ns: ns,
        }
    }
}

struct Nobody;

impl Notify for Nobody {
    fn notify(&self) {}
}

struct Answers(mpsc::Sender<(u64, Answer)>);

impl AckSink for Answers {
    fn complete(&self, token: u64, answer: Answer) {
        let _ = self.0.send((token, answer)); // a test that has seen enough
    }
}

/// A write to the buffer log waits here while it is shut, and tells when it has come.
#[derive(Default)]
struct Gate {
    shut: Mutex<bool>,
    opened: Condvar,
    waiting: AtomicBool,
    fails: AtomicBool,
    panics: AtomicBool,
    /// So many writes to the outbox panic.
    outbox_panics: AtomicU64,
    syncs_fail: AtomicBool,
}

impl Gate {
    fn pass(&self) -> Write {
        let mut shut = self.shut.lock().unwrap();
        while *shut {
            self.waiting.store(true, Ordering::SeqCst);
            shut = self.opened.wait(shut).unwrap();
        }
        drop(shut);
        assert!(!self.panics.load(Ordering::SeqCst), "as the test wants it");
        if self.fails.load(Ordering::SeqCst) {
            return Write::Torn(3);
        }
        Write::Whole
    }

    fn pass_frames(&self) -> Write {
        let left = self.outbox_panics.load(Ordering::SeqCst);
        self.outbox_panics
            .store(left.saturating_sub(1), Ordering::SeqCst);
        assert_eq!(left, 0, "as the test wants it");
        Write::Whole
    }

    fn shut(&self, shut: bool) {
        *self.shut.lock().unwrap() = shut;
        self.opened.notify_all();
    }
}

struct Stage {
    runtime: Runtime,
    clock: Arc<Hand>,
    gate: Arc<Gate>,
    sink: Arc<dyn AckSink>,
    answers: mpsc::Receiver<(u64, Answer)>,
}

fn stage(options: Options) -> Stage {
    let clock = Arc::new(Hand(AtomicU64::new(1_000_000 * MS)));
    let gate = Arc::new(Gate::default());
    let (asked, synced) = (Arc::clone(&gate), Arc::clone(&gate));
    let mut disk = Hooked::new(move |path| {
        let part = path
            .components()
            .nth(1)
            .map(|part| part.as_os_str().to_owned());
        match part.as_ref().and_then(|part| part.to_str()) {
            Some("buffer") => asked.pass(),
            Some("outbox") => asked.pass_frames(),
            _ => Write::Whole,
        }
    });
    disk.syncs = Arc::new(move |_| !synced.syncs_fail.load(Ordering::SeqCst));
    let time: Arc<dyn Clock> = clock.clone();
    let runtime = Runtime::open(Arc::new(disk), time, options, Arc::new(Nobody)).unwrap();
    let (sender, answers) = mpsc::channel();
    Stage {
        runtime,
        clock,
        gate,
        sink: Arc::new(Answers(sender)),
        answers,
    }
}

impl Stage {
    fn submit(&self, token: u64) -> Result<(), IntakeError> {
        let body = request(&[plain(token, token)]);
        self.runtime.intake().submit(0, body, token, &self.sink)
    }

    fn answer(&self) -> (u64, Answer) {
        self.answers.recv_timeout(PATIENCE).unwrap()
    }

    fn until(&self, what: impl Fn() -> bool) {
        while !what() {
            std::thread::yield_now();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        // Before the runtime joins its writer, which may stand at the gate of a test that failed.
        self.gate.shut(false);
    }
}

fn reason(answer: &Answer) -> Option<RefusalReason> {
    match answer {
        Answer::Refused(refusal) => Some(refusal.reason),
        Answer::Accepted(_) | Answer::Failed(_) => None,
    }
}

/// While the write is under way there is no answer; after it there is.
#[test]
fn the_answer_comes_after_the_write() {
    let stage = stage(options(&["a"]));
    stage.gate.shut(true);
    stage.submit(1).unwrap();
    stage.until(|| stage.gate.waiting.load(Ordering::SeqCst));
    assert!(stage.answers.try_recv().is_err());
    stage.gate.shut(false);
    let (token, answer) = stage.answer();
    assert_eq!((token, reason(&answer)), (1, None));
}

/// A write that fails half-way refuses its requests and no others, and leaves nothing behind.
#[test]
fn a_failed_write_refuses_and_the_next_succeeds() {
    let stage = stage(options(&["a"]));
    for token in 0..6 {
        let fails = token % 2 == 1;
        stage.gate.fails.store(fails, Ordering::SeqCst);
        stage.submit(token).unwrap();
        let wanted = fails.then_some(RefusalReason::Storage);
        let (answered, answer) = stage.answer();
        assert_eq!((answered, reason(&answer)), (token, wanted));
    }
    let ledger = stage.runtime.ledger().unwrap();
    assert_eq!(ledger["spans"]["received"], 3);
    assert_eq!(ledger["spans"]["refused"], 3);
    assert_eq!(ledger["balanced"], true);
}

/// Behind a disk that takes over 100 ms requests are refused at once, until it is done.
#[test]
fn a_slow_disk_is_lag() {
    let stage = stage(options(&["a"]));
    stage.gate.shut(true);
    stage.submit(1).unwrap();
    stage.until(|| stage.gate.waiting.load(Ordering::SeqCst));
    stage.clock.0.fetch_add(100 * MS, Ordering::SeqCst);
    stage.submit(2).unwrap();
    stage.clock.0.fetch_add(1, Ordering::SeqCst);
    let Err(IntakeError::Refused(refusal)) = stage.submit(3) else {
        panic!("taken behind a disk that lags");
    };
    assert_eq!(refusal.reason, RefusalReason::Lagging);
    // Readiness is not moved by a moment; by seconds of it, yes.
    assert!(stage.runtime.intake().serving());
    for second in 0..7 {
        stage.clock.0.fetch_add(1_000 * MS, Ordering::SeqCst);
        stage.submit(4).unwrap_err();
        assert_eq!(stage.runtime.is_refusing(), second >= 5, "{second} s");
    }
    assert!(!stage.runtime.intake().serving());
    stage.gate.shut(false);
    assert_eq!([stage.answer().0, stage.answer().0], [1, 2]);
    // The writer counts a group as done a moment after its answers.
    stage.until(|| stage.submit(4).is_ok());
    // A second more where the writer was not done yet.
    let mut seconds = 0;
    while stage.runtime.is_refusing() {
        stage.clock.0.fetch_add(1_000 * MS, Ordering::SeqCst);
        seconds += 1;
    }
    assert!((10..=11).contains(&seconds), "{seconds}");
    assert!(stage.runtime.intake().serving());
    assert_eq!(stage.answer().0, 4);
}

/// Over a rate requests are refused with the time after which they will be taken, and no request
/// of another tenant is.
#[test]
fn a_rate_refuses_in_time() {
    let mut options = options(&["a"]);
    options.admission = AdmissionOptions {
        spans_per_second: None,
        tenants: vec![None, Some(2)],
        overload: None,
    };
    let stage = stage(options);
    let body = request(&[plain(1, 0)]);
    let submit = |tenant| {
        let sink = Arc::clone(&stage.sink);
        let intake = stage.runtime.intake();
        intake.submit(tenant, body.clone(), u64::from(tenant), &sink)
    };
    submit(1).unwrap();
    submit(1).unwrap();
    let Err(IntakeError::Refused(refusal)) = submit(1) else {
        panic!("taken over the rate");
    };
    assert_eq!(refusal.reason, RefusalReason::RateLimited);
    submit(0).unwrap();
    let wait = u64::try_from(refusal.retry_after.as_nanos()).unwrap();
    assert!(wait > 400 * MS && wait <= 600 * MS, "{wait}");
    stage.clock.0.fetch_add(wait + 1, Ordering::SeqCst);
    let answered = [(); 3].map(|()| stage.answer().0);
    assert_eq!(answered, [1, 1, 0]);
    // The writer counts a group as done a moment after its answers.
    stage.until(|| submit(1).is_ok());
    assert_eq!(stage.answer().0, 1);
    let stats = stage.runtime.stats().unwrap();
    let tenants = &stats["queue"]["tenants"];
    assert_eq!(
        (&tenants[1]["admitted"], &tenants[1]["limited"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(tenants[0]["admitted"], 1);
    assert!(!stage.runtime.is_refusing());
}

/// More traces than the index can hold, for minutes: a share of them is shed before it is full, so
/// that none is judged early, and nothing is once less comes in.
#[test]
fn overload_comes_and_goes() {
    let mut options = options(&["a"]);
    options.admission.overload = Some(OverloadOptions { most_level: 6 });
    options.plan = plan(NEVER, 10_000);
    options.buffer.max_index_bytes = 120_000;
    options.buffer.max_bytes = 1 << 30;
    let stage = stage(options);
    let mut sent = 0;
    let mut offer = |a_step: u64, steps: u64| {
        for _ in 0..steps {
            let traces = sent..sent + a_step;
            // Odd, and spread over all of R: the low bits, turned around.
            let spans: Vec<_> = traces
                .map(|at| plain(at.reverse_bits() >> 16 | 1, at))
                .collect();
            sent += a_step;
            let sink = Arc::clone(&stage.sink);
            let intake = stage.runtime.intake();
            intake.submit(0, request(&spans), sent, &sink).unwrap();
            assert!(matches!(stage.answer().1, Answer::Accepted(_)));
            stage.clock.0.fetch_add(500 * MS, Ordering::SeqCst);
            stage.runtime.stats().unwrap(); // the writer has looked
        }
        stage.runtime.overload_level()
    };
    assert_eq!(offer(10, 60), 0);
    let level = offer(90, 240);
    assert!((1..=3).contains(&level), "{level}");
    assert_eq!(offer(5, 400), 0);
    let stats = stage.runtime.stats().unwrap();
    assert_eq!(stats["verdict_reasons"]["early_index_full"], Value::Null);
    let ledger = stage.runtime.ledger().unwrap();
    assert_eq!(ledger["balanced"], true, "{ledger:#}");
    assert_eq!(ledger["spans"]["received"], sent);
    let shed = ledger["spans"]["dropped"]["overload"].as_u64().unwrap();
    assert!(shed > 90 * 240 / 4, "{shed}");
}

/// A stop answers everything that was queued; whoever asks later is told that nobody is there.
#[test]
fn close_answers_everything() {
    let mut stage = stage(options(&["a"]));
    for token in 0..1_500 {
        stage.submit(token).unwrap();
    }
    stage.runtime.close();
    for token in 0..1_500 {
        let (answered, answer) = stage.answers.try_recv().unwrap();
        assert_eq!((answered, reason(&answer)), (token, None));
    }
    assert!(stage.submit(9_999).is_err());
    assert!(stage.runtime.ledger().is_none());
    assert!(stage.runtime.stats().is_none());
    assert_eq!(stage.runtime.judge_all(), 0);
}

/// A writer that panics with requests in its hands and in its queue refuses them all.
#[test]
fn a_panic_answers_everything() {
    let stage = stage(options(&["a"]));
    stage.gate.shut(true);
    stage.submit(1).unwrap();
    stage.until(|| stage.gate.waiting.load(Ordering::SeqCst));
    stage.submit(2).unwrap();
    stage.gate.panics.store(true, Ordering::SeqCst);
    stage.gate.shut(false);
    for _ in 0..2 {
        let (_, answer) = stage.answer();
        assert_eq!(reason(&answer), Some(RefusalReason::Storage));
    }
    stage.until(|| stage.runtime.failed());
    assert!(stage.runtime.ledger().is_none());
}

/// A log at its bound takes requests again as soon as what filled it is in the outbox, though
/// nothing but the packer tells the writer so.
#[test]
fn a_full_buffer_recovers() {
    let mut options = options(&["a"]);
    options.buffer.max_bytes = 1_600;
    let stage = stage(options);
    let mut accepted = 0;
    for token in 0..200 {
        let body = request(&[error(token, token), error(token, token + 1_000)]);
        let intake = stage.runtime.intake();
        stage.until(|| intake.submit(0, body.clone(), token, &stage.sink).is_ok());
        assert_eq!(reason(&stage.answer().1), None);
        accepted += 2;
    }
    let ledger = stage.runtime.ledger().unwrap();
    assert_eq!(ledger["spans"]["received"], accepted);
    assert_eq!(ledger["balanced"], true);
}

/// In mode `always` a sync that fails refuses its requests, and nothing of them is there after a
/// restart; the next ones are taken.
#[test]
fn a_failed_sync_refuses() {
    let mut options = options(&["a"]);
    options.buffer.fsync = Fsync::Always;
    let stage = stage(options);
    for token in 0..6 {
        let fails = token % 2 == 1;
        stage.gate.syncs_fail.store(fails, Ordering::SeqCst);
        stage.submit(token).unwrap();
        let wanted = fails.then_some(RefusalReason::Storage);
        assert_eq!(reason(&stage.answer().1), wanted);
    }
    let ledger = stage.runtime.ledger().unwrap();
    assert_eq!(ledger["spans"]["received"], 3);
    assert_eq!(ledger["spans"]["held"]["buffer"], 3);
    assert_eq!(ledger["balanced"], true);
}

/// A packer that panics is told of and goes on; what it cannot pack is given up by name, and only
/// that.
#[test]
fn a_packer_that_panics_goes_on() {
    for panics in [1, 2] {
        let stage = stage(options(&["a"]));
        stage.gate.outbox_panics.store(panics, Ordering::SeqCst);
        for token in 0..2 {
            let body = request(&[error(token, token)]);
            let intake = stage.runtime.intake();
            intake.submit(0, body, token, &stage.sink).unwrap();
            stage.answer();
        }
        stage.clock.0.fetch_add(60_000 * MS, Ordering::SeqCst);
        let spans = |what: &str| stage.runtime.ledger().unwrap()["spans"][what].clone();
        // Each is in a frame, or given up.
        let done = || {
            let stats = stage.runtime.stats().unwrap();
            let framed = stats["outbox"]["traces"].as_u64();
            let lost = spans("dropped")["corrupt"].as_u64();
            stats["panics"]["packer"].is_u64() && framed == lost.map(|lost| 2 - lost)
        };
        stage.until(done);
        let stats = stage.runtime.stats().unwrap();
        assert_eq!(stats["failed_threads"], serde_json::json!([]));
        assert!(spans("dropped")["corrupt"].as_u64() <= Some(1));
        assert_eq!(stage.runtime.ledger().unwrap()["balanced"], true);
    }
}
