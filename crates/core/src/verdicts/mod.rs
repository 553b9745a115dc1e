//! Verdicts: the lasting answer on a trace, its log, and the memory of it for late spans.

mod entry;
mod journal;
mod memory;
mod recent;

pub use entry::{Early, LateSpans, NO_RULE, Verdict};
pub use journal::{Batch, Context, VerdictLog};
pub use memory::VerdictMemory;
pub use recent::Recent;
