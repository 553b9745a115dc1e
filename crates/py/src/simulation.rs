//! `Simulation`: the same engine on a disk in memory and a clock in the caller's hand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::json;
use tailsampler_core::fs::MemoryDisk;
use tailsampler_core::options::Options;
use tailsampler_core::simulation::World;
use tailsampler_core::wire::TraceId;

use crate::errors::{engine_error, error};
use crate::functions::parse_plan;

/// The same core on a disk in memory and a clock in the caller's hand, for tests.
#[pyclass(frozen, module = "tailsampler._core")]
pub(crate) struct Simulation(Mutex<World>);

impl Simulation {
    fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Simulation {
    #[new]
    #[pyo3(signature = (options, /))]
    fn new(options: &str) -> PyResult<Self> {
        let options: Options =
            serde_json::from_str(options).map_err(|what| error("bad_options", what))?;
        let world = World::new(Arc::new(MemoryDisk::default()), options);
        Ok(Self(Mutex::new(world.map_err(|what| engine_error(&what))?)))
    }

    #[pyo3(signature = (request, now_ns, /))]
    fn ingest(&self, request: &[u8], now_ns: u64) -> String {
        match self.world().ingest(Bytes::copy_from_slice(request), now_ns) {
            Ok((spans, rejected)) => json!({"spans": spans, "rejected": rejected}).to_string(),
            Err(what) => json!({"error": what}).to_string(),
        }
    }

    #[pyo3(signature = (now_ns, /))]
    fn advance(&self, now_ns: u64) -> Vec<String> {
        let verdicts = self.world().advance(now_ns);
        verdicts.iter().map(ToString::to_string).collect()
    }

    fn take<'py>(&self, py: Python<'py>) -> Vec<Bound<'py, PyBytes>> {
        let requests = self.world().take();
        requests
            .iter()
            .map(|request| PyBytes::new(py, request))
            .collect()
    }

    #[pyo3(signature = (plan, /))]
    fn install_plan(&self, plan: &str) -> PyResult<u32> {
        let installed = self.world().engine().install_plan(parse_plan(plan)?);
        installed.map_err(|what| engine_error(&what))
    }

    fn ledger(&self) -> String {
        self.world().ledger().to_string()
    }

    #[pyo3(signature = (trace_id, /))]
    fn decision(&self, trace_id: &[u8]) -> PyResult<Option<String>> {
        let trace_id: TraceId = trace_id
            .try_into()
            .map_err(|_| error("bad_trace_id", "a trace id has 16 bytes"))?;
        Ok(self
            .world()
            .decision(&trace_id)
            .map(|value| value.to_string()))
    }

    #[pyo3(signature = (plan, /))]
    fn restart(&self, plan: &str) -> PyResult<()> {
        let restarted = self.world().restart(parse_plan(plan)?);
        restarted.map_err(|what| engine_error(&what))
    }
}
