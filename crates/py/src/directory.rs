//! A data directory that nobody works in.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tailsampler_core::fs::RealDisk;
use tailsampler_core::inspect;

use crate::errors::{error, inspect_error};

/// How many bytes are read between two looks at Python.
const STEP: u64 = 16 * 1024 * 1024;

/// A data directory that nobody works in; locked for as long as this lives.
#[pyclass(frozen, module = "tailsampler._core")]
pub(crate) struct DataDirectory(inspect::DataDirectory);

#[pymethods]
impl DataDirectory {
    #[new]
    #[pyo3(signature = (path, /))]
    fn new(py: Python<'_>, path: &str) -> PyResult<Self> {
        let opened =
            py.detach(|| inspect::DataDirectory::open(Arc::new(RealDisk), Path::new(path)));
        opened.map(Self).map_err(|what| inspect_error(&what))
    }

    /// Read everything, as JSON; `progress` is told the bytes read, and of how many.
    #[pyo3(signature = (progress, /))]
    fn survey(&self, py: Python<'_>, progress: Py<PyAny>) -> PyResult<String> {
        let mut told = 0;
        let mut raised = None;
        let survey = py.detach(|| {
            self.0.survey(|done, all| {
                if done < told + STEP && done < all {
                    return true;
                }
                told = done;
                // An exception of Python, Ctrl-C among them, ends it.
                let tell = |py: Python<'_>| {
                    py.check_signals()?;
                    progress.call1(py, (done, all)).map(drop)
                };
                raised = Python::attach(tell).err();
                raised.is_none()
            })
        });
        match raised {
            Some(raised) => Err(raised),
            None => to_json(&survey.map_err(|what| inspect_error(&what))?),
        }
    }

    /// Make damage harmless; what was done, or would be, as JSON.
    #[pyo3(signature = (dry_run, /))]
    fn repair(&self, py: Python<'_>, dry_run: bool) -> PyResult<String> {
        let repairs = py.detach(|| self.0.repair(dry_run));
        to_json(&repairs.map_err(|what| inspect_error(&what))?)
    }

    /// The requests in `buffer`, or the kept spans in `outbox`.
    #[pyo3(signature = (log, /))]
    fn payloads(&self, log: &str) -> PyResult<Payloads> {
        let payloads = self.0.payloads(log).map_err(|what| inspect_error(&what))?;
        Ok(Payloads(Mutex::new(payloads)))
    }
}

/// Requests, the oldest first.
#[pyclass(frozen, module = "tailsampler._core")]
pub(crate) struct Payloads(Mutex<inspect::Payloads>);

#[pymethods]
impl Payloads {
    const fn __iter__(this: PyRef<'_, Self>) -> PyRef<'_, Self> {
        this
    }

    /// The serialized request, its spans, and when it came (Unix, nanoseconds).
    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<(Bound<'py, PyBytes>, u64, u64)>> {
        let next = py.detach(|| {
            let mut payloads = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            payloads.next_payload()
        });
        let next = next.map_err(|what| inspect_error(&what))?;
        Ok(next.map(|one| (PyBytes::new(py, &one.request), one.spans, one.wall_ns)))
    }
}

fn to_json(what: &impl serde::Serialize) -> PyResult<String> {
    serde_json::to_string(what).map_err(|what| error("storage", what))
}
