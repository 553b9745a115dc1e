//! Why the doors could not be opened.

use std::io;
use std::path::PathBuf;

/// Each message names the place and the way out.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// Nothing to listen on, or a bound of zero.
    #[error("{0}")]
    Options(String),
    /// The endpoint is not an address of this machine, or is taken.
    #[error("{protocol} cannot listen on {endpoint}: {source}; {hint}")]
    Listen {
        /// `otlp_grpc` or `otlp_http`.
        protocol: &'static str,
        /// As it was configured.
        endpoint: String,
        /// What the operating system said.
        source: io::Error,
        /// What to do about it.
        hint: &'static str,
    },
    /// A certificate, key or authority file cannot be used.
    #[error("{protocol}.tls: {path}: {problem}", path = path.display())]
    Tls {
        /// `otlp_grpc` or `otlp_http`.
        protocol: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it, never its content.
        problem: String,
    },
    /// A thread or its reactor could not be started.
    #[error(
        "the door could not start its threads: {0}; check the limits on processes and open files"
    )]
    Threads(io::Error),
}

impl DoorError {
    /// The stable slug of the error.
    #[must_use]
    pub const fn slug(&self) -> &'static str {
        match self {
            Self::Options(_) => "bad_options",
            Self::Listen { .. } | Self::Tls { .. } | Self::Threads(_) => "listen_failed",
        }
    }
}
