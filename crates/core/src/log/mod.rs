//! A log of checksummed records in segment files, addressed by one growing position.
//!
//! The buffer log, the verdict log and the outbox are three of these. The page cache is their
//! memory: records are written once, and read back by position.
//!
//! A segment is named after the position of its first byte, so the name alone says where it
//! stands. After a start a new segment is begun, so that a torn tail is never written over.
//!
//! The file of a segment that nothing needs any more may become the next one. It is written over
//! from its begin, and every group of records ends with one that says so; what stands behind was
//! written for other positions, and is no record here.

mod dirty;
mod ending;
mod failing;
mod filler;
mod reader;
mod record;
mod records;
mod segments;
mod spares;
mod writer;

pub use dirty::Dirty;
pub(crate) use failing::Failing;
pub(crate) use filler::{Patch, patch};
pub use reader::{LogReader, Record};
pub use record::{HEADER_BYTES, Header, Kind, VERSION};
pub use records::{Damage, Records};
pub(crate) use segments::POSITION_BOUND;
pub use spares::Spares;
pub use writer::{Entry, LogWriter};

use std::io;

/// What can go wrong with a log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The disk refused.
    #[error("{what} {path}: {error}")]
    Io {
        /// What was tried, e.g. `could not write`.
        what: &'static str,
        /// On which file.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// A record does not stand where it should.
    #[error("no whole record at position {position}: {what}")]
    Missing {
        /// The position asked for.
        position: u64,
        /// What was found instead.
        what: &'static str,
    },
    /// The log has come to the end of what a position can name, which takes a damaged file.
    #[error("{path} has no position left for a record; move the data directory away")]
    Full {
        /// The log.
        path: String,
    },
    /// Two files claim to be one segment.
    #[error(
        "{directory}: {one} and {other} claim to be the same segment; move the one away that is a copy"
    )]
    Twice {
        /// The log.
        directory: String,
        /// One of them.
        one: String,
        /// The other one.
        other: String,
    },
    /// A record of a later version of this program.
    #[error(
        "{path} was written by a newer version (record version {version}, this program knows up to {VERSION}); \
         start that version again, or point data_directory elsewhere"
    )]
    Newer {
        /// The segment.
        path: String,
        /// The version found.
        version: u8,
    },
}
