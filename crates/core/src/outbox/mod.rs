//! Kept spans on disk, between the judge and the exporters.
//!
//! The packer ([`Packer`]) reads the spans of a kept trace back from the buffer log, writes them
//! as they will be sent, and only then is the trace's part of the buffer log freed. A frame stays
//! until every exporter is done with it; each exporter has its own books, pace and bounds.

mod batches;
mod books;
mod bounds;
mod exporter;
mod file;
mod frame;
mod handing;
mod notes;
mod packer;
mod recall;
mod room;
mod runs;

pub use books::Survey;
pub(crate) use books::{Correction, is_sound};
pub use exporter::{Batch, Settlement};
pub use file::{ExporterStats, Outbox, OutboxStats};
pub use frame::Frame;
pub(crate) use packer::PLAN_LOST;
pub use packer::{KeptJob, Packer};
