//! Kept spans, handed to an exporter.

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use tailsampler_core::tenants::Tenants;

/// Kept spans from the outbox, ready to be sent as one `ExportTraceServiceRequest`.
#[pyclass(frozen, module = "tailsampler._core")]
pub(crate) struct Batch {
    batch: tailsampler_core::outbox::Batch,
    tenant: String,
}

impl Batch {
    pub(crate) fn new(batch: tailsampler_core::outbox::Batch, tenants: &Tenants) -> Self {
        let tenant = tenants.name(batch.tenant).to_owned();
        Self { batch, tenant }
    }
}

#[pymethods]
impl Batch {
    /// Names the batch in `settle` and `give_back`; one use.
    #[getter]
    const fn token(&self) -> u64 {
        self.batch.token
    }

    /// The serialized request.
    #[getter]
    fn payload<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.batch.payload)
    }

    /// Spans in it.
    #[getter]
    const fn spans(&self) -> u64 {
        self.batch.spans
    }

    /// Whose the first trace in it is; whose all are, for an exporter with `by_tenant`.
    #[getter]
    fn tenant(&self) -> &str {
        &self.tenant
    }

    /// Traces (or late parts of traces) in it.
    #[getter]
    const fn traces(&self) -> u64 {
        self.batch.traces
    }
}
