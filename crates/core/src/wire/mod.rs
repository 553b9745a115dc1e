//! The wire: find spans in OTLP requests without decoding them, and write them out again.
//!
//! # Layout
//! - [`scan`]: one pass over a request, in place; `reader` reads protobuf, `walk` the containers,
//!   `span` and `attribute` what predicates ask for, `fold` makes one delta a trace.
//! - [`Layout`], [`extract`]: the spans of one trace, written out of a request; `deep` validates
//!   them, `stamp` and `tracestate` say what they are told.
//! - [`split`]: a request cut in two. [`shed`]: one without some traces.
//! - [`json_to_protobuf`]: the JSON form, transcoded by the tables in `schema`.

pub(crate) mod attribute;
mod base64;
mod deep;
mod extract;
mod fold;
mod json;
mod json_value;
mod layout;
pub(crate) mod ot;
mod paged;
mod pdata;
pub(crate) mod reader;
mod scan;
mod schema;
mod shed;
mod span;
mod split;
mod stamp;
pub(crate) mod times;
mod tracestate;
mod types;
pub(crate) mod w3c;
mod walk;
mod write;

pub use extract::{Extracted, extract};
pub use json::json_to_protobuf;
pub use layout::{Layout, Located};
pub use scan::scan;
pub use shed::shed;
pub(crate) use span::events_of;
pub use split::{count_spans, split};
pub use stamp::{OnScope, Stamp};
pub use times::Times;
pub use types::{Encoded, Piece, RejectedSpans, RvSource, Scan, ScanError, TraceDelta, TraceId};
