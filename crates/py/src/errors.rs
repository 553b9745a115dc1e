//! One exception with a stable slug and a sentence.

use pyo3::PyErr;
use tailsampler_core::engine::EngineError;
use tailsampler_core::inspect::InspectError;
use tailsampler_core::log::LogError;
use tailsampler_core::runtime::OpenError;

pyo3::create_exception!(
    _core,
    CoreError,
    pyo3::exceptions::PyException,
    "The data plane could not do what it was asked."
);

/// An exception with this slug and sentence.
pub(crate) fn error(slug: &'static str, say: impl ToString) -> PyErr {
    CoreError::new_err((slug, say.to_string()))
}

pub(crate) fn open_error(what: &OpenError) -> PyErr {
    let slug = match what {
        OpenError::InUse(_) => "directory_in_use",
        OpenError::Directory { .. } => "directory_unwritable",
        OpenError::Thread(_) => "no_thread",
        OpenError::Engine(engine) => return engine_error(engine),
    };
    error(slug, what)
}

pub(crate) fn engine_error(what: &EngineError) -> PyErr {
    let slug = match what {
        EngineError::Plan(_) => "bad_plan",
        EngineError::State { .. } => "bad_state",
        EngineError::Log(LogError::Newer { .. }) | EngineError::Newer { .. } => "newer_format",
        EngineError::Log(_) => "storage",
    };
    error(slug, what)
}

pub(crate) fn inspect_error(what: &InspectError) -> PyErr {
    let slug = match what {
        InspectError::InUse(_) => "directory_in_use",
        InspectError::Other(_) => "no_data_directory",
        InspectError::Log(LogError::Newer { .. }) => "newer_format",
        InspectError::Io { .. } | InspectError::Log(_) => "storage",
    };
    error(slug, what)
}

/// The writer is gone: it panicked, or the gateway was closed.
pub(crate) fn gone() -> PyErr {
    error(
        "stopped",
        "the data plane has stopped; what it holds is in its log, and a restart brings it back",
    )
}
