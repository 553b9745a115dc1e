//! Kept spans, handed to an exporter.

use pyo3::prelude::*;
use pyo3::types::PyBytes;

/// Kept spans from the outbox, ready to be sent as one `ExportTraceServiceRequest`.
#[pyclass(frozen, module = "tailsampler._core")]
pub(crate) struct Batch(pub(crate) tailsampler_core::outbox::Batch);

#[pymethods]
impl Batch {
    /// Names the batch in `settle` and `give_back`; one use.
    #[getter]
    const fn token(&self) -> u64 {
        self.0.token
    }

    /// The serialized request.
    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.payload)
    }

    /// Spans in it.
    #[getter]
    const fn spans(&self) -> u64 {
        self.0.spans
    }

    /// Traces (or late parts of traces) in it.
    #[getter]
    const fn traces(&self) -> u64 {
        self.0.traces
    }
}
