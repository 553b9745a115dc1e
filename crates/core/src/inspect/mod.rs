//! A data directory that nobody works in: look at it, verify it, repair it, read what it holds.
//!
//! A start needs none of this: it skips what is damaged and counts it. This is for people who want
//! to know before they start, or who have a volume and no gateway any more.

mod payloads;
mod repair;
mod survey;

pub use payloads::{Payload, Payloads};
pub use repair::{Left, Repaired, Repairs};
pub use survey::{KindSurvey, LogSurvey, Survey, Unsound};

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::fs::{FileSystem, Lock};
use crate::log::{LogError, LogReader};

/// The logs of a data directory, by the names of their directories.
pub const LOGS: [&str; 3] = ["buffer", "verdicts", "outbox"];

/// Why a data directory could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// A gateway works in it.
    #[error("{0} is in use by another process; stop it first")]
    InUse(String),
    /// It is something else.
    #[error("{0} is no data directory: none of buffer, verdicts, outbox or plans is in it")]
    Other(String),
    /// The disk refused.
    #[error("{path}: {error}")]
    Io {
        /// What was asked for.
        path: String,
        /// What the system said.
        error: io::Error,
    },
    /// A log could not be read.
    #[error(transparent)]
    Log(#[from] LogError),
}

/// A data directory that nobody works in.
pub struct DataDirectory {
    fs: Arc<dyn FileSystem>,
    path: PathBuf,
    /// None where the file system is read-only, and nobody can work.
    lock: Option<Box<dyn Lock>>,
}

impl DataDirectory {
    /// Lock a directory, and open it.
    ///
    /// # Errors
    /// [`InspectError`].
    pub fn open(fs: Arc<dyn FileSystem>, path: &Path) -> Result<Self, InspectError> {
        let shown = || path.display().to_string();
        let failed = |error| InspectError::Io {
            path: shown(),
            error,
        };
        let mut any = !fs.list(&path.join("plans")).map_err(failed)?.is_empty();
        for log in LOGS {
            any |= !fs.list(&path.join(log)).map_err(failed)?.is_empty();
        }
        if !any {
            return Err(InspectError::Other(shown()));
        }
        let lock = match fs.lock(&path.join("lock")) {
            Ok(lock) => Some(lock),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                return Err(InspectError::InUse(shown()));
            }
            Err(error) if error.kind() == io::ErrorKind::ReadOnlyFilesystem => None,
            Err(error) => return Err(failed(error)),
        };
        Ok(Self {
            fs,
            path: path.to_owned(),
            lock,
        })
    }

    /// A reader of one of [`LOGS`].
    ///
    /// # Errors
    /// [`InspectError`].
    pub fn reader(&self, log: &str) -> Result<LogReader, InspectError> {
        Ok(LogReader::open(&*self.fs, &self.path.join(log))?)
    }
}
