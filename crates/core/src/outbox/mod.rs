//! Kept spans on disk, between the judge and the exporters.
//!
//! The packer ([`Packer`]) reads the spans of a kept trace back from the buffer log, writes them
//! as they will be sent, and only then is the trace's part of the buffer log freed. A frame stays
//! until every exporter is done with it; each exporter has its own books and its own pace.

mod books;
mod exporter;
mod file;
mod frame;
mod packer;

pub use books::Survey;
pub(crate) use books::{Correction, is_sound};
pub use exporter::{Batch, Settlement};
pub use file::{Outbox, OutboxStats};
pub use frame::Frame;
pub(crate) use packer::PLAN_LOST;
pub use packer::{KeptJob, Packer};
