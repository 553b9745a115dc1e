//! Functions that need no gateway.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use serde_json::{Value, json};
use std::sync::Arc;
use tailsampler_core::plan::{Compiled, Plan, PlanSet};
use tailsampler_core::wire;

use crate::errors::error;

/// A plan from its JSON.
pub(crate) fn parse_plan(plan: &str) -> PyResult<Plan> {
    serde_json::from_str(plan).map_err(|what| error("bad_plan", what))
}

/// Compile a plan and throw it away.
#[pyfunction]
#[pyo3(signature = (plan, /))]
pub(crate) fn check_plan(plan: &str) -> PyResult<()> {
    match Compiled::new(parse_plan(plan)?) {
        Ok(_) => Ok(()),
        Err(what) => Err(error("bad_plan", what)),
    }
}

/// Cut a request in two before its span number `at`.
#[pyfunction]
#[pyo3(signature = (payload, at, /))]
pub(crate) fn split<'py>(
    py: Python<'py>,
    payload: &[u8],
    at: usize,
) -> PyResult<(Bound<'py, PyBytes>, Bound<'py, PyBytes>)> {
    let (front, back) = wire::split(payload, at).map_err(invalid)?;
    Ok((PyBytes::new(py, &front), PyBytes::new(py, &back)))
}

/// What the door would see in a request, as JSON.
#[pyfunction]
#[pyo3(signature = (request, /))]
pub(crate) fn scan(py: Python<'_>, request: &[u8]) -> PyResult<String> {
    py.detach(|| {
        let plan = Plan {
            format: 1,
            ..Plan::default()
        };
        let plans = PlanSet::new(Arc::new(Compiled::new(plan).map_err(invalid)?));
        let mut found = wire::Scan::default();
        wire::scan(request, &plans, &mut found).map_err(invalid)?;
        let traces: Vec<Value> = found
            .traces
            .iter()
            .map(|trace| {
                json!({
                    "trace_id": hex(&trace.trace_id), "spans": trace.spans, "bytes": trace.bytes,
                    "first_start_ns": trace.first_start_ns, "last_end_ns": trace.last_end_ns,
                    "root": trace.root,
                    "rv": (trace.rv_source != wire::RvSource::None).then_some(trace.rv),
                })
            })
            .collect();
        let rejected = json!({
            "bad_trace_id": found.rejected.bad_trace_id,
            "bad_span_id": found.rejected.bad_span_id,
        });
        Ok(json!({
            "spans": found.spans, "bytes": found.span_bytes, "rejected": rejected, "traces": traces,
        })
        .to_string())
    })
}

/// OTLP/JSON to protobuf, as the HTTP door does it.
#[pyfunction]
#[pyo3(signature = (request, /))]
pub(crate) fn json_to_protobuf<'py>(
    py: Python<'py>,
    request: &[u8],
) -> PyResult<Bound<'py, PyBytes>> {
    let bytes = py
        .detach(|| wire::json_to_protobuf(request))
        .map_err(invalid)?;
    Ok(PyBytes::new(py, &bytes))
}

fn invalid(what: impl ToString) -> PyErr {
    PyValueError::new_err(what.to_string())
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}
