//! The wire: find spans in OTLP requests without decoding them, and write them out again.

mod attribute;
mod fold;
mod reader;
mod scan;
mod span;
mod tracestate;
mod types;
mod walk;

pub use scan::scan;
pub use types::{RejectedSpans, RvSource, Scan, ScanError, TraceDelta, TraceId};
