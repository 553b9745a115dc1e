//! A log of checksummed records in segment files, addressed by one growing position.
//!
//! The buffer log, the verdict log and the outbox are three of these. The page cache is their
//! memory: records are written once, and read back by position.
//!
//! A segment is named after the position of its first byte, so the name alone says where it
//! stands. After a start a new segment is begun, so that a torn tail is never written over.

mod failing;
mod filler;
mod reader;
mod record;
mod records;
mod segments;
mod writer;

pub(crate) use failing::Failing;
pub(crate) use filler::{Patch, patch};
pub use reader::{LogReader, Record};
pub use record::{HEADER_BYTES, Header, Kind, VERSION};
pub use records::{Damage, Records};
pub(crate) use segments::{POSITION_BOUND, file_name};
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
