//! `Gateway`: doors, buffer, judge and outbox of one process.

use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde::Deserialize;
use tailsampler_core::clock::{Clock, SystemClock};
use tailsampler_core::fs::RealDisk;
use tailsampler_core::intake::{Answer, Intake, Refusal, RefusalReason, Rejected, Signal};
use tailsampler_core::outbox::Settlement;
use tailsampler_core::relay::{Relay, RelayOptions};
use tailsampler_core::runtime::{Notify, Runtime};
use tailsampler_core::wire::TraceId;
use tailsampler_door::Door;

use crate::batch::Batch;
use crate::doorway::Doorway;
use crate::errors::{engine_error, error, gone, open_error};
use crate::functions::parse_plan;
use crate::malloc::give_back_large_blocks;
use crate::shared;
use crate::signals;
use crate::wake::Wake;

/// Doors, buffer, judge and outbox of one process.
#[pyclass(frozen, module = "tailsampler._core")]
pub(crate) struct Gateway {
    /// None once it is closed.
    runtime: RwLock<Option<Runtime>>,
    door: Mutex<Option<Door>>,
    /// Signals that are passed on, once the doors are open.
    relay: OnceLock<Arc<Relay>>,
    wake: Arc<Wake>,
    signal: Arc<AtomicI32>,
}

impl Gateway {
    /// Do something with the data plane, without the interpreter lock.
    fn with<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Runtime) -> PyResult<T> + Send,
    ) -> PyResult<T> {
        py.detach(|| {
            let runtime = self.runtime.read().unwrap_or_else(PoisonError::into_inner);
            work(runtime.as_ref().ok_or_else(gone)?)
        })
    }
}

/// What the doors are told, and what else is to be taken by them.
#[derive(Deserialize)]
struct Listening {
    #[serde(default)]
    pass_through: Option<RelayOptions>,
    #[serde(flatten)]
    doors: tailsampler_door::Options,
}

fn passed(signal: &str) -> PyResult<Signal> {
    let known = [Signal::Logs, Signal::Metrics];
    let found = known.into_iter().find(|known| known.slug() == signal);
    found.ok_or_else(|| error("bad_options", format!("{signal} are not passed on")))
}

/// A secret for the hash tables, from the system.
fn secret() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(std::process::id())
}

#[pymethods]
impl Gateway {
    #[new]
    #[pyo3(signature = (options, /))]
    fn new(py: Python<'_>, options: &str) -> PyResult<Self> {
        give_back_large_blocks();
        py.detach(|| {
            let mut options: tailsampler_core::options::Options =
                serde_json::from_str(options).map_err(|what| error("bad_options", what))?;
            options.hash_secret.get_or_insert_with(secret);
            let wake = Arc::new(Wake::new().map_err(|what| error("no_eventfd", what))?);
            let notify: Arc<dyn Notify> = Arc::<Wake>::clone(&wake);
            let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
            let runtime = Runtime::open(Arc::new(RealDisk), clock, options, notify)
                .map_err(|what| open_error(&what))?;
            Ok(Self {
                runtime: RwLock::new(Some(runtime)),
                door: Mutex::new(None),
                relay: OnceLock::new(),
                wake,
                signal: Arc::new(AtomicI32::new(0)),
            })
        })
    }

    #[pyo3(signature = (options, /))]
    fn listen(&self, py: Python<'_>, options: &str) -> PyResult<String> {
        self.with(py, |runtime| {
            let options: Listening =
                serde_json::from_str(options).map_err(|what| error("bad_options", what))?;
            let mut intake: Arc<dyn Intake> = runtime.intake();
            if let Some(passed) = options.pass_through {
                let notify: Arc<dyn Notify> = Arc::<Wake>::clone(&self.wake);
                let relay = self
                    .relay
                    .get_or_init(|| Arc::new(Relay::new(passed, notify)));
                intake = Arc::new(Doorway {
                    traces: intake,
                    others: Arc::clone(relay),
                });
            }
            let door =
                Door::open(options.doors, intake).map_err(|what| error("listen_failed", what))?;
            let addresses = serde_json::to_string(&door.addresses())
                .map_err(|what| error("listen_failed", what))?;
            *self.door.lock().unwrap_or_else(PoisonError::into_inner) = Some(door);
            Ok(addresses)
        })
    }

    #[pyo3(signature = (within_s, /))]
    fn close_doors(&self, py: Python<'_>, within_s: f64) -> PyResult<bool> {
        self.with(py, |_| {
            let door = self
                .door
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            let within =
                Duration::try_from_secs_f64(within_s).map_err(|what| error("bad_options", what))?;
            let closed = door.is_none_or(|door| door.close(within));
            if let Some(relay) = self.relay.get() {
                relay.close();
            }
            Ok(closed)
        })
    }

    #[pyo3(signature = (protocol, /))]
    fn renew_tls(&self, py: Python<'_>, protocol: &str) -> PyResult<()> {
        self.with(py, |_| {
            let door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
            door.as_ref()
                .map_or(Ok(()), |door| door.renew_tls(protocol))
                .map_err(|what| error(what.slug(), what))
        })
    }

    fn watch_signals(&self) -> PyResult<()> {
        signals::watch(Arc::clone(&self.signal), Arc::clone(&self.wake))
            .map_err(|what| error("no_signals", what))
    }

    fn signalled(&self) -> i32 {
        self.signal.load(Ordering::Acquire)
    }

    fn wake_fd(&self) -> i32 {
        self.wake.fd()
    }

    #[pyo3(signature = (exporter, max_bytes, linger_ms, /))]
    fn take(
        &self,
        py: Python<'_>,
        exporter: &str,
        max_bytes: u64,
        linger_ms: u64,
    ) -> PyResult<Option<Batch>> {
        self.with(py, |runtime| {
            let now = runtime.clock().now();
            Ok(runtime
                .outbox()
                .take(exporter, max_bytes, linger_ms, now)
                .map(|batch| Batch::new(batch, runtime.tenants())))
        })
    }

    #[pyo3(signature = (exporter, token, /, *, dropped, rejected, again = 0))]
    fn settle(
        &self,
        py: Python<'_>,
        exporter: &str,
        token: u64,
        dropped: Vec<(String, u64, u64)>,
        rejected: u64,
        again: u64,
    ) -> PyResult<()> {
        self.with(py, |runtime| {
            let what = Settlement {
                dropped,
                rejected,
                again,
            };
            let now = runtime.clock().now();
            if runtime.outbox().settle(exporter, token, &what, now) {
                Ok(())
            } else {
                Err(error(
                    "unknown_batch",
                    format!("exporter {exporter} holds no batch {token}; settle each one once"),
                ))
            }
        })
    }

    #[pyo3(signature = (exporter, token, /, *, unsure = true))]
    fn give_back(&self, py: Python<'_>, exporter: &str, token: u64, unsure: bool) -> PyResult<()> {
        self.with(py, |runtime| {
            runtime.outbox().give_back(exporter, token, unsure);
            Ok(())
        })
    }

    #[pyo3(signature = (signal, /))]
    fn take_passed<'py>(
        &self,
        py: Python<'py>,
        signal: &str,
    ) -> PyResult<Option<(u64, Bound<'py, PyBytes>)>> {
        let signal = passed(signal)?;
        let taken = py.detach(|| self.relay.get().and_then(|relay| relay.take(signal)));
        Ok(taken.map(|(ticket, body)| (ticket, PyBytes::new(py, &body))))
    }

    #[pyo3(signature = (ticket, /, *, rejected = 0, message = None, failed = false, retry_after_s = None))]
    fn answer_passed(
        &self,
        py: Python<'_>,
        ticket: u64,
        rejected: u64,
        message: Option<String>,
        failed: bool,
        retry_after_s: Option<f64>,
    ) -> PyResult<()> {
        let message = message.unwrap_or_default();
        let answer = match retry_after_s {
            Some(seconds) => Answer::Refused(Refusal {
                reason: RefusalReason::Backend,
                retry_after: Duration::try_from_secs_f64(seconds)
                    .map_err(|what| error("bad_options", what))?,
            }),
            None if failed => Answer::Failed(message),
            None => Answer::Accepted(Rejected {
                spans: rejected,
                message,
            }),
        };
        // One that nobody waits for any more was answered when the doors closed.
        py.detach(|| self.relay.get().map(|relay| relay.answer(ticket, answer)));
        Ok(())
    }

    fn found(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |runtime| {
            serde_json::to_string(runtime.found()).map_err(|what| error("bad_state", what))
        })
    }

    fn ledger(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |runtime| {
            Ok(runtime.ledger().ok_or_else(gone)?.to_string())
        })
    }

    fn refusing(&self, py: Python<'_>) -> PyResult<bool> {
        self.with(py, |runtime| Ok(runtime.is_refusing()))
    }

    fn overload_level(&self, py: Python<'_>) -> PyResult<u8> {
        self.with(py, |runtime| Ok(runtime.overload_level()))
    }

    fn stats(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |runtime| {
            let mut stats = runtime.stats().ok_or_else(gone)?;
            let door = self.door.lock().unwrap_or_else(PoisonError::into_inner);
            stats["door"] = serde_json::to_value(door.as_ref().map(Door::stats))
                .map_err(|what| error("bad_state", what))?;
            let passed = self.relay.get().map(|relay| relay.passed());
            stats["passed"] = serde_json::to_value(passed.unwrap_or_default())
                .map_err(|what| error("bad_state", what))?;
            Ok(stats.to_string())
        })
    }

    #[pyo3(signature = (trace_id, /))]
    fn decision(&self, py: Python<'_>, trace_id: &[u8]) -> PyResult<Option<String>> {
        let trace_id: TraceId = trace_id
            .try_into()
            .map_err(|_| error("bad_trace_id", "a trace id has 16 bytes"))?;
        self.with(py, |runtime| {
            let known = runtime
                .decision(trace_id)
                .map_err(|what| error("storage", what))?;
            Ok(known.map(|value| value.to_string()))
        })
    }

    #[pyo3(signature = (limit, /))]
    fn recent(&self, py: Python<'_>, limit: usize) -> PyResult<String> {
        self.with(py, |runtime| {
            let newest = runtime.recent(limit).ok_or_else(gone)?;
            Ok(serde_json::Value::Array(newest).to_string())
        })
    }

    fn take_found<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let found = self.with(py, |runtime| runtime.take_found().ok_or_else(gone))?;
        Ok(PyBytes::new(py, &shared::to_bytes(&found)))
    }

    #[pyo3(signature = (verdicts, /))]
    fn hear(&self, py: Python<'_>, verdicts: &[u8]) -> PyResult<()> {
        let verdicts = shared::from_bytes(verdicts)?;
        self.with(py, |runtime| runtime.hear(verdicts).ok_or_else(gone))
    }

    #[pyo3(signature = (plan, /))]
    fn install_plan(&self, py: Python<'_>, plan: &str) -> PyResult<u32> {
        let plan = parse_plan(plan)?;
        self.with(py, |runtime| {
            let installed = runtime.install_plan(plan).ok_or_else(gone)?;
            installed.map_err(|what| engine_error(&what))
        })
    }

    fn judge_all(&self, py: Python<'_>) -> PyResult<usize> {
        self.with(py, |runtime| Ok(runtime.judge_all()))
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| {
            let door = self
                .door
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            drop(door);
            let runtime = self
                .runtime
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            drop(runtime);
        });
    }
}
