//! A core that answers from another thread, at once or when the test says so.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tailsampler_core::intake::{
    AckSink, Answer, Intake, IntakeError, Refusal, RefusalReason, Rejected, Tenant,
};
use tokio::sync::Notify;

/// What becomes of a submitted request.
#[derive(Clone)]
pub(crate) enum Manner {
    /// Answered by the writer thread.
    Answer(Answer),
    /// Kept until [`FakeCore::release`].
    Hold,
    /// Turned away by `submit`.
    Fail(IntakeError),
}

type Parcel = (Arc<dyn AckSink>, u64, Answer);

pub(crate) struct FakeCore {
    manner: Mutex<Manner>,
    writer: Sender<Parcel>,
    held: Mutex<Vec<(Arc<dyn AckSink>, u64)>>,
    bodies: Mutex<Vec<Bytes>>,
    tenants: Mutex<Vec<Tenant>>,
    refused: Mutex<Vec<RefusalReason>>,
    serving: AtomicBool,
    submitted: Notify,
}

pub(crate) fn accepted() -> Answer {
    Answer::Accepted(Rejected::default())
}

pub(crate) fn refusal(reason: RefusalReason) -> Refusal {
    Refusal {
        reason,
        retry_after: Duration::from_millis(1_500),
    }
}

impl FakeCore {
    pub(crate) fn new(manner: Manner) -> Arc<Self> {
        let (writer, parcels) = channel::<Parcel>();
        std::thread::spawn(move || {
            for (sink, token, answer) in parcels {
                sink.complete(token, answer);
            }
        });
        Arc::new(Self {
            manner: Mutex::new(manner),
            writer,
            held: Mutex::default(),
            bodies: Mutex::default(),
            tenants: Mutex::default(),
            refused: Mutex::default(),
            serving: AtomicBool::new(true),
            submitted: Notify::new(),
        })
    }

    pub(crate) fn accepting() -> Arc<Self> {
        Self::new(Manner::Answer(accepted()))
    }

    pub(crate) fn be(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    pub(crate) fn serve(&self, serving: bool) {
        self.serving.store(serving, Ordering::SeqCst);
    }

    /// Every body that was submitted, in order.
    pub(crate) fn bodies(&self) -> Vec<Bytes> {
        self.bodies.lock().unwrap().clone()
    }

    /// Whose every submitted request was, in order.
    pub(crate) fn tenants(&self) -> Vec<Tenant> {
        self.tenants.lock().unwrap().clone()
    }

    /// What the door said it refused by itself.
    pub(crate) fn refused(&self) -> Vec<RefusalReason> {
        self.refused.lock().unwrap().clone()
    }

    /// Wait until `count` requests are held.
    pub(crate) async fn holding(&self, count: usize) {
        loop {
            let submitted = self.submitted.notified();
            if self.held.lock().unwrap().len() >= count {
                return;
            }
            submitted.await;
        }
    }

    /// Answer the held request number `index`, from the writer thread.
    pub(crate) fn release(&self, index: usize, answer: Answer) {
        let (sink, token) = self.held.lock().unwrap().remove(index);
        self.writer.send((sink, token, answer)).unwrap();
    }

    /// The same on the caller's thread.
    pub(crate) fn release_here(&self, index: usize, answer: Answer) {
        let (sink, token) = self.held.lock().unwrap().remove(index);
        sink.complete(token, answer);
    }
}

impl Intake for FakeCore {
    fn submit(
        &self,
        tenant: Tenant,
        body: Bytes,
        token: u64,
        sink: &Arc<dyn AckSink>,
    ) -> Result<(), IntakeError> {
        self.tenants.lock().unwrap().push(tenant);
        assert!(body != "panic", "told to");
        let manner = self.manner.lock().unwrap().clone();
        if let Manner::Fail(error) = manner {
            return Err(error);
        }
        self.bodies.lock().unwrap().push(body);
        match manner {
            Manner::Answer(answer) => self.writer.send((Arc::clone(sink), token, answer)).unwrap(),
            _ => self.held.lock().unwrap().push((Arc::clone(sink), token)),
        }
        self.submitted.notify_one();
        Ok(())
    }

    fn json_to_protobuf(&self, json: &[u8]) -> Result<Vec<u8>, String> {
        if json.starts_with(b"{") {
            Ok([b"pb:", json].concat())
        } else {
            Err("expected { at byte 0".into())
        }
    }

    fn count_refused(&self, reason: RefusalReason) {
        self.refused.lock().unwrap().push(reason);
    }

    fn serving(&self) -> bool {
        self.serving.load(Ordering::SeqCst)
    }
}
