//! The seam to Python: conversions and errors only.
//!
//! `tailsampler/_core.pyi` is this module's contract; everything it names stands in the block
//! below, and nothing else.

mod batch;
mod directory;
mod doorway;
mod errors;
mod functions;
mod gateway;
mod malloc;
mod shared;
mod signals;
mod simulation;
mod wake;

use pyo3::prelude::*;

/// The data plane of tailsampler.
#[pymodule(gil_used = false)]
mod _core {
    use super::{Bound, PyModule, PyModuleMethods, PyResult};

    #[pymodule_export]
    use super::batch::Batch;
    #[pymodule_export]
    use super::directory::{DataDirectory, Payloads};
    #[pymodule_export]
    use super::errors::CoreError;
    #[pymodule_export]
    use super::functions::{check_plan, json_to_protobuf, scan, split};
    #[pymodule_export]
    use super::gateway::Gateway;
    #[pymodule_export]
    use super::simulation::Simulation;

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        module.add("__version__", env!("CARGO_PKG_VERSION"))
    }
}
